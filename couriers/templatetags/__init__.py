"""Filters of the couriers' templates."""
