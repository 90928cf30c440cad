"""Forgetting when its time is up: what couriers sent, what riders reported, their names and phones, rests,
bulk hand-offs.

What was paid stays, as amounts and times of orders do.
"""

from datetime import datetime, timedelta

from django.conf import settings

from couriers.models import BulkHandOff, CourierMessage, CourierRest, HandOff
from couriers.riders.forgetting import forget_reports
from couriers.states import LIVE
from outbox.retention import old_rows


def purge(*, now: datetime) -> dict[str, int]:
    """Forget what is older than `RETENTION_DAYS`, in short statements; returns how many rows of each kind."""
    before = now - timedelta(days=settings.RETENTION_DAYS)
    messages = CourierMessage.objects.all()
    rests, bulks = CourierRest.objects.all(), BulkHandOff.objects.all()
    ended = HandOff.objects.exclude(state__in=LIVE).exclude(rider_name="", rider_phone="")
    return {
        "messages": sum(
            messages.filter(pk__in=old).delete()[0]
            for old in old_rows(messages, clock="received_at", before=before)
        ),
        "riders": sum(
            ended.filter(pk__in=old, ended_at__lt=before).update(rider_name="", rider_phone="")
            for old in old_rows(ended, clock="created_at", before=before)
        ),
        "reports": forget_reports(before=before),
        "rests": sum(
            rests.filter(pk__in=old).delete()[0] for old in old_rows(rests, clock="began_at", before=before)
        ),
        "bulks": sum(
            bulks.filter(pk__in=old).delete()[0] for old in old_rows(bulks, clock="at", before=before)
        ),
    }
