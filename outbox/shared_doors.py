"""An account's door that all processes share, in Redis; without Redis each goes by what it knows itself.

One question, one script (`door.lua`), one way there and back. Whoever asks waits for it a quarter of a second
at most, and once it was waited for in vain, one question every two seconds finds out whether Redis is back.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import RedisError

from outbox.doors import (
    CLOCKS_DIFFER,
    FAULTS_IN_A_ROW,
    MICROSECOND,
    REST,
    SAME_REST,
    SECOND,
    TRIAL_LASTS,
    TRIAL_WAIT,
    Known,
    Pace,
    Word,
)

logger = logging.getLogger(__name__)
SCRIPT = Path(__file__).with_name("door.lua").read_text()
KEY = "portal:door:{}"
LONGEST = 0.25  # seconds until Redis counts as gone
AWAY = 2.0  # seconds until somebody tries whether it is back
KEPT = 600.0  # seconds after the last call, or its rest, until a door is forgotten
ALWAYS = {
    "faults_in_a_row": FAULTS_IN_A_ROW,
    "rest": round(REST * SECOND),
    "same_rest": SAME_REST // MICROSECOND,
    "trial_wait": round(TRIAL_WAIT * SECOND),
    "trial_lasts": round(TRIAL_LASTS * SECOND),
    "clocks_differ": round(CLOCKS_DIFFER * SECOND),
    "kept": round(KEPT * SECOND),
}


class Doors:
    """The way to one Redis, for all threads of a process."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            protocol=2,  # without a greeting when a connection is made
            decode_responses=True,
            socket_timeout=LONGEST,
            socket_connect_timeout=LONGEST,
        )
        self._script = self._client.register_script(SCRIPT)
        self._lock = threading.Lock()
        self._again_at = 0.0  # while it is away: when somebody may try

    def ask(self, name: str, told: dict[str, Any]) -> list[Any] | None:
        """What the script answers; None while Redis is away."""
        if not self._may_try():
            return None
        try:
            answer: list[Any] = self._script(keys=[KEY.format(name)], args=[json.dumps(told)])
        except (RedisError, OSError) as error:
            self._note_away(error)
            return None
        self._note_there()
        return answer

    def _may_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if self._again_at > now:
                return False
            if self._again_at:
                self._again_at = now + AWAY  # nobody else meanwhile
            return True

    def _note_away(self, error: Exception) -> None:
        with self._lock:
            news = not self._again_at
            self._again_at = time.monotonic() + AWAY
        if news:
            logger.warning("doors are not shared, each process counts for itself: %s", error)

    def _note_there(self) -> None:
        with self._lock:
            news, self._again_at = self._again_at, 0.0
        if news:
            logger.warning("doors are shared again")


class SharedDoor:
    """One account's door, for all processes with a Redis in common. None means: go by what you know."""

    def __init__(self, doors: Doors, name: str, pace: Pace) -> None:
        self._doors, self._name, self._pace = doors, name, pace

    def let_in(self, now: int, spare: float, known: Known, *, tries: bool = True) -> Word | None:
        """One call's knock, by somebody who knows this of the door."""
        pace = {"interval": self._pace.interval, "reserve": self._pace.reserve}
        return self._do("let in", now, known, **pace, room=self._pace.room(spare), tries=tries)

    def note_answer(self, now: int, known: Known) -> Word | None:
        """Like `Door.note_answer`."""
        return self._do("answer", now, known)

    def note_fault(self, now: int, wait: int, known: Known) -> Word | None:
        """Like `Door.note_fault`."""
        return self._do("fault", now, known, wait=wait)

    def leave(self, now: int, trial: int, known: Known) -> None:
        """Who tried has left: the next one may."""
        self._do("leave", now, known, trial=trial)

    def _do(self, doing: str, now: int, known: Known, **facts: int) -> Word | None:
        told = {"doing": doing, "now": now, **facts, **ALWAYS}
        answer = self._doors.ask(self._name, {**told, **known._asdict()})
        return Word(answer[0], answer[1], Known(*answer[2:])) if answer else None


@cache
def doors_at(url: str) -> Doors:
    """The doors kept there, in this process."""
    return Doors(url)
