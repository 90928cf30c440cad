"""A Meituan order's fields as the order we store (pure).

Source: the open platform's pages on pushed orders and on `order/getOrderDetail`, which name the same fields.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from orders.channels.incoming import IncomingLine, Message, Placed, Rejected, Standing
from orders.channels.meituan.amounts import NOTHING, amounts, campaign
from orders.channels.meituan.options import options
from orders.channels.meituan.payload import Item, Order, checked, fen, given, moment, text
from stores.datum import from_gcj02

ORDER: TypeAdapter[Order] = TypeAdapter(Order)

# 3 (received) and 6 (under way) are in the older tables only.
STANDINGS = {"4": "accepted", "6": "accepted", "8": "completed", "9": "cancelled"}
WAITING = frozenset({"", "1", "2", "3"})
SELF_DELIVERED = frozenset({"0000", "00009003", "999"})
PICKED_UP = "1"
DEGRADED = "-1"
FIRST_HAND = "paid"
MISSING: tuple[Any, ...] = (None, [])
ADDRESS_END = "@#"  # after it comes what Meituan found on its map there


def placed(kind: str, fields: Mapping[str, Any], *, standing: str = "") -> Message:
    """The order in `fields`: first-hand if kind is "paid", otherwise told again.

    `standing` is where the kind of message says it stands; "" goes by the order's own status. What Meituan
    could not gather in time (it says so) may be missing and comes later. Raises Rejected.
    """
    order = checked(ORDER, given(fields))
    complete = order.get("incmp_code") != DEGRADED
    for name in ("total", "detail"):
        if complete and order.get(name) in MISSING:
            raise Rejected(400, f"{name}: Field required")
    where = standing or STANDINGS.get(order.get("status", ""), "")
    at = moment(order.get("utime"))
    content = _placed(
        order, complete, Standing(where, at=at) if where else None, first_hand=kind == FIRST_HAND
    )
    return Message(kind, order["order_id"], order["app_poi_code"], content)


def retold(kind: str, raw: str) -> Message:
    """The order in the JSON text that `order/getOrderDetail` returned. Raises Rejected."""
    try:
        document = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Rejected(400, f"Not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Rejected(400, "An order is an object.")
    return placed(kind, document)


def _placed(order: Order, complete: bool, standing: Standing | None, *, first_hand: bool) -> Placed:
    lines = tuple(_lines(order.get("detail", [])))
    code, name = campaign(order.get("extras", ()))
    latitude, longitude = _position(order)
    return Placed(
        content_hash=_content_hash(order, lines),
        daily_number=_daily_number(order),
        placed_at=datetime.fromtimestamp(order["ctime"], UTC),
        promised_at=moment(order.get("delivery_time")) or moment(order.get("estimate_arrival_time")),
        fulfilment=_fulfilment(order),
        amounts=amounts(order),
        campaign_code=code,
        campaign_name=name,
        customer_name=text(order.get("recipient_name", ""), 100),
        phone=text(order.get("recipient_phone", ""), 40),
        address=text(order.get("recipient_address", "").partition(ADDRESS_END)[0], 300),
        latitude=latitude,
        longitude=longitude,
        note=text(order.get("caution", ""), 2_000),
        lines=lines,
        complete=complete,
        standing=standing,
        first_hand=first_hand,
        vague=order.get("status", "") not in WAITING | STANDINGS.keys(),
        store_name=text(order.get("wm_poi_name", ""), 100),
    )


def _content_hash(order: Order, lines: tuple[IncomingLine, ...]) -> str:
    """Over what never changes: states and times go on, contact data is hidden later, the rest is opt-in."""
    drinks = [(line.sku, line.name, line.quantity, line.unit_price, line.options) for line in lines]
    total = fen(order["total"]) if "total" in order else None
    identity = (order["order_id"], order["app_poi_code"], order["ctime"], total, drinks)
    return hashlib.sha256(to_json(identity)).hexdigest()


def _daily_number(order: Order) -> str:
    """The day's number; without it the end of the order number, with a mark that it is no day's number."""
    number = text(order.get("day_seq", ""), 12)
    return number if number.strip("0") else f"…{order['order_id'][-4:]}"


def _fulfilment(order: Order) -> str:
    if order.get("pick_type") == PICKED_UP:
        return "pickup"
    return "store_courier" if order.get("logistics_code") in SELF_DELIVERED else "platform_courier"


def _position(order: Order) -> tuple[float | None, float | None]:
    """WGS-84 degrees; Meituan sends the Chinese datum. Places that are on no map are none."""
    latitude, longitude = _degrees(order.get("latitude", 0)), _degrees(order.get("longitude", 0))
    if not latitude or not longitude or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return from_gcj02(latitude, longitude)


def _degrees(value: float) -> float:
    """Some senders multiply by a million; no degrees are beyond 180."""
    return value / 1_000_000 if abs(value) > 180 else value


def _lines(items: Sequence[Item]) -> Iterator[IncomingLine]:
    bags = len({item.get("cart_id", 0) for item in items})
    for item in items:
        yield IncomingLine(
            sku=text(item.get("sku_id") or item.get("app_food_code", ""), 64),
            name=text(item["food_name"], 120),
            quantity=item["quantity"],
            unit_price=fen(item.get("price", NOTHING)),
            options=options(item),
            note=_bag(item) if bags > 1 else "",
        )


def _bag(item: Item) -> str:
    """In which bag a drink goes, in Meituan's words: guests of one order may each want their own."""
    return f"{item.get('cart_id', 0) + 1}号口袋"
