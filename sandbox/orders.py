"""Makes orders: what guests of a tea shop order, for whom, and who pays (pure but for the dice)."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sandbox.brand import Brand, Shop

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
TITLES = ["女士", "先生", "小姐", "同学"]
ROADS = {
    "Shanghai": ["淮海中路", "延安西路", "四川北路", "长宁路", "张杨路", "漕溪北路", "政通路"],
    "Hangzhou": ["延安路", "文二路", "学院路", "江陵路", "古墩路", "庆春路", "莫干山路"],
    "Chengdu": ["人民南路", "一环路东三段", "科华北路", "蜀都大道", "二环路北四段", "玉双路"],
}
PLACES = ["花园", "公寓", "大厦", "广场", "新村", "家园", "中心"]
NOTES = [
    "放门口就好，谢谢",
    "不要吸管",
    "少放冰",
    "到了请打电话",
    "多给一个纸袋",
    "麻烦快一点，在开会",
    "不要放前台",
    "半糖 + 去冰, 100% 记得哦 & 谢谢",
]
FULFILMENTS = (("platform_courier", 0.66), ("store_courier", 0.16), ("pickup", 0.18))
KILOMETRE = 1 / 111.0  # degrees of latitude
PACKAGING = 100  # fen


def make_order(
    dice: Random,
    brand: Brand,
    shop: Shop,
    *,
    order_id: str,
    number: str,
    funding: str,
    now: datetime,
    fulfilment: str = "",
) -> dict[str, Any]:
    """Return the `data` of an `order.created`; amounts in fen, `now` is when it was placed."""
    fulfilment = fulfilment or _pick(dice, FULFILMENTS)
    items = [_item(dice, brand.menu) for _ in range(_pick(dice, ((1, 0.55), (2, 0.3), (3, 0.1), (4, 0.05))))]
    return {
        "order_id": order_id,
        "store_code": shop.code,
        "daily_number": number,
        "placed_at": now.isoformat(timespec="milliseconds"),
        "promised_at": (now + timedelta(minutes=dice.randint(25, 45))).isoformat(timespec="milliseconds"),
        "fulfilment": fulfilment,
        "items": items,
        "amounts": _amounts(dice, items, funding, fulfilment),
        "campaign": brand.campaign if funding == "free" else None,
        "customer": None if fulfilment == "pickup" else _customer(dice, shop),
        "note": dice.choice(NOTES) if dice.random() < 0.12 else "",
    }


@dataclass(frozen=True, slots=True)
class Bill:
    """An order's money in fen, packaging included; `original` = `paid` + `platform` + `shop`."""

    goods: int
    packaging: int
    delivery_fee: int
    platform: int
    shop: int
    paid: int
    commission: int
    income: int

    @property
    def original(self) -> int:
        """What it costs before anybody adds to it."""
        return self.goods + self.packaging + self.delivery_fee


def make_bill(data: dict[str, Any]) -> Bill:
    """Return the bill of an order at a platform that charges for packaging; free orders stay free."""
    amounts = data["amounts"]
    free = amounts["customer_paid"] <= 1
    return Bill(
        goods=amounts["goods"],
        packaging=PACKAGING,
        delivery_fee=amounts["delivery_fee"],
        platform=amounts["platform_subsidy"] + (PACKAGING if free else 0),
        shop=amounts["shop_subsidy"],
        paid=amounts["customer_paid"] + (0 if free else PACKAGING),
        commission=amounts["goods"] - amounts["shop_subsidy"] - amounts["shop_income"],
        income=amounts["shop_income"] + PACKAGING,
    )


def yuan(fen: int) -> float:
    """Return fen as yuan."""
    return fen / 100


def wants_a_time(order_id: str) -> bool:
    """Every eighth guest wants it at a time, the others as soon as possible."""
    return zlib.crc32(order_id.encode()) % 8 == 0


def _pick(dice: Random, choices: tuple[tuple[Any, float], ...]) -> Any:
    values, weights = zip(*choices, strict=True)
    return dice.choices(values, weights)[0]


def _item(dice: Random, menu: dict[str, Any]) -> dict[str, Any]:
    drink = dice.choices(menu["drinks"], [drink["share"] for drink in menu["drinks"]])[0]
    toppings = dice.sample(menu["toppings"], _pick(dice, ((0, 0.6), (1, 0.3), (2, 0.1))))
    options = [
        {"name": "糖", "value": dice.choice(menu["sugar"])},
        {"name": "冰", "value": dice.choice(menu["ice"])},
        *({"name": "加料", "value": topping["name"]} for topping in toppings),
    ]
    return {
        "sku": drink["sku"],
        "name": drink["name"],
        "quantity": 2 if dice.random() < 0.08 else 1,
        "unit_price": drink["price"] + sum(topping["price"] for topping in toppings),
        "options": options,
        "note": "",
    }


def _amounts(dice: Random, items: list[dict[str, Any]], funding: str, fulfilment: str) -> dict[str, Any]:
    goods = sum(item["unit_price"] * item["quantity"] for item in items)
    delivery_fee = 0 if fulfilment == "pickup" else dice.choice([300, 400, 500])
    total = goods + delivery_fee
    paid = _paid(dice, funding, total)
    shop_subsidy = round((total - paid) * 0.2)
    commission = round(goods * 0.06)
    return {
        "currency": "CNY",
        "goods": goods,
        "delivery_fee": delivery_fee,
        "platform_subsidy": total - paid - shop_subsidy,
        "shop_subsidy": shop_subsidy,
        "customer_paid": paid,
        "shop_income": goods - shop_subsidy - commission,
    }


def _paid(dice: Random, funding: str, total: int) -> int:
    if funding == "free":
        return dice.choice([0, 1])
    return total - round(total * dice.uniform(0.2, 0.6)) if funding == "subsidised" else total


def _customer(dice: Random, shop: Shop) -> dict[str, Any]:
    road = dice.choice(ROADS.get(shop.city, ["人民路"]))
    place = f"{dice.choice(SURNAMES)}家{dice.choice(PLACES)}"
    angle, distance = dice.uniform(0, 2 * math.pi), dice.uniform(0.2, 2.5) * KILOMETRE
    return {
        "name": dice.choice(SURNAMES) + dice.choice(TITLES),
        "phone": f"1{dice.choice('3589')}{dice.randint(0, 9)}0000{dice.randint(0, 9999):04}",
        "address": f"{road}{dice.randint(1, 999)}号{place}{dice.randint(1, 30)}栋{dice.randint(101, 2504)}",
        "latitude": round(shop.latitude + distance * math.sin(angle), 6),
        "longitude": round(
            shop.longitude + distance * math.cos(angle) / math.cos(math.radians(shop.latitude)), 6
        ),
    }
