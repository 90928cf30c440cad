"""Meituan Waimai's wire format, v1 (pure): the one signature of pushes and calls, forms, replies, codes.

Source: the documented sample of waimaiopen.meituan.com and public SDKs. Text values of a push are URL-encoded
a second time inside the form, as URLEncoder of Java does it (a space becomes "+").
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

MISSING, UNKNOWN_APP, WRONG_SIGNATURE, NO_PERMISSION, RATE_LIMIT = 701, 702, 703, 708, 711
FORMAT, NO_STORE, NO_ORDER, FAILED, NOT_MEITUANS, ALREADY_DONE = 705, 803, 806, 808, 1005, 1022

SUBMITTED, PUSHED, CONFIRMED, DONE, CANCELLED = 1, 2, 4, 8, 9
OPEN, RESTING = 121, 120
LOGISTICS = {
    "searching": 0,
    "assigned": 10,
    "at_store": 15,
    "picked_up": 20,
    "delivered": 40,
    "cancelled": 100,
}
MEITUAN_DELIVERS, STORE_DELIVERS = "1001", "0000"
BEFORE_CONFIRM, USER_REFUND, BY_SERVICE = 1102, 1103, 1301
OPERATORS = {"customer": 1, "merchant": 2, "platform": 3, "system": 5, "portal": 6}
NOTIFY = {"applied": "apply", "withdrawn": "cancelRefund", "refused": "reject", "agreed": "agree"}
WAITING, REFUSED, AGREED, AUTO_AGREED, WITHDRAWN = 0, 1, 2, 5, 7


class Refusal(Exception):
    """Meituan says no: one of its codes and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def sign(url: str, fields: Mapping[str, str], secret: str) -> str:
    """Lower-case MD5 over `url?k=v&…` (sorted, un-encoded, without `sig`) and the secret."""
    joined = "&".join(f"{key}={fields[key]}" for key in sorted(fields) if key != "sig")
    return hashlib.md5(f"{url}?{joined}{secret}".encode()).hexdigest()


def fits(url: str, fields: Mapping[str, str], secret: str) -> bool:
    """Whether `sig` is right."""
    return hmac.compare_digest(sign(url, fields, secret).encode(), fields.get("sig", "").encode())


def encode_form(fields: Mapping[str, str], *, twice: bool) -> str:
    """Return a form; `twice`: its values are encoded a second time."""
    return urlencode({key: quote_plus(value) if twice else value for key, value in fields.items()})


def read_form(query: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a call, decoded once. Raises Refusal."""
    try:
        pairs = [*parse_qsl(query, True), *parse_qsl(body.decode(), True)]
    except ValueError:
        raise Refusal(FORMAT, "参数格式错误") from None
    return dict(pairs)


def dumps(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def success(data: Any = "ok") -> dict[str, Any]:
    """Return the reply to a call that worked."""
    return {"data": data}


def failure(refusal: Refusal) -> dict[str, Any]:
    """Return the reply to a call that was refused (HTTP 200 as well)."""
    return {"data": "ng", "error": {"code": refusal.code, "msg": str(refusal)}}
