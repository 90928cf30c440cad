"""Meituan's messages about an order that is there already, and about stores (pure).

Source: the open platform's pages on pushed cancellations, refunds, refund results, delivery states and store
states; what a push of an urge contains is published nowhere.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import TypeAdapter

from orders.channels.incoming import (
    Asked,
    Carried,
    Content,
    Message,
    Noted,
    Rejected,
    Standing,
    StoreStatus,
    Unknown,
    Urged,
)
from orders.channels.meituan import payload
from orders.channels.meituan.orders import placed
from orders.channels.meituan.payload import checked, fen, moment, text

Fields = Mapping[str, str]

STEP: TypeAdapter[payload.Step] = TypeAdapter(payload.Step)
CANCELLED: TypeAdapter[payload.Cancelled] = TypeAdapter(payload.Cancelled)
REFUND: TypeAdapter[payload.Refund] = TypeAdapter(payload.Refund)
REFUND_RESULT: TypeAdapter[payload.RefundResult] = TypeAdapter(payload.RefundResult)
LOGISTICS: TypeAdapter[payload.Logistics] = TypeAdapter(payload.Logistics)
STORE_STATE: TypeAdapter[payload.StoreState] = TypeAdapter(payload.StoreState)
ABOUT_ORDER: TypeAdapter[payload.AboutOrder] = TypeAdapter(payload.AboutOrder)

WHOLE_ORDER = {"app_poi_code", "ctime", "total", "detail"}
CANCELLED_BY = {"1": "customer", "2": "merchant", "6": "merchant"}  # others are Meituan's people and machines
CODES_OF_GUESTS = frozenset({"1101", "1102", "1103"})
# Meituan's own words for its codes.
WORDS = {
    "1001": "系统取消，超时未确认",
    "1002": "系统取消，超时未支付",
    "1101": "用户取消，在线支付中",
    "1102": "用户取消，商家确认前",
    "1103": "用户取消，用户退款",
    "1201": "客服取消，用户下错单",
    "1202": "客服取消，用户测试",
    "1203": "客服取消，重复订单",
    "1204": "客服取消，其他原因",
    "1301": "其他原因",
}
# What a refund's message says: by `notify_type`; by `res_type` if there is none, or if Meituan decided by
# itself (5: nobody answered in time; 6: it may); by `status` at stores that take goods back.
NOTIFIED = {
    "apply": "applied",
    "part": "applied",
    "agree": "agreed",
    "reject": "refused",
    "cancelRefund": "withdrawn",
    "cancelRefundComplaint": "withdrawn",
}
BY_ITSELF = frozenset({"5", "6"})
SETTLED = {
    "0": "applied",
    "1": "refused",
    "2": "agreed",
    "3": "refused",
    "4": "agreed",
    "5": "agreed",
    "6": "agreed",
    "7": "withdrawn",
    "8": "withdrawn",
}
RETURNS = {
    "1": "applied",
    "10": "agreed",
    "11": "refused",
    "16": "appealed",
    "17": "upheld",
    "18": "overruled",
    "20": "applied",
    "21": "agreed",
    "22": "refused",
    "26": "appealed",
    "27": "upheld",
    "28": "overruled",
    "30": "withdrawn",
}
APPEALED = {"applied": "appealed", "agreed": "upheld", "refused": "overruled"}
# Whether the money went back, and whether all of it was meant.
RESULTS = {"3": ("agreed", True), "4": ("refused", True), "13": ("agreed", False), "14": ("refused", False)}
PROGRESS = {
    "0": "searching",
    "5": "searching",
    "10": "assigned",
    "15": "at_store",
    "20": "picked_up",
    "40": "delivered",
    "100": "cancelled",
}
LEVELS = {"121": "open", "18": "open", "120": "paused", "19": "paused"}
# Any of these may be what an urge is called, and when it was.
URGE_REFS = ("remind_id", "reminder_id", "urge_id", "id")
URGE_TIMES = ("remind_time", "urge_time", "ctime", "time", "timestamp")


def urge_ref(fields: Fields) -> str:
    """Meituan's number of an urge, "" if it has none under a name we can think of."""
    return text(next((fields[name] for name in URGE_REFS if fields.get(name)), ""), 64)


def confirmed(fields: Fields) -> Message:
    """The store accepted it, here or in Meituan's own app."""
    return _moved_on("confirmed", fields, "accepted")


def completed(fields: Fields) -> Message:
    """The guest has it."""
    return _moved_on("completed", fields, "completed")


def _moved_on(kind: str, fields: Fields, standing: str) -> Message:
    """The order told again and where it stands; only the latter, if not the whole order is in it."""
    if fields.keys() >= WHOLE_ORDER:
        return placed(kind, fields, standing=standing)
    step = checked(STEP, fields)
    return _about(kind, step, Standing(standing, at=moment(step.get("utime"))))


def cancelled(fields: Fields) -> Message:
    """It is off: the reason is what was written, and what its code means."""
    cancel = checked(CANCELLED, fields)
    code = cancel.get("reason_code", "")
    by = CANCELLED_BY.get(cancel.get("deal_op_type", ""), "platform")
    if "deal_op_type" not in cancel and code in CODES_OF_GUESTS:
        by = "customer"
    words = [cancel.get("reason", ""), WORDS.get(code, "")]
    reason = " · ".join(dict.fromkeys(filter(None, words)))
    return _about("cancelled", cancel, Standing("cancelled", reason=text(reason, 200), by=by))


