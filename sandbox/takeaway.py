"""The life of an order at a delivery platform: what Ele.me and Meituan share; each tells it in its own words.

placed → accepted → ready → completed, and cancelled from any of them but the last. Beside it there may be one
open request of the guest (to cancel, or for money back), urges, and the platform's own delivery.
"""

from __future__ import annotations

import secrets
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from sandbox.brand import Account
from sandbox.ledger import Message
from sandbox.order_book import ACCEPTED, CANCELLED, COMPLETED, PLACED, READY, Order
from sandbox.orders import make_bill
from sandbox.platform import FOLLOW_UPS, NotPossible, Platform, World
from sandbox.platform_riders import PATH, STEPS, choose_rider, ride

STEPS_OF_ALL = {*STEPS, "cancelled"}


class Takeaway(Platform):
    """What happens at the platform, whoever makes it happen: `by` is "customer", "merchant", "platform",
    "system", or "portal" when we were called."""

    auto_agrees_after: ClassVar[dict[str, float]] = {}  # about what → day-seconds
    follow_ups: ClassVar[tuple[tuple[float, str, tuple[float, float]], ...]] = (
        *FOLLOW_UPS,
        (0.02, "order.cancel_requested", (20, 90)),
        (0.01, "order.refund_requested", (60, 120)),
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._events: dict[str, Callable[[Order, dict[str, Any]], Message]] = {
            "order.cancelled": self._cancelled,
            "order.urged": self._urged,
            "order.cancel_requested": lambda order, facts: self.ask(order, "cancel", facts),
            "order.refund_requested": lambda order, facts: self.ask(order, "refund", facts),
            "order.withdrawn": lambda order, facts: self.settle(order, "withdrawn", by="customer"),
            "order.accepted_elsewhere": lambda order, facts: self.accept(order, by="merchant"),
            "order.completed": lambda order, facts: self.complete(order),
            "order.delivery_updated": lambda order, facts: self.take_step(order, str(facts.get("step"))),
        }

    @abstractmethod
    def push_accepted(self, order: Order, by: str) -> Message:
        """Push that an order was accepted."""

    @abstractmethod
    def push_cancelled(self, order: Order, before: str, by: str, reason: str) -> Message:
        """Push that an order, which was in state `before`, is cancelled."""

    @abstractmethod
    def push_completed(self, order: Order) -> Message:
        """Push that an order is done."""

    @abstractmethod
    def push_request(self, order: Order, by: str) -> Message:
        """Push where the guest's request stands."""

    @abstractmethod
    def push_urge(self, order: Order, reminder: int) -> Message:
        """Push that the guest asks where the order is."""

    @abstractmethod
    def push_step(self, order: Order, step: str) -> Message:
        """Push a step of the delivery ("store": the store delivers now)."""

    @abstractmethod
    def push_store(self, account: Account, code: str) -> Message:
        """Push that a store is open or closed now."""

    def tell(self, account: Account, code: str, kind: str, order_id: str, **facts: Any) -> Message:
        """Let something happen at the platform, and push it. Raises NotPossible."""
        if kind == "store.status":
            self.turn_gate(account, code, str(facts.get("level", "paused")))
            return self.push_store(account, code)
        if kind not in self._events:
            raise NotPossible(f"There are: store.status, {', '.join(self._events)}")
        return self._events[kind](self.require_order(account, order_id), facts)

    def resume(self) -> None:
        """Go on where the sandbox ended: pushes, requests that wait, orders on the road."""
        super().resume()
        for order in self.book.live(self.accounts):
            self._wait_for_answer(order)
            if order.state == READY:
                self._send_rider(order)

    def accept(self, order: Order, *, by: str) -> Message:
        """The merchant takes it. Raises NotPossible."""
        _require(order, PLACED)
        self.book.change(order, state=ACCEPTED, facts={"accepted_at": time.time()})
        return self.push_accepted(order, by)

    def ready(self, order: Order) -> None:
        """The drink is made; a rider of the platform may come. Raises NotPossible."""
        _require(order, ACCEPTED, READY)
        if order.state != READY:
            self.book.change(order, state=READY)
            self._send_rider(order)

    def cancel(self, order: Order, *, by: str, reason: str, silent: bool = False) -> Message | None:
        """It is called off. Raises NotPossible."""
        _require(order, PLACED, ACCEPTED, READY)
        before = order.state
        self.book.change(order, state=CANCELLED)
        return None if silent else self.push_cancelled(order, before, by, reason)

    def complete(self, order: Order) -> Message:
        """The guest has it. Raises NotPossible."""
        _require(order, PLACED, ACCEPTED, READY)
        self.book.change(order, state=COMPLETED)
        return self.push_completed(order)

    def ask(self, order: Order, about: str, facts: dict[str, Any]) -> Message:
        """The guest asks to cancel or for money back. Raises NotPossible."""
        _require(order, PLACED, ACCEPTED, READY, *([COMPLETED] if about == "refund" else []))
        if open_request(order):
            raise NotPossible("There is an open request already")
        whole, paid = bool(facts.get("whole", True)), make_bill(order.data).paid
        request = {
            "ref": str(10**17 + secrets.randbelow(10**17)),
            "about": about,
            "step": "applied",
            "whole": whole,
            "amount": int(facts.get("amount", paid if whole else paid // 2)),
            "reason": str(facts.get("reason", "不想要了")),
            "at": time.time(),
        }
        self.book.change(order, facts={"request": request})
        message = self.push_request(order, "customer")
        self._wait_for_answer(order)
        return message

    def settle(self, order: Order, step: str, *, by: str, reason: str = "") -> Message:
        """The open request is "agreed", "refused" or "withdrawn". Raises NotPossible."""
        request = open_request(order)
        if request is None:
            raise NotPossible("There is no open request")
        changed = {**request, "step": step, "answer": reason}
        self.book.change(order, facts={"request": changed})
        message = self.push_request(order, by)
        if step == "agreed" and request["whole"] and order.live:
            self.cancel(order, by=by, reason=request["reason"])
        return message

    def answer_urge(self, account: Account, reminder: str) -> Order | None:
        """The merchant answered an urge; None if that is old news. Raises NotPossible."""
        for order in self.book.live([account.slug]):
            reminders = order.facts.get("reminders", {})
            if reminder in reminders:
                self.book.change(order, facts={"reminders": {**reminders, reminder: True}})
                return None if reminders[reminder] else order
        raise NotPossible(f"There is no urge {reminder}")

    def deliver_by_store(self, order: Order) -> Message:
        """The store brings it instead of the platform. Raises NotPossible."""
        _require(order, PLACED, ACCEPTED, READY)
        if not order.by_platform:
            raise NotPossible("The platform does not deliver this order")
        self.book.change(order, facts={"self_delivery": True})
        return self.push_step(order, "store")

    def follow_store_rider(self, order: Order, *, delivered: bool) -> None:
        """The store's own rider took it, or brought it. Raises NotPossible."""
        _require(order, ACCEPTED, READY)
        if order.by_platform:
            raise NotPossible("The platform delivers this order")
        self.book.change(order, state=READY, facts={"step": "picked_up"})
        if delivered:
            self.complete(order)

    def take_step(self, order: Order, step: str) -> Message:
        """The platform's delivery is one step further. Raises NotPossible."""
        if step not in STEPS_OF_ALL:
            raise NotPossible(f"There are: {', '.join(sorted(STEPS_OF_ALL))}")
        _require(order, PLACED, ACCEPTED, READY)
        facts: dict[str, Any] = {"step": step}
        if step != PATH[0][0] and "rider" not in order.facts:
            facts["rider"] = choose_rider(self.dice)
        self.book.change(order, facts=facts)
        message = self.push_step(order, step)
        if step == "delivered":
            self.complete(order)
        return message

    def obey_intake(self, account: Account, code: str, level: str) -> None:
        """Open or close a store as the portal wishes, unless a test made the platform deaf."""
        if not self.faults.take(self.channel, {"deaf"}, path=code) and self.turn_gate(account, code, level):
            self.push_store(account, code)

    def lose_race(self, order: Order, path: str) -> None:
        """Let the guest cancel in the very moment the portal accepts, if a test asked for that."""
        race = {"cancel_races_accept"}
        if order.state == PLACED and self.faults.take(self.channel, race, path=path, order=order.order_id):
            self.cancel(order, by="customer", reason="点错了")

    def _cancelled(self, order: Order, facts: dict[str, Any]) -> Message:
        by, reason = str(facts.get("by", "customer")), str(facts.get("reason", "点错了"))
        message = self.cancel(order, by=by, reason=reason)
        if message is None:
            raise NotPossible("Nothing was pushed")
        return message

    def _urged(self, order: Order, facts: dict[str, Any]) -> Message:
        _require(order, PLACED, ACCEPTED, READY)
        reminder = 10**9 + secrets.randbelow(10**9)
        reminders = {**order.facts.get("reminders", {}), str(reminder): False}
        self.book.change(order, facts={"reminders": reminders})
        return self.push_urge(order, reminder)

    def _send_rider(self, order: Order) -> None:
        if self.world.travel.automatic and order.by_platform:
            self.background.start(ride(self, order, self.world.travel))

    def _wait_for_answer(self, order: Order) -> None:
        request = open_request(order)
        if request and request["about"] in self.auto_agrees_after:
            self.background.start(self._agree_in_time(order, request))

    async def _agree_in_time(self, order: Order, request: dict[str, Any]) -> None:
        patience = self.world.patience
        passed = (time.time() - request["at"]) * patience.speed
        await patience.wait(self.auto_agrees_after[request["about"]] - passed)
        now = open_request(order)
        if now and now["ref"] == request["ref"] and order.live:
            self.settle(order, "agreed", by="system")


def open_request(order: Order) -> dict[str, Any] | None:
    """Return the guest's request that waits for an answer."""
    request: dict[str, Any] | None = order.facts.get("request")
    return request if request and request["step"] == "applied" else None


def _require(order: Order, *states: str) -> None:
    if order.state not in states:
        raise NotPossible(f"The order is {order.state}")
