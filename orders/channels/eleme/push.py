"""Channel `eleme`, incoming: verify, parse, answer (pure).

One address takes every type of message: an envelope whose `message` is JSON text, signed with MD5 over the
values as they are written. Source: the SDKs' `OMessage` and demos; the platform's pages on message types.

A re-push may come much later, so no window of time is kept: repeats are known by their requestId.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from orders.channels.eleme import wire
from orders.channels.eleme.orders import placed
from orders.channels.eleme.values import code, fen, moment, text
from orders.channels.incoming import (
    Asked,
    Carried,
    Change,
    Content,
    Keys,
    Message,
    Noted,
    Proof,
    Rejected,
    Request,
    Standing,
    StoreStatus,
    Unknown,
    Urged,
)

Fields = Mapping[str, Any]

METHODS = frozenset({"GET", "POST"})
KINDS: frozenset[str] = frozenset()
ORDER = "order"
"""The kind of a bare OOrder, as calls return it; a later retelling, never first hand."""

DELIVERY_ID = re.compile(r"[\x21-\x7e]{1,128}")
TYPE = re.compile(r"\d{1,10}", re.ASCII)

TOOK_EFFECT = "10"
STANDINGS = {"12": "accepted", "14": "cancelled", "15": "cancelled", "17": "cancelled", "18": "completed"}
# `role` of a status change: 1 guest, 2 system, 3 merchant, 4 customer service, 5 open platform, 6 SMS,
# 7 printer, 8 risk control, 9 order finished. The merchant acts through 5, 6 and 7 (assumed).
ROLES = {"1": "customer", "3": "merchant", "5": "merchant", "6": "merchant", "7": "merchant"}
STEPS = ("applied", "withdrawn", "refused", "agreed", "appealed", "upheld", "overruled")
ASKED = {
    f"{tens}{unit}": (about, step)
    for tens, about in (("2", "cancel"), ("3", "refund"))
    for unit, step in enumerate(STEPS)
}
URGED = "45"
REMINDER_NAMES = ("reminderId", "remindId", "remind_id")  # which of them a push uses is not documented
PROGRESS = {
    "51": "searching",
    "52": "searching",
    "53": "assigned",
    "54": "at_store",
    "55": "picked_up",
    "56": "delivered",
    **dict.fromkeys(("57", "58", "59", "72"), "cancelled"),
    **dict.fromkeys(map(str, (*range(60, 71), *range(73, 77))), "failed"),
    "71": "store",
}
# Why, when the message itself has no remark.
REASONS = {
    "57": gettext_noop("Cancelled by the store"),
    "58": gettext_noop("Cancelled by the guest"),
    "59": gettext_noop("Cancelled by the delivery service"),
    "60": gettext_noop("Courier called too late"),
    "61": gettext_noop("Order was not ready"),
    "62": gettext_noop("Interrupted by the store"),
    "63": gettext_noop("Guest cannot be reached"),
    "64": gettext_noop("Guest got the money back"),
    "65": gettext_noop("Wrong address"),
    "66": gettext_noop("Out of range"),
    "67": gettext_noop("Reported by the courier"),
    "68": gettext_noop("Reported by the system"),
    "69": gettext_noop("Delivery failed"),
    "70": gettext_noop("Delivery timed out"),
    "72": gettext_noop("Nobody delivers any more"),
    "73": gettext_noop("Only orders paid online are delivered"),
    "74": gettext_noop("Too far away"),
    "75": gettext_noop("Sent to the delivery service too late"),
    "76": gettext_noop("Fault of the delivery service"),
}
URGE_ANSWERED = "46"
STORE_STATUS = "91"  # its body is not documented, so the shop must be asked
# 93 shop data changed, 100 authorisation revoked, 105 service market, 221 and 222 audits.
ABOUT_NO_ORDER = frozenset({STORE_STATUS, "93", "100", "105", "221", "222"})
NOTED = ABOUT_NO_ORDER | {URGE_ANSWERED}
# Newer messages about orders; their bodies are not documented.
UNREADABLE = frozenset({"217", "218"})


def is_ping(request: Request) -> bool:
    """GET, or nothing in the body: the platform tries the address."""
    return request.method == "GET" or not request.body.strip()


def verify(*, keys: Keys, request: Request) -> Proof:
    """Check the signature over the values' own texts with any of the secrets.

    Raises Rejected(400) for what is no envelope, Rejected(401) for a wrong signature or another app's push.
    """
    raw, envelope = _envelope(request.body)
    delivery_id, kind = _matching(envelope, "requestId", DELIVERY_ID), _matching(envelope, "type", TYPE)
    try:
        signed = wire.signed_part(envelope)
    except ValueError as error:
        raise Rejected(400, str(error)) from error
    secret = wire.fitting(keys.secrets, signed, text(envelope.get("signature"), 64))
    if secret is None:
        raise Rejected(401, "The signature does not match.")
    if envelope.get("appId") != keys.app_id:
        raise Rejected(401, "The push is for another application.")
    return Proof(delivery_id=delivery_id, kind=kind, raw=raw, digest=_digest(envelope), secret=secret)


def _envelope(body: bytes) -> tuple[str, Fields]:
    try:
        raw = body.decode()
        return raw, _object(wire.read(raw))
    except ValueError as error:
        raise Rejected(400, f"Not JSON in UTF-8: {error}"[:200]) from error


def _matching(envelope: Fields, name: str, form: re.Pattern[str]) -> str:
    value = envelope.get(name)
    if not (isinstance(value, str) and form.fullmatch(value)):
        raise Rejected(400, f"{name} is missing or malformed.")
    return value


def _digest(envelope: Fields) -> str:
    """Over what a re-push repeats; its envelope may have another timestamp."""
    kind, shop, message = (envelope.get(name) or "" for name in ("type", "shopId", "message"))
    facts = f"{kind} {len(shop)} {shop} {message}"
    return hashlib.sha256(facts.encode(errors="surrogatepass")).hexdigest()


def parse(*, kind: str, raw: str) -> Message:
    """Turn an envelope of type `kind`, or an OOrder of kind "order", into the one message form.

    Raises Rejected(400) saying what is wrong.
    """
    try:
        document = _object(wire.read(raw))
    except ValueError as error:
        raise Rejected(400, f"Not JSON: {error}"[:200]) from error
    if kind == ORDER:
        return _order(kind, document, shop="", sent=None)
    shop, sent = code(document.get("shopId")), moment(document.get("timestamp"))
    body = _body(document.get("message"))
    if kind == TOOK_EFFECT:
        return _order(kind, body, shop=shop, sent=sent)
    order_id = "" if kind in ABOUT_NO_ORDER else code(body.get("orderId"))
    content = _content(kind, body, sent)
    if isinstance(content, Change) and not order_id:
        raise Rejected(400, "The message names no order.")
    return Message(kind, order_id, code(body.get("shopId")) or shop, content)


def _object(document: Any) -> Fields:
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    return document


def _body(message: object) -> Fields:
    """What a message says; {} if it cannot be read, since not every type's body is documented."""
    try:
        return _object(wire.read(message)) if isinstance(message, str) else {}
    except ValueError:
        return {}


