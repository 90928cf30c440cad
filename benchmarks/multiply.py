"""Many stored orders out of some: a copy has a message, lines, a job and an event, as real ones have."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

# What differs from the row that is copied, for copy number `copy`; everything else stays as intake wrote it.
# Copied orders are done with: off the board, their job finished. Ids are as random as platforms make them.
TABLES: Mapping[str, Mapping[str, str]] = {
    "orders_order": {
        "id": "seed.id + copy * {step}",
        "external_id": "md5(seed.external_id || ' ' || copy)",
        "state": "'delivered'",
        "on_board": "false",
        "placed_at": "seed.placed_at - copy * interval '1 minute'",
        "received_at": "seed.received_at - copy * interval '1 minute'",
        "delivered_at": "seed.received_at - copy * interval '1 minute'",
    },
    "orders_orderline": {"order_id": "seed.order_id + copy * {step}"},
    "orders_incomingmessage": {
        "external_id": "md5(seed.external_id || ' ' || copy)",
        "delivery_id": "md5(seed.delivery_id || ' ' || copy)",
        "received_at": "seed.received_at - copy * interval '1 minute'",
    },
    "outbox_job": {
        "key": "seed.key || ' ' || copy",
        "state": "'done'",
        "finished_at": "seed.created_at",
    },
    "orders_orderevent": {
        "order_id": "seed.order_id + copy * {step}",
        "seq": "seed.seq + copy * (SELECT last_seq FROM orders_storesequence WHERE store_id = seed.store_id)",
    },
}
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND (attname <> 'id' OR %s) ORDER BY attnum
"""


def multiply(url: str, *, copies: int) -> None:
    """Add `copies` of every stored order, then clean up as the database does by itself in time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # what is copied is consistent
        step = _one(connection, "SELECT max(id) - min(id) + 1 FROM orders_order")
        for table, changes in TABLES.items():
            _copy(connection, table, {name: text.format(step=step) for name, text in changes.items()}, copies)
        connection.execute("UPDATE orders_storesequence SET last_seq = last_seq * %s", [copies + 1])
        connection.execute("SELECT setval('orders_order_id_seq', (SELECT max(id) FROM orders_order))")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _copy(
    connection: psycopg.Connection[tuple[object, ...]], table: str, changes: Mapping[str, str], copies: int
) -> None:
    """Ids that nobody refers to are given by the database."""
    columns = [str(name) for (name,) in connection.execute(COLUMNS, [table, "id" in changes])]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changes.get(name, f'seed."{name}"') for name in columns)
    statement = (
        f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608 -- our own tables
        f"FROM generate_series(1, {copies}) AS copy CROSS JOIN {table} AS seed"
    )
    connection.execute(statement.encode())


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(str(row[0]))
