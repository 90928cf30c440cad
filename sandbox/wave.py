"""The day of 6 February as numbers (pure): how busy it is at a minute of the day, and what is ordered.

A day goes from 09:30 to 21:30 and starts again. Intensity 1 is the noon peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

OPENS, CLOSES = 9 * 60 + 30, 21 * 60 + 30  # minutes of the day
# minute of the day → intensity; straight lines between
SHAPE: tuple[tuple[int, float], ...] = (
    (OPENS, 0.04),
    (9 * 60 + 58, 0.06),
    (10 * 60, 0.20),
    (10 * 60 + 20, 0.45),
    (11 * 60 + 20, 0.70),
    (12 * 60, 1.00),
    (12 * 60 + 25, 0.90),
    (13 * 60 + 30, 0.38),
    (14 * 60 + 30, 0.14),
    (16 * 60, 0.10),
    (17 * 60 + 30, 0.22),
    (18 * 60 + 30, 0.34),
    (19 * 60 + 30, 0.22),
    (20 * 60 + 15, 0.26),
    (21 * 60, 0.10),
    (CLOSES, 0.02),
)
# minute of the day → share of free orders; the campaign opens at 10:00 and runs dry in the afternoon
FREE: tuple[tuple[int, float], ...] = (
    (OPENS, 0.0),
    (9 * 60 + 59, 0.0),
    (10 * 60, 0.70),
    (12 * 60, 0.80),
    (13 * 60 + 30, 0.55),
    (15 * 60, 0.20),
    (18 * 60, 0.15),
    (CLOSES, 0.10),
)
SUBSIDISED = 0.35  # share of the orders that are not free


def _between(points: tuple[tuple[int, float], ...], minute: float) -> float:
    for (left, low), (right, high) in pairwise(points):
        if left <= minute <= right:
            return low + (high - low) * (minute - left) / (right - left)
    return 0.0


def intensity(minute: float) -> float:
    """Return how busy a minute of the day is, 0 to 1; 0 outside opening hours.

    >>> intensity(12 * 60)
    1.0
    """
    return _between(SHAPE, minute)


def free_share(minute: float) -> float:
    """Return the share of orders that cost the guest nothing."""
    return _between(FREE, minute)


def funding(minute: float, draw: float) -> str:
    """Return "free", "subsidised" or "paid" for a draw between 0 and 1."""
    free = free_share(minute)
    if draw < free:
        return "free"
    return "subsidised" if draw < free + (1 - free) * SUBSIDISED else "paid"


def shares(capacities: dict[str, int]) -> dict[str, float]:
    """Return each store's part of the brand's orders, by what its counter can make; the sum is 1."""
    total = sum(capacities.values())
    return {code: capacity / total for code, capacity in capacities.items()}


@dataclass(frozen=True, slots=True)
class DayClock:
    """The demo's clock: `speed` day-seconds pass in a second; `started` is a monotonic second."""

    started: float
    speed: float
    from_minute: float = OPENS

    def minute(self, now: float) -> float:
        """Return the minute of the day; after closing time the next day opens."""
        passed = (now - self.started) * self.speed / 60
        return OPENS + (self.from_minute - OPENS + passed) % (CLOSES - OPENS)

    def changed(self, now: float, *, speed: float | None = None, minute: float | None = None) -> DayClock:
        """Return a clock that goes on from here at another speed, or from another minute."""
        here = self.minute(now) if minute is None else min(max(minute, OPENS), CLOSES - 0.001)
        return DayClock(now, self.speed if speed is None else speed, here)


def clock_text(minute: float) -> str:
    """Return "HH:MM"."""
    return f"{int(minute) // 60:02}:{int(minute) % 60:02}"


def parse_clock(text: str) -> float:
    """Read "HH:MM". Raises ValueError."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + float(minutes)
