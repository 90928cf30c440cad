"""Dada (达达, newopen.imdada.cn): intra-city couriers in China.

Wire facts: a JSON envelope whose `body` is itself JSON text, signed with MD5 over the sorted values between
the app secret; money in yuan decimals, positions in GCJ-02, times in Unix seconds (a callback with status
1000 in milliseconds). The callback's checksum has no secret in it, so final states are asked for before they
are believed. Credentials: app_key, app_secret, source_id.

Dada keeps one order per origin_id for good; its call that sends an ended one again (reAddOrder) is not used,
because every hand-off has an origin_id of its own.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

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
    Quote,
    Report,
)
from couriers.providers.reading import (
    billed,
    callback_object,
    credential,
    fen,
    kept,
    metres,
    priced,
    reply_object,
    storable,
    text,
    told_fen,
    unix,
)
from couriers.states import EndCause, Outcome, Progress
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
CAUSES: dict[str, EndCause] = {
    "5": EndCause.COURIER,
    "6": EndCause.RETURNED,
    "7": EndCause.NO_RIDER,
    "10": EndCause.RETURNED,
    "1000": EndCause.COURIER,
}
CANCELLED_BY = {"1": EndCause.RIDER, "2": EndCause.STORE}
CANCELLED = "5"
RIDER_CANCEL = "1"  # the one type of message there is
ORDER_NOT_FOUND = "2005"
CLOCKS = timedelta(minutes=10)  # how far Dada's may be ahead of ours
DRINKS = 2
YUAN = "CNY"
OTHER_REASON = 10000
BY_SHOP = "商家取消"  # what the rider reads: cancelled by the shop
CUP_KILOGRAMS = Decimal("0.6")


class Dada:
    """The calls and callbacks of one courier; `line` is its connections, of its own by default."""

    label = "Dada"
    needs: tuple[str, ...] = ("app_key", "app_secret", "source_id")
    can = Capabilities(
        quotes=True,
        idempotent_create=False,
        traceable=True,
        strong_callbacks=False,
        account_callbacks=False,
        tells_fee=True,
        per_second=20.0,
    )

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or Line()

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """POST /api/order/queryDeliverFee."""
        body = order_body(errand)
        result = self._call(access, "/api/order/queryDeliverFee", body, now)
        try:
            quote = Quote(
                fee=fen(result["fee"]),
                currency=YUAN,
                distance=metres(result.get("distance")),
                reference=quote_reference(str(result["deliveryNo"]), body),
                expires_at=_expiry(result.get("expiredTime")),
            )
        except (KeyError, ValueError, InvalidOperation) as error:
            raise Uncertain("the quote is unreadable") from error
        return priced(quote, errand)

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """POST /api/order/addOrder, or /api/order/addAfterQuery for this errand's own quote.

        A quote that is refused created nothing; should an earlier attempt have placed it, then Dada has the
        origin_id already.
        """
        result = self._place(access, order_body(errand), quote_ref, now)
        return billed(Created(fee=told_fen(result, "fee")), YUAN, errand)

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> Kept | None:
        """POST /api/order/formalCancel; Dada refuses after the pick-up."""
        body = {
            "order_id": key.origin_id,
            "cancel_reason_id": OTHER_REASON,
            "cancel_reason": reason or BY_SHOP,
        }
        result = self._call(access, "/api/order/formalCancel", body, now)
        return kept(told_fen(result, "deduct_fee"), YUAN)

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
        """Read a status and check its unkeyed checksum, or a rider's wish to cancel, which has none."""
        message = callback_object(body)
        return read_message(message) if "messageType" in message else read_callback(body, now)

    def let_rider_cancel(self, access: Access, key: Key, *, now: datetime) -> None:
        """POST /api/message/confirm: agree, as Dada does by itself after a while."""
        consent = {"orderId": key.origin_id, "isConfirm": 1}
        if key.reference.isdigit():
            consent["dadaOrderId"] = int(key.reference)
        body = {"messageType": int(RIDER_CANCEL), "messageBody": _json(consent)}
        self._call(access, "/api/message/confirm", body, now)

    def answer(self) -> dict[str, Any]:
        """What Dada takes for "received"."""
        return {"status": "ok"}

    def _place(
        self, access: Access, body: Mapping[str, Any], quote_ref: str, now: datetime
    ) -> dict[str, Any]:
        delivery_no = quote_ref.partition(".")[0]
        if delivery_no and quote_ref == quote_reference(delivery_no, body):
            try:
                return self._call(access, "/api/order/addAfterQuery", {"deliveryNo": delivery_no}, now)
            except Refused:
                pass  # it has run out, or is another's by now
        return self._call(access, "/api/order/addOrder", body, now)

    def _call(self, access: Access, path: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        envelope = make_envelope(access.credentials, body, int(now.timestamp()))
        reply = self._line.post(access.base_url.rstrip("/") + path, envelope)
        return read_reply(reply)


def make_envelope(credentials: Mapping[str, str], body: Mapping[str, Any], timestamp: int) -> bytes:
    """The request as bytes; the text of `body` that is signed is the text that is sent."""
    fields = {
        "app_key": credential(credentials, "app_key"),
        "body": _json(body),
        "format": "json",
        "source_id": credential(credentials, "source_id"),
        "timestamp": timestamp,
        "v": "1.0",
    }
    fields["signature"] = sign(credential(credentials, "app_secret"), fields)
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
        "info": _info(errand),
        "fetch_code": errand.pickup_code,
        "origin_mark_no": errand.number[:30],
        "product_list": [
            {"sku_name": item.name[:128], "src_product_no": item.sku[:64], "count": item.quantity}
            for item in errand.items
        ],
    }


