"""Messages of channel `standard`, as a platform would sign and push them."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from stores.tests.factories import SECRET


def order_data(*, store_code: str, order_id: str = "E-1001", **changes: Any) -> dict[str, Any]:
    """`data` of a free two-cup order; `changes` replace top-level fields."""
    return {
        "order_id": order_id,
        "store_code": store_code,
        "daily_number": "17",
        "placed_at": "2026-02-06T10:00:00+08:00",
        "promised_at": "2026-02-06T10:40:00+08:00",
        "fulfilment": "store_courier",
        "items": [
            {
                "sku": "JT-01",
                "name": "茉莉奶绿",
                "quantity": 2,
                "unit_price": 1500,
                "options": [{"name": "糖", "value": "三分糖"}, {"name": "冰", "value": "少冰"}],
                "note": "",
            }
        ],
        "amounts": {
            "currency": "CNY",
            "goods": 3000,
            "delivery_fee": 300,
            "platform_subsidy": 3299,
            "shop_subsidy": 0,
            "customer_paid": 1,
            "shop_income": 2700,
        },
        "campaign": {"code": "0206", "name": "免单日"},
        "customer": {
            "name": "王女士",
            "phone": "13812345678",
            "address": "南京东路 100 号",
            "latitude": 31.23,
            "longitude": 121.48,
        },
        "note": "不要吸管",
        **changes,
    }


def created(**fields: Any) -> dict[str, Any]:
    """An `order.created` envelope."""
    return {"type": "order.created", "timestamp": "2026-02-06T10:00:01+08:00", "data": order_data(**fields)}


def cancelled(*, store_code: str, order_id: str = "E-1001") -> dict[str, Any]:
    """An `order.cancelled` envelope."""
    data = {"order_id": order_id, "store_code": store_code, "reason": "改主意了", "by": "customer"}
    return {"type": "order.cancelled", "timestamp": "2026-02-06T10:02:00+08:00", "data": data}


def urged(*, store_code: str, order_id: str = "E-1001") -> dict[str, Any]:
    """An `order.urged` envelope."""
    data = {"order_id": order_id, "store_code": store_code}
    return {"type": "order.urged", "timestamp": "2026-02-06T10:20:00+08:00", "data": data}


def encoded(envelope: dict[str, Any]) -> bytes:
    """The raw body."""
    return json.dumps(envelope, ensure_ascii=False).encode()


def signed(body: bytes, *, delivery_id: str, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a push sent at `at` (unix seconds; default now)."""
    stamp = int(time.time() if at is None else at)
    moment = datetime.fromtimestamp(stamp, tz=UTC)
    signature = Webhook(secret).sign(msg_id=delivery_id, timestamp=moment, data=body.decode())
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature,
    }
