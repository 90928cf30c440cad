"""The pretend Meituan Waimai: pushes signed forms, one address per kind; `meituan_api.py` takes the calls.

A push is taken when HTTP 200 comes in time with a JSON object whose `data` is "ok". What is not taken after
some tries is not kept: only asking for the orders finds it.
"""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

import httpx

from sandbox import meituan_wire as wire
from sandbox.brand import MEITUAN, Account, Shop
from sandbox.ledger import Message
from sandbox.meituan_orders import (
    cancelled_fields,
    logistics_fields,
    make_push,
    refund_fields,
    refund_result_fields,
)
from sandbox.order_book import PLACED, Order
from sandbox.platform import Outgoing
from sandbox.takeaway import Takeaway

RESULTS = {
    ("applied", "customer"): wire.WAITING,
    ("withdrawn", "customer"): wire.WITHDRAWN,
    ("refused", "portal"): wire.REFUSED,
    ("agreed", "portal"): wire.AGREED,
    ("agreed", "system"): wire.AUTO_AGREED,
}
BY_GET = frozenset({"cancelled", "refund"})  # kinds an older console pushes by GET


class Meituan(Takeaway):
    """All stores of the brand's apps."""

    channel: ClassVar[str] = MEITUAN
    new_order: ClassVar[str] = "paid"

    def announce(self, order: Order) -> Message:
        """Write down the `paid` push, or what a test wants it to look like."""
        return self._order_push(order, "paid")

    def shop_of(self, order: Order) -> Shop:
        """Return the store of an order."""
        return self.shops[order.account, order.store_code]

    def tell(self, account: Account, code: str, kind: str, order_id: str, **facts: Any) -> Message:
        """Let something happen, and push it; `method` "GET" pushes by GET what older consoles push so."""
        method = str(facts.pop("method", "POST"))
        order = self.book.find(account.slug, order_id)
        if order:
            self.book.change(order, facts={"method": method})
        return super().tell(account, code, kind, order_id, **facts)

    def outgoing(self, account: Account, message: Message, body: str) -> Outgoing:
        """Return the signed form; `timestamp` is that of the attempt."""
        written = json.loads(body)
        url = f"{account.intake_url}{message.type}/"
        fields = {**written["fields"], "app_id": account.app_id, "timestamp": str(int(time.time()))}
        fields["sig"] = wire.sign(url, fields, self.secret(account, message))
        form = wire.encode_form(fields, twice=written["twice"])
        if written["method"] == "GET":
            return Outgoing(url=f"{url}?{form}", method="GET")
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Outgoing(url=url, content=form.encode(), headers=headers)

    def ping_url(self, account: Account) -> str:
        """Return the address that is tried: one of several."""
        return f"{account.intake_url}{self.new_order}/"

    def accepts(self, answer: httpx.Response) -> bool:
        """Only HTTP 200 with `data` "ok" will do."""
        try:
            found = answer.json()
        except ValueError:
            return False
        return answer.status_code == httpx.codes.OK and isinstance(found, dict) and found.get("data") == "ok"

    def push_accepted(self, order: Order, by: str) -> Message:
        """Kind `confirmed`: the whole order once more."""
        return self.send(self._order_push(order, "confirmed"))

    def push_completed(self, order: Order) -> Message:
        """Kind `completed`: the whole order once more."""
        return self.send(self._order_push(order, "completed"))

    def push_cancelled(self, order: Order, before: str, by: str, reason: str) -> Message:
        """Kind `cancelled`."""
        code = wire.BEFORE_CONFIRM if before == PLACED else wire.USER_REFUND
        code = code if by in {"customer", "portal"} else wire.BY_SERVICE
        fields = cancelled_fields(order, code, reason, wire.OPERATORS[by])
        return self._send(order, "cancelled", fields)

    def push_request(self, order: Order, by: str) -> Message:
        """Kind `refund`, and `refund-result` once there is money back."""
        step = order.facts["request"]["step"]
        message = self._send(order, "refund", refund_fields(order, RESULTS[step, by]))
        if step == "agreed":
            self._send(order, "refund-result", refund_result_fields(order, time.time()))
        return message

    def push_urge(self, order: Order, reminder: int) -> Message:
        """Kind `urge`; its real fields are not published."""
        fields = {
            "order_id": order.order_id,
            "remind_id": str(reminder),
            "remind_time": str(int(time.time())),
        }
        return self._send(order, "urge", fields)

    def push_step(self, order: Order, step: str) -> Message:
        """Kind `logistics`; "store" ends Meituan's own delivery."""
        status = wire.LOGISTICS["cancelled" if step == "store" else step]
        return self._send(order, "logistics", logistics_fields(order, status, time.time()))

    def push_store(self, account: Account, code: str) -> Message:
        """Kind `store-status`."""
        is_open = self.gates[account.slug, code].level == "open"
        fields = {
            "app_poi_code": code,
            "poi_status": str(wire.OPEN if is_open else wire.RESTING),
            "reason": "",
            "operate_time": str(int(time.time())),
            "operate_user": "BUSINESS",
        }
        body = {"method": "POST", "fields": fields}
        return self.send(self._put(account, "store-status", order_id="", code=code, body=body))

    def _order_push(self, order: Order, kind: str) -> Message:
        path = f"push/{kind}"
        odd, degraded = (
            self.faults.take(self.channel, {name}, path=path, order=order.order_id) is not None
            for name in ("odd_extras", "degraded")
        )
        fields = make_push(order, self.shop_of(order), time.time(), odd=odd, degraded=degraded)
        return self._write(order, kind, fields)

    def _send(self, order: Order, kind: str, fields: dict[str, str]) -> Message:
        return self.send(self._write(order, kind, fields))

    def _write(self, order: Order, kind: str, fields: dict[str, str]) -> Message:
        method = "GET" if kind in BY_GET and order.facts.get("method") == "GET" else "POST"
        account = self.accounts[order.account]
        body = {"method": method, "fields": fields}
        return self._put(account, kind, order_id=order.order_id, code=order.store_code, body=body)

    def _put(self, account: Account, kind: str, *, order_id: str, code: str, body: dict[str, Any]) -> Message:
        once = self.faults.take(self.channel, {"once_encoded"}, path=f"push/{kind}", order=order_id)
        text = wire.dumps({**body, "twice": once is None})
        return self.write(account, kind, order_id=order_id, code=code, body=text)
