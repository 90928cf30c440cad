"""Channel `meituan`, incoming: verify, parse, answer (pure).

Source: the open platform's pages on pushed messages. There is one address per kind of message, POST or GET;
the signature covers our address as Meituan has it registered and all parameters. Meituan gives its messages
no ids, so they are made of what tells two messages apart.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from orders.channels.incoming import Keys, Message, Proof, Rejected, Request, Unknown
from orders.channels.meituan.changes import READERS, urge_ref
from orders.channels.meituan.orders import DEGRADED, FIRST_HAND, placed, retold
from orders.channels.meituan.payload import given
from orders.channels.meituan.wire import SIGNATURE, Fields, decoded_again, plain, read_form, sign

METHODS = frozenset({"GET", "POST"})
KINDS = frozenset({FIRST_HAND, *READERS})
PULLED = "order"
"""The kind of an order we asked for: JSON instead of a form."""

ID_FORM = re.compile(r"[\x21-\x7e]{1,128}")
# What differs between pushes of one message; privacy numbers are given out anew.
NOT_MEANT = frozenset({SIGNATURE, "timestamp", "access_token", "recipient_phone", "backup_recipient_phone"})
# What tells two messages of a kind apart; of other kinds, all of their content does.
DISTINCT = {
    "cancelled": ("order_id", "reason_code"),
    "refund": ("order_id", "refund_id", "notify_type", "res_type", "status", "is_appeal", "ctime"),
    "refund-result": ("order_id", "refund_id", "refund_status"),
    "logistics": ("order_id", "logistics_status", "time"),
}
ORDERS = frozenset({"paid", "confirmed", "completed"})
ERRORS = {400: 705, 401: 703, 404: 702, 405: 705, 413: 705}
"""Meituan's own codes for what our refusals say; 700 is "try again later"."""


def is_ping(request: Request) -> bool:
    """Whether Meituan only tries the address: a GET that is not signed, or a POST of nothing at all."""
    if request.method == "POST":
        return not request.query and not request.body
    return SIGNATURE not in {pair.partition("=")[0] for pair in request.query.split("&")}


def verify(*, keys: Keys, request: Request) -> Proof:
    """Check the signature over the decoded parameters.

    Raises Rejected(400) for what is no form, Rejected(401) for a signature that fits none of the secrets or a
    message for another app.
    """
    raw = _text(request)
    once = read_form(raw)
    secret = _signer(keys, request.url, once)
    fields = given(plain(once))
    digest = _digest(fields)
    return Proof(_delivery_id(request.kind, fields, digest), request.kind, raw, digest, secret)


def parse(*, kind: str, raw: str) -> Message:
    """Turn the text of a message into the one message form. Raises Rejected(400) saying what is wrong."""
    if kind == PULLED:
        return retold(kind, raw)
    fields = given(plain(read_form(raw)))
    if kind == FIRST_HAND:
        return placed(kind, fields)
    reader = READERS.get(kind)
    return reader(fields) if reader else Message(kind, "", "", Unknown())


def answer(outcome: str) -> tuple[int, dict[str, Any]]:
    """The one answer Meituan takes for "received".

    Also for a contradiction: it is kept for a person to look at, and sending it again would not help.
    """
    return 200, {"data": "ok"}


def refusal(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a refusal; Meituan sends the message again."""
    return status, {"data": "ng", "error": {"code": ERRORS.get(status, 700), "msg": detail}}


def _text(request: Request) -> str:
    """Query and body as they were sent, as one form."""
    try:
        body = request.body.decode()
        request.query.encode("ascii")
    except UnicodeError as error:
        raise Rejected(400, "A form in UTF-8 is understood here.") from error
    return "&".join(filter(None, (request.query, body)))


def _signer(keys: Keys, url: str, once: Fields) -> int:
    """The place of the secret that fits.

    Meituan encodes texts a second time, and what partners publish disagrees on whether it signs them before
    or after that: either is accepted, for either takes the secret.
    """
    claimed = once.get(SIGNATURE, "").lower().encode()
    if once.get("app_id") != keys.app_id:
        raise Rejected(401, "app_id is not the one of this account.")
    signed = {name: value for name, value in once.items() if name != SIGNATURE}
    again = decoded_again(signed)
    candidates = (signed,) if again == signed else (signed, again)
    for place, secret in enumerate(keys.secrets):
        for fields in candidates:
            if hmac.compare_digest(sign(url, fields, secret).encode(), claimed):
                return place
    raise Rejected(401, "The signature does not match.")


def _digest(fields: Fields) -> str:
    """SHA-256 over what is meant, however it was encoded."""
    meant = sorted(f"{name}={value}" for name, value in fields.items() if name not in NOT_MEANT)
    # A "+" that is left may be a space that was encoded twice.
    return hashlib.sha256("\n".join(meant).replace("+", " ").encode()).hexdigest()


def _delivery_id(kind: str, fields: Fields, digest: str) -> str:
    """The same for every push of one message, other for every other message of the account."""
    key = ":".join((kind, *_distinct(kind, fields, digest)))
    return key if ID_FORM.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()


def _distinct(kind: str, fields: Mapping[str, str], digest: str) -> tuple[str, ...]:
    if kind in ORDERS:
        # The whole order is another message than what could be gathered of it at first.
        part = ("part",) if fields.get("incmp_code") == DEGRADED else ()
        return (fields.get("order_id", ""), fields.get("utime") or fields.get("status", ""), *part)
    if kind == "urge":
        return (fields.get("order_id", ""), urge_ref(fields) or fields.get("timestamp", ""))
    if kind == "store-status":
        at = fields.get("operate_time") or fields.get("timestamp", "")
        return (fields.get("app_poi_code", ""), fields.get("poi_status", ""), at)
    names = DISTINCT.get(kind)
    return tuple(fields.get(name, "") for name in names) if names else (digest,)
