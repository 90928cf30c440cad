"""Which steps the platform must hear of, as outbox jobs."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from outbox.services import enqueue, withdraw

CALLS = {
    "accept": "order.accepted",
    "ready": "order.ready",
    "reject": "order.rejected",
    "cancel": "order.cancelled",
}
UNDOABLE = frozenset({"accept", "ready"})


def call_key(*, order_id: int, verb: str) -> str:
    """The job's key, and the delivery id the platform sees, the same on every attempt."""
    return f"order.{verb}.{order_id}"


def call_payload(*, order_id: int, verb: str, reason: str = "") -> dict[str, Any]:
    """What `orders.jobs.tell_order` needs."""
    return {"order": order_id, "call": CALLS[verb], "reason": reason}


def tell_platform(*, order_id: int, verb: str, reason: str, now: datetime) -> None:
    """Enqueue the call for `verb`, if platforms hear of it; undoable steps wait until they are safe."""
    if verb not in CALLS:
        return
    due_at = now + timedelta(seconds=settings.UNDO_SECONDS) if verb in UNDOABLE else now
    payload = call_payload(order_id=order_id, verb=verb, reason=reason)
    enqueue(
        kind="channel.order",
        key=call_key(order_id=order_id, verb=verb),
        payload=payload,
        now=now,
        due_at=due_at,
    )


def untell_platform(*, order_id: int, verb: str) -> bool:
    """Withdraw the call for `verb`; False when the platform may have heard of it already."""
    return verb not in CALLS or withdraw(kind="channel.order", key=call_key(order_id=order_id, verb=verb))
