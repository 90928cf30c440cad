"""What the report says, computed from counts and histories (pure: no database, no clock)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """`days` whole days by a store's own clock, the last of them `day`."""

    day: date
    days: int = 1

    @property
    def first_day(self) -> date:
        return self.day - timedelta(days=self.days - 1)

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First instant, and the first instant after, in UTC: 23 or 25 hours when clocks change.

        >>> Period(date(2026, 3, 29)).bounds(ZoneInfo("Europe/Berlin"))  # spring forward
        (2026-03-28 23:00 UTC, 2026-03-29 22:00 UTC)
        """
        return _midnight(self.first_day, zone), _midnight(self.day + timedelta(days=1), zone)

    def hours(self, zone: ZoneInfo) -> Iterator[datetime]:
        """The beginning of every hour that passes in the period, in the zone's own time."""
        start, end = self.bounds(zone)
        while start < end:
            yield start.astimezone(zone)
            start += HOUR


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def percentile(histogram: Iterable[tuple[int, int]], share: float) -> int | None:
    """The smallest value that `share` (0–1) of the counted things do not exceed (nearest rank).

    `histogram` is pairs of value and count, in any order; None when nothing was counted.
    """
    counted = sorted(histogram)
    rank = ceil(share * sum(count for _, count in counted))
    for value, count in counted:
        rank -= count
        if rank <= 0:
            return value
    return None


def paused_seconds(
    *, paused_before: bool, changes: Sequence[tuple[datetime, bool]], start: datetime, end: datetime
) -> int:
    """Seconds of pause between `start` and `end`.

    `paused_before`: whether intake was paused when the period began. `changes`: when intake changed
    and whether it was paused from then on, oldest first; what is paused at the end runs until `end`.
    """
    total = timedelta()
    since, paused = start, paused_before
    for at, now_paused in [*changes, (end, False)]:
        at_most = min(max(at, start), max(end, start))
        total += at_most - since if paused else timedelta()
        since, paused = at_most, now_paused
    return int(total.total_seconds())


def share(part: int, whole: int) -> float | None:
    """Percent with one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def minutes(seconds: int | None) -> float | None:
    """Minutes with one decimal."""
    return None if seconds is None else round(seconds / 60, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: `at` is its beginning on the store's clock; orders by who paid."""

    at: datetime
    paid: int = 0
    subsidised: int = 0
    free: int = 0

    @property
    def orders(self) -> int:
        return self.paid + self.subsidised + self.free


def hourly(period: Period, zone: ZoneInfo, counts: dict[int, dict[str, int]]) -> list[Bar]:
    """A bar for every hour; `counts` has, for each hour since the period began, orders by funding."""
    return [Bar(at=at, **counts.get(number, {})) for number, at in enumerate(period.hours(zone))]


def daily(bars: Iterable[Bar]) -> list[Bar]:
    """A bar for every day, from bars for every hour."""
    days: dict[date, list[Bar]] = {}
    for bar in bars:
        days.setdefault(bar.at.date(), []).append(bar)
    return [
        Bar(
            at=hours[0].at,
            paid=sum(hour.paid for hour in hours),
            subsidised=sum(hour.subsidised for hour in hours),
            free=sum(hour.free for hour in hours),
        )
        for hours in days.values()
    ]


def busiest(bars: Sequence[Bar]) -> Bar | None:
    """The bar with the most orders, the earliest of equals; None when there are none."""
    best = max(bars, key=lambda bar: bar.orders, default=None)
    return best if best and best.orders else None


@dataclass(frozen=True, slots=True)
class HandOffs:
    """How the hand-offs to riders ended, or that they have not yet."""

    delivered: int = 0
    under_way: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return self.delivered + self.under_way + self.failed + self.cancelled

    @property
    def delivered_share(self) -> float | None:
        """Of those that have an outcome."""
        return share(self.delivered, self.total - self.under_way)


@dataclass(frozen=True, slots=True)
class Row:
    """One store in the period, or all of them together. Seconds where not said otherwise."""

    orders: int = 0
    free: int = 0
    subsidised: int = 0
    lost: int = 0  # rejected or cancelled
    paused: int = 0
    ready_times: tuple[tuple[int, int], ...] = ()  # seconds from placed to ready, and how often
    handoffs: HandOffs = HandOffs()

    @property
    def free_share(self) -> float | None:
        return share(self.free, self.orders)

    @property
    def paused_minutes(self) -> int:
        return round(self.paused / 60)

    @property
    def median(self) -> float | None:
        return minutes(percentile(self.ready_times, 0.5))

    @property
    def p90(self) -> float | None:
        return minutes(percentile(self.ready_times, 0.9))


def together(rows: Sequence[Row]) -> Row:
    """All stores as one: counts and pauses added, times to ready taken over all orders."""
    handoffs = [row.handoffs for row in rows]
    return Row(
        orders=sum(row.orders for row in rows),
        free=sum(row.free for row in rows),
        subsidised=sum(row.subsidised for row in rows),
        lost=sum(row.lost for row in rows),
        paused=sum(row.paused for row in rows),
        ready_times=tuple(pair for row in rows for pair in row.ready_times),
        handoffs=HandOffs(
            delivered=sum(one.delivered for one in handoffs),
            under_way=sum(one.under_way for one in handoffs),
            failed=sum(one.failed for one in handoffs),
            cancelled=sum(one.cancelled for one in handoffs),
        ),
    )
