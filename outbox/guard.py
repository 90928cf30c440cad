"""Keeping one account's trouble to itself: few calls at a time and a second, a rest after too many failures.

How many calls are under way is counted per process. The calls a second, the faults in a row, the rest and who
tries after it are shared by all processes, through Redis (`outbox.shared_doors`): one question before a call,
none after a good one of a healthy account. While Redis is away each process goes by what it knows
(`outbox.doors`). All of it protects the workers' threads and the account's quota; that nothing is sent twice
does not depend on it.

Why not pybreaker: it holds its lock for the whole of a call, so that one account's calls would stand in
line behind one that hangs (as a context manager it does not, but then lets everybody in after a rest); its
rests are all of one length, whatever Retry-After says; it tells nobody when to come back, and our jobs are
put off until then; and calls at a time and a second would still be ours to count, under a lock of our own.
Of those that share their state, see docs/adr/0010.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings

from outbox.calling import CallFailed, Refused, Unreachable
from outbox.doors import BUSY, CLOSED, IN, SECOND, Door, Known, Pace, Word, moment_of, time_of
from outbox.shared_doors import SharedDoor, doors_at

# More than the lane of its errands lets through (`outbox.lanes`): some calls only ask for a price.
MOST_AT_ONCE = 16


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
    """One account's door. `per_second`: how many calls it lets in, with one second's worth in reserve.

    `name` is that of the door to share with guards of other processes, `url` the Redis they share it in;
    without, the guard is alone.
    """

    def __init__(self, per_second: float = 0.0, *, name: str = "", url: str = "") -> None:
        pace = Pace.of(per_second)
        self._lock = threading.Lock()
        self._inside = 0
        self._door = Door(pace)
        self._shared = SharedDoor(doors_at(url), name, pace) if name and url else None
        self._untold: Rest | None = None

    @contextmanager
    def admitted(self, *, now: datetime, spare: float = 0.0, tries: bool = True) -> Iterator[None]:
        """Around everything that belongs to one call. Raises Resting instead of waiting.

        `spare`: a call that can be done without goes only while such a share of the reserve is left. `tries`:
        whether it may be the one that finds out if a rest is over; not, if nobody counts what comes of it.
        """
        moment, trial = moment_of(now), 0
        self._take_place(moment)
        try:
            trial = self._let_in(moment, spare, tries)
            yield
        finally:
            self._leave(moment, trial)

    @contextmanager
    def counted(self, *, now: datetime) -> Iterator[None]:
        """Around the call itself: its failures close the door, and so does an answer that asks for it."""
        called = time.monotonic()
        try:
            yield
        except Refused:
            self._note_answer(moment_of(now))  # it is there, and says no
            raise
        except CallFailed as error:
            # A rest is counted from the answer, in whole seconds as Retry-After is.
            self._note_fault(error, now + timedelta(seconds=round(time.monotonic() - called)))
            raise
        else:
            self._note_answer(moment_of(now))

    def take_rest(self) -> Rest | None:
        """The rest as it stands, if a call through this guard began it or made it longer since it was last
        taken; for who keeps the history."""
        with self._lock:
            rest, self._untold = self._untold, None
            return rest

    def _take_place(self, now: int) -> None:
        """Count one more inside."""
        with self._lock:
            if shut := self._door.look(now):
                raise _resting(shut)
            if self._inside >= MOST_AT_ONCE:
                raise Resting(1.0, busy=True)
            self._inside += 1

    def _leave(self, now: int, trial: int) -> None:
        with self._lock:
            self._inside -= 1
            self._door.trying = self._door.trying and not trial
            known = self._door.known
        if trial and self._shared:
            self._shared.leave(now, trial, known)

    def _let_in(self, now: int, spare: float, tries: bool) -> int:
        """A number for the one call that tries whether a rest is over, 0 for all others."""
        word = self._shared.let_in(now, spare, self._known(), tries=tries) if self._shared else None
        with self._lock:
            word = self._learn(word, now) or self._door.let_in(now, spare, tries=tries)
            if word.verdict != IN:
                raise _resting(word)
            self._door.trying = self._door.trying or word.number > 0
        return word.number

    def _note_answer(self, now: int) -> None:
        known = self._known()
        if not known.faults and not known.ends:
            return  # nothing to be forgotten; for a fault elsewhere since, this call was too early
        word = self._shared.note_answer(now, known) if self._shared else None
        with self._lock:
            if not self._learn(word, now):
                self._door.note_answer(now)

    def _note_fault(self, error: CallFailed, at: datetime) -> None:
        now, wait = moment_of(at), round(error.wait * SECOND) if isinstance(error, Unreachable) else 0
        word = self._shared.note_fault(now, wait, self._known()) if self._shared else None
        with self._lock:
            word = self._learn(word, now) or self._door.note_fault(now, wait)
            if word.verdict == CLOSED:
                self._tell(word.known, str(error))

    def _tell(self, known: Known, reason: str) -> None:
        rest = Rest(time_of(known.began), time_of(known.ends), known.faults, reason)
        # Of two that failed at once, the later may be here first.
        if self._untold is None or (rest.until, rest.faults) > (self._untold.until, self._untold.faults):
            self._untold = rest

    def _known(self) -> Known:
        with self._lock:
            return self._door.known

    def _learn(self, word: Word | None, now: int) -> Word | None:
        """What all know is known here, too, and what is gone by once Redis is away."""
        if word is not None:
            self._door.learn(word.known, now)
        return word


def _resting(word: Word) -> Resting:
    return Resting(word.number / SECOND, busy=word.verdict == BUSY)


@cache
def guard_of(name: str, per_second: float = 0.0) -> Guard:
    """The door of an account. `name` tells accounts apart: "courier:3", "channel:5"."""
    return Guard(per_second, name=name, url=settings.OUTBOX_DOORS_URL)
