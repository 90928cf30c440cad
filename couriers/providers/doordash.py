"""DoorDash Drive, version 2 (developer.doordash.com): couriers in North America and beyond.

Wire facts (the pages on tokens, errors, webhooks and the API reference): JSON, minor units, E.164, ISO 8601
in UTC; every call carries a token signed with HMAC-SHA-256. `external_delivery_id` names the errand and makes
a repeated create the same one; a quote has the same name and becomes a delivery when it is accepted. Webhooks
go to one address an account with a fixed Authorization header and nothing else, so final states are asked for
before they are believed. Credentials: developer_id, key_id, signing_secret, webhook_authorization,
calling_code ("+1"), and business_id if the stores are registered at DoorDash.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote as quoted

import jwt

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
    priced,
    reply_object,
    text,
)
from couriers.states import EndCause, Outcome, Progress
from outbox.calling import CallFailed, Refused, Uncertain, Unreachable, time_to_begin
from outbox.line import Line, Reply

STATUS: dict[str, Progress | Outcome] = {
    "created": Progress.SEARCHING,
    "confirmed": Progress.ASSIGNED,
    "enroute_to_pickup": Progress.ASSIGNED,
    "arrived_at_pickup": Progress.AT_STORE,
    "picked_up": Progress.PICKED_UP,
    "enroute_to_dropoff": Progress.PICKED_UP,
    "arrived_at_dropoff": Progress.PICKED_UP,
    "delivered": Progress.DELIVERED,
    "cancelled": Outcome.CANCELLED,
    "enroute_to_return": Progress.RETURNING,
    "arrived_at_return": Progress.RETURNING,
    "returned": Progress.RETURNED,
}
EVENTS: dict[str, Progress | Outcome] = {
    "DELIVERY_CREATED": Progress.SEARCHING,
    "DASHER_CONFIRMED": Progress.ASSIGNED,
    "DASHER_ENROUTE_TO_PICKUP": Progress.ASSIGNED,
    "DASHER_CONFIRMED_PICKUP_ARRIVAL": Progress.AT_STORE,
    "DASHER_PICKED_UP": Progress.PICKED_UP,
    "DASHER_ENROUTE_TO_DROPOFF": Progress.PICKED_UP,
    "DASHER_CONFIRMED_DROPOFF_ARRIVAL": Progress.PICKED_UP,
    "DASHER_DROPPED_OFF": Progress.DELIVERED,
    "DELIVERY_CANCELLED": Outcome.CANCELLED,
    "DELIVERY_RETURN_INITIALIZED": Progress.RETURNING,
    "DASHER_ENROUTE_TO_RETURN": Progress.RETURNING,
    "DASHER_CONFIRMED_RETURN_ARRIVAL": Progress.RETURNING,
    "DELIVERY_RETURNED": Progress.RETURNED,
}
ON_THE_WAY = frozenset({"DASHER_ENROUTE_TO_PICKUP", "DASHER_ENROUTE_TO_DROPOFF", "DASHER_ENROUTE_TO_RETURN"})
NO_NEWS = frozenset({"DELIVERY_BATCHED"})  # the rider carries another one too
PHONES = ("dasher_pickup_phone_number", "dasher_dropoff_phone_number", "dasher_phone_number")
QUOTED = "quote"
QUOTE_LIVES = timedelta(minutes=5)
TOKEN_LIVES = timedelta(minutes=5)
# A token that orders a rider is good for the time to begin and this, for the way and for clocks that differ:
# what is held up longer comes when others may have acted on our silence, and DoorDash itself refuses it.
WAY = timedelta(seconds=5)
TURNED_AWAY_FOR = 1.0  # seconds at the least, as DoorDash says
LATER = timedelta(minutes=5)  # what is ready sooner is ready now
JSON_HEADERS = {"Content-Type": "application/json"}


class DoorDash:
    """The calls and webhooks of one courier; `line` is its connections, of its own by default."""

    label = "DoorDash Drive"
    needs: tuple[str, ...] = (
        "developer_id",
        "key_id",
        "signing_secret",
        "webhook_authorization",
        "calling_code",
    )
    can = Capabilities(
        quotes=True,
        idempotent_create=True,
        traceable=True,
        strong_callbacks=False,
        account_callbacks=True,
        tells_fee=True,
        per_second=5.0,
    )

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or Line()

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """POST quotes; the quote bears the errand's number and can be placed only under it."""
        body = delivery_body(access, errand, now)
        reply = self._exchange(access, "POST", "quotes", now, body)
        return priced(read_quote(read_reply(reply), now), errand)

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """POST deliveries, or quotes/{id}/accept for this errand's own quote.

        A number that is taken is the errand's own, sent before: it is taken over. If it is still a quote that
        cannot be accepted, nothing was created.
        """
        until = now + _order_lives()
        if quote_ref == errand.origin_id:
            reply = self._accept(access, errand.origin_id, now, until)
            if _is_refusal(reply):
                return read_created(self._instead_of_quote(access, errand, now, until), errand)
            return read_created(read_reply(reply), errand)
        return read_created(self._place(access, errand, now, until), errand)

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> Kept | None:
        """PUT deliveries/{id}/cancel; DoorDash may refuse as soon as a rider was found."""
        path = f"deliveries/{_named(key.origin_id)}/cancel"
        delivery = read_reply(self._exchange(access, "PUT", path, now, {}))
        return kept(minor(delivery.get("cancellation_fee")), currency(delivery))

    def query(self, access: Access, key: Key, *, now: datetime) -> Report | None:
        """GET deliveries/{id}; a quote nobody took is no delivery."""
        delivery = self._get(access, key.origin_id, now)
        if delivery is None or delivery.get("delivery_status") == QUOTED:
            return None
        return read_delivery(delivery)

    def parse_callback(
        self, body: bytes, headers: Mapping[str, str], access: Access, *, now: datetime
    ) -> Callback:
        """Compare the Authorization header that DoorDash was given for us, then read the event."""
        wanted = credential(access.credentials, "webhook_authorization").encode()
        if not hmac.compare_digest(wanted, headers.get("authorization", "").encode(errors="replace")):
            raise Forged("the Authorization header does not fit")
        return read_event(callback_object(body), body)

    def answer(self) -> dict[str, Any]:
        """Any 200 will do."""
        return {}

    def _place(self, access: Access, errand: Errand, now: datetime, until: datetime) -> dict[str, Any]:
        reply = self._order(access, "deliveries", now, until, delivery_body(access, errand, now))
        if reply.status != 409 or (existing := self._existing(access, errand, now)) is None:
            return read_reply(reply)
        if existing.get("delivery_status") == QUOTED:
            return read_reply(self._accept(access, errand.origin_id, now, until))
        return existing

    def _existing(self, access: Access, errand: Errand, now: datetime) -> dict[str, Any] | None:
        """What bears this errand's number already. Raises Uncertain where that cannot be found out: it may be
        the errand itself, from an earlier attempt."""
        try:
            return self._get(access, errand.origin_id, now)
        except CallFailed as error:
            raise Uncertain(f"the number is taken, and nobody says by what ({error})") from error

    def _accept(self, access: Access, origin_id: str, now: datetime, until: datetime) -> Reply:
        return self._order(access, f"quotes/{_named(origin_id)}/accept", now, until, {})

    def _instead_of_quote(
        self, access: Access, errand: Errand, now: datetime, until: datetime
    ) -> dict[str, Any]:
        """The quote was not taken: it has run out, or was taken by an earlier attempt."""
        existing = self._existing(access, errand, now)
        if existing is not None and existing.get("delivery_status") != QUOTED:
            return existing
        return self._place(access, errand, now, until)

    def _get(self, access: Access, origin_id: str, now: datetime) -> dict[str, Any] | None:
        reply = self._exchange(access, "GET", f"deliveries/{_named(origin_id)}", now)
        try:
            return read_reply(reply)
        except Refused:
            if reply.status == 404 and _fault(reply):
                return None
            raise

    def _order(
        self, access: Access, path: str, now: datetime, until: datetime, body: Mapping[str, Any]
    ) -> Reply:
        """A call that orders a rider, taken before `until` or not at all: Unreachable, if it was late."""
        reply = self._exchange(access, "POST", path, now, body, until=until)
        if reply.status == 401 and time_to_begin() + WAY.total_seconds() <= 0:
            raise Unreachable("this came too late for DoorDash to take it")
        return reply

    def _exchange(
        self,
        access: Access,
        method: str,
        path: str,
        now: datetime,
        body: Mapping[str, Any] | None = None,
        *,
        until: datetime | None = None,
    ) -> Reply:
        signed = token(access.credentials, now, until or now + TOKEN_LIVES)
        headers = {"Authorization": f"Bearer {signed}", **JSON_HEADERS}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._line.exchange(
            method, f"{access.base_url.rstrip('/')}/{path}", body=content, headers=headers
        )