def _order(kind: str, order: Fields, *, shop: str, sent: datetime | None) -> Message:
    order_id = code(order.get("orderId")) or code(order.get("id"))
    shop = code(order.get("shopId")) or shop
    if not order_id or not shop:
        raise Rejected(400, "The message holds no order, or one without a shop.")
    content = placed(order, order_id=order_id, shop=shop, sent=sent, first_hand=kind != ORDER)
    return Message(kind, order_id, shop, content)


def _content(kind: str, body: Fields, sent: datetime | None) -> Content:
    if kind in STANDINGS:
        by = ROLES.get(text(body.get("role"), 4), "platform")
        return Standing(STANDINGS[kind], at=moment(body.get("updateTime")) or sent, by=by)
    if kind in ASKED:
        return _asked(kind, body, sent)
    if kind in PROGRESS:
        return _carried(kind, body, sent)
    if kind == URGED:
        refs = (code(body.get(name)) for name in REMINDER_NAMES)
        return Urged(ref=next(filter(None, refs), ""), at=moment(body.get("updateTime")) or sent)
    if kind == STORE_STATUS:
        return StoreStatus(level="", at=sent)
    return Noted() if kind in NOTED else Unknown(ask=kind in UNREADABLE)


def _asked(kind: str, body: Fields, sent: datetime | None) -> Asked:
    about, step = ASKED[kind]
    return Asked(
        about=about,
        step=step,
        at=_certain(moment(body.get("updateTime")) or sent),
        reason=text(body.get("reason"), 200),
        whole=body.get("refundType") != "part",
        amount=fen(body.get("totalPrice")),
    )


def _carried(kind: str, body: Fields, sent: datetime | None) -> Carried:
    return Carried(
        progress=PROGRESS[kind],
        at=_certain(moment(body.get("updateAt")) or sent),
        rider_name=text(body.get("name"), 100),
        rider_phone=text(body.get("phone"), 40),
        reason=text(body.get("remark"), 200) or REASONS.get(kind, ""),
    )


def _certain(at: datetime | None) -> datetime:
    if at is None:
        raise Rejected(400, "Neither the message nor its envelope has a time.")
    return at


def answer(outcome: str) -> tuple[int, dict[str, Any]]:
    """The one answer the platform takes for "received". A conflict is kept too: a re-push would not help."""
    return 200, {"message": "ok"}


def refusal(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """Whatever is not "ok" makes the platform push again."""
    return status, {"message": detail}
