"""Appending to the event log: the only code that writes events and takes numbers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby

from django.db import connection, transaction

from orders.bulk import insert_rows
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
    numbered: dict[int, int] = {}
    rows = []
    order = sorted(range(len(events)), key=lambda index: events[index].store_id)
    for store_id, group in groupby(order, key=lambda index: events[index].store_id):
        indexes = list(group)
        sequence = _advance(store_id, by=len(indexes))
        first = sequence.last_seq - len(indexes) + 1
        numbered.update(zip(indexes, range(first, sequence.last_seq + 1), strict=True))
        bodies = [_row(events[index], seq=numbered[index], at=at) for index in indexes]
        rows.extend(bodies)
        _publish_on_commit(sequence, first, [row["body"] for row in bodies])
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


def _advance(store_id: int, *, by: int) -> StoreSequence:
    table = connection.ops.quote_name(StoreSequence._meta.db_table)
    statement = f"UPDATE {table} SET last_seq = last_seq + %s WHERE store_id = %s RETURNING epoch, last_seq"
    with connection.cursor() as cursor:
        cursor.execute(statement, [by, store_id])
        row = cursor.fetchone()
    if row is None:
        top(store_id)
        return _advance(store_id, by=by)
    return StoreSequence(store_id=store_id, epoch=row[0], last_seq=row[1])


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


def _publish_on_commit(sequence: StoreSequence, first: int, bodies: Iterable[object]) -> None:
    committed = Committed(
        store_id=sequence.store_id,
        epoch=sequence.epoch,
        first=first,
        last=sequence.last_seq,
        bodies=tuple(map(str, bodies)),
    )
    transaction.on_commit(partial(publisher.publish, committed))