def quote_reference(delivery_no: str, body: Mapping[str, Any]) -> str:
    """A quote's number, and what it is for: Dada places what was asked about, not what is asked for then."""
    return f"{delivery_no}.{hashlib.sha256(_json(body).encode()).hexdigest()[:16]}"


def read_reply(reply: bytes) -> dict[str, Any]:
    """The `result` of a reply with code 0; raises Refused for another code, Uncertain for garbage."""
    message = reply_object(reply)
    code = message.get("code")
    if not isinstance(code, int):
        raise Uncertain("the reply has no code")
    if code != 0:
        raise Refused(text(message.get("msg")) or str(code), code=str(code))
    result = message.get("result")
    return result if isinstance(result, dict) else {}


def read_status(result: Mapping[str, Any]) -> Report:
    """What status/query says; it has no time of its last change."""
    code = str(result.get("statusCode", ""))
    if not code:
        raise Uncertain("the status is missing")
    kept_of_it = told_fen(result, "deductFee")
    return Report(
        code=code,
        status=STATUS.get(code),
        rider_name=text(result.get("transporterName")),
        rider_phone=text(result.get("transporterPhone")),
        reason=text(result.get("statusMsg")),
        # What is deducted is the penalty for a shop that cancels.
        cause=EndCause.STORE if code == CANCELLED and kept_of_it else CAUSES.get(code),
        fee=told_fen(result, "deliveryFee"),
        kept=kept_of_it,
        currency=YUAN,
    )


def read_callback(body: bytes, now: datetime) -> Callback:
    """Numbers are kept as the text they came as, for that text is what the checksum covers.

    A time that is still to come is none: all that is told after it would count as older.
    """
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
            at=at if (at := _moment(update_time)) < now + CLOCKS else None,
            reference=client_id[:64],
            rider_name=fields.get("dm_name", ""),
            rider_phone=fields.get("dm_mobile", ""),
            reason=fields.get("cancel_reason", ""),
            cause=_cause(code, fields.get("cancel_from", "")),
        ),
    )


def read_message(message: Mapping[str, Any]) -> Callback:
    """A rider wants to cancel: shown, and answered by `let_rider_cancel`. Other messages are kept."""
    kind, raw = text(message.get("messageType")), message.get("messageBody")
    digest = hashlib.sha256(_json([kind, raw]).encode(errors="surrogatepass")).hexdigest()[:24]
    content = callback_object(raw.encode(errors="surrogatepass")) if isinstance(raw, str) else {}
    origin_id, reference = text(content.get("orderId"), 64), text(content.get("dadaOrderId"), 64)
    if kind != RIDER_CANCEL or not origin_id:
        return Callback(f"dada:message:{digest}", Key(origin_id), None)
    report = Report(code="rider_cancel", status=None, reason=text(content.get("cancelReason")))
    return Callback(
        f"dada:{origin_id}:rider_cancel:{digest}", Key(origin_id, reference), report, asks_leave=True
    )


def _callback_fields(body: bytes) -> dict[str, str]:
    """The fields as texts, without those that are null or nested."""
    message = callback_object(body)
    fields = {key: value for key, value in message.items() if isinstance(value, str)}
    if any(not storable(value) for value in fields.values()):
        raise Malformed("characters that are none")
    if not fields.get("order_id") or not fields.get("order_status"):
        raise Malformed("order_id or order_status is missing")
    return fields


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


def _cause(code: str, cancelled_by: str) -> EndCause | None:
    """Who cancelled it, where Dada says so: 1 the rider, 2 the shop, 3 its own system."""
    return CANCELLED_BY.get(cancelled_by, CAUSES[code]) if code == CANCELLED else CAUSES.get(code)


def _expiry(value: object) -> datetime | None:
    """Unix seconds or milliseconds; which of them is not documented."""
    digits = text(value, 13)
    return unix(digits[:-3] if len(digits) == 13 else digits)


def _info(errand: Errand) -> str:
    """What the rider reads: the guest's note, and which bag it is."""
    which = f"第{errand.bag}袋，共{errand.bags}袋" if errand.bags > 1 else ""
    return "；".join(filter(None, [which, errand.note]))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
