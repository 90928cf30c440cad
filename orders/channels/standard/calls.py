"""Channel `standard`, outgoing: signed calls to the platform's address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
from pydantic_core import to_json
from standardwebhooks.webhooks import Webhook

from orders.cards import iso
from orders.channels.calling import CallFailed

_client = httpx.Client(timeout=httpx.Timeout(5.0, connect=2.0))


def call(
    *, url: str, secret: str, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """POST one signed message and return the JSON object of the answer ({} if it is none).

    `call_id` is the same on every attempt. Raises CallFailed; `retry` tells if another try is right.
    """
    body = to_json({"type": kind, "timestamp": iso(now), "data": data}).decode()
    headers = {
        "content-type": "application/json",
        "webhook-id": call_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(msg_id=call_id, timestamp=now, data=body),
    }
    try:
        response = _client.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        raise CallFailed(f"{type(error).__name__}: {error}", retry=True) from error
    if not response.is_success:
        retry = response.status_code in {408, 425, 429} or response.status_code >= 500
        raise CallFailed(f"HTTP {response.status_code}", retry=retry)
    return _object(response)


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
