"""What is known of one account's door, and who may pass: in one process alone; `door.lua` is for all.

Moments are whole microseconds since 1970, spans are microseconds; a moment that is 0 is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

SECOND = 1_000_000
FAULTS_IN_A_ROW = 5
REST = 20.0  # seconds until one call tries again
TRIAL_WAIT = 1.0  # seconds until the others ask how the one fared
SAME_REST = timedelta(seconds=60)  # a trial that fails later than that after a rest begins another
# Seconds until another may try: longer than a call takes, for who tries may have been killed.
TRIAL_LASTS = 20.0
# How far a clock may be behind others, and how late somebody may come with a `now`. What seems to lie farther
# ahead was written before the clock was set back, and is not waited for.
CLOCKS_DIFFER = 10.0  # seconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def moment_of(at: datetime) -> int:
    """As a whole number of microseconds."""
    return (at - EPOCH) // MICROSECOND


def time_of(moment: int) -> datetime:
    """The other way round."""
    return EPOCH + moment * MICROSECOND


@dataclass(frozen=True, slots=True)
class Pace:
    """So many calls a second: one each `interval`; what is not made is kept for later, at most `reserve`.

    An interval of 0 sets no pace. The reserve is counted in intervals, too: a second's worth, or one call.
    """

    interval: int
    reserve: int

    @classmethod
    def of(cls, per_second: float) -> Pace:
        """0: as many as come."""
        interval = ceil(SECOND / per_second) if per_second else 0
        return cls(interval, round(interval * max(1.0, per_second)))

    def room(self, spare: float) -> int:
        """How much of the reserve may be used by who leaves this share of it to others; one call at least."""
        return max(self.interval, round(self.reserve * (1 - spare)))


class Known(NamedTuple):
    """How a door stands.

    `full_at`: when the reserve is whole again. `faults`: in a row. `began`, `ends`: of the rest, until a call
    has succeeded after it; 0 if there is none.
    """

    full_at: int = 0
    faults: int = 0
    began: int = 0
    ends: int = 0


class Word(NamedTuple):
    """What a door says to who knocks: what to do, a number that belongs to it, and how it stands.

    IN, and whose trial it is (0: it is none). RESTING, TRIED (somebody is just trying, or has to first) and
    BUSY, and how long to wait. CLOSED: the fault began a rest, or made it longer. NOTED: it did not.
    """

    verdict: str
    number: int
    known: Known


IN, RESTING, TRIED, BUSY, CLOSED, NOTED = "in", "resting", "tried", "busy", "closed", "noted"


class Door:
    """The door as this process knows it. Not safe for threads: its guard is."""

    def __init__(self, pace: Pace) -> None:
        self.known = Known()
        self.trying = False
        self._pace = pace

    def look(self, now: int) -> Word | None:
        """Whether it is surely shut, which needs nobody else to be asked."""
        if self.known.ends > now:
            return Word(RESTING, self.known.ends - now, self.known)
        return self._tried() if self.known.ends and self.trying else None

    def let_in(self, now: int, spare: float, *, tries: bool = True) -> Word:
        """One call's knock."""
        if shut := self.look(now):
            return shut
        if self.known.ends and not tries:
            return self._tried()
        if wait := self._take_one(now, self._pace.room(spare)):
            return Word(BUSY, wait, self.known)
        self.trying = self.known.ends > 0
        return Word(IN, now if self.trying else 0, self.known)

    def note_answer(self, now: int) -> Word:
        """The trouble is over; but a rest is kept to its end, and a call from before it does not end it."""
        over = now >= self.known.ends
        self.known = self.known._replace(faults=0, **({"began": 0, "ends": 0} if over else {}))
        return Word(NOTED, 0, self.known)

    def note_fault(self, now: int, wait: int) -> Word:
        """A call failed; `wait`: for so long nobody shall call, 0 if they did not say."""
        faults = self.known.faults + 1
        if not wait and faults >= FAULTS_IN_A_ROW:
            wait = round(REST * SECOND)
        self.known = self.known._replace(faults=faults)
        if wait:
            self._close(now, now + wait)
        return Word(CLOSED if wait else NOTED, 0, self.known)

    def learn(self, told: Known, now: int) -> None:
        """What is known to all; but a rest that is known here is kept to its end."""
        if self.known.ends > max(now, told.ends):
            told = told._replace(began=self.known.began, ends=self.known.ends)
        self.known = told

    def _tried(self) -> Word:
        return Word(TRIED, round(TRIAL_WAIT * SECOND), self.known)

    def _take_one(self, now: int, room: int) -> int:
        """One call of those that may be made; else how long to wait for it (a token bucket)."""
        if not self._pace.interval:
            return 0
        full_at = self.known.full_at
        if full_at > now + self._pace.reserve + CLOCKS_DIFFER * SECOND:
            full_at = now + self._pace.reserve
        full_after = max(full_at, now) + self._pace.interval
        wait = max(0, full_after - now - room)
        self.known = self.known._replace(full_at=full_at if wait else full_after)
        return wait

    def _close(self, now: int, ends: int) -> None:
        began, before = self.known.began, self.known.ends
        if before and now <= before + SAME_REST // MICROSECOND:
            ends = max(before, ends)
        else:
            began = now
        self.known = self.known._replace(began=began, ends=ends)
