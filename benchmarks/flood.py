"""One store is flooded: what do the others feel of it, at the same load altogether?"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.figures import Aim, percentile
from benchmarks.intake import OURS_PG, Entrant, Opener
from benchmarks.storm import Storm

FLOODED = replace(OURS_PG, key="flood")
LOAD = 0.5  # of the peak
FLOOD = 0.9  # of the load goes to one store
CONNECTIONS = 1_000
WARM = 1.0  # seconds until the clock starts
MOST_MOVED = 1.2  # times: the quiet stores' p99 against an even spread
WAYS = {"even": "spread evenly", "flood": "90 % at one store", "alone": "quiet stores alone"}


@dataclass(slots=True)
class Flood:
    """The quiet stores' milliseconds, by way and round; `rate` is orders/s altogether."""

    rate: float = 0.0
    quiet: dict[str, list[list[float]]] = field(default_factory=lambda: {way: [] for way in WAYS})
    lost: int = 0
    name: str = "flood"

    def note(self, way: str, storm: Storm, flooded: str) -> None:
        """Add a round of a way."""
        stores = (times for code, times in storm.accepted.items() if code != flooded)
        self.quiet[way].append([took for times in stores for took in times])
        self.lost += len(storm.refused) + sum(storm.others.values()) + storm.unsent

    def lines(self) -> Iterator[str]:
        rounds = len(self.quiet["even"])
        yield f"The quiet stores at {self.rate:,.0f} orders/s, half the peak; medians of {rounds} rounds."
        for way, name in WAYS.items():
            p50, p99 = self._median(way, 50), self._median(way, 99)
            each = " ".join(f"{percentile(times, 99):.0f}" for times in self.quiet[way])
            yield f"{name:24} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  (rounds {each})"
        if self.lost:
            yield f"not stored: {self.lost:,}"

    def aims(self) -> Iterator[Aim]:
        moved = self._median("flood", 99) / self._median("even", 99)
        yield Aim.at_most("a quiet store's p99 beside a flood, against an even load", moved, MOST_MOVED)

    def document(self) -> Any:
        return {
            "rate": round(self.rate, 1),
            "not_stored": self.lost,
            **{way: {"p50_ms": self._median(way, 50), "p99_ms": self._median(way, 99)} for way in WAYS},
        }

    def _median(self, way: str, percent: float) -> float:
        return statistics.median(percentile(times, percent) for times in self.quiet[way])


def measure_flood(open_entrant: Opener, codes: Sequence[str], *, rounds: int, seconds: float) -> Flood:
    """The three ways in turn, every other round backwards, then the rows are counted."""
    flood = Flood()
    with ExitStack() as stack:
        entrant = open_entrant(stack, FLOODED)
        entrant.wait()
        for number in range(3):
            entrant.run(f"peak{number}", codes, 2.0)
        flood.rate = LOAD * entrant.series.rate
        for number in range(rounds):
            for way in list(WAYS)[:: -1 if number % 2 else 1]:
                storm = _blow(entrant, way, f"{way}{number}", codes, rate=flood.rate, seconds=seconds)
                flood.note(way, storm, codes[0])
        entrant.count()
    return flood


def _blow(
    entrant: Entrant, way: str, label: str, codes: Sequence[str], *, rate: float, seconds: float
) -> Storm:
    quiet = [(1 - FLOOD) / (len(codes) - 1)] * (len(codes) - 1)
    shares = {"even": [1.0] * len(codes), "flood": [FLOOD, *quiet], "alone": [0.0, *quiet]}[way]
    if way == "alone":
        rate *= 1 - FLOOD
    return entrant.blow(
        label, codes, shares=shares, rate=rate, warm=WARM, seconds=seconds, connections=CONNECTIONS
    )
