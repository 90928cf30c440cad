"""Channel `meituan`, outgoing: what Meituan can be told of orders and stores.

Source: the open platform's pages on order, delivery and store calls, as its partners quote them. There is no
call that delays an order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from orders.channels.calling import Access
from orders.channels.meituan.answers import order_status, store_level
from orders.channels.meituan.client import (
    ENDED_ALREADY,
    NO_PERMISSION,
    NOT_DELIVERED_BY_MEITUAN,
    STATE_CHANGED,
    get,
    post,
)
from outbox.calling import Refused
from outbox.errors import Later

Data = Mapping[str, Any]
NOTHING: Data = {}

COMPLETED, CANCELLED = "8", "9"
GOING_ON = frozenset({"4", "6", COMPLETED})  # 6 (under way) is in the older tables only
CANCEL_CODES = {
    "Sold out": "2009",
    "Too many orders": "2008",
    "Store is closing": "2011",
    "Spilled or damaged": "2016",
    "Guest asked for it": "2006",
}
OTHER_REASON = "2007"
CARRIERS = {
    "own": "10015",
    "sf": "10001",
    "dada": "10002",
    "shansong": "10003",
    "fengniao": "10004",
    "uu": "10005",
    "meituan": "10032",
}
OTHER_CARRIER = "10017"
PICKED_UP, DELIVERED = "20", "40"
# Meituan numbers the answers to an urge; its numbers are published nowhere, the text is what guests read.
URGE_ANSWERS = {
    "making": ("1", "商品正在制作中，请稍候"),
    "on_the_way": ("2", "商品已经在配送途中，请稍候"),
    "custom": ("3", ""),
}
AGREED, REFUSED = "同意退款", "商家不同意退款"
TOO_EARLY = re.compile(r"分钟|\bminute|too early", re.IGNORECASE)
MINUTE = 60.0


def call(
    *, access: Access, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Tell one thing of `hears`. Meituan has no place for `call_id`: an order's state makes repeats harmless.

    Raises Refused with Meituan's code, Unreachable, Uncertain, or Later for what is too early.
    """
    return TELLERS[kind](access, data, now)


def _accept(access: Access, data: Data, now: datetime) -> Data:
    try:
        get(access, "order/confirm", now, order_id=data["order_id"])
    except Refused as refusal:
        _unless_already(refusal, access, data, now, GOING_ON)
    return NOTHING


def _call_off(access: Access, data: Data, now: datetime) -> Data:
    reason = data.get("reason") or "其他原因"
    code = CANCEL_CODES.get(reason, OTHER_REASON)
    try:
        get(access, "order/cancel", now, order_id=data["order_id"], reason_code=code, reason=reason)
    except Refused as refusal:
        _unless_already(refusal, access, data, now, frozenset({CANCELLED}))
    return NOTHING


def _ready(access: Access, data: Data, now: datetime) -> Data:
    """Meituan hears it only of orders its riders carry, and not in the first minute after the acceptance.

    It also refuses once it heard it or once the rider has the order: then there is nothing left to tell.
    """
    try:
        get(access, "order/preparationMealComplete", now, order_id=data["order_id"])
    except Refused as refusal:
        if refusal.code == NOT_DELIVERED_BY_MEITUAN:
            return NOTHING
        if refusal.code == STATE_CHANGED and TOO_EARLY.search(str(refusal)):
            # Only this order must wait, not the account: no fault of the line.
            raise Later(MINUTE, "Meituan hears it a minute after the acceptance") from refusal
        _unless_already(refusal, access, data, now, GOING_ON)
    return NOTHING


def _collected(access: Access, data: Data, now: datetime) -> Data:
    rider = {"courier_name": data.get("rider_name"), "courier_phone": data.get("rider_phone")}
    known = {name: value for name, value in rider.items() if value}
    try:
        if not _carrier_told(access, data, now, PICKED_UP):
            get(access, "order/delivering", now, order_id=data["order_id"], **known)
    except Refused as refusal:
        _unless_already(refusal, access, data, now, GOING_ON)
    return NOTHING


