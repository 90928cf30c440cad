"""Forgetting: personal data, raw messages and events older than `RETENTION_DAYS`, idle runs after a day."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet

from orders.models import (
    Conflict,
    IncomingMessage,
    Order,
    OrderEvent,
    OrderLine,
    Reconciliation,
    RefusedMessage,
    Tally,
)
from outbox.retention import SLICE, old_rows

IDLE_FOR = timedelta(days=1)
FORGOTTEN: dict[str, Any] = {
    **dict.fromkeys(("customer_name", "customer_phone", "phone_mask", "address", "note"), ""),
    **dict.fromkeys(("latitude", "longitude", "delivery", "request")),
}


def purge(*, now: datetime) -> dict[str, int]:
    """Blank people's data on old orders, delete old messages and events, in short statements.

    Numbers, amounts and times stay for the reports. Returns rows touched by kind.
    """
    before = now - timedelta(days=settings.RETENTION_DAYS)
    return {
        "orders": _forget_orders(before=before, now=now),
        "messages": _delete(IncomingMessage.objects.all(), "received_at", before),
        "conflicts": _delete(Conflict.objects.all(), "received_at", before),
        "refused": _delete(RefusedMessage.objects.all(), "at", before),
        "tallies": _delete(Tally.objects.all(), "hour", before),
        "reconciliations": _delete(Reconciliation.objects.all(), "started_at", before) + _thin_out(now),
        "events": _delete(OrderEvent.objects.all(), "at", before),
    }


def _thin_out(now: datetime) -> int:
    """Runs that found nothing, two a minute, are forgotten after a day; the newest of each account stays."""
    newest = Reconciliation.objects.order_by().values("account").annotate(last=Max("pk"))
    idle = Reconciliation.objects.filter(recovered=0, completed=0, changed=0, conflicts=0)
    idle = idle.exclude(pk__in=list(newest.values_list("last", flat=True)))
    return _delete(idle, "started_at", now - IDLE_FOR)


def _forget_orders(*, before: datetime, now: datetime) -> int:
    """Orders are kept: the walk begins near the last forgotten one, as numbers and times differ a little."""
    forgotten = Order.objects.filter(forgotten_at__isnull=False).order_by("-pk")
    last = forgotten.values_list("pk", flat=True).first() or 0
    rows = Order.objects.filter(pk__gt=last - SLICE, forgotten_at=None)
    return sum(_forget(old, now) for old in old_rows(rows, clock="received_at", before=before))


@transaction.atomic
def _forget(old: list[int], now: datetime) -> int:
    OrderLine.objects.filter(order_id__in=old).exclude(note="").update(note="")
    return Order.objects.filter(pk__in=old).update(**FORGOTTEN, forgotten_at=now)


def _delete(rows: QuerySet[Any], clock: str, before: datetime) -> int:
    return sum(rows.filter(pk__in=old).delete()[0] for old in old_rows(rows, clock=clock, before=before))
