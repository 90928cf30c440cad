"""Scaled time: what takes minutes on a real day takes seconds here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

LOOK_EVERY = 0.25  # seconds; a changed speed is noticed that fast


@dataclass(slots=True)
class Pace:
    """`speed` day-seconds pass in a second; `/control/wave` changes it."""

    speed: float

    def seconds(self, day_seconds: float) -> float:
        """Return how long that is for us at the speed of now."""
        return day_seconds / max(self.speed, 0.001)

    async def wait(self, day_seconds: float) -> None:
        """Return when so much of the day has passed."""
        left = day_seconds
        while left > 0:
            step = min(self.seconds(left), LOOK_EVERY)
            await asyncio.sleep(step)
            left -= step * max(self.speed, 0.001)


@dataclass(slots=True)
class Travel:
    """How riders work: by themselves or by calls only; `scale` 1: a delivery takes about a minute."""

    automatic: bool
    scale: float

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds at scale 1."""
        await asyncio.sleep(seconds * self.scale)
