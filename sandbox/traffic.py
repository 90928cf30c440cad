"""Plays the day of 6 February: turns the wave into orders at every store."""

from __future__ import annotations

import asyncio
import math
import time
from random import Random
from typing import Any

from sandbox import wave
from sandbox.pace import Pace
from sandbox.platforms import Platforms

TICK = 0.1  # seconds
PEAK = 7.0  # orders a second over all stores at noon, at intensity 1


class Traffic:
    """The day's clock and its switch; `/control/wave` turns both."""

    def __init__(self, platforms: Platforms, pace: Pace, *, running: bool, peak: float = PEAK) -> None:
        self.platforms, self.pace = platforms, pace
        self.clock = wave.DayClock(time.monotonic(), pace.speed)
        self.running, self.peak = running, peak
        cups = {key: places[0].shop.cups_per_hour for key, places in platforms.stores.items()}
        self.shares = wave.shares(cups)
        self.dice = Random()

    async def run(self) -> None:
        """Place orders until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if self.running:
                self._tick(self.clock.minute(now), min(now - last, 1.0))
            last = now

    def _tick(self, minute: float, seconds: float) -> None:
        expected = wave.intensity(minute) * self.peak * seconds
        for key, share in self.shares.items():
            for _ in range(poisson(self.dice, expected * share)):
                place = self.platforms.choose(key)
                if place.lets_through():
                    place.order(funding=wave.funding(minute, self.dice.random()))

    def change(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Obey `/control/wave`: running, speed, intensity (orders a second at noon), time ("HH:MM")."""
        minute = wave.parse_clock(wish["time"]) if "time" in wish else None
        speed = float(wish["speed"]) if "speed" in wish else None
        if minute is not None or speed is not None:
            self.clock = self.clock.changed(time.monotonic(), speed=speed, minute=minute)
            self.pace.speed = self.clock.speed
        self.peak = float(wish.get("intensity", self.peak))
        self.running = bool(wish.get("running", self.running))
        return self.state()

    def state(self) -> dict[str, Any]:
        """Return what the clock shows."""
        minute = self.clock.minute(time.monotonic())
        return {
            "running": self.running,
            "speed": self.clock.speed,
            "intensity": self.peak,
            "time": wave.clock_text(minute),
            "orders_per_minute": round(wave.intensity(minute) * self.peak * 60, 1) if self.running else 0,
        }


def poisson(dice: Random, mean: float) -> int:
    """Draw how many orders come in a moment that expects `mean` (small)."""
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
