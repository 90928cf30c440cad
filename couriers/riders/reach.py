"""Whether a rider at work would hear of one more order: is the page open on their phone, or was it lately?"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from couriers.models import HandOff, Rider, Shift
from couriers.states import LIVE

GONE_QUIET = timedelta(minutes=5)
FORGOTTEN = timedelta(days=1)  # what somebody forgot to end; nobody is on the road for a day


class Phone(StrEnum):
    """What keeps a rider's phone from telling them."""

    THERE = ""
    UNCONNECTED = "unconnected"
    QUIET = "quiet"


def with_phones(riders: QuerySet[Rider], *, now: datetime) -> QuerySet[Any]:
    """The riders with `on_shift`, and with `seen_at` and `knows` for `phone_of`; still one query."""
    shift = Shift.objects.filter(rider=OuterRef("pk"), ended_at=None, started_at__lte=now, ends_at__gt=now)
    listed = HandOff.objects.filter(rider=OuterRef("pk"), state__in=sorted(LIVE))
    listed = listed.filter(created_at__gte=now - FORGOTTEN, created_at__lte=OuterRef("seen_at"))
    found = riders.annotate(on_shift=Exists(shift), seen_at=Subquery(shift.values("seen_at")[:1]))
    return found.annotate(knows=Exists(listed))


def phone_of(seen_at: datetime | None, *, knows: bool, now: datetime) -> Phone:
    """Of a rider on a shift; `seen_at` is when the phone last fetched its list by the link of today.

    Whoever `knows` of an order in hand may be where there is no network; anybody else who is silent has
    closed the page, or lost the phone.
    """
    if seen_at is None:
        return Phone.UNCONNECTED
    return Phone.QUIET if now - seen_at > GONE_QUIET and not knows else Phone.THERE