def _delivered(access: Access, data: Data, now: datetime) -> Data:
    try:
        if not _carrier_told(access, data, now, DELIVERED):
            get(access, "order/arrived", now, order_id=data["order_id"])
    except Refused as refusal:
        _unless_already(refusal, access, data, now, frozenset({COMPLETED}))
    return NOTHING


def _carrier_told(access: Access, data: Data, now: datetime, status: str) -> bool:
    """Tell what another carrier does for the store; False if there is none, or our app may not tell it."""
    carrier = data.get("carrier") or "own"
    if carrier == "own":
        return False
    try:
        post(
            access,
            "ecommerce/order/logistics/sync",
            now,
            order_id=data["order_id"],
            third_carrier_order_id=data.get("reference") or data["order_id"],
            courier_name=data.get("rider_name") or "",
            courier_phone=data.get("rider_phone") or "",
            logistics_provider_code=CARRIERS.get(carrier, OTHER_CARRIER),
            logistics_status=status,
        )
    except Refused as refusal:
        if refusal.code != NO_PERMISSION:
            raise
        return False
    return True


def _deliver_ourselves(access: Access, data: Data, now: datetime) -> Data:
    try:
        get(access, "order/logistics/change/poi_self", now, order_id=data["order_id"])
    except Refused as refusal:
        if refusal.code != NOT_DELIVERED_BY_MEITUAN:
            raise
    return NOTHING


def _answer_urge(access: Access, data: Data, now: datetime) -> Data:
    number, words = URGE_ANSWERS[data["answer"]]
    post(
        access,
        "order/remindReply",
        now,
        order_id=data["order_id"],
        remind_id=data["ref"],
        reply_id=number,
        reply_content=data.get("text") or words,
    )
    return NOTHING


def _agree(access: Access, data: Data, now: datetime) -> Data:
    """Money back for a part leaves the order going on, so there its state proves nothing against us."""
    done = frozenset({CANCELLED}) if data.get("whole", True) else GOING_ON
    try:
        get(access, "order/refund/agree", now, order_id=data["order_id"], reason=AGREED)
    except Refused as refusal:
        _unless_already(refusal, access, data, now, done)
    return NOTHING


def _refuse(access: Access, data: Data, now: datetime) -> Data:
    """Where nothing is left to refuse and the order goes on, the guest got what the store wants."""
    reason = data.get("reason") or REFUSED
    try:
        get(access, "order/refund/reject", now, order_id=data["order_id"], reason=reason)
    except Refused as refusal:
        _unless_already(refusal, access, data, now, GOING_ON)
    return NOTHING


def _switch(access: Access, data: Data, now: datetime) -> Data:
    """Open or close a store, and say what Meituan made of it."""
    code, wanted = data["store_code"], data["level"]
    try:
        post(access, "poi/open" if wanted == "open" else "poi/close", now, app_poi_code=code)
    except Refused as refusal:
        if refusal.code != STATE_CHANGED or _level(access, code, now) != wanted:
            raise
    return {"level": _level(access, code, now)}


def _level(access: Access, code: str, now: datetime) -> str:
    return store_level(get(access, "poi/mget", now, app_poi_codes=code), code)


def _unless_already(
    refusal: Refused, access: Access, data: Data, now: datetime, already: frozenset[str]
) -> None:
    """Raise the refusal, unless it is because the order is in one of the states `already`."""
    if refusal.code not in {STATE_CHANGED, ENDED_ALREADY}:
        raise refusal
    status = order_status(get(access, "order/viewstatus", now, order_id=data["order_id"]))
    if status in already:
        return
    if status == CANCELLED:
        raise Refused("The order is cancelled at Meituan.", code=STATE_CHANGED) from refusal
    raise refusal


TELLERS: Mapping[str, Callable[[Access, Data, datetime], Data]] = {
    "order.accepted": _accept,
    "order.rejected": _call_off,
    "order.cancelled": _call_off,
    "order.ready": _ready,
    "order.collected": _collected,
    "order.delivered": _delivered,
    "order.self_delivery": _deliver_ourselves,
    "urge.answered": _answer_urge,
    "request.agreed": _agree,
    "request.refused": _refuse,
    "store.intake": _switch,
}
hears = frozenset(TELLERS)
