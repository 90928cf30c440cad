"""The platforms' own riders: after a drink is ready they come, take it and bring it, in scaled time."""

from __future__ import annotations

from random import Random
from typing import Protocol

from sandbox.order_book import Order
from sandbox.pace import Travel

NAMES = ["蒋师傅", "沈师傅", "韩师傅", "杨师傅", "朱师傅", "秦师傅", "尤师傅", "许师傅"]
# seconds until the next step at scale 1, with jitter around it
PATH = (("searching", 1.0), ("assigned", 3.0), ("at_store", 8.0), ("picked_up", 6.0), ("delivered", 25.0))
STEPS = [step for step, _ in PATH]


class Road(Protocol):
    """A platform whose orders are carried."""

    dice: Random

    def take_step(self, order: Order, step: str) -> object:
        """Note a step of the delivery and push it."""


async def ride(platform: Road, order: Order, travel: Travel) -> None:
    """Carry an order from where it is until it is delivered, or not the platform's any more."""
    done = order.facts.get("step")
    start = STEPS.index(done) + 1 if done in STEPS else 0
    for step, seconds in PATH[start:]:
        await travel.wait(seconds * platform.dice.uniform(0.7, 1.3))
        if not order.live or not order.by_platform:
            return
        platform.take_step(order, step)


def choose_rider(dice: Random) -> dict[str, str]:
    """Return who carries it."""
    return {"name": dice.choice(NAMES), "phone": f"1390000{dice.randint(0, 9999):04}"}
