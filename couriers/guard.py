"""Keeping one courier's trouble to itself: few calls at a time, and a rest after too many failures.

Both are kept per courier account and process. They protect the workers' threads; that nothing is sent
twice does not depend on them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from couriers.providers.base import CallFailed, Refused, Unreachable

MOST_AT_ONCE = 3  # of the eight threads of the default worker
FAULTS_IN_A_ROW = 5
REST = 20.0  # seconds until one call tries again


class Resting(Exception):
    """No call now: come back in `wait` seconds. `busy` means that only others are being served."""

    def __init__(self, wait: float, *, busy: bool = False) -> None:
        super().__init__("the courier is busy" if busy else "the courier is resting")
        self.wait = wait
        self.busy = busy


class Guard:
    """One courier account's door."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._faults = 0
        self._closed_until = datetime.min.replace(tzinfo=UTC)

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
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @contextmanager
    def counted(self, *, now: datetime) -> Iterator[None]:
        """Around the call itself: its failures close the door, and so does a courier that asks for it."""
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

    def _note(self, error: CallFailed | None, now: datetime) -> None:
        with self._lock:
            self._faults = 0 if error is None else self._faults + 1
            wait = error.wait if isinstance(error, Unreachable) else 0.0
            if self._faults >= FAULTS_IN_A_ROW:
                wait = max(wait, REST)
            if wait:
                self._closed_until = now + timedelta(seconds=wait)


@cache
def guard_of(account_id: int) -> Guard:
    """The door of a courier account, in this process."""
    return Guard()
