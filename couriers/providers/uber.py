"""Uber Direct (developer.uber.com): couriers in many countries, billed and tracked through one API.

Wire facts (Uber's OpenAPI description of deliveries, its page on webhooks): JSON, minor units, WGS-84,
E.164, RFC 3339. An errand is named by `external_id` and, for an hour, by `idempotency_key`; asked about only
by Uber's own number. Webhooks go to one address an account and are signed with HMAC-SHA-256 over the raw
body. A return trip is a delivery of its own, named `ret_…`. Credentials: customer_id, client_id,
client_secret, signing_key, calling_code ("+1"), country ("US"), and state and token_url where needed.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote as quoted

from couriers.providers.abroad import at_the_door, at_the_store, e164
from couriers.providers.base import (
    Access,
    Callback,
    Capabilities,
    Created,
    Errand,
    Forged,
    Kept,
    Key,
    Malformed,
    Place,
    Quote,
    Report,
)
from couriers.providers.reading import (
    billed,
    callback_object,
    credential,
    currency,
    instant,
    kept,
    minor,
    part,
    priced,
    text,
)
from couriers.providers.uber_account import Tokens, duplicate_of, read_reply
from couriers.states import EndCause, Outcome, Progress
from outbox.calling import CallFailed, Refused, Uncertain
from outbox.line import Line, Reply

STATUS: dict[str, Progress | Outcome] = {
    "pending": Progress.SEARCHING,
    "pickup": Progress.ASSIGNED,
    "pickup_complete": Progress.PICKED_UP,
    "dropoff": Progress.PICKED_UP,
    "delivered": Progress.DELIVERED,
    "canceled": Outcome.CANCELLED,
    "returned": Progress.RETURNED,
}
RETURN_STATUS: dict[str, Progress | Outcome] = {
    "pending": Progress.RETURNING,
    "pickup": Progress.RETURNING,
    "pickup_complete": Progress.RETURNING,
    "dropoff": Progress.RETURNING,
    "delivered": Progress.RETURNED,
    "returned": Progress.RETURNED,
}
RETURN_TRIP = "ret_"
QUOTE_GONE = frozenset({"expired_quote", "mismatched_price_quote"})
NOT_FOUND = "delivery_not_found"
STATUS_EVENT, WHERE_EVENT = "event.delivery_status", "event.courier_update"
NEWS_AGE = timedelta(hours=24)  # older events are replays: their ids may be forgotten here
CLOCKS = timedelta(minutes=10)
LISTED = 100  # how many of the newest deliveries are looked through for a number of ours

READY_TO_PICKED = timedelta(minutes=10)
PICKED_FROM_NOW = timedelta(minutes=21)  # Uber wants 20, when it has read it
PICKED_TO_BROUGHT = timedelta(minutes=20)


class Uber:
    """The calls and webhooks of one courier; `line` is its connections, of its own by default."""

    label = "Uber Direct"
    needs: tuple[str, ...] = (
        "customer_id",
        "client_id",
        "client_secret",
        "signing_key",
        "calling_code",
        "country",
    )
    can = Capabilities(
        quotes=True,
        idempotent_create=True,
        traceable=False,
        strong_callbacks=True,
        account_callbacks=True,
        tells_fee=True,
        per_second=10.0,
    )

    def __init__(self, line: Line | None = None, tokens: Tokens | None = None) -> None:
        self._line = line or Line()
        self._tokens = tokens or Tokens()

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """POST delivery_quotes."""
        body = quote_body(access, errand, now)
        return priced(read_quote(self._read(access, "POST", "delivery_quotes", now, body)), errand)

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """POST deliveries; one that exists already under our name is taken over.

        A quote that has run out created nothing, so the errand goes without one. One that was used may have
        been used by us, in an attempt nobody remembers: that is found out, or stays uncertain.
        """
        body = create_body(access, errand, now)
        if quote_ref:
            try:
                return self._place(access, {**body, "quote_id": quote_ref}, errand, now)
            except Refused as refusal:
                if refusal.code == "used_quote":
                    return read_created(self._used(access, errand, now), errand)
                if refusal.code not in QUOTE_GONE:
                    raise
        return self._place(access, body, errand, now)

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> Kept | None:
        """POST deliveries/{id}/cancel; Uber refuses once the rider has the bag.

        The fee of a cancelled delivery is taken to be what Uber keeps.
        """
        number = key.reference or self._find(access, key.origin_id, now)["id"]
        delivery = self._read(access, "POST", f"deliveries/{quoted(number, safe='')}/cancel", now, {})
        return kept(minor(delivery.get("fee")), currency(delivery))

    def query(self, access: Access, key: Key, *, now: datetime) -> Report | None:
        """GET deliveries/{id}; without Uber's number it is looked for among the newest."""
        if not key.reference:
            return read_delivery(self._find(access, key.origin_id, now))
        try:
            path = f"deliveries/{quoted(key.reference, safe='')}"
            return read_delivery(self._read(access, "GET", path, now))
        except Refused as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise

    def parse_callback(
        self, body: bytes, headers: Mapping[str, str], access: Access, *, now: datetime
    ) -> Callback:
        """Check the signature over the raw body, then read the event."""
        wanted = webhook_signature(credential(access.credentials, "signing_key"), body)
        claimed = headers.get("x-uber-signature") or headers.get("x-postmates-signature") or ""
        if not hmac.compare_digest(wanted.encode(), claimed.lower().encode(errors="replace")):
            raise Forged("the signature does not fit")
        return read_event(callback_object(body), access, now)

    def answer(self) -> dict[str, Any]:
        """Any 200 will do."""
        return {}

    def _place(self, access: Access, body: Mapping[str, Any], errand: Errand, now: datetime) -> Created:
        reply = self._exchange(access, "POST", "deliveries", now, body)
        if existing := duplicate_of(reply):
            return Created(fee=None, reference=existing)
        return read_created(read_reply(reply), errand)

    def _used(self, access: Access, errand: Errand, now: datetime) -> dict[str, Any]:
        """The delivery that a quote was used for. Raises Uncertain where that cannot be found out."""
        try:
            return self._find(access, errand.origin_id, now)
        except CallFailed as error:
            raise Uncertain(f"the quote is used, and nobody says for what ({error})") from error

    def _find(self, access: Access, origin_id: str, now: datetime) -> dict[str, Any]:
        """The delivery of our number among the newest; that it is not there proves nothing."""
        listed = self._read(access, "GET", f"deliveries?limit={LISTED}", now).get("data")
        for delivery in listed if isinstance(listed, list) else []:
            if isinstance(delivery, dict) and delivery.get("external_id") == origin_id and delivery.get("id"):
                return {**delivery, "id": text(delivery["id"], 64)}
        raise Uncertain("Uber can be asked about an errand only by its own number")

    def _read(
        self, access: Access, method: str, path: str, now: datetime, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return read_reply(self._exchange(access, method, path, now, body))

    def _exchange(
        self, access: Access, method: str, path: str, now: datetime, body: Mapping[str, Any] | None = None
    ) -> Reply:
        """One call; a token that is refused is renewed once."""
        token = self._tokens.get(access, now=now)
        reply = self._send(access, method, path, body, token)
        if reply.status == 401:
            token = self._tokens.get(access, now=now, refused=token)
            reply = self._send(access, method, path, body, token)
        return reply

    def _send(
        self, access: Access, method: str, path: str, body: Mapping[str, Any] | None, token: str
    ) -> Reply:
        customer = quoted(credential(access.credentials, "customer_id"), safe="")
        url = f"{access.base_url.rstrip('/')}/customers/{customer}/{path}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._line.exchange(method, url, body=content, headers=headers)


def webhook_signature(signing_key: str, body: bytes) -> str:
    """HMAC-SHA-256 over the raw body, in lower-case hexadecimal."""
    return hmac.new(signing_key.encode(), body, hashlib.sha256).hexdigest()


def quote_body(access: Access, errand: Errand, now: datetime) -> dict[str, Any]:
    """What a quote is asked with."""
    return {
        "pickup_address": address(errand.pickup, access),
        "pickup_latitude": errand.pickup.latitude,
        "pickup_longitude": errand.pickup.longitude,
        "pickup_phone_number": e164(errand.pickup.phone, access.credentials),
        "dropoff_address": address(errand.receiver, access),
        "dropoff_latitude": errand.receiver.latitude,
        "dropoff_longitude": errand.receiver.longitude,
        "dropoff_phone_number": e164(errand.receiver.phone, access.credentials),
        "manifest_total_value": errand.value,
        "external_store_id": errand.shop_no,
        **windows(errand, now),
    }


def create_body(access: Access, errand: Errand, now: datetime) -> dict[str, Any]:
    """What a delivery is created with: the same in every attempt but for times that have passed."""
    return {
        **quote_body(access, errand, now),
        "external_id": errand.origin_id,
        "idempotency_key": errand.origin_id,
        "pickup_name": errand.pickup.name,
        "pickup_notes": at_the_store(errand)[:280],
        "dropoff_name": errand.receiver.name,
        "dropoff_notes": at_the_door(errand)[:280],
        "deliverable_action": "deliverable_action_meet_at_door",
        "manifest_reference": errand.pickup_code or errand.number,
        "manifest_items": [
            {"name": item.name, "quantity": item.quantity, "size": "small", "price": item.price}
            for item in errand.items
        ],
    }


def address(place: Place, access: Access) -> str:
    """A structured address as the JSON text Uber takes for one; the position says what it leaves open."""
    parts = {
        "street_address": [place.address],
        "city": place.city,
        "state": access.credentials.get("state", ""),
        "zip_code": "",
        "country": credential(access.credentials, "country"),
    }
    return json.dumps(parts, ensure_ascii=False)


def windows(errand: Errand, now: datetime) -> dict[str, str]:
    """When it may be fetched and brought, as wide as Uber's rules ask for.

    A pick-up window lasts at least ten minutes and ends at least twenty from now; the drop-off window begins
    before that ends, lasts at least twenty minutes and ends no earlier. Without a time of ours there is none.
    """
    if errand.ready_at is None and errand.deliver_by is None:
        return {}
    ready = max(errand.ready_at or now, now)
    picked = max(ready + READY_TO_PICKED, now + PICKED_FROM_NOW)
    brought = max(errand.deliver_by or picked, ready + PICKED_TO_BROUGHT, picked)
    return {
        "pickup_ready_dt": _rfc3339(ready),
        "pickup_deadline_dt": _rfc3339(picked),
        "dropoff_ready_dt": _rfc3339(ready),
        "dropoff_deadline_dt": _rfc3339(brought),
    }


def read_quote(message: Mapping[str, Any]) -> Quote:
    """A quote; raises Uncertain when it has no price or no number."""
    fee, reference = minor(message.get("fee")), text(message.get("id"), 128)
    if fee is None or not reference:
        raise Uncertain("the quote is unreadable")
    return Quote(
        fee=fee,
        currency=currency(message),
        reference=reference,
        expires_at=instant(message.get("expires")),
        dropoff_at=instant(message.get("dropoff_eta")),
    )


def read_created(delivery: Mapping[str, Any], errand: Errand) -> Created:
    """What create answers with; raises Uncertain when it names no delivery."""
    reference = text(delivery.get("id"), 64)
    if not reference:
        raise Uncertain("the reply names no delivery")
    created = Created(minor(delivery.get("fee")), reference, instant(delivery.get("dropoff_eta")))
    return billed(created, currency(delivery), errand)


def read_delivery(delivery: Mapping[str, Any], at: datetime | None = None) -> Report:
    """How a delivery, or the return trip of one, stands; the fee of a cancelled one is what is kept of it."""
    code, number = text(delivery.get("status"), 40), text(delivery.get("id"), 64)
    if not code:
        raise Uncertain("the status is missing")
    back = number.startswith(RETURN_TRIP)
    courier = part(delivery, "courier")
    status = _status(code, back=back, near=delivery.get("courier_imminent") is True)
    reason = text(delivery.get("undeliverable_reason"))
    fee, ended = minor(delivery.get("fee")), status == Outcome.CANCELLED
    return Report(
        code=f"return {code}" if back else code,
        status=Outcome.FAILED if status == Outcome.CANCELLED and reason else status,
        at=at or instant(delivery.get("updated")),
        reference="" if back else number,
        rider_name=text(courier.get("name"), 60),
        rider_phone=text(courier.get("phone_number"), 30),
        reason=reason,
        cause=_cause(status, courier),
        fee=None if back or ended else fee,
        eta=None if back else instant(delivery.get("dropoff_eta")),
        kept=fee if ended and not back else None,
        currency=currency(delivery),
    )


def read_event(message: Mapping[str, Any], access: Access, now: datetime) -> Callback:
    """A webhook that is really Uber's. Raises Forged for another customer's or an old one."""
    event, customer = text(message.get("id"), 80), text(message.get("customer_id"), 80)
    created = instant(message.get("created"))
    if not event:
        raise Malformed("the event has no id")
    if customer and customer != credential(access.credentials, "customer_id"):
        raise Forged("another customer's event")
    if created and not now - NEWS_AGE < created < now + CLOCKS:
        raise Forged("an event of another day")
    delivery = {"id": message.get("delivery_id"), "status": message.get("status"), **part(message, "data")}
    status_told = message.get("kind") == STATUS_EVENT and text(delivery.get("status"))
    return Callback(
        # Where a courier is comes every few seconds: the first is kept.
        key=f"uber:where:{text(delivery['id'], 64)}"
        if message.get("kind") == WHERE_EVENT
        else f"uber:{event}",
        errand=_errand(delivery),
        report=read_delivery(delivery, created) if status_told else None,
    )


def _errand(delivery: Mapping[str, Any]) -> Key:
    """Whose errand it is; a return trip's own number names none of ours, but the one it belongs to does."""
    number, origin_id = text(delivery.get("id"), 64), text(delivery.get("external_id"), 64)
    if not number.startswith(RETURN_TRIP):
        return Key(origin_id, number)
    related = delivery.get("related_deliveries")
    for other in related if isinstance(related, list) else []:
        if isinstance(other, dict) and other.get("relationship") == "original":
            return Key(origin_id, text(other.get("id"), 64))
    return Key(origin_id)


def _status(code: str, *, back: bool, near: bool) -> Progress | Outcome | None:
    """A courier who is about to reach the store counts as there: Uber says no more."""
    if back:
        return RETURN_STATUS.get(code)
    return Progress.AT_STORE if near and code == "pickup" else STATUS.get(code)


def _cause(status: Progress | Outcome | None, courier: Mapping[str, Any]) -> EndCause | None:
    if status == Progress.RETURNED:
        return EndCause.RETURNED
    if status == Outcome.CANCELLED:
        return EndCause.COURIER if courier.get("name") else EndCause.NO_RIDER
    return None


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
