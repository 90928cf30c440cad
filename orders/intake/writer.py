"""Writing a batch of deliveries as one transaction of set-based statements.

Order of writes: raw messages, orders, lines, changes of known orders, leaks, outbox rows, and last the
events, whose numbers lock the stores' counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from orders.admission import Verdict, admit
from orders.bulk import insert_rows
from orders.channels.incoming import Placed, Unknown
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.intake.changes import apply_change
from orders.intake.delivery import Delivery, Outcome
from orders.intake.known import contradicting_messages, contradicting_orders, levels_of, take_early_cancels
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
INTAKE = Actor("")


@dataclass(slots=True)
class Consequences:
    """What the messages of a batch lead to, written once after all of them."""

    events: list[NewEvent] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
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
            keys = {("push", *deliveries[index].delivery_key), ("order", *deliveries[index].order_key)}
            (later if keys & seen else taken).append(index)
            seen |= keys
        yield taken
        waiting = later


def _write_round(
    deliveries: Sequence[Delivery], consequences: Consequences, *, now: datetime
) -> list[Outcome]:
    messages = [message_row(delivery, now) for delivery in deliveries]
    fresh_keys = set(
        insert_rows(IncomingMessage, messages, returning=("account_id", "delivery_id"), unless_known=True)
    )
    fresh = [delivery for delivery in deliveries if delivery.delivery_key in fresh_keys]
    repeated = [delivery for delivery in deliveries if delivery.delivery_key not in fresh_keys]
    known = _write_orders(fresh, consequences, now=now)
    for delivery in fresh:
        if not isinstance(delivery.message.content, Placed | Unknown):
            consequences.events.extend(apply_change(delivery, now=now))
    conflicts = contradicting_messages(repeated) | _other_content(known)
    _keep_conflicts([d for d in deliveries if d.delivery_key in conflicts], fresh_keys, now=now)
    duplicates = {delivery.delivery_key for delivery in (*repeated, *known)}
    return [_outcome(delivery.delivery_key, conflicts, duplicates) for delivery in deliveries]


def _outcome(key: Key, conflicts: set[Key], duplicates: set[Key]) -> Outcome:
    if key in conflicts:
        return Outcome.CONFLICT
    return Outcome.DUPLICATE if key in duplicates else Outcome.STORED


def _write_orders(fresh: Sequence[Delivery], consequences: Consequences, *, now: datetime) -> list[Delivery]:
    """Insert the new orders with their lines; returns the deliveries whose order is known already."""
    placed = {d.order_key: (d, d.message.content) for d in fresh if isinstance(d.message.content, Placed)}
    levels = levels_of(d.place.store_id for d, _ in placed.values())
    cancels = take_early_cancels([delivery for delivery, _ in placed.values()])
    rows: dict[Key, dict[str, Any]] = {}
    for key, (delivery, content) in placed.items():
        rows[key] = order_row(delivery, content, _verdict(delivery, levels), cancels.get(key), now)
    new = insert_rows(
        Order, list(rows.values()), returning=("account_id", "external_id", "id"), unless_known=True
    )
    lines = []
    for account_id, external_id, order_id in new:
        delivery, content = placed[account_id, external_id]
        own_lines = line_rows(content, order_id)
        lines.extend(own_lines)
        _follow_up(delivery, rows[account_id, external_id], own_lines, order_id, consequences, now=now)
    insert_rows(OrderLine, lines)
    stored = {(account_id, external_id) for account_id, external_id, _ in new}
    return [delivery for key, (delivery, _) in placed.items() if key not in stored]


def _verdict(delivery: Delivery, levels: dict[int, str]) -> Verdict:
    return admit(level=levels[delivery.place.store_id], auto_accept=delivery.place.auto_accept)


def _follow_up(
    delivery: Delivery,
    row: dict[str, Any],
    lines: list[dict[str, Any]],
    order_id: int,
    consequences: Consequences,
    *,
    now: datetime,
) -> None:
    """The event of a new order, the call that accepts it, and the leak it may be."""
    card = first_card(delivery, row, lines, order_id, settings.UNDO_SECONDS)
    event = NewEvent(row["store_id"], order_id, "order.placed", INTAKE, f'"card":{encode(card)}')
    consequences.events.append(event)
    if row["state"] == OrderState.ACCEPTED:
        key, payload = (
            call_key(order_id=order_id, verb="accept"),
            call_payload(order_id=order_id, verb="accept"),
        )
        consequences.jobs.append(job_row(kind="channel.order", key=key, payload=payload, now=now))
    if row["held_reason"]:
        consequences.leaks[row["store_id"], delivery.account.id] += 1


def _write_consequences(consequences: Consequences, *, now: datetime) -> None:
    for (store_id, account_id), orders in sorted(consequences.leaks.items()):
        count_leaks(store_id=store_id, account_id=account_id, orders=orders)
    insert_rows(Job, consequences.jobs, unless_known=True)
    for queue in {job["queue"] for job in consequences.jobs}:
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
