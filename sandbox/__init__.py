"""Pretend platforms, couriers and staff that speak only HTTP, with the real wire formats."""
