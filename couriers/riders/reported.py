"""What the counter's page shows of what riders said from the road: problems, and photos at the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from couriers.models import RiderReport
from couriers.riders.crew import name_of
from couriers.riders.problems import Problem
from stores.models import Store

SHOWN = 20
FOUND = 100  # daily numbers come back every day
WITHIN = timedelta(hours=24)


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
    wanted = Q(handoff__order__daily_number=number) if number else Q(at__gte=now - WITHIN)
    if kind == RiderReport.Kind.PROOF:
        wanted &= Q(photo__isnull=False)
    rows = RiderReport.objects.filter(wanted, handoff__store=store, kind=kind).defer("photo")
    rows = rows.annotate(photos=Count("pk", filter=Q(photo__isnull=False)))
    latest = list(rows.select_related("rider", "handoff__order__account").order_by("-id")[: most + 1])
    return Reported(tuple(_line(row) for row in latest[:most]), more=len(latest) > most)


def _line(row: RiderReport) -> Line:
    words = str(dict(Problem.choices).get(row.code, ""))
    return Line(row, name_of(row.handoff.order), words)