def refund(fields: Fields) -> Message:
    """A guest's wish to get money back.

    Asking for all of it, at a store that takes no goods back, is asking to call the order off: Meituan does
    call it off when somebody agrees. (The message does not say whether the guest has the order already; then
    agreeing changes nothing but the money.)
    """
    wish = checked(REFUND, fields)
    step = _step_of(wish)
    if step is None:
        return _about("refund", wish, Unknown(ask=True))
    whole = "food" not in wish and wish.get("notify_type") != "part"
    asked = Asked(
        about="cancel" if whole and wish.get("service_type", "0") == "0" else "refund",
        step=step,
        at=_asked_at(wish),
        reason=text(wish.get("reason", ""), 200),
        whole=whole,
        amount=fen(wish["money"]) if "money" in wish else None,
        ref=text(wish.get("refund_id", ""), 64),
    )
    return _about("refund", wish, asked)


def _step_of(wish: payload.Refund) -> str | None:
    settled = wish.get("res_type", "")
    step = NOTIFIED.get(wish.get("notify_type", ""))
    if settled in BY_ITSELF or "notify_type" not in wish:
        step = SETTLED.get(settled) or RETURNS.get(wish.get("status", ""))
    if step is None or wish.get("is_appeal") != "1":
        return step
    return APPEALED.get(step, step)


def _asked_at(wish: payload.Refund) -> datetime:
    """When the guest asked: no step has a time of its own, and the step itself says which is the later one.

    Only a withdrawn appeal would look like a request withdrawn before it: that counts from when it was told.
    """
    told, asked = wish.get("timestamp"), wish.get("ctime")
    if asked is None or (told and told > asked and _ends_appeal(wish)):
        return _required(told, "ctime")
    return _required(asked, "ctime")


def _ends_appeal(wish: payload.Refund) -> bool:
    return wish.get("notify_type") == "cancelRefundComplaint" or wish.get("res_type") == "8"


def refund_result(fields: Fields) -> Message:
    """The money went back to the guest, or could not."""
    result = checked(REFUND_RESULT, fields)
    if result["refund_status"] not in RESULTS:
        return _about("refund-result", result, Unknown(ask=True))
    step, whole = RESULTS[result["refund_status"]]
    asked = Asked(
        about="cancel" if whole else "refund",
        step=step,
        at=_required(result.get("utime") or result.get("ctime") or result.get("timestamp"), "utime"),
        whole=whole,
        amount=fen(result["money"]) if "money" in result else None,
        ref=text(result.get("refund_id", ""), 64),
    )
    return _about("refund-result", result, asked)


def logistics(fields: Fields) -> Message:
    """Where Meituan's rider is."""
    state = checked(LOGISTICS, fields)
    if state["logistics_status"] not in PROGRESS:
        return _about("logistics", state, Unknown())
    carried = Carried(
        PROGRESS[state["logistics_status"]],
        at=_required(state.get("time") or state.get("timestamp"), "time"),
        rider_name=text(state.get("dispatcher_name", ""), 100),
        rider_phone=text(state.get("dispatcher_mobile", ""), 40),
    )
    return _about("logistics", state, carried)


def store_status(fields: Fields) -> Message:
    """A store takes orders there, or does not."""
    state = checked(STORE_STATE, fields)
    status = StoreStatus(
        LEVELS.get(state["poi_status"], ""),
        at=moment(state.get("operate_time")),
        reason=text(state.get("reason", ""), 200),
    )
    return Message("store-status", "", state["app_poi_code"], status)


def urge(fields: Fields) -> Message:
    """The guest asks where the order is."""
    about = checked(ABOUT_ORDER, fields)
    times = (fields[name] for name in URGE_TIMES if fields.get(name, "").isdecimal())
    seconds = next((int(time) for time in times if len(time) == 10), None)
    return _about("urge", about, Urged(ref=urge_ref(fields), at=moment(seconds)))


def binding(fields: Fields) -> Message:
    """A store was bound to our app or unbound: an admin does the same here."""
    return Message("binding", "", text(fields.get("app_poi_code", ""), 64), Noted())


def privacy(fields: Fields) -> Message:
    """Privacy numbers are out of order; those we have still reach the guests' phones, or none does."""
    return Message("privacy", "", text(fields.get("app_poi_code", ""), 64), Noted())


def _about(kind: str, about: payload.AboutOrder, content: Content) -> Message:
    return Message(kind, about["order_id"], about.get("app_poi_code", ""), content)


def _required(seconds: int | None, name: str) -> datetime:
    if seconds is None:
        raise Rejected(400, f"{name}: Field required")
    return datetime.fromtimestamp(seconds, UTC)


READERS: Mapping[str, Callable[[Fields], Message]] = {
    "confirmed": confirmed,
    "completed": completed,
    "cancelled": cancelled,
    "refund": refund,
    "refund-result": refund_result,
    "logistics": logistics,
    "store-status": store_status,
    "binding": binding,
    "urge": urge,
    "privacy": privacy,
}
