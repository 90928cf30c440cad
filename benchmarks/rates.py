"""The table of who stores how many orders per second, and how they compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.figures import Aim, percentile
from benchmarks.intake import FLOOR, GUNICORN_PG, OURS_LITE, OURS_PG, TUTORIAL_LITE, TUTORIAL_PG, Series
from benchmarks.load import CONNECTIONS

BASE = {"PostgreSQL": TUTORIAL_PG.key, "SQLite": TUTORIAL_LITE.key}
# What we aim at: (whom, compared with, at least).
AIMS = (
    (OURS_PG, TUTORIAL_PG, 25.0),
    (OURS_PG, GUNICORN_PG, 5.0),
    (OURS_PG, FLOOR, 0.5),
    (OURS_LITE, TUTORIAL_LITE, 8.0),
)


def _line(name: str, database: str, *figures: str) -> str:
    return f"{name:34}{database:11}" + "".join(f"{figure:>11}" for figure in figures)


@dataclass(slots=True)
class Rates:
    """Filled series by series."""

    rounds: int
    series: list[Series] = field(default_factory=list)
    name: str = "intake"

    def lines(self) -> Iterator[str]:
        yield "Durable orders/s: acknowledged, and found in the database afterwards."
        yield f"{CONNECTIONS} connections, medians of {self.rounds} interleaved rounds."
        yield _line("", "on", "orders/s", "× tutorial", "of floor", "p50 ms", "p99 ms", "stored")
        for series in self.series:
            who = series.contender
            times, share = self._ratio(series, BASE[who.database]), self._ratio(series, FLOOR.key)
            yield _line(
                who.name,
                who.database,
                f"{series.rate:,.0f}",
                f"{times:.1f}" if times else "",
                f"{share:.0%}" if share else "",
                f"{percentile(series.latencies, 50):,.1f}",
                f"{percentile(series.latencies, 99):,.1f}",
                f"{series.stored:,}",
            )

    def aims(self) -> Iterator[Aim]:
        for who, other, least in AIMS:
            series = next((series for series in self.series if series.contender is who), None)
            if series is not None and (ratio := self._ratio(series, other.key)) is not None:
                yield Aim.at_least(f"{who.name} ({who.database}) against {other.name}", ratio, least)

    def document(self) -> Any:
        return [self._entry(series) for series in self.series]

    def _ratio(self, series: Series, key: str) -> float | None:
        """How many times the contender `key` on the same database; None if that was not measured."""
        for other in self.series:
            if other.contender.key == key and other.contender.database == series.contender.database:
                return series.times(other)
        return None

    def _entry(self, series: Series) -> dict[str, Any]:
        return {
            "contender": series.contender.key,
            "database": series.contender.database,
            "orders_per_second": round(series.rate, 1),
            "rounds": [round(rate, 1) for rate in series.rates],
            "times_tutorial": self._ratio(series, BASE[series.contender.database]),
            "times_gunicorn": self._ratio(series, GUNICORN_PG.key),
            "times_floor": self._ratio(series, FLOOR.key),
            "latency_ms": {"p50": percentile(series.latencies, 50), "p99": percentile(series.latencies, 99)},
            "acknowledged": series.acknowledged,
            "stored": series.stored,
            "refused": series.refused,
        }
