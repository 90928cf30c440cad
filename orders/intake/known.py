"""What the database already knows about a batch: earlier pushes, levels, early cancellations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from django.db import connection
from django.db.models import Q

from orders.bulk import Result, Statement, given
from orders.channels.incoming import CancelledByPlatform
from orders.intake.delivery import Delivery
from orders.models import EarlyCancel, IncomingMessage, Order
from stores.models import IntakeState

Key = tuple[int, str]
KEY_COLUMNS = {"account_id": "bigint", "external_id": "text"}


def contradicting_messages(repeated: Sequence[Delivery]) -> set[Key]:
    """Delivery keys of pushes that came before with another body."""
    if not repeated:
        return set()
    wanted = _any_key("delivery_id", (delivery.delivery_key for delivery in repeated))
    hashes = {
        (account, delivery_id): body_hash
        for account, delivery_id, body_hash in IncomingMessage.objects.filter(wanted).values_list(
            "account_id", "delivery_id", "body_hash"
        )
    }
    return {d.delivery_key for d in repeated if hashes[d.delivery_key] != d.body_hash}


def contradicting_orders(known: Sequence[Delivery], hashes_given: dict[Key, str]) -> set[Key]:
    """Delivery keys of new-order messages whose order is stored with other content."""
    if not known:
        return set()
    wanted = _any_key("external_id", (delivery.order_key for delivery in known))
    rows = Order.objects.filter(wanted).values_list("account_id", "external_id", "content_hash")
    hashes = {(account, external_id): content_hash for account, external_id, content_hash in rows}
    return {d.delivery_key for d in known if hashes[d.order_key] != hashes_given[d.order_key]}


def reading_levels(store_ids: Iterable[int]) -> Statement:
    """Reads (store, intake level) of each, held still until this transaction ends.

    On PostgreSQL the rows are share-locked, so that a pause either waits for these orders or is
    seen by them; SQLite has one writer anyway.
    """
    return Statement(_reading_levels(connection.vendor), [{"id": store_id} for store_id in sorted(store_ids)])


def taking_cancels(order_keys: Iterable[Key]) -> Statement:
    """Takes the cancellations that arrived before these orders; they are used up by this."""
    rows = [dict(zip(KEY_COLUMNS, key, strict=True)) for key in order_keys]
    return Statement(_taking_cancels(connection.vendor), rows)


def cancels_taken(result: Result) -> dict[Key, CancelledByPlatform]:
    """What `taking_cancels` found, by order."""
    return {(account, order): CancelledByPlatform(reason, by) for account, order, reason, by in result}


@cache
def _reading_levels(vendor: str) -> str:
    table = IntakeState._meta.db_table
    lock = f"FOR SHARE OF {table}" if vendor == "postgresql" else ""
    return (
        f"WITH given AS ({given(vendor, {'id': 'bigint'})}) "  # noqa: S608 -- the table's own name
        f"SELECT store_id, level FROM {table} JOIN given ON id = store_id ORDER BY store_id {lock}"
    )


@cache
def _taking_cancels(vendor: str) -> str:
    table, key = EarlyCancel._meta.db_table, ", ".join(KEY_COLUMNS)
    return (
        f"WITH given AS ({given(vendor, KEY_COLUMNS)}) DELETE FROM {table} "  # noqa: S608 -- the table's own name
        f'WHERE ({key}) IN (SELECT {key} FROM given) RETURNING {key}, reason, "by"'
    )


def _any_key(column: str, keys: Iterable[Key]) -> Q:
    by_account: dict[int, list[str]] = {}
    for account_id, text in keys:
        by_account.setdefault(account_id, []).append(text)
    condition = Q()
    for account_id, texts in by_account.items():
        condition |= Q(account_id=account_id, **{f"{column}__in": texts})
    return condition
