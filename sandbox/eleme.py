"""The pretend Ele.me: pushes NOP 1.0.0 messages to one address; `eleme_api.py` takes the portal's calls.

A push is taken when HTTP 200 comes in time with a JSON object whose `message` is "ok". What is not taken
after some tries waits until the portal asks for it.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, ClassVar

import httpx

from sandbox import eleme_wire as wire
from sandbox.brand import ELEME, Account, Shop
from sandbox.eleme_orders import (
    delivery_body,
    make_oorder,
    order_status,
    refund_body,
    status_body,
    urge_body,
)
from sandbox.ledger import Message
from sandbox.order_book import PLACED, Order
from sandbox.platform import Outgoing
from sandbox.takeaway import Takeaway

MERCHANTS_FROM = 336_072_266_326_420_000  # far beyond 2^53
ROLES = {
    "customer": wire.USER,
    "system": wire.SYSTEM,
    "platform": wire.SYSTEM,
    "merchant": wire.MERCHANT,
    "portal": wire.OPEN_PLATFORM,
}
AT_ONCE = 60  # day-seconds after acceptance in which a guest cancels without asking
FULFILMENTS = ("platform_courier", "store_courier")


class Eleme(Takeaway):
    """All shops of the brand's apps. There is no pick-up: the OOrder has no published field for it."""

    channel: ClassVar[str] = ELEME
    new_order: ClassVar[str] = wire.NEW_ORDER
    keeps_failures: ClassVar[bool] = True
    auto_agrees_after: ClassVar[dict[str, float]] = {"cancel": 15 * 60}

    def choose_fulfilment(self, wish: str) -> str:
        """Return a fulfilment Ele.me has."""
        return wish if wish in FULFILMENTS else self.dice.choices(FULFILMENTS, (4, 1))[0]

    def announce(self, order: Order) -> Message:
        """Write down type 10, or whatever a test wants instead."""
        path = f"push/{wire.NEW_ORDER}"
        odd = {
            kind: self.faults.take(self.channel, {kind}, path=path, order=order.order_id) is not None
            for kind in ("unknown_type", "degraded", "folded")
        }
        if odd["unknown_type"]:
            return self._write(order, wire.CORE, _core_body(order))
        body = make_oorder(order, self.shop_of(order), degraded=odd["degraded"], folded=odd["folded"])
        return self._write(order, wire.NEW_ORDER, body)

    def shop_of(self, order: Order) -> Shop:
        """Return the shop of an order."""
        return self.shops[order.account, order.store_code]

    def outgoing(self, account: Account, message: Message, body: str) -> Outgoing:
        """Return the signed envelope."""
        envelope = self.envelope(self.secret(account, message), body)
        headers = {"content-type": "application/json; charset=utf-8"}
        return Outgoing(url=account.intake_url, content=wire.dumps(envelope).encode(), headers=headers)

    def envelope(self, secret: str, body: str) -> dict[str, Any]:
        """Return an OMessage with its signature."""
        fields = json.loads(body)
        return {**fields, "signature": wire.push_signature(secret, fields)}

    def accepts(self, answer: httpx.Response) -> bool:
        """Only HTTP 200 with `message` "ok" will do."""
        try:
            found = answer.json()
        except ValueError:
            return False
        return (
            answer.status_code == httpx.codes.OK and isinstance(found, dict) and found.get("message") == "ok"
        )

    def push_accepted(self, order: Order, by: str) -> Message:
        """Type 12, and 71 where the store delivers anyhow."""
        message = self._send(order, wire.ACCEPTED, status_body(order, ROLES[by], time.time()))
        if not order.by_platform:
            self.push_step(order, "store")
        return message

    def push_cancelled(self, order: Order, before: str, by: str, reason: str) -> Message:
        """Type 14, 15 or 17: not accepted yet, ended with the platform's help, or forced."""
        body = status_body(order, ROLES[by], time.time())
        return self._send(order, self._cancel_type(order, before, by), body)

    def push_completed(self, order: Order) -> Message:
        """Type 18."""
        return self._send(order, wire.COMPLETED, status_body(order, wire.ORDER_FINISHED, time.time()))

    def push_request(self, order: Order, by: str) -> Message:
        """Types 20 to 23, or 30 to 33."""
        request = order.facts["request"]
        kinds = wire.CANCEL if request["about"] == "cancel" else wire.REFUND
        return self._send(order, kinds[request["step"]], refund_body(order, time.time()))

    def push_urge(self, order: Order, reminder: int) -> Message:
        """Type 45."""
        return self._send(order, wire.URGED, urge_body(order, reminder, time.time()))

    def push_urge_answered(self, order: Order, reminder: int) -> Message:
        """Type 46."""
        return self._send(order, wire.URGE_ANSWERED, urge_body(order, reminder, time.time()))

    def push_step(self, order: Order, step: str) -> Message:
        """Types 51 to 57, and 71."""
        now = time.time()
        return [
            self._send(order, kind, delivery_body(order, state, now)) for kind, state in wire.DELIVERY[step]
        ][-1]

    def push_store(self, account: Account, code: str) -> Message:
        """Type 91; its real body is not published."""
        is_open = int(self.gates[account.slug, code].level == "open")
        body = {"shopId": int(code), "isOpen": is_open, "updateTime": int(time.time())}
        return self.send(self._put(account, wire.STORE_STATUS, order_id="", code=code, body=body))

    def _cancel_type(self, order: Order, before: str, by: str) -> str:
        if before == PLACED:
            return wire.CANCELLED
        request = order.facts.get("request") or {}
        if request.get("step") == "agreed" and request["whole"]:
            return wire.INVALID
        since = (time.time() - order.facts.get("accepted_at", 0)) * self.world.pace.speed
        at_once = by == "customer" and since < AT_ONCE
        return wire.FORCED_INVALID if at_once or by in {"merchant", "portal"} else wire.INVALID

    def _send(self, order: Order, kind: str, body: dict[str, Any]) -> Message:
        return self.send(self._write(order, kind, body))

    def _write(self, order: Order, kind: str, body: dict[str, Any]) -> Message:
        account = self.accounts[order.account]
        return self._put(account, kind, order_id=order.order_id, code=order.store_code, body=body)

    def _put(self, account: Account, kind: str, *, order_id: str, code: str, body: dict[str, Any]) -> Message:
        as_text = self.faults.take(self.channel, {"type_as_text"}, path=f"push/{kind}", order=order_id)
        message_id = f"2{secrets.randbelow(10**17):017}"
        fields = {
            "requestId": message_id,
            "type": kind if as_text else int(kind),
            "appId": int(account.app_id),
            "message": wire.dumps(body),
            "shopId": int(code),
            "timestamp": int(time.time() * 1000),
            "userId": MERCHANTS_FROM + int(account.app_id) % 10_000,
        }
        text = wire.dumps(fields)
        return self.write(account, kind, order_id=order_id, code=code, body=text, message_id=message_id)


def _core_body(order: Order) -> dict[str, Any]:
    """A type nobody has published, with fields nobody knows."""
    return {
        "orderId": order.order_id,
        "shopId": int(order.store_code),
        "bizType": 7,
        "coreVersion": "2.1",
        "snapshot": {"stage": "EFFECTIVE", "state": order_status(order), "tags": [3, 5]},
    }
