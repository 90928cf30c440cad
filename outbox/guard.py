"""Keeping one account's trouble to itself: few calls at a time and a second, a rest after too many failures.

All three are kept per account and process. They protect the workers' threads and the account's quota; that
nothing is sent twice does not depend on them.

Why not pybreaker: it holds its lock for the whole of a call, so that one account's calls would stand in
line behind one that hangs (as a context manager it does not, but then lets everybody in after a rest); its
rests are all of one length, whatever Retry-After says; it tells nobody when to come back, and our jobs are
put off until then; and calls at a time and a second would still be ours to count, under a lock of our own.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from outbox.calling import CallFailed, Refused, Unreachable

# More than an account's lane lets through (`outbox.lanes`): some only ask for a price.
MOST_AT_ONCE = 16
FAULTS_IN_A_ROW = 5
LONG_AGO = datetime.min.replace(tzinfo=UTC)
REST = 20.0  # seconds until one call tries again
TRIAL_WAIT = 1.0  # seconds until the others ask how the one fared
SAME_REST = timedelta(seconds=60)  # a trial that fails later than that after a rest begins another


class Resting(Exception):
    """No call now: come back in `wait` seconds. `busy` means that only others are being served."""

    def __init__(self, wait: float, *, busy: bool = False) -> None:
        super().__init__("the account is busy" if busy else "the account is resting")
        self.wait = wait
        self.busy = busy


@dataclass(frozen=True, slots=True)
class Rest:
    """A while without calls: from the failure that closed the door until the next call may try.

    When that one fails too, it is the same rest, and lasts longer. `faults` is how many calls have failed in
    a row, `reason` what the last of them said.
    """

    began: datetime
    until: datetime
    faults: int
    reason: str


class Guard:
    """One account's door. `per_second`: how many calls it lets in, with one second's worth in reserve."""

    def __init__(self, per_second: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._trying = False
        self._faults = 0
        self._rest: Rest | None = None  # until a call succeeds
        self._untold = False
        self._per_second = per_second
        self._reserve, self._counted_at = per_second, LONG_AGO

    @contextmanager
    def admitted(self, *, now: datetime) -> Iterator[None]:
        """Around everything that belongs to one call. Raises Resting instead of waiting."""
        trial = self._let_in(now)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                self._trying = self._trying and not trial

    @contextmanager
    def counted(self, *, now: datetime) -> Iterator[None]:
        """Around the call itself: its failures close the door, and so does an answer that asks for it."""
        called = time.monotonic()
        try:
            yield
        except Refused:
            self._note_answer(now)  # it is there, and says no
            raise
        except CallFailed as error:
            # A rest is counted from the answer, in whole seconds as Retry-After is.
            self._note_fault(error, now + timedelta(seconds=round(time.monotonic() - called)))
            raise
        else:
            self._note_answer(now)

    def take_rest(self) -> Rest | None:
        """The rest as it stands, if it began or grew since it was last taken; for who keeps the history."""
        with self._lock:
            rest = self._rest if self._untold else None
            self._untold = False
            return rest

    def _let_in(self, now: datetime) -> bool:
        """Count one more inside; True for the one call that tries whether a rest is over."""
        with self._lock:
            wait = (self._rest.until - now).total_seconds() if self._rest else 0.0
            if wait > 0:
                raise Resting(wait)
            trial = self._rest is not None
            if trial and self._trying:
                raise Resting(TRIAL_WAIT)
            if self._inside >= MOST_AT_ONCE:
                raise Resting(1.0, busy=True)
            self._take_one(now)
            self._inside += 1
            self._trying = self._trying or trial
        return trial

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

    def _note_answer(self, now: datetime) -> None:
        """The trouble is over; but a rest is kept to its end, and a call from before it does not end it."""
        with self._lock:
            self._faults = 0
            if self._rest and now >= self._rest.until:
                self._rest = None

    def _note_fault(self, error: CallFailed, now: datetime) -> None:
        with self._lock:
            self._faults += 1
            wait = error.wait if isinstance(error, Unreachable) else 0.0
            if not wait and self._faults >= FAULTS_IN_A_ROW:
                wait = REST
            if wait:
                self._close(now, now + timedelta(seconds=wait), str(error))

    def _close(self, now: datetime, until: datetime, reason: str) -> None:
        before = self._rest
        if before and now <= before.until + SAME_REST:
            self._rest = Rest(before.began, max(before.until, until), self._faults, reason)
        else:
            self._rest = Rest(now, until, self._faults, reason)
        self._untold = True


@cache
def guard_of(name: str, per_second: float = 0.0) -> Guard:
    """The door of an account, in this process. `name` tells accounts apart: "courier:3", "channel:5"."""
    return Guard(per_second)
