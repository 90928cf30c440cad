"""Dada (达达, newopen.imdada.cn): intra-city couriers in China.

Wire facts: a JSON envelope whose `body` is itself JSON text, signed with MD5 over the sorted values
between the app secret; money in yuan decimals, positions in GCJ-02, times in Unix seconds (a
callback with status 1000 in milliseconds). The callback's checksum has no secret in it, so final
states are asked for before they are believed. Credentials: app_key, app_secret, source_id.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from couriers.providers.base import (
    Access,
    Callback,
    Capabilities,
    Created,
    Errand,
    Forged,
    Key,
    Malformed,
    Quote,
    Report,
)
from couriers.states import Outcome, Progress
from outbox.calling import Refused, Uncertain
from outbox.line import Line
from stores.datum import to_gcj02

STATUS: dict[str, Progress | Outcome] = {
    "1": Progress.SEARCHING,
    "8": Progress.SEARCHING,
    "2": Progress.ASSIGNED,
    "100": Progress.AT_STORE,
    "3": Progress.PICKED_UP,
    "4": Progress.DELIVERED,
    "9": Progress.RETURNING,
    "10": Progress.RETURNED,
    "6": Progress.RETURNED,
    "5": Outcome.CANCELLED,
    "7": Outcome.CANCELLED,
    "1000": Outcome.FAILED,
}
ORDER_NOT_FOUND = "2005"
DRINKS = 2
OTHER_REASON = 10000
BY_SHOP = "商家取消"  # what the rider reads: cancelled by the shop
CUP_KILOGRAMS = Decimal("0.6")


class Dada:
    """The calls and callbacks of one courier; `line` is its connections, of its own by default."""

    label = "Dada"
    can = Capabilities(
        quotes=True,
        idempotent_create=False,
        traceable=True,
        strong_callbacks=False,
        account_callbacks=False,
        per_second=20.0,
    )

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or Line()

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """POST /api/order/queryDeliverFee."""
        result = self._call(access, "/api/order/queryDeliverFee", order_body(errand), now)
        try:
            return Quote(
                fee=to_minor(result["fee"]),
                currency="CNY",
                distance=int(Decimal(str(result["distance"]))),
                reference=str(result["deliveryNo"]),
            )
        except (KeyError, ValueError, InvalidOperation) as error:
            raise Uncertain("the quote is unreadable") from error

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """POST /api/order/addOrder; Dada keeps one order per origin_id."""
        result = self._call(access, "/api/order/addOrder", order_body(errand), now)
        return Created(fee=_fee(result, "fee"))

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> int | None:
        """POST /api/order/formalCancel; Dada refuses after the pick-up."""
        body = {
            "order_id": key.origin_id,
            "cancel_reason_id": OTHER_REASON,
            "cancel_reason": reason or BY_SHOP,
        }
        return _fee(self._call(access, "/api/order/formalCancel", body, now), "deduct_fee")

    def query(self, access: Access, key: Key, *, now: datetime) -> Report | None:
        """POST /api/order/status/query; code 2005 means that Dada does not know the order."""
        try:
            result = self._call(access, "/api/order/status/query", {"order_id": key.origin_id}, now)
        except Refused as refusal:
            if refusal.code == ORDER_NOT_FOUND:
                return None
            raise
        return read_status(result)

    def parse_callback(
        self, body: bytes, headers: Mapping[str, str], access: Access, *, now: datetime
    ) -> Callback:
        """Read the JSON of §5.5 of Dada's documentation and check its unkeyed checksum."""
        return read_callback(body)

    def answer(self) -> dict[str, Any]:
        """What Dada takes for "received"."""
        return {"status": "ok"}

    def _call(self, access: Access, path: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        envelope = make_envelope(access.credentials, body, int(now.timestamp()))
        reply = self._line.post(access.base_url.rstrip("/") + path, envelope)
        return read_reply(reply)


def make_envelope(credentials: Mapping[str, str], body: Mapping[str, Any], timestamp: int) -> bytes:
    """The request as bytes; the text of `body` that is signed is the text that is sent."""
    try:
        fields = {
            "app_key": credentials["app_key"],
            "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            "format": "json",
            "source_id": credentials["source_id"],
            "timestamp": timestamp,
            "v": "1.0",
        }
        fields["signature"] = sign(credentials["app_secret"], fields)
    except KeyError as error:
        raise Refused(f"the credentials lack {error}") from error
    return json.dumps(fields, ensure_ascii=False).encode()


def sign(secret: str, fields: Mapping[str, object]) -> str:
    """MD5 over the secret, every key and value in the order of the keys, and the secret again."""
    joined = "".join(f"{key}{fields[key]}" for key in sorted(fields) if key != "signature")
    return hashlib.md5(f"{secret}{joined}{secret}".encode()).hexdigest().upper()


def checksum(client_id: str, order_id: str, update_time: str) -> str:
    """The unkeyed checksum of a callback: the three values sorted as texts, joined, MD5."""
    joined = "".join(sorted([client_id, order_id, update_time]))
    return hashlib.md5(joined.encode()).hexdigest()


def order_body(errand: Errand) -> dict[str, Any]:
    """The business fields of addOrder and queryDeliverFee."""
    latitude, longitude = to_gcj02(errand.receiver.latitude, errand.receiver.longitude)
    return {
        "shop_no": errand.shop_no,
        "origin_id": errand.origin_id,
        "cargo_price": to_yuan(errand.value),
        "cargo_type": DRINKS,
        "cargo_num": errand.cups,
        "cargo_weight": float(CUP_KILOGRAMS * max(errand.cups, 1)),
        "is_prepay": 0,
        "receiver_name": errand.receiver.name,
        "receiver_phone": errand.receiver.phone,
        "receiver_address": errand.receiver.address,
        "receiver_lat": latitude,
        "receiver_lng": longitude,
        "callback": errand.callback_url,
        "info": errand.note,
        "origin_mark_no": errand.number[:30],
        "product_list": [
            {"sku_name": item.name[:128], "src_product_no": item.sku[:64], "count": item.quantity}
            for item in errand.items
        ],
    }


def read_reply(reply: bytes) -> dict[str, Any]:
    """The `result` of a reply with code 0; raises Refused for another code, Uncertain for garbage."""
    try:
        message = json.loads(reply)
    except (ValueError, RecursionError) as error:
        raise Uncertain("the reply is not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("code"), int):
        raise Uncertain("the reply has no code")
    if message["code"] != 0:
        raise Refused(str(message.get("msg") or message["code"])[:200], code=str(message["code"]))
    result = message.get("result")
    return result if isinstance(result, dict) else {}


def read_status(result: Mapping[str, Any]) -> Report:
    """What status/query says; it has no time of its last change."""
    code = str(result.get("statusCode", ""))
    if not code:
        raise Uncertain("the status is missing")
    return Report(
        code=code,
        status=STATUS.get(code),
        rider_name=_text(result.get("transporterName")),
        rider_phone=_text(result.get("transporterPhone")),
        reason=_text(result.get("statusMsg")),
        fee=_fee(result, "deliveryFee"),
    )


def read_callback(body: bytes) -> Callback:
    """Numbers are kept as the text they came as, for that text is what the checksum covers."""
    fields = _callback_fields(body)
    client_id, order_id = fields.get("client_id", ""), fields.get("order_id", "")
    update_time, code = fields.get("update_time", ""), fields.get("order_status", "")
    if fields.get("signature", "").lower() != checksum(client_id, order_id, update_time):
        raise Forged("the checksum does not fit")
    return Callback(
        key=f"dada:{order_id}:{code}:{update_time}"[:128],
        errand=Key(order_id, client_id[:64]),
        report=Report(
            code=code,
            status=STATUS.get(code),
            at=_moment(update_time),
            reference=client_id[:64],
            rider_name=fields.get("dm_name", ""),
            rider_phone=fields.get("dm_mobile", ""),
            reason=fields.get("cancel_reason", ""),
        ),
    )


def _callback_fields(body: bytes) -> dict[str, str]:
    """The fields as texts, without those that are null or nested."""
    try:
        message = json.loads(body.decode(), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON in UTF-8") from error
    if not isinstance(message, dict):
        raise Malformed("not an object")
    fields = {key: value for key, value in message.items() if isinstance(value, str)}
    if any(not _storable(value) for value in fields.values()):
        raise Malformed("characters that are none")
    if not fields.get("order_id") or not fields.get("order_status"):
        raise Malformed("order_id or order_status is missing")
    return fields


def _storable(text: str) -> bool:
    """Databases store neither NUL nor half a surrogate pair."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def _moment(text: str) -> datetime:
    """Unix seconds, or milliseconds when there are too many digits for seconds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        raise Malformed("update_time is not a time")
    seconds = int(text) / 1000 if len(text) > 11 else int(text)
    return datetime.fromtimestamp(seconds, UTC)


def to_yuan(minor: int) -> float:
    """Fen to the decimal number of yuan that goes into JSON.

    >>> to_yuan(1250)
    12.5
    """
    return float(Decimal(minor) / 100)


def to_minor(yuan: object) -> int:
    """Yuan as Dada writes them (number or text) to fen. Raises InvalidOperation or ValueError."""
    return int((Decimal(str(yuan)) * 100).to_integral_value())


def _fee(result: Mapping[str, Any], key: str) -> int | None:
    """A fee that is told for information: an unreadable one is no reason to doubt the reply."""
    try:
        return to_minor(result[key])
    except (KeyError, ValueError, InvalidOperation, OverflowError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) and _storable(value) else ""
