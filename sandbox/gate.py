"""Whether guests can order from a store at a platform: a pause takes hold slowly."""

from __future__ import annotations

LEAKS_FOR, LEAK_SHARE = 20.0, 0.08  # seconds in which a share still comes through
OBEYS_AFTER = (1.5, 4.0)  # seconds from a pause call to fewer orders


class Gate:
    """One store at one platform; moments are monotonic seconds."""

    def __init__(self) -> None:
        self.level, self.version, self.since, self.obeys_at = "open", 0, 0.0, 0.0

    def set(self, level: str, version: int, now: float, delay: float) -> None:
        """Obey the portal, unless it already said something newer."""
        if version < self.version:
            return
        if level != self.level:
            self.since, self.obeys_at = now, now + delay
        self.level, self.version = level, version

    def turn(self, level: str, now: float, delay: float) -> bool:
        """Obey whoever calls last, where calls carry no version; True if that changes anything."""
        changed = level != self.level
        self.set(level, self.version, now, delay)
        return changed

    def lets_through(self, now: float, draw: float) -> bool:
        """Whether an order comes through now; `draw` is between 0 and 1."""
        if self.level == "open" or now < self.obeys_at:
            return True
        return now < self.obeys_at + LEAKS_FOR and draw < LEAK_SHARE
