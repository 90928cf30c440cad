"""What all pretend platforms share: stores behind gates, numbered orders, and pushing until it is taken."""

from __future__ import annotations

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar

import httpx
from starlette.responses import Response

from sandbox.background import Background
from sandbox.brand import Account, Brand
from sandbox.faults import Fault, Faults
from sandbox.gate import OBEYS_AFTER, Gate
from sandbox.ledger import Ledger, Message
from sandbox.misbehave import CutReply, spoil
from sandbox.order_book import ACCEPTED, PLACED, Order, OrderBook
from sandbox.orders import make_order
from sandbox.pace import Pace, Travel
from sandbox.shanghai import shanghai_day

IN_FLIGHT = 32  # pushes of one platform at the same time
LONGEST_PAUSE = 15.0  # seconds between attempts
REPEATS = 3  # how often a push comes that comes too often
# share of the orders, what the guest does then, seconds after ordering
FOLLOW_UPS = (
    (0.03, "order.cancelled", (5, 60)),
    (0.04, "order.urged", (45, 120)),
)
WHY = ["点错了", "等太久了", "重复下单"]


class NotPossible(ValueError):
    """A platform does not do that, or not with this order as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every platform works with.

    `pace` is the day's clock. `patience` is how fast the minutes pass that a store has to answer a guest:
    whoever plays a day in twelve minutes still needs time to read.
    """

    brand: Brand
    ledger: Ledger
    book: OrderBook
    faults: Faults
    client: httpx.AsyncClient
    pace: Pace
    patience: Pace
    travel: Travel


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP request to the portal."""

    url: str
    method: str = "POST"
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def backoff(first: float, attempt: int, draw: float) -> float:
    """Return the seconds before the next attempt: doubling from `first`, with jitter, up to a limit."""
    seconds: float = min(first * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.5 + draw)
    return seconds


class Platform(ABC):
    """All accounts of one pretend platform."""

    channel: ClassVar[str]
    new_order: ClassVar[str]  # the type of the message that says that there is an order
    largest_number: ClassVar[int] = 99_999
    keeps_failures: ClassVar[bool] = False  # whether the portal can ask for what did not arrive
    forged_with: ClassVar[str] = "not-the-secret-of-this-account"
    follow_ups: ClassVar[tuple[tuple[float, str, tuple[float, float]], ...]] = FOLLOW_UPS

    def __init__(self, world: World) -> None:
        self.world = world
        self.book, self.ledger, self.faults = world.book, world.ledger, world.faults
        accounts = [account for account in world.brand.accounts if account.channel == self.channel]
        self.accounts = {account.slug: account for account in accounts}
        self.shops = {(a.slug, shop.code): shop for a in accounts for shop in a.stores}
        self.gates = {key: Gate() for key in self.shops}
        self.dice = Random()
        self.background = Background()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._turns: dict[str, asyncio.Event] = {}
        self._held: dict[str, list[Message]] = {}

    @abstractmethod
    def announce(self, order: Order) -> Message:
        """Write down the message that tells the portal of a new order."""

    @abstractmethod
    def tell(self, account: Account, code: str, kind: str, order_id: str, **facts: Any) -> Message:
        """Let something happen at the platform, and push it. Raises NotPossible."""

    @abstractmethod
    def outgoing(self, account: Account, message: Message, body: str) -> Outgoing:
        """Return the signed request of one attempt; a message that is acknowledged has no body any more."""

    @abstractmethod
    def accepts(self, answer: httpx.Response) -> bool:
        """Whether the portal gave the answer this platform wants."""

    async def ping(self, account: Account) -> dict[str, Any]:
        """Try the address by GET, as when it is saved; platforms want the same answer as for a push."""
        try:
            answer = await self.world.client.get(self.ping_url(account), timeout=self.ack_within(account))
        except httpx.HTTPError as problem:
            return {"status": None, "accepted": False, "problem": type(problem).__name__}
        return {"status": answer.status_code, "accepted": self.accepts(answer), "problem": ""}

    def ping_url(self, account: Account) -> str:
        """Return the address that is tried."""
        return account.intake_url

    def ack_within(self, account: Account) -> float:
        """Return the seconds the portal has to answer a push."""
        return account.ack_within

    def repeats(self, account: Account, attempts: int, status: int | None) -> bool:
        """Whether the message is pushed again after so many attempts."""
        return attempts < account.tries

    def pause(self, account: Account, attempts: int, answer: httpx.Response | None) -> float:
        """Return the seconds before the next attempt."""
        return backoff(account.spacing, attempts, self.dice.random())

    def lets_through(self, account: Account, code: str) -> bool:
        """Whether guests can order from a store now."""
        leaky = self.faults.take(self.channel, {"leaky"}, path=code) is not None
        return leaky or self.gates[account.slug, code].lets_through(time.monotonic(), self.dice.random())

    def turn_gate(self, account: Account, code: str, level: str) -> bool:
        """Open or close a store; True if that changed anything."""
        gate = self.gates[account.slug, code]
        return gate.turn(level, time.monotonic(), self.dice.uniform(*OBEYS_AFTER))

    def place(
        self, account: Account, code: str, *, funding: str, fulfilment: str = "", follow_up: bool = True
    ) -> Message:
        """A guest orders: write it down and begin to push it."""
        order = self.book.add(self._order(account, code, funding, self.choose_fulfilment(fulfilment)))
        message = self.announce(order)
        self.send(message)
        if follow_up:
            self._maybe_follow_up(account, order)
        return message

    def choose_fulfilment(self, wish: str) -> str:
        """Return what this platform makes of a wish; "" lets chance decide."""
        return wish

    def write(
        self, account: Account, kind: str, *, order_id: str, code: str, body: str, message_id: str = ""
    ) -> Message:
        """Write a message down before it is pushed; its id is the same on every attempt."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        message_id = message_id or f"msg_{secrets.token_hex(12)}"
        self.ledger.sent(Message(message_id, account.slug, kind, order_id, code, at, body))
        return self.ledger.messages[message_id]

    def send(self, message: Message) -> Message:
        """Begin to push a message, or do it badly if a test asked for that."""
        if self._take(message, "vanish"):
            self.ledger.gave_up(message, listed=False)
        elif self._take(message, "drop"):
            self.ledger.gave_up(message, listed=self.keeps_failures)
        elif fault := self._take(message, "late"):
            self._hold(message, "", fault.seconds)
        elif fault := self._take(message, "reorder"):
            self._hold(message, _topic(message), fault.seconds)
        elif fault := self._take(message, "swap"):
            self._hold(message, message.account, fault.seconds)
        else:
            times = REPEATS if self._take(message, "duplicate") else 1
            self._deliver_in_turn(message, times)
        return message

    def resume(self) -> None:
        """Go on where the sandbox ended: push what was not acknowledged."""
        for message in self.ledger.unanswered():
            if message.account in self.accounts:
                self.background.start(self.deliver(message))

    async def stop(self) -> None:
        """Give up everything that runs."""
        await self.background.stop()

    async def deliver(self, message: Message, first: asyncio.Event | None = None) -> None:
        """Push a message, the same each time, until it is taken or the tries are used up.

        `first` is set when the first attempt is over.
        """
        account, body, attempts = self.accounts[message.account], message.body, 0
        message.held = False
        while True:
            answer = await self._attempt(account, message, body)
            attempts += 1
            if first:
                first.set()
            if message.acknowledged:
                break
            if not self.repeats(account, attempts, None if answer is None else answer.status_code):
                self.ledger.gave_up(message, listed=self.keeps_failures)
                break
            await asyncio.sleep(self.pause(account, attempts, answer))

    async def answer_call(self, path: str, order: str, work: Callable[[], Response]) -> Response:
        """Do what a verified call asks for, or spoil the answer if a test asked for that."""
        if spoilt := await spoil(self.faults, self.channel, path=path, order=order):
            return spoilt
        answer = work()
        if self.faults.take(self.channel, {"lost_reply"}, path=path, order=order):
            return CutReply()
        return answer

    def note_call(self, account: Account, call_id: str, kind: str, data: dict[str, Any], **more: Any) -> None:
        """Write a verified call of the portal into the ledger."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.ledger.called(account.slug, call_id, {"type": kind, "data": data, **more}, at)

    def secret(self, account: Account, message: Message) -> str:
        """Return what this attempt is signed with: a wrong secret if a test asked for that."""
        return self.forged_with if self._take(message, "wrong_secret") else account.secret

    def fetched(self, message: Message) -> None:
        """The portal asked for a message that could not be pushed, and has it now."""
        self.ledger.fetched(message)
        order = self.book.find(message.account, message.order_id)
        if order and message.type == self.new_order:
            self.book.change(order, acknowledged=True)

    def require_order(self, account: Account, order_id: str) -> Order:
        """Return an order. Raises NotPossible."""
        order = self.book.find(account.slug, order_id)
        if order is None:
            raise NotPossible(f"{account.slug} has no order {order_id}")
        return order

    def _order(self, account: Account, code: str, funding: str, fulfilment: str) -> Order:
        shop, now = self.shops[account.slug, code], datetime.now(UTC)
        day = shanghai_day(now.timestamp())
        order_id = f"{now:%y%m%d}{secrets.randbelow(10**13):013}"
        number = self.book.next_number(account.slug, code, day, most=self.largest_number)
        data = make_order(
            self.dice,
            self.world.brand,
            shop,
            order_id=order_id,
            number=str(number),
            funding=funding,
            now=now,
            fulfilment=fulfilment,
        )
        return Order(account.slug, self.channel, order_id, code, number, day, data)

    def _deliver_in_turn(self, message: Message, times: int) -> None:
        """Push after whatever was last said of the same order has been tried once."""
        before, done = self._turns.get(_topic(message)), asyncio.Event()
        self._turns[_topic(message)] = done
        held = [late for key in (_topic(message), message.account) for late in self._held.pop(key, [])]
        for _ in range(times):
            self.background.start(self._deliver_between(before, message, done, held))

    async def _deliver_between(
        self, before: asyncio.Event | None, message: Message, done: asyncio.Event, after: list[Message]
    ) -> None:
        if before:
            await before.wait()
        await self.deliver(message, done)
        if self._turns.get(_topic(message)) is done:
            del self._turns[_topic(message)]
        for late in after:
            if late.held:
                self.background.start(self.deliver(late))

    def _hold(self, message: Message, key: str, seconds: float) -> None:
        """Keep a message back for some seconds, or until another one with this key is through."""
        message.held = True
        if key:
            self._held.setdefault(key, []).append(message)
        self.background.start(self._let_go(message, seconds))

    async def _let_go(self, message: Message, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if message.held:
            await self.deliver(message)

    async def _attempt(self, account: Account, message: Message, body: str) -> httpx.Response | None:
        fault = self._take(message, "slow_ack_limit")
        limit = fault.seconds if fault else self.ack_within(account)
        async with self._slots:
            answer = await self._push(account, message, body, limit)
        exact = answer is not None and self.accepts(answer)
        self.ledger.answered(message, None if answer is None else answer.status_code, exact=exact)
        order = self.book.find(message.account, message.order_id)
        if order and message.type == self.new_order:
            self.book.change(order, pushed=True, acknowledged=order.acknowledged or exact)
        return answer

    async def _push(
        self, account: Account, message: Message, body: str, limit: float
    ) -> httpx.Response | None:
        request = self.outgoing(account, message, body)
        try:
            async with asyncio.timeout(limit):
                return await self.world.client.request(
                    request.method,
                    request.url,
                    content=request.content,
                    headers=request.headers,
                    timeout=limit,
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return None

    def _take(self, message: Message, kind: str) -> Fault | None:
        path = f"push/{message.type}"
        return self.faults.take(self.channel, {kind}, path=path, order=message.order_id)

    def _maybe_follow_up(self, account: Account, order: Order) -> None:
        draw = self.dice.random()
        for share, kind, (soonest, latest) in self.follow_ups:
            if draw < share:
                wait = self.dice.uniform(soonest, latest)
                self.background.start(self._follow_up(account, order, kind, wait))
                return
            draw -= share

    async def _follow_up(self, account: Account, order: Order, kind: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if order.state not in {PLACED, ACCEPTED}:
            return
        facts = {} if kind == "order.urged" else {"reason": self.dice.choice(WHY), "by": "customer"}
        with suppress(NotPossible):  # somebody else was faster
            self.tell(account, order.store_code, kind, order.order_id, **facts)


def _topic(message: Message) -> str:
    """Return what messages that must not overtake each other have in common."""
    return message.order_id or f"{message.account}/{message.store_code}"
