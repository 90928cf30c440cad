"""What the database already knows about a batch: earlier pushes, levels, messages that came early."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography.fernet import InvalidToken
from django.db import connection
from django.db.models import Q

from orders.bulk import Result, Statement, given
from orders.intake.delivery import Delivery
from orders.models import IncomingMessage
from stores.models import IntakeState
from stores.sealed import unseal

logger = logging.getLogger(__name__)
Key = tuple[int, str]
KEY_COLUMNS = {"account_id": "bigint", "external_id": "text"}


@dataclass(frozen=True, slots=True)
class EarlyMessage:
    """A message that waited for its order, as its channel's `parse` takes it."""

    kind: str
    raw: str


def contradicting_messages(repeated: Sequence[Delivery]) -> set[Key]:
    """Delivery keys of pushes that came before with another body.

    What a platform tells when it is asked need not be word for word what it pushes.
    """
    if not repeated:
        return set()
    wanted = any_key("delivery_id", (delivery.delivery_key for delivery in repeated))
    pushed = IncomingMessage.objects.filter(wanted, source=IncomingMessage.Source.PUSH)
    hashes = {
        (account, delivery_id): body_hash
        for account, delivery_id, body_hash in pushed.values_list("account_id", "delivery_id", "body_hash")
    }
    again = (delivery for delivery in repeated if not delivery.pulled)
    return {d.delivery_key for d in again if hashes.get(d.delivery_key, d.proof.digest) != d.proof.digest}


def reading_levels(store_ids: Iterable[int]) -> Statement:
    """Reads (store, intake level) of each, held still until this transaction ends.

    On PostgreSQL the rows are share-locked, so that a pause either waits for these orders or is
    seen by them; SQLite has one writer anyway.
    """
    return Statement(_reading_levels(connection.vendor), [{"id": store_id} for store_id in sorted(store_ids)])


def taking_early(order_keys: Iterable[Key]) -> Statement:
    """Takes the messages that arrived before these orders; from now on they count as carried out."""
    rows = [dict(zip(KEY_COLUMNS, key, strict=True)) for key in order_keys]
    return Statement(_taking_early(connection.vendor), rows)


def early_taken(result: Result) -> dict[Key, list[EarlyMessage]]:
    """What `taking_early` found, by order."""
    found: dict[Key, list[EarlyMessage]] = {}
    for account, order, kind, body in result:
        try:
            found.setdefault((account, order), []).append(EarlyMessage(kind, unseal(body)))
        except InvalidToken:
            logger.exception("what came early of order %s was sealed with a key that is not known", order)
    return found


@cache
def _reading_levels(vendor: str) -> str:
    table = IntakeState._meta.db_table
    lock = f"FOR SHARE OF {table}" if vendor == "postgresql" else ""
    return (
        f"WITH given AS ({given(vendor, {'id': 'bigint'})}) "  # noqa: S608 -- the table's own name
        f"SELECT store_id, level FROM {table} JOIN given ON id = store_id ORDER BY store_id {lock}"
    )


@cache
def _taking_early(vendor: str) -> str:
    table, key = IncomingMessage._meta.db_table, ", ".join(KEY_COLUMNS)
    return (
        f"WITH given AS ({given(vendor, KEY_COLUMNS)}) UPDATE {table} SET outcome = 'stored' "  # noqa: S608 -- the table's own name
        f"WHERE outcome = 'early' AND ({key}) IN (SELECT {key} FROM given) RETURNING {key}, kind, body"
    )


def any_key(column: str, keys: Iterable[Key]) -> Q:
    """The condition that a row is one of `keys`: (account, text of `column`)."""
    by_account: dict[int, list[str]] = {}
    for account_id, text in keys:
        by_account.setdefault(account_id, []).append(text)
    condition = Q()
    for account_id, texts in by_account.items():
        condition |= Q(account_id=account_id, **{f"{column}__in": texts})
    return condition
