"""Meituan Peisong (美团配送, peisongopen.meituan.com): intra-city couriers in China.

Wire facts (the open platform's pages on calls and signatures, and its partners' clients): forms signed with
SHA-1 over the secret and the sorted parameters that are not empty, the same both ways; yuan with two
decimals; positions as GCJ-02 degrees times a million; Unix seconds, ten minutes either way at most. One
callback address an account. Our number there is a long that follows from the errand's number alone, so an
errand sent again is the same one. Credentials: app_key, app_secret, service_code (the delivery service of
the contract).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlencode

from couriers.providers.base import (
    Access,
    Callback,
    Capabilities,
    Created,
    Errand,
    Forged,
    Item,
    Kept,
    Key,
    Malformed,
    Quote,
    Report,
)
from couriers.providers.reading import (
    billed,
    credential,
    fen,
    metres,
    minor,
    part,
    priced,
    reply_object,
    storable,
    text,
    unix,
)
from couriers.states import EndCause, Outcome, Progress
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line
from stores.datum import to_gcj02

STATUS: dict[str, Progress | Outcome] = {
    "0": Progress.SEARCHING,
    "20": Progress.ASSIGNED,
    "15": Progress.AT_STORE,
    "30": Progress.PICKED_UP,
    "50": Progress.DELIVERED,
    "99": Outcome.CANCELLED,
}
SOURCES = {"meituan": "101", "eleme": "102", "jddj": "103"}
FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
GCJ02, NOW_ORDER, YUAN = "0", "0", "CNY"
SYSTEM_ERROR, TOO_MANY = "1", frozenset({"10", "11"})
FIRST_BUSINESS_CODE = 100
NO_SUCH_ORDER = "不存在"  # the tables of business codes are not public; the words are told by partners
TURNED_AWAY_FOR = 10.0  # seconds, as the platform says
WINDOW = timedelta(minutes=10)
BY_PARTNER, BY_SHOP = "199", "商家取消"
MOST_FIELDS = 100
CUP_KILOGRAMS = Decimal("0.6")
MOST_KILOGRAMS, MOST_FEN = Decimal(50), 500_000
MOST_DETAIL = 10_240

Fields = Mapping[str, str]


class Peisong:
    """The calls and callbacks of one courier; `line` is its connections, of its own by default."""

    label = "Meituan Peisong"
    needs: tuple[str, ...] = ("app_key", "app_secret", "service_code")
    can = Capabilities(
        quotes=True,
        idempotent_create=True,
        traceable=False,
        strong_callbacks=True,
        account_callbacks=True,
        tells_fee=False,
        per_second=10.0,
    )

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or Line()

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """POST order/preCreateByShop; it cannot be placed, so its reference is the price itself."""
        data = self._call(access, "order/preCreateByShop", create_fields(access, errand, now), now)
        try:
            fee = fen(data["delivery_fee"])
            quote = Quote(
                fee=fee,
                currency=YUAN,
                reference=str(fee),
                distance=metres(data.get("delivery_distance")),
            )
        except (KeyError, ValueError, InvalidOperation) as error:
            raise Uncertain("the quote is unreadable") from error
        return priced(quote, errand)

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """POST order/createByShop; the same errand again is answered with the same mt_peisong_id.

        What it costs is not told then: it is taken to be what was quoted, or is quoted afterwards.
        """
        data = self._call(access, "order/createByShop", create_fields(access, errand, now), now)
        reference = text(data.get("mt_peisong_id"), 64)
        if not reference:
            raise Uncertain("the reply names no errand")
        return billed(Created(fee=minor(quote_ref), reference=reference), YUAN, errand)

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> Kept | None:
        """POST order/delete; what Peisong keeps for it, it does not say."""
        why = {"cancel_reason_id": BY_PARTNER, "cancel_reason": (reason or BY_SHOP)[:256]}
        self._call(access, "order/delete", {**_names(key), **why}, now)
        return None

    def query(self, access: Access, key: Key, *, now: datetime) -> Report | None:
        """POST order/status/query."""
        try:
            return read_status(self._call(access, "order/status/query", _names(key), now))
        except Refused as refusal:
            if int(refusal.code or 0) >= FIRST_BUSINESS_CODE and NO_SUCH_ORDER in str(refusal):
                return None
            raise

    def parse_callback(
        self, body: bytes, headers: Mapping[str, str], access: Access, *, now: datetime
    ) -> Callback:
        """Read a form about an errand's status, an exception on the way, or a shop."""
        fields = read_form(body)
        _check(fields, access, now)
        if fields.get("exception_id"):
            return _exception(fields)
        return _status(fields) if fields.get("delivery_id") else _other(fields)

    def answer(self) -> dict[str, Any]:
        """What Peisong takes for "received"."""
        return {"code": 0}

    def _call(self, access: Access, path: str, business: Fields, now: datetime) -> Mapping[str, Any]:
        fields = {
            **business,
            "appkey": credential(access.credentials, "app_key"),
            "timestamp": str(int(now.timestamp())),
            "version": "1.0",
        }
        fields["sign"] = sign(credential(access.credentials, "app_secret"), fields)
        reply = self._line.post(f"{access.base_url.rstrip('/')}/{path}", urlencode(fields).encode(), FORM)
        return read_reply(reply)


