"""What the counter's page shows of what riders said from the road: problems, and photos at the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q

from couriers.models import RiderReport
from couriers.riders.crew import name_of
from couriers.riders.problems import Problem
from stores.models import Store

SHOWN = 20
FOUND = 100  # daily numbers come back every day
WITHIN = timedelta(hours=24)
EARLIER = timedelta(hours=24)  # a bag was given to its rider not longer before it was reported about


@dataclass(frozen=True, slots=True)
class Line:
    """A report, the order it is about as the counter calls it, and the words for its code."""

    report: RiderReport
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Reported:
    """The latest reports of one kind; `more`: there are older ones that are not among the lines."""

    lines: tuple[Line, ...]
    more: bool


def reported(store: Store, kind: RiderReport.Kind, *, number: str = "", now: datetime) -> Reported:
    """What was reported in the last day; of one order `number` also what is older. Photos are not loaded, but
    a proof without one is forgotten."""
    most = FOUND if number else SHOWN
    has_photo = Q(photo__isnull=False)
    rows = RiderReport.objects.filter(_wanted(number, now), handoff__store=store, kind=kind).defer("photo")
    if kind == RiderReport.Kind.PROOF:
        rows = rows.filter(has_photo)
    rows = rows.annotate(with_photo=ExpressionWrapper(has_photo, BooleanField()))
    latest = list(rows.select_related("rider", "handoff__order__account").order_by("-id")[: most + 1])
    return Reported(tuple(_line(row) for row in latest[:most]), more=len(latest) > most)


def latest_besides(found: Reported, store: Store, *, now: datetime) -> tuple[Line, ...]:
    """Problems of the last day that are not among those found: who looks for one order misses no other."""
    known = {line.report.pk for line in found.lines}
    latest = reported(store, RiderReport.Kind.PROBLEM, now=now).lines
    return tuple(line for line in latest if line.report.pk not in known)


def _wanted(number: str, now: datetime) -> Q:
    """Of an order as the counter calls it, which may say its platform after the number. Found along the
    store's hand-offs: reports have no index of their own."""
    if number:
        kept = now - timedelta(days=settings.RETENTION_DAYS) - EARLIER
        name = number.split(maxsplit=1)[0]
        return Q(handoff__order__daily_number__iexact=name, handoff__created_at__gte=kept)
    return Q(at__gte=now - WITHIN, handoff__created_at__gte=now - WITHIN - EARLIER)


def _line(row: RiderReport) -> Line:
    words = str(dict(Problem.choices).get(row.code, ""))
    return Line(row, name_of(row.handoff.order), words)
