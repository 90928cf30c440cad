"""DoorDash Drive v2's wire format (pure): tokens, deliveries, webhooks, errors.

Source: developer.doordash.com on Drive's JSON Web Tokens, errors, deliveries and webhooks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.errands import BEFORE_PICK_UP, Errand, Step

STATUS = {
    Step.SEARCHING: "created",
    Step.ASSIGNED: "confirmed",
    Step.AT_STORE: "arrived_at_pickup",
    Step.PICKED_UP: "picked_up",
    Step.ON_THE_WAY: "enroute_to_dropoff",
    Step.AT_GUEST: "arrived_at_dropoff",
    Step.DELIVERED: "delivered",
    Step.CANCELLED: "cancelled",
    Step.RETURNING: "enroute_to_return",
    Step.RETURNED: "returned",
}
EVENTS = {
    Step.ASSIGNED: "DASHER_CONFIRMED",
    Step.AT_STORE: "DASHER_CONFIRMED_PICKUP_ARRIVAL",
    Step.PICKED_UP: "DASHER_PICKED_UP",
    Step.AT_GUEST: "DASHER_CONFIRMED_DROPOFF_ARRIVAL",
    Step.DELIVERED: "DASHER_DROPPED_OFF",
    Step.CANCELLED: "DELIVERY_CANCELLED",
    Step.RETURNING: "DELIVERY_RETURN_INITIALIZED",
    Step.RETURNED: "DELIVERY_RETURNED",
}
TOKEN_LIVES, CLOCKS = 1800, 30  # seconds
NAME = re.compile(r"[A-Za-z0-9\-._~]{1,128}")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
TEXTS = ("pickup_address", "dropoff_address")
PHONES = ("pickup_phone_number", "dropoff_phone_number")
KEPT = (
    "order_value", "pickup_address", "pickup_business_name", "pickup_reference_tag",
    "pickup_external_store_id",
    "dropoff_address", "dropoff_business_name",
)  # fmt: skip


class Refusal(Exception):
    """DoorDash says no: an HTTP status, a code, a message, and what is wrong with which field."""

    def __init__(self, status: int, code: str, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.fields = status, code, fields or {}

    def body(self) -> dict[str, Any]:
        """Return it as DoorDash writes it."""
        told: dict[str, Any] = {"code": self.code, "message": str(self)}
        errors = [{"field": field, "error": error} for field, error in self.fields.items()]
        return {**told, "field_errors": errors} if errors else told


def unauthorized(why: str) -> Refusal:
    """A token that is not one."""
    return Refusal(401, "authentication_error", why)


def read_token(header: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Take a Bearer token apart: header, claims, what is signed, the signature. Raises Refusal."""
    scheme, _, token = header.partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        raise unauthorized("The Authorization header must be a Bearer JWT")
    try:
        head, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, binascii.Error):
        raise unauthorized("The JWT cannot be decoded") from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise unauthorized("The JWT cannot be decoded")
    return head, claims, f"{parts[0]}.{parts[1]}".encode(), signature


def check_token(header: str, developer_id: str, key_id: str, signing_secret: str, now: float) -> None:
    """Raise Refusal unless the token is HS256 by this key, of DoorDash's version, for now."""
    head, claims, signed, signature = read_token(header)
    if (head.get("alg"), head.get("typ"), head.get("dd-ver")) != ("HS256", "JWT", "DD-JWT-V1"):
        raise unauthorized("The JWT header must have alg HS256, typ JWT and dd-ver DD-JWT-V1")
    if (claims.get("aud"), claims.get("iss"), claims.get("kid")) != ("doordash", developer_id, key_id):
        raise unauthorized("The JWT has a wrong aud, iss or kid")
    expected = hmac.new(_decoded(signing_secret), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(expected, signature):
        raise unauthorized("The JWT's signature is not valid")
    begun, ends = claims.get("iat"), claims.get("exp")
    if not (isinstance(begun, int | float) and isinstance(ends, int | float)):
        raise unauthorized("The JWT must have iat and exp in seconds")
    if ends <= now:
        raise unauthorized("The JWT has expired")
    if begun > now + CLOCKS or ends - begun > TOKEN_LIVES:
        raise unauthorized("The JWT is from the future, or lasts longer than 30 minutes")


def issuer(header: str) -> str:
    """Return who says to have written a token. Raises Refusal."""
    return str(read_token(header)[1].get("iss", ""))


def check_delivery(body: Mapping[str, Any]) -> None:
    """Raise Refusal if a quote or a delivery is not what DoorDash takes."""
    wrong = {
        name: "must not be empty" for name in TEXTS if not isinstance(body.get(name), str) or not body[name]
    }
    wrong |= {
        name: "Phone number provided does not seem to be a valid one"
        for name in PHONES
        if (body.get(name) or name.startswith("dropoff")) and not PHONE.fullmatch(str(body.get(name, "")))
    }
    if not NAME.fullmatch(str(body.get("external_delivery_id", ""))):
        wrong["external_delivery_id"] = "must be letters, digits and -._~"
    value = body.get("order_value", 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        wrong["order_value"] = "must be in cents"
    if not all(_is_item(item) for item in body.get("items") or []):
        wrong["items"] = "need name and quantity"
    if wrong:
        raise Refusal(400, "validation_error", "One or more fields failed validation", wrong)


def stamp(seconds: float) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def delivery(errand: Errand, currency: str) -> dict[str, Any]:
    """Return the delivery object; what is not known is left out."""
    rider, cancelled = errand.rider, errand.step == Step.CANCELLED
    told: dict[str, Any] = {
        "external_delivery_id": errand.origin,
        "delivery_status": STATUS[errand.step],
        "fee": errand.fee,
        "cancellation_fee": errand.kept if cancelled else None,
        "currency": currency,
        **errand.facts,
        "updated_at": stamp(max(errand.created_at, errand.assigned_at, errand.picked_up_at, errand.ended_at)),
        "pickup_time_estimated": stamp(errand.created_at + 900),
        "dropoff_time_estimated": stamp(errand.created_at + 900 + errand.distance / 5),
        "pickup_time_actual": stamp(errand.picked_up_at) if errand.picked_up_at else None,
        "dropoff_time_actual": stamp(errand.ended_at) if errand.step == Step.DELIVERED else None,
        "support_reference": errand.number,
        "tracking_url": f"https://doordash.example/{errand.number}/track",
        "cancellation_reason": errand.reason if cancelled else None,
    }
    if rider:
        told |= {
            "dasher_id": rider.id,
            "dasher_name": rider.name,
            "dasher_pickup_phone_number": f"+86{rider.phone}",
            "dasher_dropoff_phone_number": f"+86{rider.phone}",
            "dasher_location": {"lat": 31.23, "lng": 121.47},
        }
    return {name: value for name, value in told.items() if value is not None}


def webhook(errand: Errand, currency: str, event: str, now: float) -> bytes:
    """Return the body of one event. It has no id of its own."""
    told = {**delivery(errand, currency), "event_name": event, "created_at": stamp(now)}
    return json.dumps(told, ensure_ascii=False).encode()


def check_cancel(errand: Errand) -> None:
    """Raise Refusal if it is too late to cancel."""
    if errand.step not in BEFORE_PICK_UP:
        raise Refusal(409, "delivery_not_cancellable", "The delivery is not in a state that can be cancelled")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _is_item(item: Any) -> bool:
    return isinstance(item, dict) and bool(item.get("name")) and isinstance(item.get("quantity"), int)
