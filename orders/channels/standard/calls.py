"""Channel `standard`, outgoing: signed calls to the platform's address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from standardwebhooks.webhooks import Webhook

from orders.cards import iso
from orders.channels.calling import Access
from outbox.line import Line

hears = frozenset({"order.accepted", "order.rejected", "order.cancelled", "order.ready", "order.delayed",
    "order.collected", "order.delivered", "store.intake"})  # fmt: skip
_line = Line()


def call(
    *, access: Access, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """POST one signed message and return the JSON object of the answer ({} if it is none).

    `call_id` is the webhook-id, the same on every attempt. Raises outbox.calling.CallFailed.
    """
    body = to_json({"type": kind, "timestamp": iso(now), "data": data})
    headers = {
        "content-type": "application/json",
        "webhook-id": call_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(access.secret).sign(msg_id=call_id, timestamp=now, data=body.decode()),
    }
    return _object(_line.post(access.url, body, headers))


def _object(reply: bytes) -> Mapping[str, Any]:
    try:
        document = from_json(reply)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
