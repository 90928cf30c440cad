"""Meituan's bodies (pure): the order as it is pushed and queried, and the small ones that follow it.

Source: field comments of public SDKs that copy the official pages. Money is yuan, in `poi_receive_detail`
fen; times are Unix seconds, positions GCJ-02 degrees. `detail`, `extras` and `poi_receive_detail` are JSON in
texts.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from sandbox import meituan_wire as wire
from sandbox.brand import Shop
from sandbox.gcj02 import to_gcj02
from sandbox.meituan_wire import dumps
from sandbox.order_book import ACCEPTED, CANCELLED, COMPLETED, PLACED, READY, Order
from sandbox.orders import Bill, make_bill, wants_a_time, yuan

STATUS = {
    PLACED: wire.PUSHED,
    ACCEPTED: wire.CONFIRMED,
    READY: wire.CONFIRMED,
    COMPLETED: wire.DONE,
    CANCELLED: wire.CANCELLED,
}
# what must be asked for in the console, and so may be absent
OPT_IN = (
    "poi_receive_detail",
    "estimate_arrival_time",
    "pick_type",
    "logistics_code",
    "backup_recipient_phone",
    "order_tag_list",
    "total_weight",
    "package_bag_money",
    "package_bag_money_yuan",
)
MODULES = [1, 4, 6]  # discounts, settlement, address


def view_number(order: Order) -> int:
    """Return the number that guest and merchant see, which is another one than `order_id`."""
    return int(f"8{order.order_id[1:]}")


def make_detail(order: Order, shop: Shop, now: float) -> dict[str, Any]:
    """Return an order as getOrderDetail gives it, complete."""
    data, bill = order.data, make_bill(order.data)
    placed = int(datetime.fromisoformat(data["placed_at"]).timestamp())
    promised = int(datetime.fromisoformat(data["promised_at"]).timestamp())
    return {
        "order_id": int(order.order_id),
        "wm_order_id_view": view_number(order),
        "app_poi_code": shop.code,
        "wm_poi_name": shop.name or f"清禾茶({shop.key})",
        "status": STATUS[order.state],
        "ctime": placed,
        "utime": int(now),
        "delivery_time": promised if wants_a_time(order.order_id) else 0,
        "estimate_arrival_time": promised,
        "is_pre_sale_order": False,
        "day_seq": order.number,
        "pick_type": int(order.fulfilment == "pickup"),
        "caution": data["note"],
        "dinners_number": 0,
        "pay_type": 2,
        "has_invoiced": 0,
        "invoice_title": "",
        "taxpayer_id": "",
        "is_third_shipping": 0,
        "logistics_code": wire.MEITUAN_DELIVERS if order.by_platform else wire.STORE_DELIVERS,
        "is_favorites": False,
        "is_poi_first_order": False,
        "city_id": 310100,
        "order_tag_list": "[]",
        "total_weight": 500 * sum(item["quantity"] for item in data["items"]),
        "incmp_code": 0,
        "incmp_modules": "[]",
        "detail": dumps(_items(data)),
        **_guest(data, shop),
        **_money(bill, data["campaign"]),
    }


def make_push(order: Order, shop: Shop, now: float, *, odd: bool, degraded: bool) -> dict[str, str]:
    """Return an order as it is pushed: all texts.

    `odd`: an empty object among the discounts, nothing that is opt-in; `degraded`: incomplete, and says so.
    """
    found = make_detail(order, shop, now)
    if odd:
        found = {key: value for key, value in found.items() if key not in OPT_IN} | {"extras": "[{}]"}
    if degraded:
        hidden = {"extras": "[]", "poi_receive_detail": "", "recipient_address": ""}
        found |= {**hidden, "incmp_code": -1, "incmp_modules": str(MODULES)}
    return {key: _text(value) for key, value in found.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _guest(data: dict[str, Any], shop: Shop) -> dict[str, Any]:
    guest = data["customer"]
    if guest is None:
        latitude, longitude = to_gcj02(shop.latitude, shop.longitude)
        nobody = {
            "recipient_name": "",
            "recipient_phone": "13800000000_0000",
            "recipient_address": "到店自取",
        }
        return {**nobody, "backup_recipient_phone": "[]", "latitude": latitude, "longitude": longitude}
    latitude, longitude = to_gcj02(guest["latitude"], guest["longitude"])
    phone = guest["phone"]
    return {
        "recipient_name": guest["name"],
        "recipient_phone": f"{phone}_{int(phone) % 10_000:04}",
        "backup_recipient_phone": dumps([f"{int(phone) + 1}_{(int(phone) + 1) % 10_000:04}"]),
        "recipient_address": f"{guest['address']}@#{guest['address']}",
        "latitude": latitude,
        "longitude": longitude,
    }


def _items(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "app_food_code": item["sku"],
            "food_name": item["name"],
            "sku_id": item["sku"],
            "upc": "",
            "quantity": item["quantity"],
            "price": yuan(item["unit_price"]),
            "actual_price": yuan(item["unit_price"]),
            "original_price": yuan(item["unit_price"]),
            "box_num": int(place == 0),
            "box_price": yuan(make_bill(data).packaging) if place == 0 else 0,
            "unit": "份",
            "food_discount": 1.0,
            "food_property": ",".join(option["value"] for option in item["options"]),
            "cart_id": 0,
            "spec": "中杯",
            "weight": 500,
        }
        for place, item in enumerate(data["items"])
    ]


def _money(bill: Bill, campaign: dict[str, str] | None) -> dict[str, Any]:
    return {
        "total": yuan(bill.paid),
        "original_price": yuan(bill.original),
        "shipping_fee": yuan(bill.delivery_fee),
        "package_bag_money": bill.packaging,
        "package_bag_money_yuan": str(yuan(bill.packaging)),
        "extras": dumps(_extras(bill, campaign)),
        "poi_receive_detail": dumps(_receivable(bill)),
    }


def _extras(bill: Bill, campaign: dict[str, str] | None) -> list[dict[str, Any]]:
    if not bill.platform + bill.shop:
        return []
    name = campaign["name"] if campaign else "满减优惠"
    return [
        {
            "act_detail_id": zlib.crc32(name.encode()),
            "reduce_fee": yuan(bill.platform + bill.shop),
            "mt_charge": yuan(bill.platform),
            "poi_charge": yuan(bill.shop),
            "remark": name,
            "type": 2,
        }
    ]


def _receivable(bill: Bill) -> dict[str, Any]:
    def charge(fen: int) -> list[dict[str, Any]]:
        line = {"comment": "活动款", "feeTypeDesc": "活动款", "feeTypeId": 10019, "moneyCent": fen}
        return [line] if fen else []

    return {
        "actOrderChargeByMt": charge(bill.platform),
        "actOrderChargeByPoi": charge(bill.shop),
        "foodShareFeeChargeByPoi": bill.commission,
        "logisticsFee": bill.delivery_fee,
        "onlinePayment": bill.paid,
        "wmPoiReceiveCent": bill.income,
        "reconciliationExtras": dumps({"chargeMode": 2, "technicalServiceFee": yuan(bill.commission)}),
    }


def cancelled_fields(order: Order, code: int, reason: str, operator: int) -> dict[str, str]:
    """Return the fields of kind `cancelled`."""
    return {
        "order_id": order.order_id,
        "reason_code": str(code),
        "reason": reason,
        "deal_op_type": str(operator),
    }


def refund_fields(order: Order, result: int) -> dict[str, str]:
    """Return the fields of kind `refund`; one of a part names the items and the money."""
    request = order.facts["request"]
    fields = {
        "order_id": order.order_id,
        "wm_order_id_view": str(view_number(order)),
        "notify_type": wire.NOTIFY[request["step"]],
        "refund_id": request["ref"],
        "ctime": str(int(request["at"])),
        "reason": request["reason"],
        "res_type": str(result),
        "is_appeal": "0",
        "pictures": "[]",
        "service_type": "0",
        "incmp_code": "0",
        "incmp_modules": "[]",
    }
    if request["whole"]:
        return fields
    part = {"food": dumps(_items(order.data)[:1]), "money": str(yuan(request["amount"]))}
    return {**fields, **part, **({"notify_type": "part"} if request["step"] == "applied" else {})}


def refund_result_fields(order: Order, now: float) -> dict[str, str]:
    """Return the fields of kind `refund-result` of a refund that worked."""
    request = order.facts["request"]
    return {
        "order_id": order.order_id,
        "refund_id": request["ref"],
        "refund_status": "3" if request["whole"] else "13",
        "money": str(yuan(request["amount"])),
        "ctime": str(int(request["at"])),
        "utime": str(int(now)),
    }


def logistics_fields(order: Order, status: int, now: float) -> dict[str, str]:
    """Return the fields of kind `logistics`."""
    rider = order.facts.get("rider") or {"name": "", "phone": ""}
    return {
        "order_id": order.order_id,
        "wm_order_id_view": str(view_number(order)),
        "logistics_status": str(status),
        "time": str(int(now)),
        "dispatcher_name": rider["name"],
        "dispatcher_mobile": rider["phone"],
    }
