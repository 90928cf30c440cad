"""Appending to the event log: the only code that writes events and takes numbers."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import groupby

from django.db import connection, transaction

from orders.bulk import Statement, given, insert_rows, run
from orders.feed.publisher import Committed, publisher
from orders.feed.wire import event_body
from orders.models import OrderEvent, StoreSequence
from stores.actors import Actor


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event without its number. `content` is encoded JSON: `"card":{…}` or `"intake":{…}`."""

    store_id: int
    order_id: int | None
    kind: str
    actor: Actor
    content: str
    command: str | None = None


def append(events: Sequence[NewEvent], *, at: datetime) -> list[int]:
    """Number and write `events`, and publish them once the surrounding transaction is committed.

    Takes the numbers last, with the stores' counter rows locked in sorted order, so that number
    order is commit order and two writers cannot deadlock. Call it as the last write of a
    transaction. Returns the number of each event, in the order given.
    """
    order = sorted(range(len(events)), key=lambda index: events[index].store_id)
    tops = _advance(Counter(event.store_id for event in events))
    numbered: dict[int, int] = {}
    rows = []
    for store_id, group in groupby(order, key=lambda index: events[index].store_id):
        indexes = list(group)
        epoch, last = tops[store_id]
        first = last - len(indexes) + 1
        numbered.update(zip(indexes, range(first, last + 1), strict=True))
        own_rows = [_row(events[index], seq=numbered[index], at=at) for index in indexes]
        rows.extend(own_rows)
        bodies = tuple(str(row["body"]) for row in own_rows)
        committed = Committed(store_id=store_id, epoch=epoch, first=first, last=last, bodies=bodies)
        transaction.on_commit(partial(publisher.publish, committed))
    insert_rows(OrderEvent, rows)
    return [numbered[index] for index in range(len(events))]


def top(store_id: int) -> StoreSequence:
    """The store's epoch and highest number; made on first use."""
    fresh = {"epoch": secrets.token_hex(8), "last_seq": 0}
    sequence, _ = StoreSequence.objects.get_or_create(store_id=store_id, defaults=fresh)
    return sequence


def tops(store_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    """(epoch, highest number) of each store that has a counter."""
    rows = StoreSequence.objects.filter(store_id__in=list(store_ids)).values_list(
        "store_id", "epoch", "last_seq"
    )
    return {store_id: (epoch, last_seq) for store_id, epoch, last_seq in rows}


def _advance(steps: Mapping[int, int]) -> dict[int, tuple[str, int]]:
    """Take `steps` numbers per store; returns store → (epoch, highest number taken)."""
    rows = [{"id": store_id, "step": step} for store_id, step in sorted(steps.items())]
    taken = run(Statement(_advancing(connection.vendor), rows))[0]
    advanced = {store_id: (epoch, last) for store_id, epoch, last in taken}
    if missing := {store_id: step for store_id, step in steps.items() if store_id not in advanced}:
        for store_id in sorted(missing):
            top(store_id)
        advanced |= _advance(missing)
    return advanced


@cache
def _advancing(vendor: str) -> str:
    """One statement for all stores. PostgreSQL locks the rows in sorted order; SQLite has one writer."""
    table = StoreSequence._meta.db_table
    source, counters = given(vendor, {"id": "bigint", "step": "bigint"}), "given"
    if vendor == "postgresql":
        source += f"), locked AS (SELECT id, step FROM {table} JOIN given ON id = store_id"
        source += f" ORDER BY store_id FOR UPDATE OF {table}"
        counters = "locked"
    return (
        f"WITH given AS ({source}) UPDATE {table} SET last_seq = last_seq + step FROM {counters} "
        "WHERE store_id = id RETURNING store_id, epoch, last_seq"
    )


def _row(event: NewEvent, *, seq: int, at: datetime) -> dict[str, object]:
    body = event_body(seq=seq, kind=event.kind, at=at, actor=event.actor.label, content=event.content)
    return {
        "store_id": event.store_id,
        "seq": seq,
        "order_id": event.order_id,
        "kind": event.kind,
        "at": at,
        "actor_id": event.actor.user.pk if event.actor.user else None,
        "actor_label": event.actor.label,
        "body": body,
        "command": event.command,
    }
