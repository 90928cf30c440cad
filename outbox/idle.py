"""Threads of this process that found nothing due in a queue and stay for a moment: the next job is theirs.

Starting one by a message costs a worker as much as a small job does; waking one that is still here costs
nothing, and in a wave there always is one.
"""

import threading
from functools import cache


class Idle:
    """Those who wait for the next job of one queue."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = 0
        self._calls = 0  # for those who wait, and not heard yet

    def wait(self, seconds: float) -> bool:
        """Stay for as long; True when called."""
        with self._changed:
            self._waiting += 1
            called = self._changed.wait_for(lambda: self._calls > 0, seconds)
            self._waiting -= 1
            self._calls -= called
        return called

    def call(self) -> bool:
        """Have one of them look again; False when all are at work, or nobody is here."""
        with self._changed:
            if self._calls >= self._waiting:
                return False
            self._calls += 1
            self._changed.notify()
        return True


@cache
def idle_at(queue: str) -> Idle:
    """Those of a queue, in this process."""
    return Idle()
