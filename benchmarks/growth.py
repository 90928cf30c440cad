"""Does an order cost more when millions are stored? Two full sites of different size, in turn."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.figures import Aim, percentile
from benchmarks.intake import OURS_PG, Entrant, Opener, Series
from benchmarks.multiply import multiply

SIZES = (10_000, 2_000_000)
QUICK_SIZES = (10_000, 200_000)
BYTES = 8_000  # of disk an order takes with all that belongs to it, its indexes and a share of the log
SPARE = 4_000_000_000  # bytes that must stay free
MOST_DEARER = 1.2  # times


@dataclass(slots=True)
class Growth:
    """Orders stored before the first round, and the series measured with them."""

    sizes: list[int] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    note: str = ""
    name: str = "growth"

    def lines(self) -> Iterator[str]:
        yield "Cost of an order by how many are stored: intake, uvicorn, PostgreSQL; medians."
        for size, series in zip(self.sizes, self.series, strict=True):
            p99 = percentile(series.latencies, 99)
            each = " ".join(f"{rate:,.0f}" for rate in series.rates)
            yield (
                f"{size:>10,} stored: {1e6 / series.rate:6.0f} µs an order = {series.rate:,.0f} orders/s, "
                f"p99 {p99:.1f} ms  (rounds {each})"
            )
        if self.note:
            yield self.note

    def aims(self) -> Iterator[Aim]:
        if len(self.series) > 1:
            what = f"cost of an order at {self.sizes[-1]:,} stored against {self.sizes[0]:,}"
            yield Aim.at_most(what, self._dearer(), MOST_DEARER)

    def document(self) -> Any:
        sizes = {
            str(size): {
                "us_per_order": 1e6 / series.rate,
                "orders_per_second": series.rate,
                "p99_ms": percentile(series.latencies, 99),
            }
            for size, series in zip(self.sizes, self.series, strict=True)
        }
        return {"sizes": sizes, "dearer": self._dearer(), "note": self.note}

    def _dearer(self) -> float:
        """The median over the rounds, each compared with its own neighbour."""
        rounds = zip(self.series[0].rates, self.series[-1].rates, strict=True)
        return statistics.median(small / large for small, large in rounds)


def measure_growth(
    open_entrant: Opener,
    codes: Sequence[str],
    folder: Path,
    *,
    sizes: Sequence[int],
    rounds: int,
    seconds: float,
) -> Growth:
    """Fill, measure in turn, count. A size the disk has no room for is left out."""
    growth = Growth()
    with ExitStack() as stack:
        entrants: list[Entrant] = []
        for number, size in enumerate(sizes):
            if shutil.disk_usage(folder).free < size * BYTES + SPARE:
                growth.note = f"missed: the disk has no room for {size:,} orders."
                continue
            entrant = open_entrant(stack, replace(OURS_PG, key=f"growth{number}"))
            growth.sizes.append(_fill(entrant, codes, size))
            entrants.append(entrant)
        for number in range(rounds):
            for entrant in entrants[:: -1 if number % 2 else 1]:
                entrant.run(f"r{number}", codes, seconds)
        for entrant in entrants:
            entrant.count()
            growth.series.append(entrant.series)
    return growth


def _fill(entrant: Entrant, codes: Sequence[str], size: int) -> int:
    """Store some real orders and multiply them; returns how many there are now."""
    entrant.wait()
    entrant.run("seed", codes, 0.5)
    seeds = entrant.series.acknowledged
    copies = max(round(size / seeds) - 1, 1)
    multiply(entrant.url, copies=copies)
    entrant.series.acknowledged += seeds * copies
    entrant.series.rates.clear()
    entrant.series.latencies.clear()
    return entrant.series.acknowledged
