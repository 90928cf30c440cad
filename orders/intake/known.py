"""What the database already knows about a batch: earlier pushes, levels, early cancellations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Q

from orders.channels.incoming import CancelledByPlatform
from orders.intake.delivery import Delivery
from orders.models import EarlyCancel, IncomingMessage, Order
from stores.models import IntakeState

Key = tuple[int, str]


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
    states = IntakeState.objects.filter(store_id__in=wanted).order_by("store_id")
    query, parameters = states.values_list("store_id", "level").query.sql_with_params()
    lock = " FOR SHARE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(query + lock, parameters)
        return dict(cursor.fetchall())


def take_early_cancels(placed: Sequence[Delivery]) -> dict[Key, CancelledByPlatform]:
    """Cancellations that arrived before these orders; they are used up by this."""
    if not placed:
        return {}
    wanted = _any_key("external_id", (delivery.order_key for delivery in placed))
    early = EarlyCancel.objects.filter(wanted)
    found = {(row.account_id, row.external_id): CancelledByPlatform(row.reason, row.by) for row in early}
    if found:
        early.delete()
    return found


def _any_key(column: str, keys: Iterable[Key]) -> Q:
    by_account: dict[int, list[str]] = {}
    for account_id, text in keys:
        by_account.setdefault(account_id, []).append(text)
    condition = Q()
    for account_id, texts in by_account.items():
        condition |= Q(account_id=account_id, **{f"{column}__in": texts})
    return condition