def sign(secret: str, fields: Fields) -> str:
    """SHA-1 over the base, in lower-case hexadecimal."""
    return hashlib.sha1(sign_base(secret, fields).encode()).hexdigest()


def sign_base(secret: str, fields: Fields) -> str:
    """The secret, then names and values in the order of the names, without the sign and empty values.

    >>> sign_base("s", {"b": "2", "a": "1", "c": "", "sign": "x"})
    'sa1b2'
    """
    return secret + "".join(
        f"{name}{fields[name]}" for name in sorted(fields) if name != "sign" and fields[name]
    )


def delivery_number(origin_id: str) -> str:
    """Our number as Peisong wants it, a long: it follows from the errand's number and from nothing else.

    >>> delivery_number("mp0123456789abcdef01234567")
    '5124095576030430'
    """
    digits = origin_id.removeprefix("mp")[:15]
    if not digits or any(digit not in "0123456789abcdef" for digit in digits):
        digits = hashlib.sha256(origin_id.encode()).hexdigest()[:15]
    return str(int(digits, 16))


def create_fields(access: Access, errand: Errand, now: datetime) -> dict[str, str]:
    """The business fields of createByShop and preCreateByShop."""
    latitude, longitude = to_gcj02(errand.receiver.latitude, errand.receiver.longitude)
    fields = {
        "delivery_id": delivery_number(errand.origin_id),
        "order_id": errand.origin_id,
        "shop_id": errand.shop_no,
        "delivery_service_code": credential(access.credentials, "service_code"),
        "receiver_name": errand.receiver.name[:256],
        "receiver_address": errand.receiver.address[:512],
        "receiver_phone": errand.receiver.phone[:64],
        "receiver_lat": str(round(latitude * 1_000_000)),
        "receiver_lng": str(round(longitude * 1_000_000)),
        "coordinate_type": GCJ02,
        "goods_value": f"{Decimal(min(errand.value, MOST_FEN)) / 100:.2f}",
        "goods_weight": f"{min(CUP_KILOGRAMS * max(errand.cups, 1), MOST_KILOGRAMS):.2f}",
        "goods_detail": goods_detail(errand.items),
        "goods_pickup_info": pickup_info(errand)[:100],
        "order_type": NOW_ORDER,
        "poi_seq": errand.number[:32],
        "note": errand.note[:200],
        "outer_order_source_desc": SOURCES.get(errand.source, errand.source),
        "outer_order_source_no": errand.source_number,
    }
    return {**fields, **_expected(errand, now)}


def goods_detail(items: Sequence[Item]) -> str:
    """The bag's lines as JSON, as many as there is room for."""
    goods = [
        {
            "goodCount": item.quantity,
            "goodName": item.name[:128],
            "goodPrice": float(Decimal(item.price) / 100),
        }
        for item in items
    ]
    while len(written := _json({"goods": goods})) > MOST_DETAIL:
        goods.pop()
    return written


def pickup_info(errand: Errand) -> str:
    """What the rider reads at the counter: the pick-up code, and which bag it is."""
    words = [f"取餐码{errand.pickup_code}"] if errand.pickup_code else []
    if errand.bags > 1:
        words.append(f"第{errand.bag}袋，共{errand.bags}袋")
    return "，".join(words)


def read_reply(reply: bytes) -> Mapping[str, Any]:
    """The `data` of a reply with code 0. Raises by what another code means.

    1 is a fault of the platform that may come late; 10 and 11 turn a call away unread.
    """
    message = reply_object(reply)
    code = text(message.get("code"), 20)
    if not code.isdigit():
        raise Uncertain("the reply has no code")
    words = text(message.get("message")) or f"code {code}"
    if code == SYSTEM_ERROR:
        raise Uncertain(f"Peisong has a fault of its own: {words}")
    if code in TOO_MANY:
        raise Unreachable(f"too many calls ({words})", wait=TURNED_AWAY_FOR)
    if code != "0":
        raise Refused(words, code=code)
    return part(message, "data")


