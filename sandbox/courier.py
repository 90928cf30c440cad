"""What all couriers share: riders that move errands, news of every step, and misbehaving on demand.

A courier is a subclass with its wire format, and a line in `Couriers`.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.background import Background
from sandbox.callbacks import Callbacks, Post
from sandbox.errands import COURIER, RIDER, Book, Errand, Rider, Step
from sandbox.faults import Fault, Faults
from sandbox.misbehave import CutReply, spoil
from sandbox.pace import Travel

NAMES = ["赵铁柱", "钱小龙", "孙建国", "李大勇", "周志明", "吴春生", "郑阿福", "王海涛", "冯立新", "陈国强"]
FREE_CANCEL = 60  # seconds after acceptance
BREATH = 0.05  # seconds in which a create is answered before its rider moves


@dataclass(frozen=True, slots=True)
class Street:
    """What couriers have in common: where they write, who misbehaves, how they call, how fast they ride."""

    state_dir: Path
    faults: Faults
    client: httpx.AsyncClient
    travel: Travel


class Courier(ABC):
    """One courier company. `path`: the steps of a delivery and the seconds before each at scale 1.

    `reasons`: what it says when nobody accepts, and when a rider gives up. `words`: its
    statuses. `accounts`: by what callers name.
    """

    name: ClassVar[str]
    path: ClassVar[tuple[tuple[Step, float], ...]]
    reasons: ClassVar[tuple[str, str]]
    words: ClassVar[Mapping[Step, Any]]
    accounts: Mapping[str, Any]
    attempts: ClassVar[int] = 8

    def __init__(self, street: Street) -> None:
        self.faults, self.travel = street.faults, street.travel
        self.book = Book(street.state_dir, self.name)
        self.callbacks = Callbacks(street.client, self.accepted, self.attempts)
        self.background = Background()
        self.dice = Random()
        self._held: dict[str, list[Post]] = {}

    @abstractmethod
    def routes(self) -> list[Route]:
        """Return its addresses."""

    @abstractmethod
    def news(self, errand: Errand) -> list[Post]:
        """Return the callbacks that tell how an errand stands; empty if this courier does not tell that."""

    @abstractmethod
    def lies(self, errand: Errand) -> list[Post]:
        """Return forged callbacks that claim that it was delivered."""

    def accepted(self, answer: httpx.Response) -> bool:
        """Whether the portal took a callback."""
        return answer.status_code == httpx.codes.OK

    def call_back_at(self, account: str, url: str) -> None:
        """Let every account, or one, call back there."""
        for key, known in self.accounts.items():
            if account in {"", key} and hasattr(known, "callback_url"):
                known.callback_url = url

    def begin(self, errand: Errand, names: Iterable[str]) -> None:
        """Write a new errand down and look for a rider."""
        self.book.add(errand, names)
        if not self._hurries:
            self._announce(errand)
        self._send(errand)

    def move(self, errand: Errand, step: Step, *, reason: str = "", by: str = "", kept: int = 0) -> None:
        """Take one step: write it down, then tell."""
        if step == Step.ASSIGNED:
            errand.rider = self._rider()
        errand.reason, errand.by, errand.kept = reason, by, kept
        errand.go(step, time.time())
        self.book.save(errand)
        self._announce(errand)

    def cancel_fee(self, errand: Errand, share: float) -> int:
        """What is kept of the fee: nothing until a minute after a rider accepted, or if a test wants it."""
        late = errand.assigned_at and time.time() - errand.assigned_at > FREE_CANCEL
        asked = self.take("cancel_fee", errand)
        return round(errand.fee * share) if late or asked else 0

    def take(self, kind: str, errand: Errand) -> Fault | None:
        """Use up a fault of an errand's way."""
        return self.faults.take(self.name, {kind}, path=f"{errand.account}/callback", order=errand.origin)

    def push(self, errand: Errand, posts: list[Post]) -> None:
        """Send callbacks after those that were sent before."""
        self.callbacks.send(f"{errand.place}", posts)

    def resume(self) -> None:
        """Go on with every live errand after a restart."""
        for errand in list(self.book.live.values()):
            self._announce(errand)
            self._send(errand)

    async def stop(self) -> None:
        """Everybody goes home."""
        await self.background.stop()
        await self.callbacks.background.stop()

    def state(self) -> dict[str, Any]:
        """Return what `/control/couriers` shows."""
        steps: dict[str, int] = {}
        for errand in self.book.live.values():
            steps[errand.step] = steps.get(errand.step, 0) + 1
        return {
            "errands": len(self.book.all),
            "live": steps,
            "answers": dict(self.callbacks.answers),
            "given_up": self.callbacks.given_up,
            "forged": dict(self.callbacks.forged),
        }

    async def serve(self, request: Request, path: str, order: str, do: Callable[[], Response]) -> Response:
        """Do a call and answer it, late, badly or never if a test asked for that."""
        if slow := self.faults.take(self.name, {"slow"}, path=path, order=order):
            await asyncio.sleep(slow.seconds)
        if spoilt := await spoil(self.faults, self.name, path=path, order=order):
            return spoilt
        answer = do()
        if self.faults.take(self.name, {"lost_reply"}, path=path, order=order):
            return CutReply()
        return answer

    def chatter(self, errand: Errand) -> list[Post]:
        """Return callbacks that change nothing about an errand; most couriers have some."""
        return []

    async def detour(self, errand: Errand) -> None:  # noqa: B027 - most couriers have none
        """What else a test may have wished to happen to this courier's errand, before it is fetched."""

    @property
    def _hurries(self) -> bool:
        return self.travel.automatic and self.travel.scale == 0

    def _send(self, errand: Errand) -> None:
        if self.travel.automatic:
            self.background.start(self._ride(errand))

    async def _ride(self, errand: Errand) -> None:
        """Carry an errand from where it is to its end."""
        await asyncio.sleep(BREATH)
        if errand.step == Step.SEARCHING and await self._troubled(errand):
            return
        if errand.step == Step.RETURNING:
            await self._step(errand, Step.RETURNED, 20.0)
            return
        steps = [step for step, _ in self.path]
        start = steps.index(errand.step) + 1 if errand.step in steps else 0
        returns = self.take("returns", errand) if errand.live else None
        if self._hurries and not returns:
            self._hurry(errand)
            return
        for step, seconds in self.path[start:]:
            if not errand.live:
                return
            if step == Step.DELIVERED and returns:
                await self._step(errand, Step.RETURNING, seconds, reason=self.reasons[1], by=RIDER)
                await self._step(errand, Step.RETURNED, 20.0)
                return
            if step == Step.PICKED_UP:
                if self.take("chatter", errand):
                    self.push(errand, self.chatter(errand))
                await self.detour(errand)
            await self._step(errand, step, seconds)

    async def _troubled(self, errand: Errand) -> bool:
        """Whether the errand ended before anybody came for it."""
        nobody, gives_up = self.reasons
        if self.take("publish_failed", errand):
            await self._step(errand, Step.FAILED, 1.0, reason="发单失败", by=COURIER)
        elif fault := self.take("nobody_accepts", errand):
            await self.travel.wait(fault.seconds)
            await self._step(errand, Step.CANCELLED, 0, reason=nobody, by=COURIER)
        elif self.take("gives_up", errand):
            await self._step(errand, Step.ASSIGNED, self.path[0][1])
            await self._step(errand, Step.SEARCHING, 3.0, by=RIDER)
        elif self.take("abandons", errand):
            await self._step(errand, Step.ASSIGNED, self.path[0][1])
            await self._step(errand, Step.CANCELLED, 3.0, reason=gives_up, by=RIDER)
        return not errand.live

    async def _step(
        self, errand: Errand, step: Step, seconds: float, *, reason: str = "", by: str = ""
    ) -> None:
        """Take a step after a while, unless the errand has ended meanwhile."""
        await self.travel.wait(seconds * self.dice.uniform(0.7, 1.3))
        if errand.live:
            self.move(errand, step, reason=reason, by=by)

    def _hurry(self, errand: Errand) -> None:
        """From door to door in no time: only the end is written down and told."""
        if errand.live:
            errand.rider = errand.rider or self._rider()
            now = time.time()
            errand.assigned_at = errand.arrived_at = errand.picked_up_at = now
            self.move(errand, Step.DELIVERED)

    def _rider(self) -> Rider:
        number = self.dice.randint(100_000, 999_999)
        return Rider(number, self.dice.choice(NAMES), f"1380000{self.dice.randint(0, 9999):04}")

    def _announce(self, errand: Errand) -> None:
        """Tell how an errand stands, or do it badly if a test asked for that."""
        if self.take("forged", errand):
            self.push(errand, self.lies(errand))
        posts = self.news(errand)
        if not posts or self.take("no_callbacks", errand):
            return
        if fault := self.take("shuffled_callbacks", errand):
            self._hold(errand, posts, fault.seconds)
            return
        repeats = 3 if self.take("duplicate_callbacks", errand) else 1
        self.push(errand, posts * repeats)
        self._release(errand)

    def _hold(self, errand: Errand, posts: list[Post], seconds: float) -> None:
        """Keep news back until the next ones are sent, but no longer than that."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            self._release(errand)

        self._held.setdefault(str(errand.place), []).extend(posts)
        self.background.start(wait())

    def _release(self, errand: Errand) -> None:
        if held := self._held.pop(str(errand.place), None):
            self.push(errand, held)
