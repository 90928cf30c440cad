"""What the platform must hear of, as outbox jobs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from orders.models import Order
from orders.states import TRANSITIONS, Fulfilment
from outbox.services import enqueue, withdraw

CALLS = {
    "accept": "order.accepted",
    "ready": "order.ready",
    "reject": "order.rejected",
    "cancel": "order.cancelled",
    "collect": "order.collected",
    "deliver": "order.delivered",
}
# What a platform only wants to hear when the store brings the order itself.
OF_OWN_DELIVERY = frozenset({"collect", "deliver"})


def call_key(*, order_id: int, verb: str) -> str:
    """The job's key, and the delivery id the platform sees, the same on every attempt."""
    return f"order.{verb}.{order_id}"


def call_payload(
    *, order_id: int, verb: str, reason: str = "", more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `orders.jobs.tell_order` needs for a step."""
    return {"order": order_id, "call": CALLS[verb], "data": {"reason": reason, **(more or {})}}


def tell_platform(
    *,
    order_id: int,
    verb: str,
    now: datetime,
    reason: str = "",
    undoable: bool = True,
    more: Mapping[str, str] | None = None,
) -> None:
    """Enqueue the call for `verb`, if platforms hear of it; one that can be undone waits until it is safe."""
    if verb not in CALLS or (verb in OF_OWN_DELIVERY and not _is_own_delivery(order_id)):
        return
    waits = undoable and TRANSITIONS[verb].undoable
    enqueue(
        kind="channel.order",
        key=call_key(order_id=order_id, verb=verb),
        payload=call_payload(order_id=order_id, verb=verb, reason=reason, more=more),
        now=now,
        due_at=now + timedelta(seconds=settings.UNDO_SECONDS) if waits else now,
    )


def tell_more(*, order_id: int, call: str, name: str, data: dict[str, Any], now: datetime) -> None:
    """Enqueue a call that is no step (`orders.channels.calling`); `name` tells it from others of its kind."""
    payload = {"order": order_id, "call": call, "data": data}
    enqueue(kind="channel.order", key=f"{call}.{order_id}.{name}"[:100], payload=payload, now=now)


def seek_carrier(*, order_id: int, now: datetime) -> None:
    """An order that the store delivers stands on the shelf: have a carrier looked for.

    Whoever looks is named in settings; nothing here knows them.
    """
    if _is_own_delivery(order_id):
        key = f"{order_id}.{now.timestamp()}"
        enqueue(kind="order.ready", key=key, payload={"order": order_id}, now=now)


def unseek_carrier(*, order_id: int, since: datetime, now: datetime) -> None:
    """It is not ready after all: have whoever was looked for by itself `since` then taken back."""
    if _is_own_delivery(order_id):
        payload = {"order": order_id, "since": since.isoformat()}
        enqueue(kind="order.unready", key=f"{order_id}.{now.timestamp()}", payload=payload, now=now)


def untell_platform(*, order_id: int, verb: str) -> bool:
    """Withdraw the call for `verb`; False when the platform may have heard of it already."""
    if verb not in CALLS or (verb in OF_OWN_DELIVERY and not _is_own_delivery(order_id)):
        return True
    return withdraw(kind="channel.order", key=call_key(order_id=order_id, verb=verb))


def _is_own_delivery(order_id: int) -> bool:
    return Order.objects.filter(pk=order_id, fulfilment=Fulfilment.STORE_COURIER).exists()
