"""Signed pushes of channel `standard` as raw HTTP requests, made before a clock starts.

Free of Django, so that the load generator starts fast and stays small.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"a secret for measuring, only here").decode()
ACCOUNT = "bench"
PATH = f"/intake/standard/{ACCOUNT}/"
DRINKS = (("JT-01", "茉莉奶绿", 1500), ("JT-07", "杨枝甘露", 1900), ("JT-12", "乌龙拿铁", 1700))


@dataclass(frozen=True, slots=True)
class Push:
    """One message: its delivery id, which is also the order's number at the platform, and its body."""

    delivery_id: str
    body: bytes

    def request(self, at: int) -> bytes:
        """The whole HTTP/1.1 request, signed at `at` (unix seconds)."""
        signature = sign(self.delivery_id, at, self.body)
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(self.body)}\r\nwebhook-id: {self.delivery_id}\r\n"
            f"webhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n\r\n"
        )
        return head.encode() + self.body


def sign(delivery_id: str, at: int, body: bytes) -> str:
    """The signature header of Standard Webhooks 1.0.0."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{delivery_id}.{at}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def make_pushes(count: int, *, run: str, codes: Sequence[str]) -> list[Push]:
    """`count` new orders of one to three drinks, spread over the stores; `run` keeps runs apart."""
    now = datetime.now(UTC)
    names = (_name(run, n) for n in range(count))
    return [
        Push(name, _body(n, order_id=name, store_code=codes[n % len(codes)], now=now))
        for n, name in enumerate(names)
    ]


def _name(run: str, n: int) -> str:
    """An id without order, as platforms make them: indexes get their rows all over."""
    return hashlib.blake2b(f"{run} {n}".encode(), digest_size=12).hexdigest()


def requests(count: int, *, run: str, codes: Sequence[str]) -> list[bytes]:
    """The same as signed requests."""
    at = int(time.time())
    return [push.request(at) for push in make_pushes(count, run=run, codes=codes)]


def _body(n: int, *, order_id: str, store_code: str, now: datetime) -> bytes:
    data = order_data(n, order_id=order_id, store_code=store_code, now=now)
    envelope = {"type": "order.created", "timestamp": now.isoformat(), "data": data}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def order_data(n: int, *, order_id: str, store_code: str, now: datetime) -> dict[str, Any]:
    """`data` of a free order; its daily number is `#` and `n`."""
    drinks = DRINKS[: 1 + n % len(DRINKS)]
    goods = sum(price for _, _, price in drinks)
    amounts = {
        "currency": "CNY", "goods": goods, "delivery_fee": 300, "platform_subsidy": goods + 299,
        "shop_subsidy": 0, "customer_paid": 1, "shop_income": goods - 200,
    }  # fmt: skip
    customer = {
        "name": "王女士", "phone": f"138{n % 10**8:08}", "address": "南京东路 100 号 3 楼 302 室",
        "latitude": 31.2345, "longitude": 121.4767,
    }  # fmt: skip
    return {
        "order_id": order_id,
        "store_code": store_code,
        "daily_number": f"#{n}",
        "placed_at": now.isoformat(),
        "promised_at": (now + timedelta(minutes=40)).isoformat(),
        "fulfilment": "store_courier",
        "items": [_item(*drink) for drink in drinks],
        "amounts": amounts,
        "campaign": {"code": "0206", "name": "免单日"},
        "customer": customer,
        "note": "不要吸管",
    }


def _item(sku: str, name: str, price: int) -> dict[str, Any]:
    options = [{"name": "糖", "value": "三分糖"}, {"name": "冰", "value": "少冰"}]
    return {"sku": sku, "name": name, "quantity": 1, "unit_price": price, "options": options, "note": ""}
