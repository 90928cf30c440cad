"""From the shelf to the courier: how long until it is asked, at a steady rate and with one tap for many.

Everything is real but the couriers: worker processes, PostgreSQL that survives a power cut, Redis, and the
sandbox's four couriers, each of whose answers takes 300 ms and whose riders take twenty minutes, as in life.
Time runs from the commit that made an order ready to the arrival of the create, by the sandbox's clock, which
is this machine's.

A courier lets an account make 5 to 20 calls a second, of whatever process. So twenty orders a second are
those of twelve stores with accounts of their own, as the stores of many franchisees have: with one account of
each courier for all, orders would go without every second price, and be the quicker for it. How many prices
were asked for is measured, too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.databases import ROOT
from benchmarks.figures import Aim, percentile
from benchmarks.lab import Lab
from tests.chaos.carriage.database import Database
from tests.chaos.carriage.works import CHILDREN, THREADS, Crew, Works

COURIERS = ("dada", "peisong", "uber", "doordash")
CALL = 0.3  # seconds until a courier answers
PACE = 20  # of the riders; at 1 an order is brought in a minute
RATE = 20.0  # orders that become ready in a second
LONGEST = 1_000.0  # milliseconds, for 95 of 100
LEAST_TIMES = 3.0  # the baseline's
PATIENCE = 180.0  # seconds for the last order to be asked for
HOW = {"shares": "couriers in shares", "cheapest": "the cheapest of four prices"}
MOST_PRICES = 1_000_000  # more than are ever asked for
LEAST_PRICES = 3.9  # of the four of each order


@dataclass(frozen=True, slots=True)
class Pool:
    """Two processes to measure, one for each core; `bulk` is how many orders their tap has."""

    key: str
    name: str
    workers: Sequence[Sequence[str]]
    ways: Sequence[str]
    bulk: int


OURS = Pool("threads", "two workers with threads", (THREADS, THREADS), ("shares", "cheapest"), 1_000)
# What `celery worker` starts by itself on two cores.
BASELINE = Pool("prefork", "one worker with two child processes", (CHILDREN,), ("shares",), 200)


@dataclass(slots=True)
class Run:
    """What one pool did: `waits` in milliseconds by way, `asked` in seconds after the tap, of each order.

    `prices` is how many couriers were asked for the price of an order, on average, by way. `progress` is what
    a person saw of the tap: (seconds, orders done). `times` sums what the worker's time was spent on while
    the tap was worked off.
    """

    pool: Pool
    waits: dict[str, list[float]] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)
    progress: list[tuple[float, int]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Orders a second for which a courier was asked, of the tap."""
        return len(self.asked) / max(self.asked, default=float("nan"))

    @property
    def tasks(self) -> float:
        """Jobs a second that the worker ran meanwhile."""
        return self.times["jobs"] / max(self.asked, default=float("nan"))

    @property
    def own(self) -> float:
        """The share of the worker's time not spent waiting for couriers."""
        return 1 - self.times["waiting"] / self.times["busy"] if self.times["busy"] else float("nan")


@dataclass(slots=True)
class HandOffs:
    """Both pools, ours first."""

    runs: list[Run] = field(default_factory=list)
    name: str = "handoff"

    def lines(self) -> Iterator[str]:
        yield f"Ready → courier asked, {RATE:g} orders/s, calls of {CALL * 1000:.0f} ms, durable PostgreSQL."
        for run in self.runs:
            for way, waits in run.waits.items():
                p50, p95 = percentile(waits, 50), percentile(waits, 95)
                figures = f"p50 {p50:7,.0f} ms  p95 {p95:7,.0f} ms  max {max(waits):7,.0f} ms"
                asked = f", {run.prices[way]:.2f} prices each" if run.prices[way] else ""
                yield f"{run.pool.name:36} {HOW[way]:28} {figures}  of {len(waits)}{asked}"
        yield "One tap for many orders of a store, couriers in shares:"
        for run in self.runs:
            took = f"{len(run.asked):,} asked for in {max(run.asked):.1f} s: {run.rate:.1f}/s"
            yield f"{run.pool.name:36} {took}"
            yield f"{'':36} {run.tasks:.0f} tasks/s; {run.own:.0%} of the time not waiting for couriers"
            yield f"{'':36} seen done after: {_quarters(run.progress)}"

    def aims(self) -> Iterator[Aim]:
        ours, baseline = self.runs
        for way, waits in ours.waits.items():
            yield Aim.at_most(f"ready → asked, p95, {HOW[way]}", percentile(waits, 95), LONGEST, "ms")
        yield Aim.at_least("prices asked for of an order", ours.prices["cheapest"], LEAST_PRICES, "of 4")
        yield Aim.at_least("threads against child processes, one tap", ours.rate / baseline.rate, LEAST_TIMES)

    def document(self) -> Any:
        return [
            {
                "pool": run.pool.key,
                "prices": {way: round(prices, 2) for way, prices in run.prices.items()},
                "wait_ms": {
                    way: {"p50": percentile(waits, 50), "p95": percentile(waits, 95), "orders": len(waits)}
                    for way, waits in run.waits.items()
                },
                "tap": {
                    "orders": len(run.asked),
                    "seconds": round(max(run.asked), 2),
                    "orders_per_second": round(run.rate, 1),
                    "tasks_per_second": round(run.tasks, 1),
                    "share_not_waiting": round(run.own, 3),
                    "processor_seconds": round(run.times["processor"], 2),
                    "median_asked": round(statistics.median(run.asked), 2),
                },
            }
            for run in self.runs
        ]


