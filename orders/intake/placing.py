"""New orders of a batch: the limiter's verdict, the rows, the job that accepts, the event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.conf import settings

from orders.admission import admit
from orders.bulk import insert_rows, insertion, run
from orders.channels.incoming import Change, Placed
from orders.events import NewEvent
from orders.feed.wire import encode
from orders.intake.changes import read_change
from orders.intake.consequences import Consequences
from orders.intake.delivery import Delivery, Place
from orders.intake.known import EarlyMessage, early_taken, taking_early
from orders.intake.rows import first_card, line_rows, order_row
from orders.models import Order, OrderLine
from orders.states import OrderState
from orders.telling import call_key, call_payload
from outbox.models import Job
from outbox.services import job_row
from stores.actors import Actor
from stores.levels import IntakeLevel

Key = tuple[int, str]
Row = dict[str, Any]
INTAKE = Actor("")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A delivery that places an order at a store that is known."""

    delivery: Delivery
    place: Place
    placed: Placed


def places_of(deliveries: Sequence[Delivery]) -> set[int]:
    """The stores that new orders are for."""
    return {order.place.store_id for order in _new_orders(deliveries)}


def place_orders(
    fresh: Sequence[Delivery], levels: Mapping[int, str], consequences: Consequences, *, now: datetime
) -> tuple[list[Delivery], dict[Key, list[Change]]]:
    """Insert the new orders, their lines and jobs.

    Returns the deliveries whose order is known already, and what has been said of the new ones: in the
    message that places them, or before it.
    """
    orders = list(_new_orders(fresh))
    placing = {order.delivery.order_key: order for order in reversed(orders)}  # of two, the first places it
    rows = {key: _row(placing[key], levels, now) for key in sorted(placing)}
    new = _insert(rows)
    lines: list[Row] = []
    jobs: list[Row] = []
    for key, order_id in new.items():
        own_lines = line_rows(placing[key].placed, order_id)
        lines += own_lines
        jobs += _accepting_job(placing[key], rows[key], order_id, now)
        _follow_up(placing[key].delivery, rows[key], own_lines, order_id, consequences)
    consequences.queues |= {job["queue"] for job in jobs}
    early = _write_beside(lines, jobs, list(new))
    said = {key: _said(placing[key], early.get(key, ())) for key in new}
    newly = {id(placing[key]) for key in new}
    known = [order.delivery for order in orders if id(order) not in newly]
    return known, {key: changes for key, changes in said.items() if changes}


def _insert(rows: Mapping[Key, Row]) -> dict[Key, int]:
    """Insert what is not known; returns the ids of those, by key."""
    back = ("account_id", "external_id", "id")
    inserted = insert_rows(Order, list(rows.values()), returning=back, unless_known=True)
    return {(account_id, external_id): order_id for account_id, external_id, order_id in inserted}


def _new_orders(deliveries: Sequence[Delivery]) -> Iterator[NewOrder]:
    for delivery in sorted(deliveries, key=attrgetter("order_key")):
        content = delivery.message.content
        if delivery.place is not None and isinstance(content, Placed):
            yield NewOrder(delivery, delivery.place, content)


def _row(order: NewOrder, levels: Mapping[int, str], now: datetime) -> Row:
    level = levels.get(order.place.store_id, IntakeLevel.OPEN)
    verdict = admit(level=level, auto_accept=order.place.auto_accept)
    return order_row(order.delivery, order.place, order.placed, verdict, now)


def _said(order: NewOrder, early: Sequence[EarlyMessage]) -> list[Change]:
    channel = order.delivery.account.channel
    said = [read_change(channel, message.kind, message.raw) for message in early]
    return [change for change in (order.placed.standing, *said) if change]


def _write_beside(lines: list[Row], jobs: list[Row], new: list[Key]) -> dict[Key, list[EarlyMessage]]:
    """What only orders just inserted need, in one go; returns what waited for them."""
    if not new:
        return {}
    statements = [taking_early(new)]
    if lines:
        statements.append(insertion(OrderLine, lines))
    if jobs:
        statements.append(insertion(Job, jobs, unless_known=True))
    return early_taken(run(*statements)[0])


def _accepting_job(order: NewOrder, row: Row, order_id: int, now: datetime) -> list[Row]:
    """The call that tells the platform, if the order is accepted and the platform did not say so itself."""
    if row["state"] != OrderState.ACCEPTED or order.placed.standing is not None:
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
