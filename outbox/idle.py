"""Threads of this process that found nothing due in a queue and stay for a moment: the next job is theirs.

Starting one by a message costs a worker as much as a small job does. In a wave there is always one that is
idle: who writes a job in this process wakes it, and what others write it finds by looking now and then.
"""

import threading
import time
from functools import cache

EVERY = 0.1  # seconds between two looks at the table of all who are idle together


class Idle:
    """Those who wait for the next job of one queue."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = 0
        self._calls = 0  # for those who wait, and not heard yet
        self._looked = 0.0

    def wait(self, seconds: float) -> bool:
        """Stay for at most so long; True when it is time to look for a job."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._called(min(left, EVERY)) or self._is_my_turn():
                return True
        return False

    def call(self) -> bool:
        """Have one of them look now; False when all are at work, or nobody is here."""
        with self._changed:
            if self._calls >= self._waiting:
                return False
            self._calls += 1
            self._changed.notify()
        return True

    def anybody(self) -> bool:
        """Whether somebody waits whom nobody called yet."""
        with self._changed:
            return self._waiting > self._calls

    def _called(self, seconds: float) -> bool:
        with self._changed:
            self._waiting += 1
            called = self._changed.wait_for(lambda: self._calls > 0, seconds)
            self._waiting -= 1
            self._calls -= called
        return called

    def _is_my_turn(self) -> bool:
        with self._changed:
            now = time.monotonic()
            if now - self._looked < EVERY:
                return False
            self._looked = now
        return True


@cache
def idle_at(queue: str) -> Idle:
    """Those of a queue, in this process."""
    return Idle()