def measure_handoff(lab: Lab, *, seconds: float) -> HandOffs:
    """Ours, then the baseline, which gets half the time: its orders only wait longer and longer."""
    baseline = replace(BASELINE, bulk=BASELINE.bulk if seconds > 10 else 60)
    ours = replace(OURS, bulk=OURS.bulk if seconds > 10 else 200)
    return HandOffs([_measure(lab, ours, seconds), _measure(lab, baseline, seconds / 2)])


def _measure(lab: Lab, pool: Pool, seconds: float) -> Run:
    run, count = Run(pool), int(seconds * RATE)
    with ExitStack() as stack:
        tested = _Tested(lab, stack, pool, orders=count * len(pool.ways))
        for number, way in enumerate(pool.ways):
            tested.choose(way)
            before = tested.prices()
            run.waits[way] = tested.steady(range(number * count, (number + 1) * count))
            run.prices[way] = (tested.prices() - before) / count
        tested.choose("shares")
        run.asked, run.progress, run.times = tested.tap()
    return run


class _Tested:
    """One pool with everything around it."""

    def __init__(self, lab: Lab, stack: ExitStack, pool: Pool, *, orders: int) -> None:
        self._folder = lab.folder / f"handoff-{pool.key}"
        self._folder.mkdir()
        self._times = self._folder / "times"
        self._pool, self._orders = pool, orders
        environment = {"PORTAL_BENCH_TIMES": str(self._times)}
        crew = Crew(pool.workers, "benchmarks.contenders.timed_worker", environment)
        database = Database(lab.database("PostgreSQL", f"handoff_{pool.key}").url)
        self._works = Works(stack, self._folder, database, crew)
        self._works.prepare(orders=orders, state="making", at_one_store=pool.bulk, own_accounts=True)
        self._works.start()
        self._works.tell("riders", {"scale": PACE})
        for courier in COURIERS:
            slow = {"target": courier, "kind": "slow", "seconds": CALL}
            self._works.tell("faults", {**slow, "times": MOST_PRICES, "path": "/quote"})
            self._works.tell("faults", {**slow, "times": -1})

    def choose(self, way: str) -> None:
        """Have all stores choose their couriers so."""
        self._tell({"by": way})

    def prices(self) -> int:
        """How many couriers were asked for so far."""
        left = [int(fault["times"]) for fault in self._works.faults() if fault["path"] == "/quote"]
        return len(left) * MOST_PRICES - sum(left)

    def steady(self, places: range) -> list[float]:
        """Milliseconds of each order, made ready one after the other."""
        ids = self._ids(places)
        seen = self._tell({"rate": RATE, "orders": ids})
        ready = {int(order): at for order, at in seen.items()}
        arrived = self._arrivals(ids)
        return [(arrived[order] - ready[order]) * 1000 for order in ids]

    def tap(self) -> tuple[list[float], list[tuple[float, int]], Counter[str]]:
        """Seconds of each order after the tap, what was seen of it, and what the worker's time went into."""
        ids = self._ids(range(self._orders, self._orders + self._pool.bulk))
        before = self._spent()
        seen = self._tell({"bulk": ids})
        arrived = self._arrivals(ids)
        time.sleep(1)  # the last sums are written
        spent = self._spent()
        spent.subtract(before)
        return [arrived[order] - seen["begun"] for order in ids], seen["progress"], spent

    def _ids(self, places: range) -> list[int]:
        found = self._works.database.rows("SELECT id FROM orders_order ORDER BY id")
        return [found[place][0] for place in places]

    def _arrivals(self, ids: Sequence[int]) -> Mapping[int, float]:
        """Order → when its first create arrived, once all have."""
        until = time.monotonic() + PATIENCE
        wanted = set(ids)
        while True:
            arrived = self._arrived()
            if wanted <= arrived.keys():
                return arrived
            assert time.monotonic() < until, f"{len(wanted - arrived.keys())} orders were never asked for"
            time.sleep(0.5)

    def _arrived(self) -> dict[int, float]:
        rows = self._works.database.rows("SELECT origin_id, order_id FROM couriers_handoff")
        orders: dict[str, int] = dict(rows)
        arrived: dict[int, float] = {}
        for errand in sorted(self._works.errands(), key=lambda one: float(one["created_at"])):
            if (order := orders.get(errand["origin_id"])) is not None:
                arrived.setdefault(order, errand["created_at"] - CALL)
        return arrived

    def _spent(self) -> Counter[str]:
        sums = Counter[str]()
        for path in self._folder.glob("times.*[0-9]"):
            sums.update(json.loads(path.read_text()))
        return sums

    def _tell(self, told: Mapping[str, object]) -> Any:
        seen = self._folder / "seen.json"
        command = [sys.executable, "-m", "benchmarks.counter", json.dumps(told), str(seen)]
        subprocess.run(command, cwd=ROOT, env=self._works.environment, check=True)
        return json.loads(Path(seen).read_text())


def _quarters(progress: Sequence[tuple[float, int]]) -> str:
    """ "25 % 1.2 s, 50 % …": when a person saw how much of it done."""
    total = progress[-1][1]
    return ", ".join(
        f"{share} % {next(at for at, done in progress if done >= total * share / 100):.1f} s"
        for share in (25, 50, 75, 100)
    )
