"""Dada's wire format (pure): envelope, signatures, replies, status codes, callbacks.

Source: the public SDKs of newopen.imdada.cn. Error codes without a public table are our own choice;
a client must treat every code but 0 as a refusal.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from sandbox.errands import COURIER, MERCHANT, RIDER, Errand, Step

OK = 0
APP_KEY_INVALID, SOURCE_UNBOUND, WRONG_SIGNATURE, UNREADABLE = 2001, 2002, 2003, 2004
ORDER_NOT_FOUND, SHOP_NOT_FOUND = 2005, 2402
ENDED_ORDER, LIVE_ORDER, TOO_LATE, QUOTE_GONE, BUSY = 2105, 2106, 2063, 2070, 2099

WAITING, ASSIGNED, DELIVERING, DONE, CANCELLED = 1, 2, 3, 4, 5
EXPIRED, RETURNING, RETURNED, AT_STORE, PUBLISH_FAILED = 7, 9, 10, 100, 1000
STATUS = {
    Step.SEARCHING: WAITING,
    Step.ASSIGNED: ASSIGNED,
    Step.AT_STORE: AT_STORE,
    Step.PICKED_UP: DELIVERING,
    Step.DELIVERED: DONE,
    Step.CANCELLED: CANCELLED,
    Step.EXPIRED: EXPIRED,
    Step.RETURNING: RETURNING,
    Step.RETURNED: RETURNED,
    Step.FAILED: PUBLISH_FAILED,
}
CANCEL_FROM = {RIDER: 1, MERCHANT: 2, COURIER: 3}
REASSIGNED = 1  # repeat_reason_type: the rider gave up, another one is looked for
RIDER_CANCELS = 1  # messageType
MESSAGES = {
    WAITING: "待接单",
    ASSIGNED: "待取货",
    DELIVERING: "配送中",
    DONE: "已完成",
    CANCELLED: "已取消",
    EXPIRED: "已过期",
    RETURNING: "妥投异常之物品返回中",
    RETURNED: "妥投异常之物品返回完成",
    AT_STORE: "骑士到店",
    PUBLISH_FAILED: "创建达达运单失败",
}
CANCEL_REASONS = [
    {"id": 1, "reason": "没有配送员接单"},
    {"id": 2, "reason": "配送员没来取货"},
    {"id": 3, "reason": "配送员态度太差"},
    {"id": 4, "reason": "顾客取消订单"},
    {"id": 5, "reason": "订单填写错误"},
    {"id": 34, "reason": "配送员让我取消此单"},
    {"id": 35, "reason": "配送员不愿上门取货"},
    {"id": 36, "reason": "我不需要配送了"},
    {"id": 37, "reason": "配送员以各种理由表示无法完成订单"},
    {"id": 10000, "reason": "其他"},
]
REQUIRED = (
    "shop_no",
    "origin_id",
    "cargo_price",
    "is_prepay",
    "receiver_name",
    "receiver_address",
    "receiver_lat",
    "receiver_lng",
    "callback",
    "cargo_weight",
)


class Refusal(Exception):
    """Dada says no: a code that is not 0, and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def sign(secret: str, fields: Mapping[str, Any]) -> str:
    """Upper-case MD5 over the sorted keys and values of the envelope, between two secrets."""
    joined = "".join(f"{key}{fields[key]}" for key in sorted(fields) if key != "signature")
    return hashlib.md5(f"{secret}{joined}{secret}".encode()).hexdigest().upper()


def callback_signature(client_id: str, order_id: str, update_time: int) -> str:
    """Lower-case MD5 over the three values, sorted as texts. There is no secret in it."""
    joined = "".join(sorted([client_id, order_id, str(update_time)]))
    return hashlib.md5(joined.encode()).hexdigest()


def callback(errand: Errand, status: int, now: float, client_id: str = "") -> dict[str, Any]:
    """Return the callback that an errand has this status; the time is in milliseconds when it failed."""
    update_time = int(now * 1000) if status == PUBLISH_FAILED else int(now)
    client, rider = client_id or errand.number, errand.rider
    ended = status in {CANCELLED, PUBLISH_FAILED, EXPIRED}
    return {
        "client_id": client,
        "order_id": errand.origin,
        "order_status": status,
        "repeat_reason_type": REASSIGNED if status == WAITING and errand.by == RIDER else 0,
        "cancel_reason": errand.reason,
        "cancel_from": CANCEL_FROM.get(errand.by, 0) if ended else 0,
        "update_time": update_time,
        "signature": callback_signature(client, errand.origin, update_time),
        "dm_id": rider.id if rider else 0,
        "dm_name": rider.name if rider else "",
        "dm_mobile": rider.phone if rider else "",
        "finish_code": "",
    }


