"""One run: release orders as fast as they are carried, let the storm blow, heal, and check.

`python -m tests.chaos.carriage.run` is the long form: one run after the other, each from an empty database
and with a seed of its own, so that what went well stands when the machine is needed for something else after
an hour. PORTAL_CHAOS_ORDERS sets how many orders there are in all, PORTAL_CHAOS_SEED what goes wrong in the
first run: of as many orders as the seed was printed with.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.carriage.checker import faults
from tests.chaos.carriage.database import Database, open_database
from tests.chaos.carriage.feed import Feed
from tests.chaos.carriage.storm import Storm, Weather
from tests.chaos.carriage.works import CHILDREN, THREADS, Crew, Works

ORDERS = 100_000
AT_MOST = 20_000  # of one run
# Of the calls to couriers so many end with the end of the process that made them.
MORTAL, DIE = "tests.chaos.carriage.mortal", 0.003
TICK, LOOK_EVERY, SAY_EVERY = 0.05, 0.5, 10.0  # seconds
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """`at_once`: orders released and not settled; `least`: seconds of storm at least; `lease`: a job's;
    `patience`: seconds from the end of the storm until everything is settled; last tries are minutes apart.

    Some workers have threads and one has child processes: what dies differs.
    """

    orders: int
    at_once: int = 1_500
    least: float = 0.0
    lease: int = 30
    patience: float = 900.0
    pools: Sequence[Sequence[str]] = (THREADS, CHILDREN, THREADS, THREADS)
    weather: Weather = field(default_factory=Weather)

    @property
    def environment(self) -> dict[str, str]:
        """What `mortal` is told."""
        return {"PORTAL_CHAOS_DIE": str(DIE), "PORTAL_CHAOS_LEASE": str(self.lease)}


@dataclass(slots=True)
class Result:
    """What a run came to."""

    orders: int
    seconds: float = 0.0
    healed_in: float = 0.0
    done: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    errands: int = 0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        speed = f"{self.seconds:.0f} s ({self.orders / self.seconds:.1f}/s)"
        what = ", ".join(f"{count:,} {name}" for name, count in self.done.items())
        ends = ", ".join(f"{count:,} {name}" for name, count in sorted(self.outcomes.items()))
        return [
            f"{self.orders:,} orders in {speed}, healed {self.healed_in:.0f} s later",
            f"storm: {what}",
            f"{self.errands:,} errands at the couriers; hand-offs: {ends}",
            *(f"WRONG: {fault}" for fault in self.faults[:SHOWN]),
            f"{len(self.faults):,} faults" if self.faults else "never two live errands, nothing left open",
        ]


def run(plan: Plan, *, seed: str, say: Callable[[str], None]) -> Result:
    """The whole of it; everything that was started has ended when this returns."""
    result = Result(plan.orders)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-chaos-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        database = open_database(stack, folder)
        works = Works(stack, folder, database, Crew(plan.pools, MORTAL, plan.environment))
        works.prepare(orders=plan.orders, own_accounts=True)
        works.start()
        say("everything is up")
        feed = Feed(database, plan.orders)
        storm = Storm(works, Random(seed), plan.weather)
        begun = time.monotonic()
        storm.begin()
        _blow(works, storm, feed, plan, say)
        result.seconds = time.monotonic() - begun
        storm.end()
        _settle(works, feed, plan, say)
        result.healed_in = time.monotonic() - begun - result.seconds
        errands = works.errands()
        result.errands = len(errands)
        result.done = {**storm.done, "called off by people": _called_off(database)}
        result.outcomes = dict(database.rows("SELECT state, count(*) FROM couriers_handoff GROUP BY state"))
        result.faults = [*faults(database, errands), *_dumps(folder)]
    return result


def _blow(works: Works, storm: Storm, feed: Feed, plan: Plan, say: Callable[[str], None]) -> None:
    """Until every order is released, and it has lasted long enough."""
    begun = looked = said = time.monotonic()
    while feed.waiting or time.monotonic() < begun + plan.least:
        works.tend()
        storm.tend()
        now = time.monotonic()
        if now - looked >= LOOK_EVERY:
            looked = now
            feed.fill(plan.at_once)
            feed.hurry()
        if now - said >= SAY_EVERY:
            said, rate = now, feed.released / (now - begun)
            say(f"{feed.released:,} of {feed.orders:,} orders released, {rate:.1f}/s; {dict(storm.done)}")
        time.sleep(TICK)


def _dumps(folder: Path) -> Iterator[str]:
    """Workers that left messages in a file because they could not put them back: nobody would find them."""
    for log in sorted((folder / "log").glob("worker*.log")):
        if "EMERGENCY DUMP" in log.read_text(errors="replace"):
            yield f"{log.stem} dumped messages into a file"


def _called_off(database: Database) -> int:
    """How many hand-offs people ended because they wanted somebody else."""
    statement = "SELECT count(*) FROM couriers_handoff WHERE end_cause = 'store'"
    return int(database.rows(statement)[0][0])


def _settle(works: Works, feed: Feed, plan: Plan, say: Callable[[str], None]) -> None:
    """Until nothing is open, or patience is at an end: then the check will tell."""
    until, said = time.monotonic() + plan.patience, 0.0
    while time.monotonic() < until and (left := feed.left()):
        works.tend()
        feed.hurry()
        if time.monotonic() > said:
            said = time.monotonic() + SAY_EVERY
            say(f"{left:,} to settle")
        time.sleep(LOOK_EVERY)


def main() -> int:
    """The long form."""
    orders = int(os.environ.get("PORTAL_CHAOS_ORDERS", ORDERS))
    seed = os.environ.get("PORTAL_CHAOS_SEED") or secrets.token_hex(4)
    done = 0
    while done < orders:
        result = _run_one(min(AT_MOST, orders - done), seed)
        if result.faults:
            return 1
        done, seed = done + result.orders, secrets.token_hex(4)
        _say(f"{done:,} of {orders:,} orders in all\n")
    return 0


def _run_one(orders: int, seed: str) -> Result:
    which = f"chaos seed: {seed}, orders: {orders}"
    _say(which)
    result = run(Plan(orders), seed=seed, say=_say)
    _say("\n".join([*result.lines(), which]))
    return result


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
