"""Who of those outside is being served in this process: a lane is somebody's door, e.g. "dada/3".

What comes before the slash is a group of lanes, behind which one company may stand. A full lane's jobs wait
in the table, in their order, while the threads take others': so neither a crowd at one door nor somebody who
hangs behind it holds up the rest, and no thread takes a job only to find no room.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime

# By Little's law 20 calls a second of 300 ms, with what is written before and after, are 7 at once on average
# and hardly ever more than 12. A group that hangs takes 16 places, until its accounts' guards close.
MOST_IN_LANE = 12
MOST_IN_GROUP = 16


class Lanes:
    """Counts the jobs under way. `claiming` is held around a claim: one looks and enters before the next."""

    def __init__(self, most_in_lane: int = MOST_IN_LANE, most_in_group: int = MOST_IN_GROUP) -> None:
        self.claiming = threading.Lock()
        self._lock = threading.Lock()
        self._most_in_lane, self._most_in_group = most_in_lane, most_in_group
        self._lanes, self._groups = Counter[str](), Counter[str]()
        self._until: dict[str, datetime] = {}  # lanes nobody is served in before

    def shut(self, now: datetime) -> list[str]:
        """Full lanes and those that are shut for a while, and full groups with their slash."""
        with self._lock:
            self._until = {lane: until for lane, until in self._until.items() if until > now}
            lanes = list(self._until)
            lanes += [lane for lane, inside in self._lanes.items() if inside >= self._most_in_lane]
            return lanes + [group for group, inside in self._groups.items() if inside >= self._most_in_group]

    def close(self, lane: str, *, until: datetime) -> None:
        """Nobody in it is served before; who is in already may stay. The empty lane is never shut."""
        if not lane:
            return
        with self._lock:
            self._until[lane] = max(until, self._until.get(lane, until))

    def enter(self, lane: str) -> None:
        """One more is served; every `enter` has its `leave`. The empty lane has room for all."""
        self._count(lane, 1)

    def leave(self, lane: str) -> None:
        """One less."""
        self._count(lane, -1)

    def _count(self, lane: str, change: int) -> None:
        if not lane:
            return
        with self._lock:
            self._lanes[lane] += change
            self._groups[lane[: lane.index("/") + 1]] += change