def cancel_message(errand: Errand, reason: str) -> dict[str, Any]:
    """Return the message that a rider asks to be let off; its body is JSON text."""
    body = {"orderId": errand.origin, "dadaOrderId": errand.number, "cancelReason": reason}
    return {"messageType": RIDER_CANCELS, "messageBody": json.dumps(body, ensure_ascii=False)}


def price(errand: Errand) -> dict[str, Any]:
    """Return the result of addOrder, in yuan and metres."""
    fee = errand.fee / 100
    extras = {"couponFee": 0.0, "tips": 0.0, "insuranceFee": 0.0}
    return {"distance": errand.distance, "fee": fee, "deliverFee": fee, **extras}


def status_of(errand: Errand) -> dict[str, Any]:
    """Return the result of status/query; times are Shanghai's wall clock."""
    rider, code = errand.rider, STATUS[errand.step]
    ended = errand.ended_at
    cancelled = code in {CANCELLED, EXPIRED, PUBLISH_FAILED}
    return {
        "orderId": errand.origin,
        "statusCode": code,
        "statusMsg": MESSAGES[code],
        "transporterId": rider.id if rider else 0,
        "transporterName": rider.name if rider else "",
        "transporterPhone": rider.phone if rider else "",
        "deliveryFee": errand.fee / 100,
        "tips": 0.0,
        "couponFee": 0.0,
        "insuranceFee": 0.0,
        "actualFee": (errand.kept if cancelled else errand.fee) / 100,
        "deductFee": errand.kept / 100,
        "distance": errand.distance,
        "createTime": _clock(errand.created_at),
        "acceptTime": _clock(errand.assigned_at),
        "fetchTime": _clock(errand.picked_up_at),
        "finishTime": _clock(0 if cancelled else ended),
        "cancelTime": _clock(ended if cancelled else 0),
        "orderFinishCode": "",
    }


def _clock(stamp: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(stamp + 8 * 3600)) if stamp else ""


def read_envelope(raw: bytes) -> dict[str, Any]:
    """Return the envelope's fields. Raises Refusal."""
    try:
        found = json.loads(raw)
    except ValueError:
        raise Refusal(UNREADABLE, "请求不是JSON") from None
    names = ("app_key", "body", "format", "source_id", "timestamp", "v", "signature")
    if not isinstance(found, dict) or any(name not in found for name in names):
        raise Refusal(UNREADABLE, f"缺少参数: {', '.join(names)}")
    if not isinstance(found["body"], str) or found["format"] != "json" or found["v"] != "1.0":
        raise Refusal(UNREADABLE, "body必须是JSON字符串, format=json, v=1.0")
    return found


def read_business(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the business parameters inside the envelope. Raises Refusal."""
    try:
        found = json.loads(envelope["body"] or "{}")
    except ValueError:
        raise Refusal(UNREADABLE, "body不是JSON") from None
    if not isinstance(found, dict):
        raise Refusal(UNREADABLE, "body必须是对象")
    return found


def require_order_fields(body: Mapping[str, Any]) -> None:
    """Raise Refusal if a field of addOrder is missing."""
    missing = [name for name in REQUIRED if body.get(name) in {None, ""}]
    if not (body.get("receiver_phone") or body.get("receiver_tel")):
        missing.append("receiver_phone")
    if missing:
        raise Refusal(UNREADABLE, f"缺少参数: {', '.join(missing)}")
    if len(str(body["origin_id"])) > 32:
        raise Refusal(UNREADABLE, "origin_id过长")


def success(result: Any) -> dict[str, Any]:
    """Return the reply to a call that worked."""
    return {
        "status": "success",
        "code": OK,
        "msg": "成功",
        "result": result,
        "errorCode": OK,
        "success": True,
        "fail": False,
    }


def failure(refusal: Refusal) -> dict[str, Any]:
    """Return the reply to a call that was refused (HTTP 200 as well)."""
    return {
        "status": "fail",
        "code": refusal.code,
        "msg": str(refusal),
        "result": None,
        "errorCode": refusal.code,
        "success": False,
        "fail": True,
    }
