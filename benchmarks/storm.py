"""The open-loop load generator, a process of its own: it sends at a given rate whatever the answers are.

`python -m benchmarks.storm '{"port": …, "run": …, "codes": […], "rate": …, …}' <file>` writes one JSON object
(`Storm`) into the file. Arrivals are random (Poisson), the same in every run. Times run from the moment a
push was due, so what the generator itself is late counts too. Everything is made before the clock starts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.connection import Connection
from benchmarks.pushes import requests

GRACE = 20.0  # seconds for what is under way when the time is over
TICK = 0.001  # seconds between two looks at what is due


@dataclass(slots=True)
class Storm:
    """What one run saw. Times are milliseconds of pushes due after the warm-up: of the acknowledged ones by
    store, and of the refused ones (503). `goodput` is acknowledgements per second within the time, `stored`
    every acknowledgement. `others` are answers nobody should get, `bare` refusals without Retry-After,
    `unsent` pushes for which no connection was free."""

    goodput: float = 0.0
    offered: float = 0.0
    stored: int = 0
    accepted: dict[str, list[float]] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    bare: int = 0
    unsent: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """When which push of which store is due; seconds from the start."""

    due: Sequence[float]
    stores: Sequence[str]
    requests: Sequence[bytes]


def plan(*, run: str, codes: list[str], shares: list[float], rate: float, seconds: float) -> Plan:
    """`rate` pushes a second on average, spread over the stores by `shares`."""
    chance = random.Random(f"{codes} {shares}")
    count = int(rate * seconds)
    due = list(accumulate(chance.expovariate(rate) for _ in range(count)))
    stores = chance.choices(codes, weights=shares, k=count)
    return Plan(due, stores, requests(count, run=run, codes=stores))


class Sender:
    """Sends a plan through idle connections, the one used last first, as pools do."""

    def __init__(self, plan: Plan, *, warm: float) -> None:
        self._plan = plan
        self._warm = warm
        self._idle: list[Connection] = []
        self._next = 0
        self._under_way = 0
        self._good = 0
        self._statuses: Counter[bytes] = Counter()
        self._loop = asyncio.get_running_loop()
        self._storm = Storm(accepted={code: [] for code in set(plan.stores)})
        self.done = asyncio.Event()

    async def connect(self, port: int, connections: int) -> None:
        """Open the connections, some at a time."""
        for _ in range(0, connections, 100):
            made = [self._loop.create_connection(self._connection, "127.0.0.1", port) for _ in range(100)]
            self._idle += [protocol for _, protocol in await asyncio.gather(*made)]

    def start(self) -> None:
        """Begin to send."""
        self._begin = self._loop.time()
        self._end = self._begin + self._plan.due[-1]
        self._send_due()

    def report(self) -> Storm:
        """What was seen."""
        storm, span = self._storm, self._plan.due[-1] - self._warm
        storm.offered = sum(due >= self._warm for due in self._plan.due) / span
        storm.goodput = self._good / span
        storm.stored = self._statuses.pop(b"200", 0)
        self._statuses.pop(b"503", 0)
        storm.others = {status.decode(): count for status, count in self._statuses.items()}
        return storm

    def _connection(self) -> Connection:
        return Connection(self._answered, self._lost)

    def _send_due(self) -> None:
        due, requests = self._plan.due, self._plan.requests
        now = self._loop.time() - self._begin
        while self._next < len(due) and due[self._next] <= now:
            if self._idle:
                connection = self._idle.pop()
                connection.about = self._next
                self._under_way += 1
                connection.send(requests[self._next])
            else:
                self._storm.unsent += 1
            self._next += 1
        if self._next < len(due):
            self._loop.call_later(max(due[self._next] - now, TICK), self._send_due)
        else:
            self._end_if_over()

    def _answered(self, connection: Connection, status: bytes, head: bytes) -> None:
        now = self._loop.time()
        self._statuses[status] += 1
        self._under_way -= 1
        self._idle.append(connection)
        due = self._plan.due[connection.about]
        took = round((now - self._begin - due) * 1000, 2)
        if status == b"200":
            self._good += self._begin + self._warm <= now < self._end
            if due >= self._warm:
                self._storm.accepted[self._plan.stores[connection.about]].append(took)
        elif status == b"503":
            self._storm.bare += b"\r\nretry-after: " not in head
            if due >= self._warm:
                self._storm.refused.append(took)
        self._end_if_over()

    def _lost(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
            return
        self._statuses[b"lost"] += 1
        self._under_way -= 1
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._next == len(self._plan.due) and not self._under_way:
            self.done.set()


async def blow(
    *,
    port: int,
    run: str,
    codes: list[str],
    shares: list[float],
    rate: float,
    warm: float,
    seconds: float,
    connections: int,
) -> Storm:
    """Send at `rate` for `warm` and then `seconds`."""
    gc.disable()
    sender = Sender(plan(run=run, codes=codes, shares=shares, rate=rate, seconds=warm + seconds), warm=warm)
    await sender.connect(port, connections)
    sender.start()
    async with asyncio.timeout(warm + seconds + GRACE):
        await sender.done.wait()
    return sender.report()


def main() -> None:
    """Run as told on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(asdict(uvloop.run(blow(**told)))))


if __name__ == "__main__":
    main()
