"""Uber Direct's wire format (pure): addresses, deliveries, events and their signatures, errors.

Source: the OpenAPI files of Uber's own SDK, and its guide to webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.errands import MERCHANT, Errand, Step, metres, metres_between

STATUS = {
    Step.SEARCHING: "pending",
    Step.ASSIGNED: "pickup",
    Step.AT_STORE: "pickup",
    Step.PICKED_UP: "pickup_complete",
    Step.ON_THE_WAY: "dropoff",
    Step.AT_GUEST: "dropoff",
    Step.RETURNING: "dropoff",
    Step.DELIVERED: "delivered",
    Step.CANCELLED: "canceled",
    Step.RETURNED: "returned",
}
IMMINENT = {Step.AT_STORE, Step.AT_GUEST}
ENDS = ("pickup", "dropoff")
CREATE_REQUIRED = tuple(f"{end}_{what}" for end in ENDS for what in ("name", "address", "phone_number"))
ADDRESS = {"street_address": list, "city": str, "country": str}
OPTIONAL_ADDRESS = ("state", "zip_code")  # not every country has them
SIZES = {"small", "medium", "large", "xlarge"}
NOTES = ("pickup_notes", "dropoff_notes", "dropoff_seller_notes")


class Refusal(Exception):
    """Uber says no: an HTTP status, a code, a message, and what else there is to know."""

    def __init__(self, status: int, code: str, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.status, self.code, self.metadata = status, code, metadata

    def body(self) -> dict[str, Any]:
        """Return it as Uber writes it."""
        return {"code": self.code, "message": str(self), "kind": "error", "metadata": self.metadata}


def invalid(**fields: str) -> Refusal:
    """Fields that cannot be taken, and why."""
    return Refusal(400, "invalid_params", "The parameters of your request were invalid.", **fields)


def signature(key: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over the body as it is sent."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def check_addresses(body: Mapping[str, Any]) -> None:
    """Raise Refusal unless both ends are JSON texts with the five parts of an address."""
    wrong = {}
    for end in ENDS:
        text = body.get(f"{end}_address")
        try:
            found = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            found = None
        if not isinstance(found, dict) or not _is_address(found):
            wrong[f"{end}_address"] = (
                "must be a JSON string of street_address[], city, state, zip_code, country"
            )
    if wrong:
        raise invalid(**wrong)


def check_delivery(body: Mapping[str, Any]) -> None:
    """Raise Refusal if a create lacks something."""
    wrong = {name: "is required" for name in CREATE_REQUIRED if not body.get(name)}
    wrong |= {name: "is longer than 280" for name in NOTES if len(str(body.get(name) or "")) > 280}
    items = body.get("manifest_items")
    if not isinstance(items, list) or not items or not all(map(_is_item, items)):
        wrong["manifest_items"] = "needs name, quantity and size small, medium, large or xlarge"
    if wrong:
        raise invalid(**wrong)
    check_addresses(body)


def check_windows(body: Mapping[str, Any], now: datetime) -> None:
    """Raise Refusal if the four times do not leave Uber's minimum between them."""
    names = ("pickup_ready_dt", "pickup_deadline_dt", "dropoff_ready_dt", "dropoff_deadline_dt")
    try:
        times = {name: datetime.fromisoformat(body[name]) for name in names if body.get(name)}
    except (TypeError, ValueError):
        raise invalid(windows="must be RFC 3339") from None
    if any(time.tzinfo is None for time in times.values()):
        raise invalid(windows="must be RFC 3339 with a zone")
    ready = times.get("pickup_ready_dt", now)
    deadline = times.get("pickup_deadline_dt", max(ready, now) + timedelta(minutes=30))
    later = times.get("dropoff_ready_dt", ready)
    last = times.get("dropoff_deadline_dt", max(deadline, later + timedelta(minutes=20)))
    if deadline - ready < timedelta(minutes=10):
        raise Refusal(
            400, "pickup_window_too_small", "The pickup window needs to be at least 10 minutes long."
        )
    if deadline - now < timedelta(minutes=19):  # a minute for clocks and the way here
        raise Refusal(
            400, "pickup_deadline_too_early", "The pickup deadline needs to be at least 20 minutes away."
        )
    if later > deadline:
        raise Refusal(
            400, "dropoff_ready_after_pickup_deadline", "Dropoff ready is after the pickup deadline."
        )
    if last - later < timedelta(minutes=20):
        raise Refusal(
            400, "dropoff_window_too_small", "The dropoff window needs to be at least 20 minutes long."
        )
    if last < deadline:
        raise Refusal(400, "dropoff_deadline_before_pickup_deadline", "Dropoff ends before the pickup.")


