"""What the courier page says, computed from counts (pure: no database, no clock)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from reports.measures import minutes, percentile, share

Histogram = tuple[tuple[int, int], ...]  # seconds, and how often
STEPS = ("found", "arrived", "picked_up", "delivered")


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes from the hand-off: half of them, and 90 %, took no longer. None: it never came to that."""

    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What couriers cost in one currency, in minor units; `carried`: how many hand-offs they delivered.

    `delivery` is what remained of it after corrections.
    """

    delivery: int = 0
    cancel: int = 0
    tips: int = 0
    carried: int = 0

    @property
    def total(self) -> int:
        return self.delivery + self.cancel + self.tips

    @property
    def each(self) -> int | None:
        """All that was paid, by the orders that arrived."""
        return round(self.total / self.carried) if self.carried else None

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.delivery + other.delivery,
            self.cancel + other.cancel,
            self.tips + other.tips,
            self.carried + other.carried,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """The hand-offs of one carrier, of one store, or of all.

    `counts` is by what became of them, `causes` of those that ended without a delivery by why, `times` by
    step, `costs` by currency.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, Histogram] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def acceptance(self) -> float | None:
        """Percent of the couriers' offers that found a rider, of those that were decided by the courier."""
        accepted = self.counts.get("accepted", 0)
        return share(accepted, accepted + self.counts.get("turned_down", 0))

    @property
    def ended(self) -> int:
        """How many came to nothing."""
        return self.counts.get("failed", 0) + self.counts.get("cancelled", 0)

    @property
    def spans(self) -> list[Span]:
        """One for each of `STEPS`."""
        return [self.span(step) for step in STEPS]

    def span(self, step: str) -> Span:
        histogram = self.times.get(step, ())
        return Span(minutes(percentile(histogram, 0.5)), minutes(percentile(histogram, 0.9)))


def together(figures: Iterable[Figures]) -> Figures:
    """Counted and measured over all hand-offs of all of them."""
    found = list(figures)
    currencies = dict.fromkeys(currency for one in found for currency in one.costs)
    return Figures(
        counts=_sum(one.counts for one in found),
        causes=_sum(one.causes for one in found),
        times={step: tuple(pair for one in found for pair in one.times.get(step, ())) for step in STEPS},
        costs={name: sum((one.costs.get(name, Cost()) for one in found), Cost()) for name in currencies},
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    return sum((Counter(one) for one in counts), Counter[str]())


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: hand-offs that began then, by what became of them."""

    at: datetime
    delivered: int = 0
    under_way: int = 0
    ended: int = 0

    @property
    def all(self) -> int:
        return self.delivered + self.under_way + self.ended


def daily(bars: Sequence[Bar]) -> list[Bar]:
    """A bar for every day, from bars for every hour."""
    days: dict[date, list[Bar]] = {}
    for bar in bars:
        days.setdefault(bar.at.date(), []).append(bar)
    return [
        Bar(
            hours[0].at,
            sum(hour.delivered for hour in hours),
            sum(hour.under_way for hour in hours),
            sum(hour.ended for hour in hours),
        )
        for hours in days.values()
    ]
