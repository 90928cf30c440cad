"""A pretend Uber Direct on a loopback port: gives tokens, keeps one delivery a name, signs its events."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl

from couriers.tests.fakes import Answer, Fake, Fields

CREDENTIALS = {
    "customer_id": "cus_1",
    "client_id": "client",
    "client_secret": "secret",
    "signing_key": "test_signing_key",
    "calling_code": "+1",
    "country": "US",
}
PREFIX = "/v1/customers/cus_1/"


class FakeUber(Fake):
    """`deliveries` is every delivery by Uber's number; `tokens` those that are good, `asked` how often."""

    def __init__(self) -> None:
        super().__init__()
        self.deliveries: dict[str, Fields] = {}
        self.tokens: set[str] = set()
        self.given = 0

    @property
    def credentials(self) -> dict[str, str]:
        return {**CREDENTIALS, "token_url": f"{self.url}/oauth/v2/token"}

    def name_of(self, method: str, path: str) -> str:
        return "token" if path.startswith("/oauth") else f"{method} {path.removeprefix(PREFIX)}"

    def read(self, raw: bytes) -> Any:
        return json.loads(raw) if raw[:1] == b"{" else dict(parse_qsl(raw.decode()))

    def carry_out(self, call: str, body: Any, headers: dict[str, str]) -> Answer:
        if call == "token":
            return self._token(body)
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return fault(401, "unauthorized")
        if call == "POST delivery_quotes":
            return 200, QUOTE
        if call == "POST deliveries":
            return self._create(body)
        if call.startswith("GET deliveries?"):
            return 200, {"data": list(reversed(self.deliveries.values()))}
        return self._one(call)

    def _token(self, form: Fields) -> Answer:
        if form["client_secret"] != CREDENTIALS["client_secret"]:
            return 401, {"error": "invalid_client"}
        self.given += 1
        token = f"token-{self.given}"
        self.tokens.add(token)
        return 200, {"access_token": token, "expires_in": 2_592_000, "token_type": "Bearer"}

    def _create(self, body: Fields) -> Answer:
        for number, known in self.deliveries.items():
            if known["external_id"] == body["external_id"]:
                return fault(409, "duplicate_delivery", delivery_id=number)
        number = f"del_{len(self.deliveries) + 1}"
        self.ledger.append(body["external_id"])
        self.deliveries[number] = delivery(id=number, external_id=body["external_id"])
        return 200, self.deliveries[number]

    def _one(self, call: str) -> Answer:
        number = call.split("/")[1]
        known = self.deliveries.get(number)
        if known is None:
            return fault(404, "delivery_not_found")
        if call.endswith("/cancel"):
            if known["status"] not in {"pending", "pickup"}:
                return fault(400, "noncancelable_delivery")
            known |= {"status": "canceled", "fee": 325}
        return 200, known


QUOTE: Fields = {
    "kind": "delivery_quote",
    "id": "dqt_1",
    "created": "2026-02-06T04:00:00.000Z",
    "expires": "2026-02-06T04:15:00.000Z",
    "fee": 650,
    "currency": "usd",
    "currency_type": "USD",
    "dropoff_eta": "2026-02-06T04:40:00Z",
    "duration": 40,
}


def delivery(**changes: object) -> Fields:
    """A delivery object."""
    told: Fields = {
        "kind": "delivery",
        "id": "del_1",
        "external_id": "mp0123456789abcdef01234567",
        "status": "pending",
        "courier": None,
        "courier_imminent": False,
        "updated": "2026-02-06T04:01:00Z",
        "fee": 650,
        "currency": "usd",
        "dropoff_eta": "2026-02-06T04:40:00Z",
        "undeliverable_reason": "",
    }
    return told | changes


def event_body(number: str = "evt_1", kind: str = "event.delivery_status", **changes: object) -> bytes:
    """An event about a delivery with these changes."""
    data = delivery(**changes)
    event = {
        "id": number,
        "kind": kind,
        "created": "2026-02-06T04:01:01Z",
        "live_mode": False,
        "delivery_id": data["id"],
        "status": data["status"],
        "customer_id": "cus_1",
        "data": data,
    }
    return json.dumps(event).encode()


def signature(body: bytes, key: str = "test_signing_key") -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def fault(status: int, code: str, **metadata: object) -> Answer:
    return status, {"code": code, "message": f"it is {code}", "kind": "error", "metadata": metadata}
