"""Giving an order the parts its platform could not send at first."""

from __future__ import annotations

from datetime import datetime

from orders.bulk import insert_rows
from orders.channels.incoming import Placed
from orders.events import NewEvent
from orders.intake.rows import content_columns, line_rows
from orders.models import Order, OrderLine
from orders.services import event_for
from stores.actors import Actor


def fill(order_id: int, placed: Placed, *, now: datetime) -> list[NewEvent]:
    """Write the whole content over what came incomplete; returns the event, none if others were first."""
    incomplete = Order.objects.filter(pk=order_id, complete=False)
    if incomplete.update(**content_columns(placed)) != 1:
        return []
    OrderLine.objects.filter(order_id=order_id).delete()
    insert_rows(OrderLine, line_rows(placed, order_id))
    return [event_for(order_id, kind="order.filled", actor=Actor("platform"))]
