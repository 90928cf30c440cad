"""Forgetting personal data of hand-offs when its time is up: what couriers sent, riders' names and phones."""

from datetime import datetime, timedelta

from django.conf import settings

from couriers.models import CourierMessage, HandOff
from couriers.states import LIVE

# Rows a statement may touch, so that no writer waits long behind it.
BATCH = 1_000


def purge(*, now: datetime) -> dict[str, int]:
    """Forget what is older than `RETENTION_DAYS`; returns how many rows of each kind. Once more for more."""
    old = now - timedelta(days=settings.RETENTION_DAYS)
    messages = CourierMessage.objects.filter(received_at__lt=old).values_list("pk", flat=True)[:BATCH]
    deleted, _ = CourierMessage.objects.filter(pk__in=list(messages)).delete()
    ended = HandOff.objects.exclude(state__in=LIVE).filter(ended_at__lt=old)
    known = ended.exclude(rider_name="", rider_phone="").values_list("pk", flat=True)[:BATCH]
    forgotten = HandOff.objects.filter(pk__in=list(known)).update(rider_name="", rider_phone="")
    return {"messages": deleted, "riders": forgotten}
