"""Ele.me's wire format, NOP 1.0.0 (pure): signatures of pushes and calls, envelopes, replies, words.

Source: the public SDKs of open.shop.ele.me (`CallbackValidationUtil`, `RpcClient`) and mirrors of its
documents. Business error codes have no public table: those here are our own; a client must take every code
that is not of the system's list as a business error.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CALL_ID = re.compile(r"[0-9A-F]{32}\|[0-9]{13}")
SIGNED = ("appId", "message", "requestId", "shopId", "timestamp", "type", "userId")
MUST_NOT_LOSE = frozenset({"10", "12", "14", "15", "17", "217", "218"})

NEW_ORDER, ACCEPTED, CANCELLED, INVALID, FORCED_INVALID, COMPLETED = "10", "12", "14", "15", "17", "18"
CANCEL = {"applied": "20", "withdrawn": "21", "refused": "22", "agreed": "23"}
REFUND = {"applied": "30", "withdrawn": "31", "refused": "32", "agreed": "33"}
URGED, URGE_ANSWERED, SELF_DELIVERY, STORE_STATUS, CORE = "45", "46", "71", "91", "217"
USER, SYSTEM, MERCHANT, OPEN_PLATFORM, ORDER_FINISHED = 1, 2, 3, 5, 9  # roles
# our word → (type, state, subState) in the order they are pushed
DELIVERY = {
    "searching": (("51", "tobeAssignedMerchant"), ("52", "tobeAssignedCourier")),
    "assigned": (("53", "tobeFetched"),),
    "at_store": (("54", "arrived"),),
    "picked_up": (("55", "delivering"),),
    "delivered": (("56", "completed"),),
    "cancelled": (("57", "cancelled"),),
    "store": ((SELF_DELIVERY, "selfDelivery"),),
}
CANCEL_TYPES = frozenset(
    {
        "others",
        "fakeOrder",
        "contactUserFailed",
        "foodSoldOut",
        "restaurantClosed",
        "distanceTooFar",
        "restaurantTooBusy",
        "forceRejectOrder",
        "deliveryFault",
        "notSatisfiedDeliveryRequirement",
    }
)
REPLY_TYPES = frozenset({"custom", "hasOut", "inCooking", "weather", "shortHand"})

ILLEGAL_REQUEST, UNAUTHORIZED, INVALID_SIGNATURE = "ILLEGAL_REQUEST", "UNAUTHORIZED", "INVALID_SIGNATURE"
INVALID_TIMESTAMP, VALIDATION_FAILED = "INVALID_TIMESTAMP", "VALIDATION_FAILED"
METHOD_NOT_ALLOWED, EXCEED_LIMIT = "METHOD_NOT_ALLOWED", "EXCEED_LIMIT"
ORDER_NOT_FOUND, WRONG_STATE, SHOP_NOT_FOUND = "ORDER_NOT_FOUND", "ORDER_STATUS_ERROR", "SHOP_NOT_FOUND"


class Refusal(Exception):
    """Ele.me says no: one of its codes and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def push_signature(secret: str, envelope: Mapping[str, Any]) -> str:
    """Upper-case MD5 over the seven fields as `key=value`, sorted, without separators, then the secret."""
    return _md5("".join(f"{key}={envelope[key]}" for key in SIGNED) + secret)


def dumps(value: Any) -> str:
    """Return compact JSON without escapes that are not needed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def raw_members(text: str) -> dict[str, str]:
    """Return the members of a JSON object, each value as the very text it came as. Raises ValueError."""
    decoder = json.JSONDecoder()
    found: dict[str, str] = {}
    at = _skip(text, _skip(text, 0, "{"))
    while text[at : at + 1] != "}":
        if found:
            at = _skip(text, _skip(text, at, ","))
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, _skip(text, at), ":"))
        _value, at = decoder.raw_decode(text, start)
        found[name] = text[start:at]
        at = _skip(text, at)
    return found


def _skip(text: str, at: int, wanted: str = "") -> int:
    """Return the place after white space, and after `wanted`, which must be there."""
    while text[at : at + 1].isspace():
        at += 1
    if not text.startswith(wanted, at):
        raise ValueError(f"{wanted} expected")
    return at + len(wanted)


def call_signature(
    action: str, token: str, metas: Mapping[str, str], params: Mapping[str, str], secret: str
) -> str:
    """Upper-case MD5 over action, token, `key=<JSON text>` of metas and params sorted, and the secret."""
    merged = {**metas, **params}
    return _md5(action + token + "".join(f"{key}={merged[key]}" for key in sorted(merged)) + secret)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came; `metas` and `params` hold JSON texts."""

    id: str
    action: str
    token: str
    app_key: str
    metas: Mapping[str, str]
    params: Mapping[str, str]
    signature: str

    def fits(self, secret: str) -> bool:
        """Whether it was signed with this secret."""
        wanted = call_signature(self.action, self.token, self.metas, self.params, secret)
        return hmac.compare_digest(wanted, self.signature)

    def values(self) -> dict[str, Any]:
        """Return the parameters."""
        return {name: json.loads(text) for name, text in self.params.items()}


def read_call(raw: bytes) -> Call:
    """Read the body of a call. Raises Refusal."""
    try:
        members = raw_members(raw.decode())
        metas, params = raw_members(members["metas"]), raw_members(members["params"])
        names = ("nop", "id", "action", "token", "signature")
        nop, call_id, action, token, signature = (json.loads(members[name]) for name in names)
        app_key, stamp = json.loads(metas["app_key"]), json.loads(metas["timestamp"])
    except (ValueError, KeyError) as error:
        raise Refusal(ILLEGAL_REQUEST, f"请求格式错误: {error}") from None
    if nop != "1.0.0" or not CALL_ID.fullmatch(str(call_id)):
        raise Refusal(ILLEGAL_REQUEST, "nop必须是1.0.0, id必须是大写UUID|毫秒")
    if not isinstance(stamp, int) or not 10**9 <= stamp < 10**10:
        raise Refusal(INVALID_TIMESTAMP, "timestamp必须是秒")
    return Call(call_id, action, token, str(app_key), metas, params, str(signature))


def success(call_id: str, result: Any) -> dict[str, Any]:
    """Return the reply to a call that worked."""
    return {"id": call_id, "result": result, "error": None}


def failure(call_id: str, refusal: Refusal) -> dict[str, Any]:
    """Return the reply to a call that was refused (HTTP 200 as well)."""
    return {"id": call_id, "result": None, "error": {"code": refusal.code, "message": str(refusal)}}
