"""Writing a batch of deliveries as one transaction of set-based statements.

Order of writes: raw messages, orders, lines and outbox rows, changes of known orders, leaks, and last the
events, whose numbers lock the stores' counters. Rows that two intake processes may both want are written in
the order of their keys, so that the two may wait for each other, but never in a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from orders.admission import Verdict, admit
from orders.bulk import Statement, insert_rows, insertion, run
from orders.channels.incoming import CancelledByPlatform, Placed, Unknown
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.intake.changes import apply_change
from orders.intake.delivery import Delivery, Outcome
from orders.intake.known import (
    cancels_taken,
    contradicting_messages,
    contradicting_orders,
    reading_levels,
    taking_cancels,
)
from orders.intake.rows import conflict_row, first_card, line_rows, message_row, order_row
from orders.models import Conflict, IncomingMessage, Order, OrderLine
from orders.queries import intake_view
from orders.states import OrderState
from orders.telling import call_key, call_payload
from outbox.models import Job
from outbox.nudge import nudger
from outbox.services import job_row
from stores.actors import Actor
from stores.services import count_leaks

Key = tuple[int, str]
Row = dict[str, Any]
INTAKE = Actor("")


@dataclass(slots=True)
class Consequences:
    """What the messages of a batch lead to, written once after all of them."""

    events: list[NewEvent] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)
    leaks: Counter[tuple[int, int]] = field(default_factory=Counter)


def write_batch(deliveries: Sequence[Delivery], *, now: datetime) -> list[Outcome]:
    """Commit `deliveries` and return what became of each, in order.

    Nothing is stored if it raises; it raises what the database raises.
    """
    outcomes: dict[int, Outcome] = {}
    with transaction.atomic():
        consequences = Consequences()
        for indexes in _rounds(deliveries):
            results = _write_round([deliveries[index] for index in indexes], consequences, now=now)
            outcomes.update(zip(indexes, results, strict=True))
        _write_consequences(consequences, now=now)
    return [outcomes[index] for index in range(len(deliveries))]


def _rounds(deliveries: Sequence[Delivery]) -> Iterable[list[int]]:
    """Split the batch so that no round holds one push twice or two messages about one order."""
    waiting = list(range(len(deliveries)))
    while waiting:
        seen: set[tuple[str, int, str]] = set()
        taken: list[int] = []
        later: list[int] = []
        for index in waiting:
            keys = _keys(deliveries[index])
            (later if keys & seen else taken).append(index)
            seen |= keys
        yield taken
        waiting = later


def _keys(delivery: Delivery) -> set[tuple[str, int, str]]:
    """The push and, if the message is about one, the order."""
    push = {("push", *delivery.delivery_key)}
    return push | {("order", *delivery.order_key)} if delivery.message.external_id else push


def _write_round(
    deliveries: Sequence[Delivery], consequences: Consequences, *, now: datetime
) -> list[Outcome]:
    placed = [delivery for delivery in deliveries if isinstance(delivery.message.content, Placed)]
    keys, levels, cancels = run(
        _taking_messages(deliveries, now),
        reading_levels({delivery.place.store_id for delivery in placed}),
        taking_cancels(delivery.order_key for delivery in placed),
    )
    fresh_keys = set(keys)
    fresh = [delivery for delivery in deliveries if delivery.delivery_key in fresh_keys]
    repeated = [delivery for delivery in deliveries if delivery.delivery_key not in fresh_keys]
    known = _write_orders(fresh, dict(levels), cancels_taken(cancels), consequences, now=now)
    for delivery in sorted(fresh, key=attrgetter("order_key")):
        if not isinstance(delivery.message.content, Placed | Unknown):
            consequences.events.extend(apply_change(delivery, now=now))
    conflicts = contradicting_messages(repeated) | _other_content(known)
    _keep_conflicts([d for d in deliveries if d.delivery_key in conflicts], fresh_keys, now=now)
    duplicates = {delivery.delivery_key for delivery in (*repeated, *known)}
    return [_outcome(delivery.delivery_key, conflicts, duplicates) for delivery in deliveries]


def _taking_messages(deliveries: Sequence[Delivery], now: datetime) -> Statement:
    """Stores the raw messages and gives back the keys of those that were not known."""
    rows = [message_row(delivery, now) for delivery in sorted(deliveries, key=attrgetter("delivery_key"))]
    return insertion(IncomingMessage, rows, returning=("account_id", "delivery_id"), unless_known=True)


def _outcome(key: Key, conflicts: set[Key], duplicates: set[Key]) -> Outcome:
    if key in conflicts:
        return Outcome.CONFLICT
    return Outcome.DUPLICATE if key in duplicates else Outcome.STORED


def _write_orders(
    fresh: Sequence[Delivery],
    levels: dict[int, str],
    cancels: dict[Key, CancelledByPlatform],
    consequences: Consequences,
    *,
    now: datetime,
) -> list[Delivery]:
    """Insert the new orders, their lines and jobs; returns the deliveries whose order is known already."""
    in_order = sorted(fresh, key=attrgetter("order_key"))
    placed = {d.order_key: (d, d.message.content) for d in in_order if isinstance(d.message.content, Placed)}
    rows: dict[Key, Row] = {}
    for key, (delivery, content) in placed.items():
        rows[key] = order_row(delivery, content, _verdict(delivery, levels), cancels.get(key), now)
    new = insert_rows(
        Order, list(rows.values()), returning=("account_id", "external_id", "id"), unless_known=True
    )
    lines: list[Row] = []
    jobs: list[Row] = []
    for account_id, external_id, order_id in new:
        delivery, content = placed[account_id, external_id]
        row, own_lines = rows[account_id, external_id], line_rows(content, order_id)
        lines += own_lines
        jobs += _accepting_job(row, order_id, now)
        _follow_up(delivery, row, own_lines, order_id, consequences)
    _write_beside(lines, jobs)
    consequences.queues |= {job["queue"] for job in jobs}
    stored = {(account_id, external_id) for account_id, external_id, _ in new}
    return [delivery for key, (delivery, _) in placed.items() if key not in stored]


def _write_beside(lines: list[Row], jobs: list[Row]) -> None:
    """What only orders just inserted need, in one go."""
    if not lines:
        return
    statements = [insertion(OrderLine, lines)]
    if jobs:
        statements.append(insertion(Job, jobs, unless_known=True))
    run(*statements)


def _verdict(delivery: Delivery, levels: dict[int, str]) -> Verdict:
    return admit(level=levels[delivery.place.store_id], auto_accept=delivery.place.auto_accept)


def _accepting_job(row: Row, order_id: int, now: datetime) -> list[Row]:
    """The call that tells the platform, if the order is accepted."""
    if row["state"] != OrderState.ACCEPTED:
        return []
    key, payload = call_key(order_id=order_id, verb="accept"), call_payload(order_id=order_id, verb="accept")
    return [job_row(kind="channel.order", key=key, payload=payload, now=now)]


def _follow_up(
    delivery: Delivery, row: Row, lines: list[Row], order_id: int, consequences: Consequences
) -> None:
    """The event of a new order, and the leak it may be."""
    card = first_card(delivery, row, lines, order_id, settings.UNDO_SECONDS)
    event = NewEvent(row["store_id"], order_id, "order.placed", INTAKE, f'"card":{encode(card)}')
    consequences.events.append(event)
    if row["held_reason"]:
        consequences.leaks[row["store_id"], delivery.account.id] += 1


def _write_consequences(consequences: Consequences, *, now: datetime) -> None:
    for (store_id, account_id), orders in sorted(consequences.leaks.items()):
        count_leaks(store_id=store_id, account_id=account_id, orders=orders)
    for queue in consequences.queues:
        transaction.on_commit(partial(nudger.nudge, queue))
    leaking = sorted({store_id for store_id, _ in consequences.leaks})
    switches = [
        NewEvent(store_id, None, "intake.changed", INTAKE, f'"intake":{encode(intake_view(store_id))}')
        for store_id in leaking
    ]
    if consequences.events or switches:
        append([*consequences.events, *switches], at=now)


def _other_content(known: Sequence[Delivery]) -> set[Key]:
    given = {
        d.order_key: d.message.content.content_hash for d in known if isinstance(d.message.content, Placed)
    }
    return contradicting_orders(known, given)


def _keep_conflicts(conflicts: Sequence[Delivery], fresh_keys: set[Key], *, now: datetime) -> None:
    """Keep the contradicting bodies apart. A fresh push among them is not remembered as taken, so that
    its repetition is answered with a conflict again."""
    insert_rows(Conflict, [conflict_row(delivery, now) for delivery in conflicts], unless_known=True)
    taken = [delivery.delivery_key for delivery in conflicts if delivery.delivery_key in fresh_keys]
    for account_id, delivery_id in taken:
        IncomingMessage.objects.filter(Q(account_id=account_id, delivery_id=delivery_id)).delete()
