"""Meituan Peisong's wire format (pure): signatures, replies, status codes, callbacks.

Source: the published pages of peisongopen.meituan.com and the public SDKs. Business error codes (100 and
more) have no public table and are our own choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sandbox.errands import MERCHANT, Errand, Step

OK, SYSTEM_MISSING, MISSING, FORMAT, APPKEY, SIGN, NO_RIGHT, VERSION, TIME, LIMITED = (
    0,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
)
UNKNOWN_ORDER, UNKNOWN_SHOP, UNKNOWN_SERVICE, TOO_LATE, OUT_OF_RANGE, BUSY = 101, 102, 103, 106, 110, 120
WINDOW = 600  # seconds that a timestamp may differ
STATUS = {
    Step.SEARCHING: 0,
    Step.ASSIGNED: 20,
    Step.AT_STORE: 20,
    Step.PICKED_UP: 30,
    Step.DELIVERED: 50,
    Step.CANCELLED: 99,
}
BY_MEITUAN = 299
SHOP_LIVE = 40
REQUIRED = (
    "delivery_id", "order_id", "shop_id", "delivery_service_code", "receiver_name", "receiver_address",
    "receiver_phone", "receiver_lng", "receiver_lat", "goods_value", "goods_weight",
)  # fmt: skip
LONGEST = {
    "order_id": 32, "receiver_name": 256, "receiver_address": 512, "receiver_phone": 64,
    "goods_detail": 10240, "goods_pickup_info": 100, "goods_delivery_info": 100, "poi_seq": 32, "note": 200,
}  # fmt: skip
MOST = {"goods_value": 5000.0, "goods_weight": 50.0}


class Refusal(Exception):
    """Peisong says no: a code that is not 0, and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def sign(secret: str, fields: Mapping[str, str]) -> str:
    """Lower-case SHA1 over the secret and every name and value in the order of names, without empty ones."""
    kept = sorted((name, value) for name, value in fields.items() if name != "sign" and value != "")
    return hashlib.sha1((secret + "".join(name + value for name, value in kept)).encode()).hexdigest()


def check_order(fields: Mapping[str, str]) -> None:
    """Raise Refusal if createByShop's fields are not what it takes."""
    if missing := [name for name in REQUIRED if not fields.get(name)]:
        raise Refusal(MISSING, f"缺少参数: {', '.join(missing)}")
    numbers = ("delivery_id", "receiver_lng", "receiver_lat", "delivery_service_code")
    wrong = [name for name in numbers if not fields[name].lstrip("-").isdecimal()]
    wrong += [name for name, most in LONGEST.items() if len(fields.get(name, "")) > most]
    wrong += [name for name, most in MOST.items() if not _within(fields[name], most)]
    if wrong:
        raise Refusal(FORMAT, f"参数格式错误: {', '.join(wrong)}")
    if abs(int(fields["receiver_lng"])) <= 180 * 100:
        raise Refusal(FORMAT, "参数格式错误: receiver_lng应为坐标乘以10的6次方")


def ids(errand: Errand) -> dict[str, Any]:
    """Return the names of an errand."""
    delivery = errand.facts["delivery_id"]
    return {"mt_peisong_id": errand.number, "delivery_id": int(delivery), "order_id": errand.origin}


def status_of(errand: Errand) -> dict[str, Any]:
    """Return the data of order/status/query."""
    return {
        **ids(errand),
        "status": STATUS[errand.step],
        "operate_time": int(latest(errand)),
        "courier_name": errand.rider.name if errand.rider else "",
        "courier_phone": errand.rider.phone if errand.rider else "",
        "cancel_reason_id": cancel_reason_id(errand),
        "cancel_reason": errand.reason,
        "predict_delivery_time": int(errand.created_at) + 1800,
    }


def latest(errand: Errand) -> float:
    """When its status changed last."""
    return max(errand.created_at, errand.assigned_at, errand.picked_up_at, errand.ended_at)


def cancel_reason_id(errand: Errand) -> int:
    """Return whose reason it was: the partner's own choice, or one of Meituan's."""
    if errand.step != Step.CANCELLED:
        return 0
    return int(errand.facts.get("cancel_reason_id", 0)) if errand.by == MERCHANT else BY_MEITUAN


def callback(errand: Errand, status: int, appkey: str, secret: str, now: float) -> bytes:
    """Return the form that tells a status."""
    reason = cancel_reason_id(errand)
    return _signed({
        **_named(errand, appkey, now),
        "status": str(status),
        "cancel_reason_id": str(reason) if reason else "",
        "cancel_reason": errand.reason if reason else "",
    }, secret)  # fmt: skip


def exception(errand: Errand, number: int, appkey: str, secret: str, now: float) -> bytes:
    """Return the form that tells of an exception: news, not a status."""
    return _signed({
        **_named(errand, appkey, now),
        "exception_id": str(number),
        "exception_code": "20001",
        "exception_descr": "商家出餐慢，骑手在店等待",
        "exception_time": str(int(now)),
    }, secret)  # fmt: skip


def shop_status(shop_id: str, appkey: str, secret: str, now: float) -> bytes:
    """Return the form that tells that a shop can be served."""
    fields = {"shop_id": shop_id, "status": str(SHOP_LIVE), "appkey": appkey, "timestamp": str(int(now))}
    return _signed(fields, secret)


def _named(errand: Errand, appkey: str, now: float) -> dict[str, str]:
    return {
        **{name: str(value) for name, value in ids(errand).items()},
        "courier_name": errand.rider.name if errand.rider else "",
        "courier_phone": errand.rider.phone if errand.rider else "",
        "appkey": appkey,
        "timestamp": str(int(now)),
    }


def _signed(fields: dict[str, str], secret: str) -> bytes:
    return urlencode({**fields, "sign": sign(secret, fields)}).encode()


def _within(text: str, most: float) -> bool:
    try:
        return 0 <= float(text) <= most
    except ValueError:
        return False