def read_status(data: Mapping[str, Any]) -> Report:
    """What status/query says. The name of the time it expects to arrive is not confirmed."""
    code = text(data.get("status"), 20)
    if not code:
        raise Uncertain("the status is missing")
    return _report(
        code,
        {name: text(value) for name, value in data.items()},
        at=unix(data.get("operate_time")),
        eta=unix(data.get("predict_delivery_time")),
    )


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a callback. Raises Malformed for what is no form in UTF-8 or names a field twice."""
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise Malformed("not a form in UTF-8") from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(map(storable, fields.values())):
        raise Malformed("a field is there twice, or has characters that are none")
    return fields


def _check(fields: Fields, access: Access, now: datetime) -> None:
    """Raise Forged unless the form is signed with our secret, for our application, in these ten minutes."""
    wanted = sign(credential(access.credentials, "app_secret"), fields).encode()
    if not hmac.compare_digest(wanted, fields.get("sign", "").lower().encode()):
        raise Forged("the sign does not fit")
    if fields.get("appkey") != credential(access.credentials, "app_key"):
        raise Forged("another application's appkey")
    at = unix(fields.get("timestamp"))
    if at is None or abs(now - at) > WINDOW:
        raise Forged("the timestamp is not of these ten minutes")


def _status(fields: Fields) -> Callback:
    code, at = fields.get("status", "")[:20], fields.get("timestamp", "")
    return Callback(
        key=_key("status", fields, f"{code}:{at}"),
        errand=_errand(fields),
        report=_report(code, fields, at=unix(at)),
    )


def _exception(fields: Fields) -> Callback:
    """Something is in the rider's way; it is shown, and changes no state."""
    words = fields.get("exception_descr", "")[:200] or f"exception {fields.get('exception_code', '')[:20]}"
    report = Report(
        code=f"exception {fields.get('exception_code', '')[:20]}",
        status=None,
        at=unix(fields.get("exception_time")),
        rider_name=fields.get("courier_name", ""),
        rider_phone=fields.get("courier_phone", ""),
        reason=words,
    )
    return Callback(_key("exception", fields, fields["exception_id"]), _errand(fields), report)


def _other(fields: Fields) -> Callback:
    """About a shop, or of a kind we do not know: kept."""
    digest = hashlib.sha256(sign_base("", fields).encode()).hexdigest()[:32]
    return Callback(key=f"peisong:other:{digest}", errand=Key(""), report=None)


def _key(kind: str, fields: Fields, rest: str) -> str:
    return f"peisong:{kind}:{fields.get('delivery_id', '')[:24]}:{rest}"[:100]


def _errand(fields: Fields) -> Key:
    """Whose errand it is; our two numbers for it must belong together."""
    origin_id = fields.get("order_id", "")[:64]
    if fields.get("delivery_id") != delivery_number(origin_id):
        origin_id = ""
    return Key(origin_id, fields.get("mt_peisong_id", "")[:64])


def _report(code: str, fields: Fields, *, at: datetime | None, eta: datetime | None = None) -> Report:
    status = STATUS.get(code)
    return Report(
        code=code,
        status=status,
        at=at,
        reference=fields.get("mt_peisong_id", "")[:64],
        rider_name=fields.get("courier_name", ""),
        rider_phone=fields.get("courier_phone", ""),
        reason=fields.get("cancel_reason", "")[:200],
        cause=_cause(fields) if status == Outcome.CANCELLED else None,
        eta=eta,
    )


def _cause(fields: Fields) -> EndCause:
    """Reasons 1xx are the partner's, 2xx Peisong's own; finer tables are not public."""
    return EndCause.STORE if fields.get("cancel_reason_id", "").startswith("1") else EndCause.COURIER


def _names(key: Key) -> dict[str, str]:
    """Both numbers, as Peisong wants them. Raises Uncertain while its own is not known."""
    if not key.reference:
        raise Uncertain("Peisong can be asked about an errand only by its own number")
    return {"delivery_id": delivery_number(key.origin_id), "mt_peisong_id": key.reference}


def _expected(errand: Errand, now: datetime) -> dict[str, str]:
    """When it is ready and due, as far as that is still to come."""
    times = {"expected_pickup_time": errand.ready_at, "expected_delivery_time": errand.deliver_by}
    return {name: str(int(at.timestamp())) for name, at in times.items() if at and at > now}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
