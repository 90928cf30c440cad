"""Channel `eleme`, outgoing: what the platform is told.

Source: PHP SDK `Api/OrderService` and `Api/ShopService`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from orders.channels.calling import Access
from orders.channels.eleme.client import ask, is_about_the_matter, shop_number
from orders.channels.eleme.shops import level_of
from orders.channels.eleme.values import CHINA, entries, text
from outbox.calling import Refused, Uncertain

Data = Mapping[str, Any]
Params = dict[str, Any]
Asking = Callable[[str, Params], Any]
"""Makes one call with an action and its parameters, and returns its result."""

INTAKE, URGE, SELF_DELIVERY = "store.intake", "urge.answered", "order.self_delivery"
NO_REASON = "商家未同意"  # what the guest reads: the shop did not agree
CANCEL_TYPES = {
    "Sold out": "foodSoldOut",
    "Out of ingredients": "foodSoldOut",
    "Too many orders": "restaurantTooBusy",
    "Short of staff": "restaurantTooBusy",
    "Store is closing": "restaurantClosed",
}
OTHER_REASON = "others"
REPLIES = {"making": "inCooking", "on_the_way": "hasOut", "custom": "custom"}
LONGEST_REPLY = 30  # characters
DISTRIBUTOR = 201  # seen with the store's own couriers; no list of these was found


def _order(data: Data) -> Params:
    return {"orderId": data["order_id"]}


def _cancel(data: Data) -> Params:
    reason = data.get("reason") or ""
    return {**_order(data), "type": CANCEL_TYPES.get(reason, OTHER_REASON), "remark": reason}


def _refuse(data: Data) -> Params:
    return {**_order(data), "reason": data.get("reason") or NO_REASON}


def _delay(data: Data) -> Params:
    """The form of the time is assumed to be the one of their own times."""
    ready_at = datetime.fromisoformat(data["ready_at"]).astimezone(CHINA)
    return {**_order(data), "predictTime": ready_at.strftime("%Y-%m-%dT%H:%M:%S")}


def _carry(state: str, data: Data) -> Params:
    """Both states are seen in public code; others there may be are not documented."""
    names = {"id": "reference", "name": "rider_name", "phone": "rider_phone"}
    info = {
        **_order(data),
        "distributorId": DISTRIBUTOR,
        "knight": {theirs: data.get(ours) or "" for theirs, ours in names.items()},
        "state": state,
        "deliveryCompanyName": data.get("carrier") or "",
    }
    return {"shopId": shop_number(data["store_code"]), "stateInfo": info}


ACTIONS: dict[str, tuple[str, Callable[[Data], Params]]] = {
    "order.accepted": ("eleme.order.confirmOrderLite", _order),
    "order.rejected": ("eleme.order.cancelOrderLite", _cancel),
    "order.cancelled": ("eleme.order.cancelOrderLite", _cancel),
    "order.ready": ("eleme.order.setOrderPrepared", _order),
    "order.delayed": ("eleme.order.orderPredictFinishTime", _delay),
    SELF_DELIVERY: ("eleme.order.deliveryBySelfLite", _order),
    "order.collected": ("eleme.order.selfDeliveryStateSync", partial(_carry, "DELIVERY_START")),
    "order.delivered": ("eleme.order.selfDeliveryStateSync", partial(_carry, "DELIVERY_COMPLETE")),
    "request.agreed": ("eleme.order.agreeRefundLite", _order),
    "request.refused": ("eleme.order.disagreeRefundLite", _refuse),
}
hears = frozenset({*ACTIONS, INTAKE, URGE})

ACCEPTED, ENDED, COMPLETED = ("valid", "refunding", "settled"), ("invalid",), ("settled",)
# Where an order stands (`status`, `refundStatus`) when what a refused call was for is done already.
DONE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "order.accepted": (ACCEPTED, ()),
    "order.rejected": (ENDED, ()),
    "order.cancelled": (ENDED, ()),
    "order.ready": (COMPLETED, ()),
    "order.collected": (COMPLETED, ()),
    "order.delivered": (COMPLETED, ()),
    "request.agreed": (ENDED, ("successful",)),
    "request.refused": ((), ("rejected",)),
}


def call(
    *, access: Access, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Tell the platform one thing of `hears`; done already is success. Raises CallFailed."""

    def asking(action: str, params: Params) -> Any:
        return ask(access, action, params, call_id=call_id, now=now)

    if kind == INTAKE:
        return _set_intake(asking, data)
    if kind == URGE:
        _answer_urge(asking, data)
        return {}
    action, params_of = ACTIONS[kind]
    params = params_of(data)
    try:
        asking(action, params)
    except Refused as refusal:
        if not (is_about_the_matter(refusal) and _is_done(asking, kind, data)):
            raise
    return {}


def _is_done(asking: Asking, kind: str, data: Data) -> bool:
    """Whether the order stands where the call would have brought it."""
    try:
        if kind == SELF_DELIVERY:
            records = asking("eleme.order.getDeliveryStateRecord", _order(data))
            return any(record.get("state") == "selfDelivery" for record in entries(records))
        order = asking("eleme.order.getOrder", _order(data)) if kind in DONE else None
    except Refused:
        return False
    if not isinstance(order, dict):
        return False
    states, refund_states = DONE[kind]
    return order.get("status") in states or order.get("refundStatus") in refund_states


def _answer_urge(asking: Asking, data: Data) -> None:
    """Reply to the reminder; one whose number was never told is looked up, none left is answered already."""
    ref = data.get("ref") or next(iter(_open_reminders(asking, data)), "")
    if not ref:
        return
    content = (data.get("text") or "")[:LONGEST_REPLY]
    reply = {"remindId": ref, "type": REPLIES[data["answer"]], "content": content}
    try:
        asking("eleme.order.replyReminder", reply)
    except Refused as refusal:
        if not is_about_the_matter(refusal) or ref in _open_reminders(asking, data):
            raise


def _open_reminders(asking: Asking, data: Data) -> list[str]:
    """The numbers of the order's urges that nobody answered."""
    reminders = asking("eleme.order.getUnreplyReminders", {"shopId": shop_number(data["store_code"])})
    mine = (entry for entry in entries(reminders) if entry.get("orderId") == data["order_id"])
    return [text(reminder.get("reminderId"), 64) for reminder in mine]


def _set_intake(asking: Asking, data: Data) -> Mapping[str, Any]:
    """Open or close the shop and read back what it is then; there is no call for anything between."""
    shop = shop_number(data["store_code"])
    properties = {"isOpen": int(data["level"] == "open")}
    asking("eleme.shop.updateShopBasicInfo", {"shopId": shop, "properties": properties})
    statuses = asking("eleme.shop.mgetShopStatus", {"shopIds": [shop]})
    level = level_of(statuses, data["store_code"])
    if not level:
        raise Uncertain("the platform does not say whether the shop is open")
    return {"level": level}
