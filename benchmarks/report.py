"""The table people read and the JSON programs read."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.intake import FLOOR, OURS_LITE, OURS_PG, TUTORIAL_LITE, TUTORIAL_PG, Series
from benchmarks.latency import Ways
from benchmarks.load import CONNECTIONS

BASE = {"PostgreSQL": TUTORIAL_PG.key, "SQLite": TUTORIAL_LITE.key}
# What we aim at: (whom, compared with, at least).
AIMS = ((OURS_PG, TUTORIAL_PG, 15.0), (OURS_PG, FLOOR, 0.4), (OURS_LITE, TUTORIAL_LITE, 6.0))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of `values` do not exceed."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _line(name: str, database: str, *figures: str) -> str:
    return f"{name:34}{database:11}" + "".join(f"{figure:>11}" for figure in figures)


@dataclass(slots=True)
class Report:
    """Filled by a run."""

    rounds: int
    series: list[Series] = field(default_factory=list)
    ways: Ways | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        """The whole report."""
        lines = [*self._intake(), "", *self._aims(), "", *self._latencies(), *self.notes]
        return "\n".join([*lines, f"{self.seconds:.0f} s on {os.cpu_count()} cores."])

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._document(), indent=2, ensure_ascii=False) + "\n")

    def _intake(self) -> Iterator[str]:
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

    def _aims(self) -> Iterator[str]:
        for who, other, least in AIMS:
            series = next((series for series in self.series if series.contender is who), None)
            if series is not None and (ratio := self._ratio(series, other.key)) is not None:
                verdict = "reached" if ratio >= least else "MISSED"
                yield f"{verdict}: {who.name} ({who.database}) {ratio:.2f} × {other.name}, aim {least:g} ×"

    def _latencies(self) -> Iterator[str]:
        if self.ways is None:
            return
        yield "From the commit to the counter, whole site under Daphne, milliseconds:"
        for name, values in (("WebSocket client", self.ways.websocket), ("card in Chromium", self.ways.page)):
            if values:
                p50, p99 = percentile(values, 50), percentile(values, 99)
                yield f"{name:33}p50{p50:8.1f}  p99{p99:8.1f}  of {len(values)} orders"
        if self.ways.note:
            yield self.ways.note

    def _ratio(self, series: Series, key: str) -> float | None:
        """How many times the contender `key` on the same database; None if that was not measured."""
        for other in self.series:
            if other.contender.key == key and other.contender.database == series.contender.database:
                return series.times(other)
        return None

    def _document(self) -> dict[str, Any]:
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "seconds": round(self.seconds, 1),
            "rounds": self.rounds,
            "connections": CONNECTIONS,
            "intake": [self._entry(series) for series in self.series],
            "commit_to_counter_ms": self._ways_entry(),
            "notes": self.notes,
        }

    def _ways_entry(self) -> dict[str, dict[str, float]]:
        ways = self.ways or Ways()
        return {
            name: {"p50": percentile(values, 50), "p99": percentile(values, 99), "orders": len(values)}
            for name, values in (("websocket", ways.websocket), ("page", ways.page))
            if values
        }

    def _entry(self, series: Series) -> dict[str, Any]:
        return {
            "contender": series.contender.key,
            "database": series.contender.database,
            "orders_per_second": round(series.rate, 1),
            "rounds": [round(rate, 1) for rate in series.rates],
            "times_tutorial": self._ratio(series, BASE[series.contender.database]),
            "times_floor": self._ratio(series, FLOOR.key),
            "latency_ms": {"p50": percentile(series.latencies, 50), "p99": percentile(series.latencies, 99)},
            "acknowledged": series.acknowledged,
            "stored": series.stored,
            "refused": series.refused,
        }
