"""Standard Webhooks 1.0.0 (pure): sign what is sent, verify what is received."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE = 300  # seconds


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a push."""
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, found: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the headers fit the body, the secret and the time (Unix seconds)."""
    message_id, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not message_id or not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE:
        return False
    expected = signature(secret, message_id, int(stamp), body)
    given = found.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected.encode(), entry.encode()) for entry in given)
