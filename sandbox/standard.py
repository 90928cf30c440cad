"""The platform of channel `standard`: pushes orders to the portal and takes the portal's calls."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox import webhooks
from sandbox.brand import Account, Brand, Shop
from sandbox.faults import Faults
from sandbox.ledger import Ledger, Message
from sandbox.misbehave import spoil
from sandbox.orders import make_order

IN_FLIGHT = 64  # pushes at the same time
TIMEOUT = 15.0  # seconds; a portal that takes longer gets the message again
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds between attempts
CLIENT_ERROR_ATTEMPTS = 4  # a message the portal calls wrong is not repeated for ever
OBEYS_AFTER = (1.5, 4.0)  # seconds from a pause call to fewer orders
LEAKS_FOR, LEAK_SHARE = 20.0, 0.08  # then a share still comes through for a while
CANCELLED, URGED = 0.03, 0.04  # shares of orders


class Gate:
    """Whether a store is open at the platform: a pause takes hold slowly."""

    def __init__(self) -> None:
        self.level, self.version, self.since, self.obeys_at = "open", 0, 0.0, 0.0

    def set(self, level: str, version: int, now: float, delay: float) -> None:
        """Obey the portal, unless it already said something newer."""
        if version < self.version:
            return
        if level != self.level:
            self.since, self.obeys_at = now, now + delay
        self.level, self.version = level, version

    def lets_through(self, now: float, draw: float) -> bool:
        """Whether an order comes through now; `draw` is between 0 and 1."""
        if self.level == "open" or now < self.obeys_at:
            return True
        return now < self.obeys_at + LEAKS_FOR and draw < LEAK_SHARE


def pause_before(attempt: int, draw: float, retry_after: str = "") -> float:
    """Return the seconds until the next attempt: doubling, with jitter, never before Retry-After."""
    backoff: float = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.5 + draw)
    return max(backoff, float(retry_after)) if retry_after.isdigit() else backoff


class Platform:
    """All accounts of the pretend platform."""

    def __init__(self, brand: Brand, ledger: Ledger, faults: Faults, client: httpx.AsyncClient) -> None:
        self.brand, self.ledger, self.faults, self.client = brand, ledger, faults, client
        self.accounts = {account.slug: account for account in brand.accounts}
        self.shops = {shop.code: (account, shop) for account in brand.accounts for shop in account.stores}
        self.gates = {code: Gate() for code in self.shops}
        self.closed: set[str] = set()
        self.dice = Random()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers: dict[str, int] = {}

    def lets_through(self, code: str) -> bool:
        """Whether guests can order from a store now."""
        leaky = self.faults.take("standard", {"leaky"}, path=code) is not None
        return leaky or self.gates[code].lets_through(time.monotonic(), self.dice.random())

    def place(self, code: str, *, funding: str, fulfilment: str = "", follow_up: bool = True) -> Message:
        """A guest orders: write the message down and begin to push it."""
        account, shop = self.shops[code]
        now = datetime.now(UTC)
        order_id = f"{now:%y%m%d}{secrets.randbelow(10**13):013}"
        number = self._numbers[code] = self._numbers.get(code, 0) % 999 + 1
        data = make_order(
            self.dice,
            self.brand,
            shop,
            order_id=order_id,
            number=str(number),
            funding=funding,
            now=now,
            fulfilment=fulfilment,
        )
        message = self._write(account, "order.created", data)
        self.start(self.deliver(message))
        if follow_up:
            self._maybe_follow_up(account, shop, order_id)
        return message

    def tell(self, code: str, kind: str, order_id: str, **facts: str) -> Message:
        """Push another message about an order: `order.cancelled` or `order.urged`."""
        account, _shop = self.shops[code]
        message = self._write(account, kind, {"order_id": order_id, "store_code": code, **facts})
        self.start(self.deliver(message))
        return message

    def start(self, coroutine: Any) -> None:
        """Run something in the background until it ends or the sandbox does."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def resume(self) -> None:
        """Push what was not acknowledged when the sandbox ended."""
        for message in self.ledger.unanswered():
            if message.account in self.accounts and _worth_repeating(message):
                self.start(self.deliver(message))

    async def stop(self) -> None:
        """Give up everything that runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def deliver(self, message: Message) -> None:
        """Push a message, the same webhook-id each time, until the portal answers 2xx."""
        while True:
            async with self._slots:
                status, retry_after = await self._push(message)
            self.ledger.answered(message, status)
            if message.acknowledged or not _worth_repeating(message):
                return
            await asyncio.sleep(pause_before(message.attempts, self.dice.random(), retry_after))

    async def _push(self, message: Message) -> tuple[int | None, str]:
        account, body = self.accounts[message.account], message.body.encode()
        headers = webhooks.headers(account.secret, message.id, int(time.time()), body)
        try:
            answer = await self.client.post(
                account.intake_url, content=body, headers=headers, timeout=TIMEOUT
            )
        except httpx.HTTPError:
            return None, ""
        return answer.status_code, answer.headers.get("retry-after", "")

    def _write(self, account: Account, kind: str, data: dict[str, Any]) -> Message:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps({"type": kind, "timestamp": at, "data": data}, ensure_ascii=False)
        message_id = f"msg_{secrets.token_hex(12)}"
        message = Message(message_id, account.slug, kind, data["order_id"], data["store_code"], at, body)
        self.ledger.sent(message)
        return self.ledger.messages[message_id]

    def _maybe_follow_up(self, account: Account, shop: Shop, order_id: str) -> None:
        draw = self.dice.random()
        if draw < CANCELLED:
            facts = {"reason": self.dice.choice(["点错了", "等太久了", "重复下单"]), "by": "customer"}
            self.start(self._later(shop.code, "order.cancelled", order_id, self.dice.uniform(5, 60), facts))
        elif draw < CANCELLED + URGED:
            self.start(self._later(shop.code, "order.urged", order_id, self.dice.uniform(45, 120), {}))

    async def _later(
        self, code: str, kind: str, order_id: str, seconds: float, facts: dict[str, str]
    ) -> None:
        await asyncio.sleep(seconds)
        if order_id not in self.closed:
            self.tell(code, kind, order_id, **facts)

    async def receive_call(self, request: Request) -> Response:
        """POST /platform/standard/<account>/calls: what the portal tells the platform."""
        account = self.accounts.get(request.path_params["account"])
        if account is None:
            return JSONResponse({"error": "unknown account"}, 404)
        body = await request.body()
        if not webhooks.verify(account.secret, request.headers, body, time.time()):
            return JSONResponse({"error": "wrong signature"}, 401)
        call = json.loads(body)
        order_id = str(call["data"].get("order_id", ""))
        spoilt = await spoil(self.faults, "standard", path=call["type"], order=order_id)
        if spoilt:
            return spoilt
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.ledger.called(account.slug, request.headers["webhook-id"], call, at)
        return self._answer(call["type"], call["data"])

    def _answer(self, kind: str, data: dict[str, Any]) -> Response:
        if kind != "store.intake":
            if kind != "order.accepted":
                self.closed.add(str(data.get("order_id")))
            return JSONResponse({"status": "ok"})
        gate = self.gates.get(str(data["store_code"]))
        if gate is None:
            return JSONResponse({"error": "unknown store"}, 404)
        if not self.faults.take("standard", {"deaf"}, path=str(data["store_code"])):
            delay = self.dice.uniform(*OBEYS_AFTER)
            gate.set(str(data["level"]), int(data["version"]), time.monotonic(), delay)
        return JSONResponse({"level": gate.level})


def _worth_repeating(message: Message) -> bool:
    """Whether another attempt may help: a 4xx says that it will not, but platforms try a few times."""
    wrong = message.status is not None and 400 <= message.status < 500 and message.status not in {408, 429}
    return not wrong or message.attempts < CLIENT_ERROR_ATTEMPTS
