"""What is in the `data` of Meituan's answers (pure): the one place that knows these shapes.

Partners publish the names of the fields, but disagree on whether they come as an object, as a list with one
object or as either in a text; all of that is read. Not confirmed by the platform's own pages.
"""

from typing import Any

from pydantic_core import from_json, to_json

from outbox.calling import Uncertain

LEVELS = {"1": "open", "3": "paused"}
OFFLINE = "0"


def order_status(data: Any) -> str:
    """Of `order/viewstatus`: {"status"}, the code of a pushed order's `status`."""
    return _said(_first(data), "status")


def highest_number(data: Any) -> int:
    """Of `order/getOrderDaySeq`: {"result", "day_seq"}, how many numbers the store gave out today."""
    number = _said(_first(data), "day_seq")
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        raise Uncertain("the number of the day's last order is unreadable")
    return int(number)


def order_id(data: Any) -> str:
    """Of `order/getOrderIdByDaySeq`: {"result", "order_id"}; "" if the number belongs to no order."""
    number = _said(_first(data), "order_id")
    return number if number.strip("0") else ""


def order_text(data: Any) -> str:
    """Of `order/getOrderDetail`: the order as JSON text, its big numbers digit by digit."""
    order = _first(data)
    if "order_id" not in order:
        raise Uncertain("the order is unreadable")
    return to_json(order).decode()


def store_level(data: Any, store_code: str) -> str:
    """Of `poi/mget`: [{"app_poi_code", "open_level", "is_online"}]; "" if the store is not in it."""
    document = _parsed(data)
    for store in document if isinstance(document, list) else [document]:
        if isinstance(store, dict) and str(store.get("app_poi_code")) == store_code:
            offline = _said(store, "is_online") == OFFLINE
            return "paused" if offline else LEVELS.get(_said(store, "open_level"), "")
    return ""


def _first(data: Any) -> dict[str, Any]:
    document = _parsed(data)
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        raise Uncertain("the answer has another form")
    return document


def _parsed(data: Any) -> Any:
    try:
        return from_json(data) if isinstance(data, str) else data
    except ValueError as error:
        raise Uncertain("the answer has another form") from error


def _said(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)
