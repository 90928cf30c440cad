"""What is done to a run's processes, by one seed: killed, frozen, emptied; and couriers that misbehave."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from random import Random

import redis

from sandbox.faults import TARGETS
from tests.chaos.carriage.works import Worker, Works

# Of what couriers are asked and tell, so much goes wrong in each way; where a courier has such a fault.
COURIERS = ("dada", "peisong", "uber", "doordash")
FAULTS: dict[str, tuple[float, float]] = {  # kind → (share, seconds)
    "lost_reply": (0.03, 0),
    "lost_request": (0.01, 0),
    "slow": (0.01, 9),  # it is carried out after the caller gave up
    "error500": (0.02, 0),
    "error429": (0.005, 1),
    "garbage": (0.02, 0),
    "hang": (0.01, 7),
    "refuse": (0.02, 0),
    "nobody_accepts": (0.03, 0),
    "gives_up": (0.03, 0),
    "abandons": (0.01, 0),
    "returns": (0.01, 0),
    "publish_failed": (0.02, 0),
    "duplicate_callbacks": (0.05, 0),
    "shuffled_callbacks": (0.05, 0),
    "no_callbacks": (0.2, 0),
    "forged": (0.05, 0),
}
SLOW = 15.0  # times a minute for a delivery


@dataclass(frozen=True, slots=True)
class Weather:
    """How often each thing is done (seconds), and how long it lasts (from, to)."""

    kill_every: float = 2.0
    freeze_every: float = 25.0
    frozen: tuple[float, float] = (16.5, 33.0)  # a hand-off's lease is 15 s, a job's 30 s
    tired_every: float = 8.0  # riders who come at once otherwise; what they begin then takes them minutes
    tired: float = 0.7
    flush_every: float = 5.0
    redis_dies_every: float = 20.0
    redis_dead: tuple[float, float] = (0.5, 4.0)


class Storm:
    """`tend` does what is due; `done` counts it."""

    def __init__(self, works: Works, dice: Random, weather: Weather) -> None:
        self.done: Counter[str] = Counter()
        self._works, self._dice, self._weather = works, dice, weather
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._client = redis.Redis.from_url(works.redis_url, socket_timeout=1, socket_connect_timeout=1)

    def begin(self) -> None:
        """From now on things go wrong."""
        for target in COURIERS:
            for kind in sorted(FAULTS.keys() & TARGETS.get(target, set())):
                share, seconds = FAULTS[kind]
                fault = {"target": target, "kind": kind, "times": -1, "share": share, "seconds": seconds}
                self._works.tell("faults", fault)
        self._works.people.wanted = True
        self._again(0, self._weather.kill_every, self._kill)
        self._again(1, self._weather.freeze_every, self._freeze)
        self._again(self._weather.tired_every, self._weather.tired_every, self._tire)
        self._again(self._weather.flush_every, self._weather.flush_every, self._flush)
        self._again(self._weather.redis_dies_every, self._weather.redis_dies_every, self._kill_redis)

    def tend(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def end(self) -> None:
        """Everything behaves, and whoever was frozen goes on."""
        self._due.clear()
        self._works.people.end()
        self._works.behave()
        self._rouse()
        self._works.redis.wanted = True
        for worker in self._works.workers:
            worker.thaw()

    def _in(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), what))

    def _again(self, first: float, every: float, what: Callable[[], None]) -> None:
        def strike() -> None:
            what()
            self._in(every, strike)

        self._in(first, strike)

    def _kill(self) -> None:
        """kill -9 of a worker: all of it, or one of its children."""
        worker = self._dice.choice(self._awake())
        if self._dice.random() < 0.5 and worker.kill_child(self._dice):
            self.done["children killed"] += 1
        else:
            worker.kill()
            self.done["workers killed"] += 1

    def _freeze(self) -> None:
        """Stop a worker until others have taken over."""
        awake = self._awake()
        if len(awake) > 1:
            worker = self._dice.choice(awake)
            worker.freeze()
            self._in(self._dice.uniform(*self._weather.frozen), worker.thaw)
            self.done["workers frozen"] += 1

    def _awake(self) -> list[Worker]:
        return [worker for worker in self._works.workers if not worker.frozen]

    def _tire(self) -> None:
        """Errands that begin now find no rider until their time is over."""
        self._works.tell("riders", {"scale": SLOW})
        self._in(self._weather.tired, self._rouse)
        self.done["pauses of all riders"] += 1

    def _rouse(self) -> None:
        self._works.tell("riders", {"scale": 0})

    def _flush(self) -> None:
        with suppress(redis.RedisError):
            self._client.flushall()
            self.done["Redis emptied"] += 1

    def _kill_redis(self) -> None:
        self._works.redis.wanted = False
        self._works.redis.kill()
        self._in(self._dice.uniform(*self._weather.redis_dead), self._restart_redis)
        self.done["Redis killed"] += 1

    def _restart_redis(self) -> None:
        self._works.redis.wanted = True
