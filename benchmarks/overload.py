"""Three times as much as intake can store: how much of its peak is left, and how fast the rest is refused."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.figures import Aim, percentile, spread
from benchmarks.intake import OURS_PG, Opener
from benchmarks.storm import Storm

OVERLOADED = replace(OURS_PG, key="overload")
TIMES = 3.0
# More than intake lets wait and what is on its way: a platform opens another one when all are busy.
CONNECTIONS = 4_000
WARM = 1.0  # seconds until the clock starts
LEAST_GOODPUT = 0.8  # of the peak
LONGEST_REFUSAL = 1_000.0  # milliseconds


@dataclass(slots=True)
class Overload:
    """`peaks` are orders/s of each round's closed loop; `storms` what the round's open loop saw."""

    peaks: list[float] = field(default_factory=list)
    storms: list[Storm] = field(default_factory=list)
    name: str = "overload"

    def lines(self) -> Iterator[str]:
        yield f"{TIMES:g} × overload: intake, uvicorn, PostgreSQL; medians of {len(self.storms)} rounds."
        peak = statistics.median(self.peaks)
        offered = statistics.median(storm.offered for storm in self.storms)
        good = statistics.median(storm.goodput for storm in self.storms)
        share = self._goodput()
        yield f"peak {peak:,.0f} orders/s, offered {offered:,.0f}/s, stored {good:,.0f}/s = {share:.0%}"
        refused, accepted = self._times()
        yield f"refused  {len(refused):>8,}  {spread(refused)} until told"
        yield f"stored   {len(accepted):>8,}  {spread(accepted)}"
        if faults := self._faults():
            yield f"neither stored nor properly refused: {dict(faults)}"

    def aims(self) -> Iterator[Aim]:
        yield Aim.at_least(f"goodput at {TIMES:g} × overload", self._goodput(), LEAST_GOODPUT, "of the peak")
        longest = max(self._times()[0], default=0.0)
        yield Aim.at_most("slowest refusal", longest, LONGEST_REFUSAL, "ms")
        faults = self._faults()
        yield Aim(f"everything is stored or refused with Retry-After: {dict(faults) or 'yes'}", not faults)

    def document(self) -> Any:
        refused, accepted = self._times()
        return {
            "peaks": [round(peak, 1) for peak in self.peaks],
            "offered": [round(storm.offered, 1) for storm in self.storms],
            "goodput": [round(storm.goodput, 1) for storm in self.storms],
            "goodput_of_peak": self._goodput(),
            "refused": len(refused),
            "refusal_ms": {
                "p50": percentile(refused, 50),
                "p99": percentile(refused, 99),
                "max": max(refused),
            },
            "stored_ms": {"p50": percentile(accepted, 50), "p99": percentile(accepted, 99)},
            "faults": self._faults(),
        }

    def _goodput(self) -> float:
        rounds = zip(self.storms, self.peaks, strict=True)
        return statistics.median(storm.goodput / peak for storm, peak in rounds)

    def _times(self) -> tuple[list[float], list[float]]:
        """Milliseconds of all refused and of all stored pushes."""
        refused = [took for storm in self.storms for took in storm.refused]
        stores = (times for storm in self.storms for times in storm.accepted.values())
        return refused, [took for times in stores for took in times]

    def _faults(self) -> Counter[str]:
        faults = Counter[str]()
        for storm in self.storms:
            faults.update(storm.others)
            faults.update({"503 without Retry-After": storm.bare, "not sent": storm.unsent})
        return +faults


def measure_overload(open_entrant: Opener, codes: Sequence[str], *, rounds: int, seconds: float) -> Overload:
    """Peak and storm in turn, then the rows are counted."""
    overload = Overload()
    with ExitStack() as stack:
        entrant = open_entrant(stack, OVERLOADED)
        entrant.wait()
        entrant.run("warm", codes, 1.0)
        for number in range(rounds):
            entrant.run(f"peak{number}", codes, seconds)
            overload.peaks.append(entrant.series.rates[-1])
            storm = entrant.blow(
                f"storm{number}",
                codes,
                shares=[1.0] * len(codes),
                rate=TIMES * overload.peaks[-1],
                warm=WARM,
                seconds=seconds,
                connections=CONNECTIONS,
            )
            overload.storms.append(storm)
        entrant.count()
    return overload
