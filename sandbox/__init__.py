"""Pretend platforms and couriers that speak only HTTP; nothing here imports the product."""