def token(credentials: Mapping[str, str], now: datetime, until: datetime) -> str:
    """The signed token of one call, good `until` then. Raises Refused when the secret is no base64url."""
    secret = credential(credentials, "signing_secret")
    try:
        key = base64.b64decode(secret + "=" * (-len(secret) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("the signing_secret is not the one DoorDash gave") from error
    claims = {
        "aud": "doordash",
        "iss": credential(credentials, "developer_id"),
        "kid": credential(credentials, "key_id"),
        "iat": int(now.timestamp()),
        "exp": int(until.timestamp()),
    }
    return jwt.encode(claims, key, algorithm="HS256", headers={"dd-ver": "DD-JWT-V1"})


def delivery_body(access: Access, errand: Errand, now: datetime) -> dict[str, Any]:
    """What a quote and a delivery are asked with."""
    credentials = access.credentials
    return {
        "external_delivery_id": errand.origin_id,
        "pickup_address": address(errand.pickup),
        "pickup_business_name": errand.pickup.name,
        "pickup_phone_number": e164(errand.pickup.phone, credentials),
        "pickup_instructions": at_the_store(errand),
        "pickup_reference_tag": errand.pickup_code or errand.number,
        "dropoff_address": address(errand.receiver),
        "dropoff_phone_number": e164(errand.receiver.phone, credentials),
        "dropoff_contact_given_name": errand.receiver.name,
        "dropoff_instructions": at_the_door(errand),
        "order_value": errand.value,
        "items": [
            {"name": item.name, "quantity": item.quantity, "external_id": item.sku, "price": item.price}
            for item in errand.items
        ],
        **_store(credentials, errand),
        **_time(errand, now),
    }


def address(place: Place) -> str:
    """The address in one line, as DoorDash takes it."""
    return ", ".join(filter(None, [place.address, place.city]))


def read_reply(reply: Reply) -> dict[str, Any]:
    """The object of a 2xx; raises Refused with DoorDash's code, Unreachable or Uncertain."""
    if reply.status < 300:
        return reply_object(reply.body)
    raise _failure(reply)


def read_quote(message: Mapping[str, Any], now: datetime) -> Quote:
    """A quote, valid for five minutes; raises Uncertain when it has no price or no number."""
    fee, reference = minor(message.get("fee")), text(message.get("external_delivery_id"), 128)
    if fee is None or not reference:
        raise Uncertain("the quote is unreadable")
    return Quote(
        fee=fee,
        currency=currency(message),
        reference=reference,
        expires_at=now + QUOTE_LIVES,
        pickup_at=instant(message.get("pickup_time_estimated")),
        dropoff_at=instant(message.get("dropoff_time_estimated")),
    )


def read_created(delivery: Mapping[str, Any], errand: Errand) -> Created:
    """What create answers with. Raises Uncertain for what is no delivery."""
    if text(delivery.get("delivery_status"), 40) in {"", QUOTED}:
        raise Uncertain("the reply is no delivery")
    created = Created(minor(delivery.get("fee")), eta=instant(delivery.get("dropoff_time_estimated")))
    return billed(created, currency(delivery), errand)


def read_delivery(delivery: Mapping[str, Any]) -> Report:
    """How a delivery stands."""
    code = text(delivery.get("delivery_status"), 40)
    if not code:
        raise Uncertain("the status is missing")
    return _report(code, STATUS.get(code), delivery)


def read_event(message: Mapping[str, Any], body: bytes) -> Callback:
    """A webhook; it has no id, so its content tells it from others.

    That a rider is on the way comes again and again with another position: the first is kept.
    """
    event, origin_id = text(message.get("event_name"), 60), text(message.get("external_delivery_id"), 64)
    if not event or not origin_id:
        raise Malformed("event_name or external_delivery_id is missing")
    digest = "" if event in ON_THE_WAY else hashlib.sha256(body).hexdigest()[:24]
    return Callback(
        key=f"doordash:{origin_id}:{event}"[:72] + f":{digest}",
        errand=Key(origin_id),
        report=None if event in NO_NEWS else _report(event, EVENTS.get(event), message),
    )


def _report(code: str, status: Progress | Outcome | None, delivery: Mapping[str, Any]) -> Report:
    return Report(
        code=code,
        status=status,
        at=instant(delivery.get("updated_at")) or instant(delivery.get("created_at")),
        rider_name=text(delivery.get("dasher_name"), 60),
        rider_phone=next(filter(None, (text(delivery.get(name), 30) for name in PHONES)), ""),
        reason=text(delivery.get("cancellation_reason")) if status == Outcome.CANCELLED else "",
        cause=_cause(status, delivery),
        fee=minor(delivery.get("fee")),
        eta=instant(delivery.get("dropoff_time_estimated")),
        kept=minor(delivery.get("cancellation_fee")),
        currency=currency(delivery),
    )


def _cause(status: Progress | Outcome | None, delivery: Mapping[str, Any]) -> EndCause | None:
    if status == Progress.RETURNED:
        return EndCause.RETURNED
    if status == Outcome.CANCELLED:
        return EndCause.COURIER if text(delivery.get("dasher_id")) else EndCause.NO_RIDER
    return None


def _order_lives() -> timedelta:
    """How long the token of a call that orders a rider is good: as long as it may begin, and for its way."""
    seconds = time_to_begin() + WAY.total_seconds()
    return timedelta(seconds=min(TOKEN_LIVES.total_seconds(), seconds))


def _is_refusal(reply: Reply) -> bool:
    return 400 <= reply.status < 500 and reply.status not in {401, 403, 408, 429}


def _failure(reply: Reply) -> CallFailed:
    fault = _fault(reply)
    code, message = text(fault.get("code"), 60), text(fault.get("message"))
    words = (message or f"HTTP {reply.status}") + (f" ({code})" if code else "")
    if reply.status == 429:
        return Unreachable(words, wait=max(reply.wait, TURNED_AWAY_FOR))
    if reply.status >= 500 or reply.status == 408:
        return Uncertain(words)
    return Refused(words, code=code or str(reply.status))


def _fault(reply: Reply) -> dict[str, Any]:
    try:
        return reply_object(reply.body)
    except Uncertain:
        return {}


def _store(credentials: Mapping[str, str], errand: Errand) -> dict[str, str]:
    """A store that DoorDash knows, where the franchise registered its stores there."""
    business = credentials.get("business_id")
    if not business:
        return {}
    return {"pickup_external_business_id": business, "pickup_external_store_id": errand.shop_no}


def _time(errand: Errand, now: datetime) -> dict[str, str]:
    """When it can be fetched, if that is not now."""
    if errand.ready_at is None or errand.ready_at < now + LATER:
        return {}
    return {"pickup_time": errand.ready_at.isoformat(timespec="seconds").replace("+00:00", "Z")}


def _named(origin_id: str) -> str:
    return quoted(origin_id, safe="")
