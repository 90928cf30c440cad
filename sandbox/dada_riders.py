"""Dada's riders: they accept, come to the store, fetch, bring, and Dada calls back at every step."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any

import httpx

from sandbox import dada_wire as wire
from sandbox.background import Background
from sandbox.dada_book import Book, Errand, Rider
from sandbox.faults import Faults
from sandbox.pace import Travel

NAMES = ["赵铁柱", "钱小龙", "孙建国", "李大勇", "周志明", "吴春生", "郑阿福", "王海涛", "冯立新", "陈国强"]
# seconds until the next step at scale 1, with jitter around it
PATH = ((wire.ASSIGNED, 4.0), (wire.AT_STORE, 12.0), (wire.DELIVERING, 6.0), (wire.DONE, 25.0))
CALLBACK_ATTEMPTS, CALLBACK_TIMEOUT = 8, 8.0
BY_RIDER, BY_MERCHANT, BY_SYSTEM = 1, 2, 3


class Riders:
    """Moves errands, in the time `travel` says; if that is not automatic only QA calls move them."""

    def __init__(self, book: Book, faults: Faults, client: httpx.AsyncClient, travel: Travel) -> None:
        self.book, self.faults, self.client, self.travel = book, faults, client, travel
        self.dice = Random()
        self.background = Background()
        self._held: dict[str, dict[str, Any]] = {}

    def send(self, errand: Errand) -> None:
        """Let a rider take a new errand."""
        if self.travel.automatic:
            self.background.start(self._ride(errand, errand.round))

    def resume(self) -> None:
        """Go on with every live errand after a restart."""
        for errand in self.book.errands.values():
            if errand.status not in wire.ENDED:
                self.background.start(self._call_back(errand, self._callback(errand)))
                self.send(errand)

    async def stop(self) -> None:
        """Everybody goes home."""
        await self.background.stop()

    def move(self, errand: Errand, status: int, *, reason: str = "", by: int = 0, **facts: Any) -> None:
        """Take one step: write it down, then call back."""
        if status == wire.ASSIGNED:
            errand.rider = self._rider()
        elif status == wire.WAITING:
            errand.rider = None
        errand.cancel_reason, errand.cancel_from = reason, by
        errand.move(status, time.time())
        self.book.save(errand)
        self._announce(errand, self._callback(errand, **facts))

    async def _ride(self, errand: Errand, journey: int) -> None:
        if self._take("publish_failed", errand):
            await self._wait(1.0)
            self.move(errand, wire.PUBLISH_FAILED, reason="发单失败", by=BY_SYSTEM)
            return
        if fault := self._take("nobody_accepts", errand):
            await self._wait(fault.seconds)
            if self._goes_on(errand, journey):
                self.move(errand, wire.CANCELLED, reason="没有配送员接单", by=BY_SYSTEM)
            return
        if self._take("gives_up", errand):
            await self._step(errand, journey, wire.ASSIGNED, PATH[0][1])
            await self._wait(3.0)
            if self._goes_on(errand, journey):
                self.move(errand, wire.WAITING, repeat_reason_type=1)
        done = [status for status, _ in PATH]
        start = done.index(errand.status) + 1 if errand.status in done else 0
        for status, seconds in PATH[start:]:
            await self._step(errand, journey, status, seconds)

    async def _step(self, errand: Errand, journey: int, status: int, seconds: float) -> None:
        await self._wait(seconds * self.dice.uniform(0.7, 1.3))
        if self._goes_on(errand, journey):
            self.move(errand, status)

    def _goes_on(self, errand: Errand, journey: int) -> bool:
        return errand.status not in wire.ENDED and errand.round == journey

    async def _wait(self, seconds: float) -> None:
        await self.travel.wait(seconds)

    def _rider(self) -> Rider:
        number = self.dice.randint(100_000, 999_999)
        return Rider(number, self.dice.choice(NAMES), f"1380000{self.dice.randint(0, 9999):04}")

    def _callback(self, errand: Errand, **facts: Any) -> dict[str, Any]:
        now = time.time()
        update_time = int(now * 1000) if errand.status == wire.PUBLISH_FAILED else int(now)
        rider = errand.rider
        return {
            "client_id": errand.delivery,
            "order_id": errand.origin_id,
            "order_status": errand.status,
            "repeat_reason_type": 0,
            "cancel_reason": errand.cancel_reason,
            "cancel_from": errand.cancel_from,
            "update_time": update_time,
            "signature": wire.callback_signature(errand.delivery, errand.origin_id, update_time),
            "dm_id": rider.id if rider else 0,
            "dm_name": rider.name if rider else "",
            "dm_mobile": rider.phone if rider else "",
            **facts,
        }

    def _announce(self, errand: Errand, callback: dict[str, Any]) -> None:
        """Call back, or do it badly if a test asked for that."""
        if self._take("no_callbacks", errand):
            return
        if self._take("shuffled_callbacks", errand):
            self._held[errand.origin_id] = callback  # comes after the next one
            return
        late = self._held.pop(errand.origin_id, None)
        repeats = 3 if self._take("duplicate_callbacks", errand) else 1
        for body in [callback] * repeats + ([late] if late else []):
            self.background.start(self._call_back(errand, body))

    async def _call_back(self, errand: Errand, body: dict[str, Any]) -> None:
        for attempt in range(CALLBACK_ATTEMPTS):
            try:
                answer = await self.client.post(errand.callback, json=body, timeout=CALLBACK_TIMEOUT)
                if answer.status_code == httpx.codes.OK:
                    return
            except (httpx.HTTPError, httpx.InvalidURL):
                pass  # the next attempt is the answer to every kind of failure
            await asyncio.sleep(min(0.5 * 2**attempt, 15) * self.dice.uniform(0.7, 1.3))

    def _take(self, kind: str, errand: Errand) -> Any:
        return self.faults.take("dada", {kind}, path="callback", order=errand.origin_id)
