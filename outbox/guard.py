"""Keeping one account's trouble to itself: few calls at a time and a second, a rest after too many failures.

All three are kept per account and process. They protect the workers' threads and the account's quota; that
nothing is sent twice does not depend on them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from outbox.calling import CallFailed, Refused, Unreachable

MOST_AT_ONCE = 3  # of the eleven threads of the default worker
FAULTS_IN_A_ROW = 5
LONG_AGO = datetime.min.replace(tzinfo=UTC)
REST = 20.0  # seconds until one call tries again


class Resting(Exception):
    """No call now: come back in `wait` seconds. `busy` means that only others are being served."""

    def __init__(self, wait: float, *, busy: bool = False) -> None:
        super().__init__("the account is busy" if busy else "the account is resting")
        self.wait = wait
        self.busy = busy


class Guard:
    """One account's door. `per_second`: how many calls it lets in, with one second's worth in reserve."""

    def __init__(self, per_second: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._faults = 0
        self._closed_until = LONG_AGO
        self._per_second = per_second
        self._reserve, self._counted_at = per_second, LONG_AGO

    @contextmanager
    def admitted(self, *, now: datetime) -> Iterator[None]:
        """Around everything that belongs to one call. Raises Resting instead of waiting."""
        with self._lock:
            wait = (self._closed_until - now).total_seconds()
            if wait > 0:
                raise Resting(wait)
            # After a rest the first call alone finds out whether the trouble is over.
            if self._faults >= FAULTS_IN_A_ROW and self._inside:
                raise Resting(1.0)
            if self._inside >= MOST_AT_ONCE:
                raise Resting(1.0, busy=True)
            self._take_one(now)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @contextmanager
    def counted(self, *, now: datetime) -> Iterator[None]:
        """Around the call itself: its failures close the door, and so does an answer that asks for it."""
        try:
            yield
        except Refused:
            self._note(None, now)  # it is there, and says no
            raise
        except CallFailed as error:
            self._note(error, now)
            raise
        else:
            self._note(None, now)

    def _take_one(self, now: datetime) -> None:
        """One call of what the account may make in a second (a token bucket)."""
        if not self._per_second:
            return
        passed = max(0.0, (now - self._counted_at).total_seconds())
        most = max(1.0, self._per_second)
        self._reserve = min(most, self._reserve + passed * self._per_second)
        self._counted_at = now
        if self._reserve < 1:
            raise Resting((1 - self._reserve) / self._per_second, busy=True)
        self._reserve -= 1

    def _note(self, error: CallFailed | None, now: datetime) -> None:
        with self._lock:
            self._faults = 0 if error is None else self._faults + 1
            wait = error.wait if isinstance(error, Unreachable) else 0.0
            if self._faults >= FAULTS_IN_A_ROW:
                wait = max(wait, REST)
            if wait:
                self._closed_until = now + timedelta(seconds=wait)


@cache
def guard_of(name: str, per_second: float = 0.0) -> Guard:
    """The door of an account, in this process. `name` tells accounts apart: "courier:3", "channel:5"."""
    return Guard(per_second)
