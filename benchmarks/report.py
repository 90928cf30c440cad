"""The table people read and the JSON programs read."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.intake import FLOOR, OURS_LITE, OURS_PG, TUTORIAL_LITE, TUTORIAL_PG, Series

BASE = {"PostgreSQL": TUTORIAL_PG.key, "SQLite": TUTORIAL_LITE.key}


@dataclass(slots=True)
class Report:
    """Filled by a run. `ways` are latencies from the commit to a reader: name → milliseconds."""

    quick: bool
    series: list[Series] = field(default_factory=list)
    ways: Mapping[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        """The whole report."""
        return "\n".join([*self._intake(), ""])

    def _intake(self) -> list[str]:
        by_key = {series.contender.key: series for series in self.series}
        lines = [f"{'':34} {'on':10} {'orders/s':>9} {'× tutorial':>11} {'of floor':>9} {'p50 ms':>8} {'p99 ms':>8}"]
        for series in self.series:
            c = series.contender
            base = by_key.get(BASE[c.database])
            floor = by_key.get(FLOOR.key) if c.database == "PostgreSQL" else None
            lines.append(
                f"{c.name:34} {c.database:10} {series.rate:9,.0f} "
                f"{series.times(base) if base else 0:11.1f} {series.times(floor) if floor else 0:9.0%} {series.percentile(50):8.1f} {series.percentile(99):8.1f}  {[round(r) for r in series.rates]} stored {series.stored} refused {series.refused}"
            )
        return lines

    def write(self, path: Path) -> None:
        pass
