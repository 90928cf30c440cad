"""Holding a database connection only while there is something to say to the database."""

from django.db import connection
from psycopg_pool import PoolTimeout


def lend_connection() -> None:
    """Give the thread's connection back to its pool before a wait; the next query takes one again.

    So a dozen serve all threads of a worker, however many of those wait for each other or for somebody who
    hangs. Without a pool, or inside a transaction, it does nothing.
    """
    if "pool" in connection.settings_dict["OPTIONS"] and not connection.in_atomic_block:
        connection.close()


def had_none(error: Exception) -> bool:
    """Whether it only says that all connections of the pool were in use."""
    return isinstance(error.__cause__, PoolTimeout)
