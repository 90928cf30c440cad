"""Another process with a guard of its own: one JSON request a line comes in, one answer a line goes out.

`python -m outbox.tests.neighbour '{"name": …, "url": …, "per_second": …}'`. Moments are seconds after NOW.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import TracebackType
from typing import Any, Self

from outbox.calling import Uncertain, Unreachable
from outbox.guard import Guard, Resting

NOW = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)
Answer = Any


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def call(guard: Guard, at: float) -> Answer:
    """ "called", or "resting" or "busy" and for how long."""
    try:
        with guard.admitted(now=after(at)), guard.counted(now=after(at)):
            return "called"
    except Resting as resting:
        return ["busy" if resting.busy else "resting", resting.wait]


def fail(guard: Guard, at: float, wait: float = 0, times: int = 1) -> Answer:
    """Calls that end badly, each with a rest asked for, or not; the rest that it came to."""
    for _ in range(times):
        try:
            with guard.admitted(now=after(at)), guard.counted(now=after(at)):
                raise Unreachable("too many calls", wait=wait) if wait else Uncertain("no reply")
        except (Unreachable, Uncertain):
            pass
    rest = guard.take_rest()
    return rest and [(rest.began - NOW).total_seconds(), (rest.until - NOW).total_seconds(), rest.faults]


def rush(guard: Guard, at: float, threads: int, begin: float) -> Answer:
    """So many at the same moment of the real clock: how many were let in. They stay for a while, and say
    nothing of how it was."""
    start = Barrier(threads)

    def one(_number: int) -> bool:
        start.wait(20)
        time.sleep(max(0.0, begin - time.time()))
        try:
            with guard.admitted(now=after(at)):
                time.sleep(1)
                return True
        except Resting:
            return False

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one, range(threads)))


def knock(guard: Guard, begin: float, end: float) -> Answer:
    """As often as it goes between two moments of the real clock: how many calls were let in."""
    time.sleep(max(0.0, begin - time.time()))
    let_in = 0
    while time.time() < end:
        try:
            with guard.admitted(now=datetime.now(UTC)):
                let_in += 1
        except Resting:
            time.sleep(0.002)
    return let_in


class Neighbour:
    """The process, as the test sees it."""

    def __init__(self, *, name: str, url: str, per_second: float = 0.0) -> None:
        told = json.dumps({"name": name, "url": url, "per_second": per_second})
        command = [sys.executable, "-m", "outbox.tests.neighbour", told]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def begin(self, doing: str, **facts: float) -> None:
        """Have it do something; `result` waits for what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([doing, facts]) + "\n")
        self._process.stdin.flush()

    def result(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return json.loads(line)

    def do(self, doing: str, **facts: float) -> Answer:
        self.begin(doing, **facts)
        return self.result()

    def errors(self) -> str:
        """End it; what it logged."""
        return self._process.communicate()[1]


def main() -> None:
    told = json.loads(sys.argv[1])
    guard = Guard(told["per_second"], name=told["name"], url=told["url"])
    doings = {"call": call, "fail": fail, "rush": rush, "knock": knock}
    for line in sys.stdin:
        doing, facts = json.loads(line)
        print(json.dumps(doings[doing](guard, **facts)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
