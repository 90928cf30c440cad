"""New orders of a batch: the limiter's verdict, the rows, the job that accepts, the event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.conf import settings

from orders.admission import admit
from orders.bulk import Result, Statement, insert_rows, insertion, run
from orders.channels.incoming import Change, Placed
from orders.events import NewEvent
from orders.feed.wire import encode
from orders.intake.changes import read_change
from orders.intake.consequences import Consequences
from orders.intake.delivery import Delivery, Place
from orders.intake.known import EarlyMessage, early_taken, reading_levels, taking_early
from orders.intake.rows import first_card, followed, line_rows, order_row
from orders.models import Order, OrderLine
from orders.states import OrderState, PlatformState
from orders.telling import call_key, call_payload
from outbox.models import Job
from outbox.services import job_row
from stores.actors import Actor

Key = tuple[int, str]
Row = dict[str, Any]
INTAKE = Actor("")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What new orders meet: the stores' intake levels, and messages that were here before them."""

    levels: dict[int, str]
    early: dict[Key, list[EarlyMessage]]

    @classmethod
    def read(cls, levels: Result, early: Result) -> Surroundings:
        """From the answers to `looking_around`."""
        return cls(dict(levels), early_taken(early))


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A delivery that places an order at a store that is known."""

    delivery: Delivery
    place: Place
    placed: Placed


def looking_around(deliveries: Sequence[Delivery]) -> tuple[Statement, Statement]:
    """Reads the levels of the stores new orders are for, and what came before those orders."""
    placing = list(_new_orders(deliveries))
    levels = reading_levels({order.place.store_id for order in placing})
    return levels, taking_early(order.delivery.order_key for order in placing)


def place_orders(
    fresh: Sequence[Delivery], around: Surroundings, consequences: Consequences, *, now: datetime
) -> list[Delivery]:
    """Insert the new orders, their lines and jobs; returns the deliveries whose order is known already."""
    placing = {order.delivery.order_key: order for order in _new_orders(fresh)}
    rows = {key: _row(order, around, now) for key, order in placing.items()}
    lines: list[Row] = []
    jobs: list[Row] = []
    new = _insert(list(rows.values()))
    for account_id, external_id, order_id in new:
        order, row = placing[account_id, external_id], rows[account_id, external_id]
        own_lines = line_rows(order.placed, order_id)
        lines += own_lines
        jobs += _accepting_job(row, order_id, now)
        _follow_up(order.delivery, row, own_lines, order_id, consequences)
    _write_beside(lines, jobs)
    consequences.queues |= {job["queue"] for job in jobs}
    stored = {(account_id, external_id) for account_id, external_id, _ in new}
    return [order.delivery for key, order in placing.items() if key not in stored]


def _new_orders(deliveries: Sequence[Delivery]) -> Iterator[NewOrder]:
    for delivery in sorted(deliveries, key=attrgetter("order_key")):
        content = delivery.message.content
        if delivery.place is not None and isinstance(content, Placed):
            yield NewOrder(delivery, delivery.place, content)


def _row(order: NewOrder, around: Surroundings, now: datetime) -> Row:
    verdict = admit(level=around.levels[order.place.store_id], auto_accept=order.place.auto_accept)
    row = order_row(order.delivery, order.place, order.placed, verdict, now)
    return followed(row, _said_before(order, around), now)


def _said_before(order: NewOrder, around: Surroundings) -> Iterator[Change]:
    if order.placed.standing:
        yield order.placed.standing
    for message in around.early.get(order.delivery.order_key, ()):
        if change := read_change(order.delivery.account.channel, message.kind, message.raw):
            yield change


def _insert(rows: Sequence[Row]) -> Result:
    """One statement for all orders as they are placed; those that were changed already have more columns."""
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        by_columns.setdefault(tuple(row), []).append(row)
    back = ("account_id", "external_id", "id")
    new: Result = []
    for same in by_columns.values():
        new += insert_rows(Order, same, returning=back, unless_known=True)
    return new


def _write_beside(lines: list[Row], jobs: list[Row]) -> None:
    """What only orders just inserted need, in one go."""
    if not lines:
        return
    statements = [insertion(OrderLine, lines)]
    if jobs:
        statements.append(insertion(Job, jobs, unless_known=True))
    run(*statements)


def _accepting_job(row: Row, order_id: int, now: datetime) -> list[Row]:
    """The call that tells the platform, if the order is accepted and the platform did not say so itself."""
    if row["state"] != OrderState.ACCEPTED or row["platform_state"] != PlatformState.PLACED:
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
