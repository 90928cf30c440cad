"""What the database already knows about a batch: earlier pushes, levels, early cancellations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from django.db import connection
from django.db.models import Q

from orders.bulk import given, run
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


def levels_of(store_ids: Iterable[int]) -> dict[int, str]:
    """Each store's intake level, held still until this transaction ends.

    On PostgreSQL the rows are share-locked, so that a pause either waits for these orders or is
    seen by them; SQLite has one writer anyway.
    """
    if not (wanted := set(store_ids)):
        return {}
    rows = [{"id": store_id} for store_id in sorted(wanted)]
    return dict(run(_reading_levels(connection.vendor), rows))


def take_early_cancels(placed: Sequence[Delivery]) -> dict[Key, CancelledByPlatform]:
    """Cancellations that arrived before these orders; they are used up by this."""
    if not placed:
        return {}
    keys = [dict(zip(KEY_COLUMNS, delivery.order_key, strict=True)) for delivery in placed]
    early = run(_taking_cancels(connection.vendor), keys)
    return {(account, order): CancelledByPlatform(reason, by) for account, order, reason, by in early}


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
