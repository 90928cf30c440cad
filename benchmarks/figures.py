"""What every group of measurements hands to the report: lines, aims, and a document."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Aim:
    """What we want to reach, with the figures of whether we did."""

    what: str
    reached: bool

    @classmethod
    def at_least(cls, what: str, value: float, least: float, unit: str = "×") -> Aim:
        """`value` should be `least` or more."""
        return cls(f"{what}: {value:.2f} {unit}, aim ≥ {least:g} {unit}", value >= least)

    @classmethod
    def at_most(cls, what: str, value: float, most: float, unit: str = "×") -> Aim:
        """`value` should be `most` or less."""
        return cls(f"{what}: {value:.2f} {unit}, aim ≤ {most:g} {unit}", value <= most)

    def __str__(self) -> str:
        return f"{'reached' if self.reached else 'missed'}: {self.what}"


class Section(Protocol):
    """One group's results. `name` is its key in the JSON document."""

    name: str

    def lines(self) -> Iterator[str]:
        """For people."""

    def aims(self) -> Iterator[Aim]:
        """What was wanted; nothing about what was not measured."""

    def document(self) -> Any:
        """For programs."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of `values` do not exceed."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=1000, method="inclusive")[round(percent * 10) - 1]


def spread(values: Sequence[float]) -> str:
    """ "p50 12.3  p99 45.6  max 78.9 ms"."""
    p50, p99 = percentile(values, 50), percentile(values, 99)
    return f"p50 {p50:,.1f}  p99 {p99:,.1f}  max {max(values, default=float('nan')):,.1f} ms"
