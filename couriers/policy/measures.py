"""How carriers of a store did lately: what they took, how fast, for how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any

from django.core.cache import cache

from couriers.models import HandOff
from couriers.policy.choosing import Measure
from couriers.states import EndCause

LATELY = timedelta(days=7)
MOST = 2_000  # of the latest hand-offs; they tell as much as all of a week would
KEPT = 60  # seconds
OURS = (EndCause.STORE, EndCause.GUEST, EndCause.PERSON, EndCause.UNDONE)
GAVE_UP = {EndCause.RIDER, EndCause.COURIER, EndCause.NO_RIDER}  # of an own rider who never saw it
COLUMNS = ("account", "rider", "end_cause", "fee", "created_at", "confirmed_at", "delivered_at")


def key_of(account: int | None, rider: int | None) -> str:
    """The key of the carrier of a hand-off."""
    return f"rider:{rider}" if account is None else f"courier:{account}"


def measures_of(store_id: int, *, now: datetime) -> dict[str, Measure]:
    """The last week's measures by carrier, at most a minute old; one query when they are renewed."""
    name = f"carrier-measures.{store_id}"
    found: dict[str, Measure] | None = cache.get(name)
    if found is None:
        found = measured(store_id, until=now)
        cache.set(name, found, KEPT)
    return found


def measured(store_id: int, *, until: datetime) -> dict[str, Measure]:
    """The measures of the week before `until`.

    What the store itself called off before a rider was found says nothing about a carrier; a rider who gave
    up was not a yes.
    """
    rows = HandOff.objects.filter(store=store_id, created_at__gte=until - LATELY, created_at__lt=until)
    latest = rows.order_by("-created_at").values(*COLUMNS)[:MOST]
    counts: dict[str, _Count] = defaultdict(_Count)
    for row in latest:
        counts[key_of(row["account"], row["rider"])].add(row)
    return {key: count.measure() for key, count in counts.items()}


@dataclass(slots=True)
class _Count:
    offers: int = 0
    accepted: int = 0
    accept: list[float] = field(default_factory=list)
    deliver: list[float] = field(default_factory=list)
    fees: list[int] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        confirmed, delivered = row["confirmed_at"], row["delivered_at"]
        if confirmed or row["end_cause"] not in OURS:
            self.offers += 1
        if confirmed and row["end_cause"] not in GAVE_UP:
            self.accepted += 1
        self.accept += _seconds(row["created_at"], confirmed)
        self.deliver += _seconds(row["created_at"], delivered)
        if row["fee"] is not None and delivered:
            self.fees.append(row["fee"])

    def measure(self) -> Measure:
        fee = round(fmean(self.fees)) if self.fees else None
        return Measure(self.offers, self.accepted, _middle(self.accept), _middle(self.deliver), fee)


def _seconds(start: datetime, end: datetime | None) -> Iterable[float]:
    return [max(0.0, (end - start).total_seconds())] if end else []


def _middle(values: Sequence[float]) -> int | None:
    return round(median(values)) if values else None