def distance_of(body: Mapping[str, Any]) -> int:
    """How far it is, in metres."""
    ends = [(body.get(f"{end}_latitude"), body.get(f"{end}_longitude")) for end in ENDS]
    if all(isinstance(value, int | float) for end in ends for value in end):
        (a, b), (c, d) = ends
        return metres_between((a, b), (c, d))  # type: ignore[arg-type]  # checked in the line above
    return metres(str(body["dropoff_address"]))


def stamp(seconds: float) -> str | None:
    """RFC 3339 with milliseconds, None for no time."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def delivery(errand: Errand, currency: str) -> dict[str, Any]:
    """Return the delivery object."""
    facts, rider = errand.facts, errand.rider
    updated = max(errand.created_at, errand.assigned_at, errand.picked_up_at, errand.ended_at)
    returns = errand.step in {Step.RETURNING, Step.RETURNED}
    courier = rider and {
        "name": rider.name,
        "vehicle_type": "motorcycle",
        "phone_number": f"+86{rider.phone}",
        "location": {"lat": 31.23, "lng": 121.47},
        "img_href": "",
    }
    return {
        "id": errand.number,
        "uuid": errand.number.removeprefix("del_"),
        "kind": "delivery",
        "quote_id": facts.get("quote_id"),
        "external_id": errand.origin,
        "status": STATUS[errand.step],
        "complete": not errand.live,
        "courier": courier,
        "courier_imminent": errand.step in IMMINENT,
        "created": stamp(errand.created_at),
        "updated": stamp(updated),
        "fee": errand.kept if errand.step == Step.CANCELLED else errand.fee,
        "currency": currency.lower(),
        "tip": 0,
        "pickup": facts["pickup"],
        "dropoff": facts["dropoff"],
        "manifest": {"reference": errand.mark, "total_value": facts["value"]},
        "pickup_eta": stamp(errand.picked_up_at or errand.created_at + 900),
        "dropoff_eta": stamp(errand.created_at + 900 + errand.distance / 4),
        "pickup_ready": stamp(errand.created_at),
        "pickup_deadline": stamp(errand.created_at + 1800),
        "dropoff_ready": stamp(errand.created_at),
        "dropoff_deadline": stamp(errand.created_at + 3600),
        "tracking_url": f"https://delivery.example/{errand.number}",
        "live_mode": False,
        "undeliverable_action": "returned" if returns else "",
        "undeliverable_reason": "" if errand.by == MERCHANT else errand.reason,
        "related_deliveries": [{"id": return_id(errand), "relationship": "returned"}] if returns else [],
    }


def return_trip(errand: Errand, currency: str) -> dict[str, Any]:
    """Return the trip back to the store, a delivery of its own that names the one it comes from."""
    back = delivery(errand, currency)
    return {
        **back,
        "id": return_id(errand),
        "status": "delivered" if errand.step == Step.RETURNED else "dropoff",
        "pickup": back["dropoff"],
        "dropoff": back["pickup"],
        "fee": 0,
        "related_deliveries": [{"id": errand.number, "relationship": "original"}],
    }


def return_id(errand: Errand) -> str:
    """Name the trip back."""
    return errand.number.replace("del_", "ret_", 1)


def event(data: Mapping[str, Any], customer_id: str, now: float, kind: str = "delivery_status") -> bytes:
    """Return the body of one event; its id is new with every call."""
    told = {
        "id": f"evt_{secrets.token_hex(11)}",
        "kind": f"event.{kind}",
        "created": stamp(now),
        "live_mode": False,
        "delivery_id": data["id"],
        "status": data["status"],
        "data": data,
        "customer_id": customer_id,
        "developer_id": "",
        "account_id": customer_id,
        "route_id": "",
    }
    return json.dumps(told, ensure_ascii=False).encode()


def _is_address(found: Mapping[str, Any]) -> bool:
    kinds = all(isinstance(found.get(name), kind) and found[name] for name, kind in ADDRESS.items())
    return kinds and all(isinstance(found.get(name, ""), str) for name in OPTIONAL_ADDRESS)


def _is_item(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    quantity = item.get("quantity")
    return bool(item.get("name")) and isinstance(quantity, int) and quantity > 0 and item.get("size") in SIZES
