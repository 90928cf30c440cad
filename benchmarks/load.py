"""The load generator, a process of its own: a few connections, each with one push under way.

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
from typing import Any, cast

import uvloop

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
    """Hands pushes to the connections until the time or the pushes are used up."""

    def __init__(self, waiting: list[bytes], *, warm: float, seconds: float) -> None:
        self._waiting = waiting
        self._begin = time.perf_counter() + warm
        self._end = self._begin + seconds
        self._last = self._begin
        self._acks: list[float] = []
        self._statuses: Counter[bytes] = Counter()

    def next(self) -> bytes | None:
        """The next push, or None when it is time to stop."""
        if not self._waiting or time.perf_counter() >= self._end:
            return None
        return self._waiting.pop()

    def answered(self, status: bytes, sent_at: float) -> None:
        """Note an answer."""
        now = time.perf_counter()
        self._statuses[status] += 1
        if status == b"200" and self._begin <= now < self._end:
            self._acks.append((now - sent_at) * 1000)
            self._last = now

    def report(self) -> Load:
        """What was seen; a run that ran out of pushes is as long as its last answer."""
        ended = self._end if self._waiting else self._last
        stored = self._statuses.pop(b"200", 0)
        refused = {status.decode(): count for status, count in self._statuses.items()}
        latencies = [round(latency, 2) for latency in self._acks]
        return Load(len(self._acks), ended - self._begin, latencies, stored, refused)


class Connection(asyncio.Protocol):
    """One keep-alive connection; `done` is set once it has nothing more to do."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._buffer = b""
            self._run.answered(head[9:12], self._sent_at)
            self._send()

    def connection_lost(self, fault: Exception | None) -> None:
        if not self.done.done():
            self._run.answered(b"lost", self._sent_at)
            self.done.set_result(None)

    def _send(self) -> None:
        request = self._run.next()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def push_all(*, port: int, run: str, codes: list[str], most: int, warm: float, seconds: float) -> Load:
    """Push for `warm` and then `seconds`, at most `most` orders."""
    waiting = requests(most, run=run, codes=codes)[::-1]
    course = Run(waiting, warm=warm, seconds=seconds)
    loop = asyncio.get_running_loop()
    made = [loop.create_connection(lambda: Connection(course), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    connections = [protocol for _, protocol in await asyncio.gather(*made)]
    async with asyncio.timeout(warm + seconds + GRACE):
        await asyncio.gather(*(connection.done for connection in connections))
    return course.report()


def main() -> None:
    """Run as told on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(asdict(uvloop.run(push_all(**told)))))


if __name__ == "__main__":
    main()
