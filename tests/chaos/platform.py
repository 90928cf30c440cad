"""A platform during a wave: pushes signed orders until they are acknowledged, and remembers each answer."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import httpx

from sandbox.brand import Account, Brand
from sandbox.orders import make_order
from sandbox.webhooks import headers
from tests.chaos.eventually import eventually

TIMEOUT = 30.0  # seconds; longer than intake's own deadline
REPEATED = 0.1  # share of the orders that are pushed again although they were acknowledged


class Platform:
    """Its `acked` says which order a 2xx was given for (external id → store code)."""

    def __init__(self, brand: Brand, dice: Random, *, name: str) -> None:
        self.acked: dict[str, str] = {}
        self.answers: Counter[int | None] = Counter()
        self._name = name
        self._dice = dice
        self._brand = brand
        self._places = {shop.code: (account, shop) for account in brand.accounts for shop in account.stores}
        self._client = httpx.AsyncClient(timeout=TIMEOUT)
        self._pushes: set[asyncio.Task[None]] = set()
        self._count = 0

    def place(self, code: str, *, fulfilment: str = "") -> str:
        """A guest orders at a store: begin to push it, and return the platform's number of the order."""
        self._count += 1
        order_id = f"{self._name}-{self._count}"
        funding = self._dice.choice(["free", "free", "subsidised", "paid"])
        data = make_order(
            self._dice,
            self._brand,
            self._places[code][1],
            order_id=order_id,
            number=str(self._count),
            funding=funding,
            now=datetime.now(UTC),
            fulfilment=fulfilment,
        )
        push = asyncio.create_task(self._deliver(code, order_id, data))
        self._pushes.add(push)
        push.add_done_callback(self._pushes.discard)
        return order_id

    @asynccontextmanager
    async def rush(self, codes: Sequence[str], *, per_second: float):
        """Orders keep coming at these stores inside the block."""
        guests = asyncio.create_task(self._order_for_ever(codes, per_second))
        try:
            yield
            assert not guests.done(), "the wave ended by itself"
        finally:
            guests.cancel()

    async def more_acknowledged(self, orders: int) -> None:
        """Return once that many more orders than now are acknowledged."""
        wanted = len(self.acked) + orders
        await eventually(lambda: len(self.acked) >= wanted, f"{orders} more orders acknowledged")

    async def settle(self) -> None:
        """Return once every push has been acknowledged."""
        await eventually(lambda: not self._pushes, "every push acknowledged")

    async def close(self) -> None:
        """Give up."""
        for push in list(self._pushes):
            push.cancel()
        await asyncio.gather(*self._pushes, return_exceptions=True)
        await self._client.aclose()

    async def _order_for_ever(self, codes: Sequence[str], per_second: float) -> None:
        while True:
            self.place(self._dice.choice(codes))
            await asyncio.sleep(self._dice.expovariate(per_second))

    async def _deliver(self, code: str, order_id: str, data: object) -> None:
        account, _ = self._places[code]
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps({"type": "order.created", "timestamp": at, "data": data}).encode()
        push_id = f"msg_{secrets.token_hex(12)}"
        times = 2 if self._dice.random() < REPEATED else 1
        for _ in range(times):
            await self._push_until_acknowledged(account, push_id, body)
            self.acked[order_id] = code

    async def _push_until_acknowledged(self, account: Account, push_id: str, body: bytes) -> None:
        answer: int | None = None
        while answer != httpx.codes.OK:
            answer = await self._push(account.intake_url, account.secret, push_id, body)
            self.answers[answer] += 1
            if answer != httpx.codes.OK:
                await asyncio.sleep(self._dice.uniform(0.1, 0.5))

    async def _push(self, url: str, secret: str, push_id: str, body: bytes) -> int | None:
        signed = headers(secret, push_id, int(time.time()), body)
        try:
            answer = await self._client.post(url, content=body, headers=signed)
        except httpx.HTTPError:
            return None
        return answer.status_code
