"""A pretend DoorDash Drive on a loopback port: checks tokens, keeps one delivery or quote a name."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt

from couriers.tests.fakes import Answer, Fake, Fields

SECRET = base64.urlsafe_b64encode(b"a secret of thirty-two characters").decode().rstrip("=")
CREDENTIALS = {
    "developer_id": "dev-1",
    "key_id": "key-1",
    "signing_secret": SECRET,
    "webhook_authorization": "Basic dGVhOnNlY3JldA==",
    "calling_code": "+1",
}
PREFIX = "/drive/v2/"
RIDER: Fields = {"dasher_id": 7, "dasher_name": "Ana", "dasher_pickup_phone_number": "+14155550199"}


class FakeDoorDash(Fake):
    """`deliveries` is every delivery and quote, by our name; `clock`, in Unix seconds, ends tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.deliveries: dict[str, Fields] = {}
        self.clock: Callable[[], float] = lambda: 0.0

    def name_of(self, method: str, path: str) -> str:
        return f"{method} {path.removeprefix(PREFIX)}"

    def carry_out(self, call: str, body: Any, headers: dict[str, str]) -> Answer:
        try:
            if claims_of(headers["authorization"])["exp"] <= self.clock():
                raise jwt.ExpiredSignatureError("Signature has expired")
        except jwt.InvalidTokenError as error:
            return fault(401, "authentication_error", str(error))
        if call == "POST quotes":
            return self._begin(body["external_delivery_id"], "quote")
        if call == "POST deliveries":
            return self._begin(body["external_delivery_id"], "created")
        return self._one(call)

    def _begin(self, name: str, status: str) -> Answer:
        if name in self.deliveries:
            return fault(409, "duplicate_delivery_id", "Duplicate delivery ID")
        self.deliveries[name] = delivery(external_delivery_id=name, delivery_status=status)
        if status == "created":
            self.ledger.append(name)
        return 200, self.deliveries[name]

    def _one(self, call: str) -> Answer:
        parts = call.split("/")
        known = self.deliveries.get(parts[1])
        if known is None:
            return fault(404, "unknown_delivery_id", "not found")
        if parts[-1] == "accept":
            if known["delivery_status"] != "quote":
                return fault(409, "duplicate_delivery_id", "accepted already")
            self.ledger.append(parts[1])
            known["delivery_status"] = "created"
        if parts[-1] == "cancel":
            if known["delivery_status"] != "created":
                return fault(409, "delivery_not_cancellable", "too late")
            known |= {"delivery_status": "cancelled", "cancellation_fee": 0}
        return 200, known


def claims_of(header: str) -> Fields:
    """The claims of a call's token. Raises jwt.InvalidTokenError unless it is as DoorDash wants it."""
    token = header.removeprefix("Bearer ")
    if jwt.get_unverified_header(token) != {"alg": "HS256", "typ": "JWT", "dd-ver": "DD-JWT-V1"}:
        raise jwt.InvalidTokenError("header")
    key = base64.urlsafe_b64decode(SECRET + "=")
    options = {"verify_exp": False, "verify_iat": False}
    claims: Fields = jwt.decode(token, key, algorithms=["HS256"], audience="doordash", options=options)
    return claims


def delivery(**changes: object) -> Fields:
    """A delivery object."""
    told: Fields = {
        "external_delivery_id": "mp0123456789abcdef01234567",
        "delivery_status": "created",
        "fee": 975,
        "currency": "USD",
        "updated_at": "2026-02-06T04:01:00Z",
        "pickup_time_estimated": "2026-02-06T04:15:00Z",
        "dropoff_time_estimated": "2026-02-06T04:35:00Z",
    }
    return told | changes


def event_body(event: str, **changes: object) -> bytes:
    """A webhook about our errand."""
    return json.dumps({"event_name": event, **delivery(**changes)}).encode()


def fault(status: int, code: str, message: str = "no") -> Answer:
    return status, {"code": code, "message": message, "field_errors": []}
