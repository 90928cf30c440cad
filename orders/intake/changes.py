"""Messages about an order that should be known already: cancellations and urges."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from orders.bulk import insert_rows
from orders.channels.incoming import CancelledByPlatform
from orders.events import NewEvent, append
from orders.intake.delivery import Delivery
from orders.models import EarlyCancel, Order
from orders.services import event_for, note_urge, try_step
from stores.actors import Actor


def apply_change(delivery: Delivery, *, now: datetime) -> list[NewEvent]:
    """Change the order a delivery is about; returns the events to append last.

    A cancellation of an order that has not come yet waits for it.
    """
    account_id, external_id = delivery.order_key
    order_id = (
        Order.objects.filter(account_id=account_id, external_id=external_id)
        .values_list("id", flat=True)
        .first()
    )
    content = delivery.message.content
    if isinstance(content, CancelledByPlatform):
        return _cancel(order_id, delivery, content, now)
    if order_id is None:
        return []
    note_urge(order_id=order_id, now=now)
    return [event_for(order_id, kind="order.urged", actor=Actor("platform"))]


def settle_early_cancels(*, now: datetime) -> int:
    """Cancel orders that came although their cancellation was here already; returns how many.

    Two intake processes may write the two at the same moment, each without seeing the other's.
    """
    order = Order.objects.filter(account=OuterRef("account"), external_id=OuterRef("external_id"))
    waiting = EarlyCancel.objects.annotate(order_id=Subquery(order.values("pk")[:1]))
    return sum(_settle(early.pk, early.order_id, now=now) for early in waiting.filter(order_id__isnull=False))


def _settle(early_id: int, order_id: int, *, now: datetime) -> bool:
    with transaction.atomic():
        early = EarlyCancel.objects.select_for_update().filter(pk=early_id).first()
        if early is None:
            return False
        actor = Actor(early.by)
        cancelled = try_step(order_id, verb="cancel", actor=actor, now=now, reason=early.reason)
        early.delete()
        if cancelled:
            append([event_for(order_id, kind="order.cancelled", actor=actor)], at=now)
        return cancelled


def _cancel(
    order_id: int | None, delivery: Delivery, cancel: CancelledByPlatform, now: datetime
) -> list[NewEvent]:
    if order_id is None:
        account_id, external_id = delivery.order_key
        row = {
            "account_id": account_id,
            "external_id": external_id,
            "reason": cancel.reason,
            "by": cancel.by,
            "at": now,
        }
        insert_rows(EarlyCancel, [row], unless_known=True)
        return []
    actor = Actor(cancel.by)
    if not try_step(order_id, verb="cancel", actor=actor, now=now, reason=cancel.reason):
        return []
    return [event_for(order_id, kind="order.cancelled", actor=actor)]
