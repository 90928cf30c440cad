"""Giving an order the parts its platform could not send at first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orders.bulk import insert_rows
from orders.channels.incoming import Placed
from orders.events import NewEvent
from orders.following import shown
from orders.intake.rows import content_columns, line_rows
from orders.models import Order, OrderLine
from orders.services import event_for
from orders.states import Fulfilment
from stores.actors import Actor

Row = dict[str, Any]


def fill(order: Row, placed: Placed, *, now: datetime) -> list[NewEvent]:
    """Write the whole content over what came incomplete; returns the event.

    `order` is a row of `orders.intake.changes.locked_orders`; it is brought up to date. Who delivers is
    believed as long as it is the platform: the store may have taken that over meanwhile.
    """
    if order["fulfilment"] == Fulfilment.PLATFORM_COURIER:
        order["fulfilment"] = placed.fulfilment
    order |= {"complete": True, "content_hash": placed.content_hash}
    order["on_board"] = shown(order)
    standing = {name: order[name] for name in ("fulfilment", "on_board")}
    Order.objects.filter(pk=order["id"]).update(**content_columns(placed), **standing)
    OrderLine.objects.filter(order_id=order["id"]).delete()
    insert_rows(OrderLine, line_rows(placed, order["id"]))
    return [event_for(order["id"], kind="order.filled", actor=Actor("platform"))]
