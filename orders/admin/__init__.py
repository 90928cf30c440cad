"""Orders, platforms' messages and accounts in the admin: logs to read, waiting orders to route."""

from orders.admin import accounts, counts, messages, orders, unrouted

__all__ = ["accounts", "counts", "messages", "orders", "unrouted"]
