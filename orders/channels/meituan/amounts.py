"""What a Meituan order costs whom (pure): yuan at the top, fen within `poi_receive_detail`.

Source: the open platform's pages on pushed orders and on the merchant's receivables.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orders.channels.meituan.payload import Charge, Extra, Order, fen, text

NOTHING = Decimal(0)


def amounts(order: Order) -> dict[str, Any]:
    """The card's amounts in fen: goods and fee before reductions, less both subsidies, is what was paid."""
    platform, shop = _subsidies(order)
    return {
        "currency": "CNY",
        "goods": fen(_goods(order)),
        "delivery_fee": fen(order.get("shipping_fee", NOTHING)),
        "platform_subsidy": platform,
        "shop_subsidy": shop,
        "customer_paid": fen(order.get("total", NOTHING)),
        "shop_income": _income(order),
    }


def campaign(extras: Sequence[Extra]) -> tuple[str, str]:
    """Code and name of the first reduction that the platform bears most of; empty if there is none."""
    for extra in extras:
        if extra.get("mt_charge", NOTHING) > extra.get("poi_charge", NOTHING):
            return text(f"meituan-{extra.get('type', '')}", 64), text(extra.get("remark", ""), 100)
    return "", ""


def _goods(order: Order) -> Decimal:
    """Drinks, boxes and bags: the price before reductions without the fee, or else the sum of the lines."""
    if "original_price" in order:
        return order["original_price"] - order.get("shipping_fee", NOTHING)
    return sum(
        (
            item.get("price", NOTHING) * item["quantity"]
            + item.get("box_num", NOTHING) * item.get("box_price", NOTHING)
            for item in order.get("detail", ())
        ),
        NOTHING,
    )


def _subsidies(order: Order) -> tuple[int, int]:
    """The platform's part and the shop's part of all reductions.

    Both places that tell the parts are opt-in. Without either, the shop counts as the bearer: nothing is held
    against the platform that it did not say itself. An entry that reduces nothing is a gift's cost.
    """
    reductions = [extra for extra in order.get("extras", ()) if extra.get("reduce_fee") != NOTHING]
    if any("mt_charge" in extra or "poi_charge" in extra for extra in reductions):
        return _total(reductions, "mt_charge"), _total(reductions, "poi_charge")
    received = order.get("poi_receive_detail")
    if received and ("actOrderChargeByMt" in received or "actOrderChargeByPoi" in received):
        return _cents(received.get("actOrderChargeByMt")), _cents(received.get("actOrderChargeByPoi"))
    return 0, _total(reductions, "reduce_fee")


def _total(extras: Iterable[Mapping[str, Any]], name: str) -> int:
    return fen(sum((extra.get(name, NOTHING) for extra in extras), NOTHING))


def _cents(charges: Iterable[Charge] | None) -> int:
    return sum(charge.get("moneyCent", 0) for charge in charges or ())


def _income(order: Order) -> int:
    """What the shop gets, where the app subscribed to that; else 0."""
    received = order.get("poi_receive_detail")
    if received and "wmPoiReceiveCent" in received:
        return received["wmPoiReceiveCent"]
    return fen(order.get("poi_receive_detail_yuan", {}).get("poiReceive", NOTHING))
