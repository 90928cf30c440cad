"""The closed-loop load generator, a process of its own: a few connections, each with one push under way.

`python -m benchmarks.load '{"port": …, "run": …, "codes": […], "most": …, "warm": …, "seconds": …}' <file>`
writes one JSON object (`Load`) into the file. Pushes are signed before the clock starts; all get the same.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.connection import Connection
from benchmarks.pushes import requests

CONNECTIONS = 64
GRACE = 15.0  # seconds for what is under way when the time is over


@dataclass(frozen=True, slots=True)
class Load:
    """What one run saw. `orders` and `latencies` (ms) count what was acknowledged within `seconds`,
    after the warm-up; `stored` counts every acknowledgement, `refused` every other answer by status."""

    orders: int
    seconds: float
    latencies: list[float]
    stored: int
    refused: dict[str, int]


class Run:
    """Keeps every connection busy until the time or the pushes are used up; then `done` is set."""

    def __init__(self, waiting: list[bytes], *, warm: float, seconds: float) -> None:
        self._waiting = waiting
        self._begin = time.perf_counter() + warm
        self._end = self._begin + seconds
        self._last = self._begin
        self._acks: list[float] = []
        self._statuses: Counter[bytes] = Counter()
        self._open = 0
        self.done = asyncio.Event()

    def connection(self) -> Connection:
        """A new connection of this run."""
        self._open += 1
        return Connection(self._answered, self._lost)

    def go_on(self, connection: Connection) -> None:
        """Send the next push, or hang up when it is time to stop."""
        connection.sent_at = time.perf_counter()
        if self._waiting and connection.sent_at < self._end:
            connection.send(self._waiting.pop())
        else:
            connection.sent_at = 0.0
            connection.close()

    def _answered(self, connection: Connection, status: bytes, head: bytes) -> None:
        now = time.perf_counter()
        self._statuses[status] += 1
        if status == b"200" and self._begin <= now < self._end:
            self._acks.append((now - connection.sent_at) * 1000)
            self._last = now
        self.go_on(connection)

    def _lost(self, connection: Connection) -> None:
        if connection.sent_at:
            self._statuses[b"lost"] += 1
        self._open -= 1
        if not self._open:
            self.done.set()

    def report(self) -> Load:
        """What was seen; a run that ran out of pushes is as long as its last answer."""
        ended = self._end if self._waiting else self._last
        stored = self._statuses.pop(b"200", 0)
        refused = {status.decode(): count for status, count in self._statuses.items()}
        latencies = [round(latency, 2) for latency in self._acks]
        return Load(len(self._acks), ended - self._begin, latencies, stored, refused)


async def push_all(*, port: int, run: str, codes: list[str], most: int, warm: float, seconds: float) -> Load:
    """Push for `warm` and then `seconds`, at most `most` orders."""
    waiting = requests(most, run=run, codes=codes)[::-1]
    course = Run(waiting, warm=warm, seconds=seconds)
    loop = asyncio.get_running_loop()
    made = [loop.create_connection(course.connection, "127.0.0.1", port) for _ in range(CONNECTIONS)]
    for _, connection in await asyncio.gather(*made):
        course.go_on(connection)
    async with asyncio.timeout(warm + seconds + GRACE):
        await course.done.wait()
    return course.report()


def main() -> None:
    """Run as told on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(asdict(uvloop.run(push_all(**told)))))


if __name__ == "__main__":
    main()
