"""OOrder, Ele.me's order object, as the order we keep (pure).

Source: `api/entity/order/*` of the official SDKs, public samples, the platform's notices of 2024 and 2025.
A paid order is not refused for a text that is too long: the text is cut. It is for something unreadable where
an amount or a quantity should be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from orders.channels.eleme.goods import bought
from orders.channels.eleme.values import code, entries, fen, flag, moment, position, text
from orders.channels.incoming import IncomingLine, Placed, Rejected, Standing

Fields = Mapping[str, Any]

STATES = {"valid": "accepted", "settled": "completed", "invalid": "cancelled"}
# The one left, refunding, does not tell whether the store has accepted.
WAITING = frozenset({"pending", "unprocessed"})
# No documented field says who delivers (assumed): it is the platform, until a message of type 71 says that
# the store does.
FULFILMENT = "platform_courier"
PLATFORM_PART = "平台"  # begins the name of what the platform bears of an activity


def placed(order: Fields, *, order_id: str, shop: str, sent: datetime | None, first_hand: bool) -> Placed:
    """The order; `sent` stands in for a time of ordering nobody can read. Raises Rejected(400)."""
    placed_at = moment(order.get("createdAt")) or moment(order.get("activeAt")) or sent
    if placed_at is None:
        raise Rejected(400, "createdAt is no moment.")
    lines, goods = bought(order.get("groups"))
    amounts = _amounts(order, goods)
    daily_number, note = text(order.get("daySn"), 12), _note(order)
    latitude, longitude = position(order.get("deliveryGeo"))
    campaign_code, campaign_name = _campaign(order)
    # What the platform never says differently later: no status, no settlement, nothing it masks or re-issues.
    paid = amounts["customer_paid"]
    facts = (order_id, shop, daily_number, placed_at, flag(order.get("book")), note, goods, paid, lines)
    return Placed(
        content_hash=hashlib.sha256(to_json(facts)).hexdigest(),
        daily_number=daily_number,
        placed_at=placed_at,
        promised_at=moment(order.get("deliverTime")),
        fulfilment=FULFILMENT,
        amounts=amounts,
        campaign_code=campaign_code,
        campaign_name=campaign_name,
        customer_name=text(order.get("consignee"), 100),
        phone=_phone(order),
        address=text(order.get("address"), 300) or text(order.get("deliveryPoiAddress"), 300),
        latitude=latitude,
        longitude=longitude,
        note=note,
        lines=lines,
        complete=_is_complete(order, daily_number, lines),
        standing=_standing(order),
        first_hand=first_hand,
        vague=text(order.get("status"), 20) not in WAITING | STATES.keys(),
        store_name=text(order.get("shopName"), 100),
    )


def _amounts(order: Fields, goods: int) -> dict[str, Any]:
    original, paid = _money(order, "originalPrice"), _money(order, "totalPrice")
    delivery_fee, shop_subsidy = _money(order, "deliverFee"), -_money(order, "shopPart")
    return {
        "currency": "CNY",
        "goods": goods,
        "delivery_fee": delivery_fee,
        "platform_subsidy": _platform_subsidy(order, reductions=original - paid - shop_subsidy),
        "shop_subsidy": shop_subsidy,
        "customer_paid": paid,
        "shop_income": _money(order, "income"),
    }


def _platform_subsidy(order: Fields, *, reductions: int) -> int:
    """What the platform bears: its part of the activities (`elemePart`) and its red packet (`hongbao`).

    In samples shopPart + elemePart is activityTotal, so the red packet stands beside it. Should the two be
    more than the `reductions` that are left, one holds the other (assumed).
    """
    part, red_packet = -_money(order, "elemePart"), -_money(order, "hongbao")
    if part > 0 and red_packet > 0 and part + red_packet > reductions:
        return max(part, red_packet)
    return part + red_packet


def _money(order: Fields, name: str) -> int:
    """Fen; 0 if it is not said. Raises Rejected(400) if it is said and no amount."""
    value = order.get(name)
    if value is None:
        return 0
    amount = fen(value)
    if amount is None:
        raise Rejected(400, f"{name} is no amount.")
    return amount


def _note(order: Fields) -> str:
    """The guest's remark, and what goes with a present to somebody."""
    extra = order.get("userExtraInfo")
    present = extra if isinstance(extra, dict) else {}
    said = (order.get("description"), present.get("remark"), present.get("greeting"))
    return text("\n".join(dict.fromkeys(words for words in said if isinstance(words, str) and words)), 2_000)


def _phone(order: Fields) -> str:
    """The first number; the extension of a privacy number stays with it."""
    for name in ("phoneList", "consigneePhones"):
        numbers = order.get(name)
        for number in numbers if isinstance(numbers, list) else ():
            if phone := text(number, 40).strip():
                return phone
    return ""


def _campaign(order: Fields) -> tuple[str, str]:
    """Code and name of the first activity that the platform pays most of; ("", "") without one."""
    for activity in entries(order.get("orderActivities")):
        if _platform_part(activity) * 2 > abs(fen(activity.get("amount")) or 0):
            numbers = (code(activity.get(key)) for key in ("id", "categoryId"))
            number = next((number for number in numbers if number not in {"", "0"}), "activity")
            return f"eleme-{number}"[:64], text(activity.get("name"), 100)
    return "", ""


def _platform_part(activity: Fields) -> int:
    if part := fen(activity.get("elemePart")):
        return abs(part)
    parts = entries(activity.get("orderAllPartiesPartList"))
    return sum(
        abs(fen(part.get("partAmount")) or 0)
        for part in parts
        if text(part.get("partName"), 20).startswith(PLATFORM_PART)
    )


def _is_complete(order: Fields, daily_number: str, lines: tuple[IncomingLine, ...]) -> bool:
    if flag(order.get("downgraded")):
        return False
    return bool(daily_number and lines and order.get("totalPrice") is not None)


def _standing(order: Fields) -> Standing | None:
    state = STATES.get(text(order.get("status"), 20))
    if state != "cancelled":
        return Standing(state) if state else None
    reason = text(order.get("cancelOrderDescription"), 200)
    by = "customer" if reason else "platform"
    return Standing(state, at=moment(order.get("cancelOrderCreatedAt")), reason=reason, by=by)
