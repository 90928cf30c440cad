"""Ele.me's bodies (pure): the OOrder of a new order and of queries, and the small ones that follow it.

Source: entities and enumerations of the public SDKs, samples in mirrors of the documents. Money is yuan with
deductions negative, times are Shanghai's clock without a zone, positions "longitude,latitude" in GCJ-02.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from sandbox.brand import Shop
from sandbox.gcj02 import to_gcj02
from sandbox.order_book import ACCEPTED, CANCELLED, COMPLETED, PLACED, READY, Order
from sandbox.orders import Bill, make_bill, wants_a_time, yuan
from sandbox.shanghai import shanghai_clock

STATUS = {
    PLACED: "unprocessed",
    ACCEPTED: "valid",
    READY: "valid",
    COMPLETED: "settled",
    CANCELLED: "invalid",
}
REFUND_STATUS = {
    "applied": "applied",
    "withdrawn": "noRefund",
    "refused": "rejected",
    "agreed": "successful",
}
SERVICE_RATE = 0.06
PACKAGING_ITEM, PACKAGING_CATEGORY = -70000, 102
SIZE = {"name": "规格", "value": "中杯"}
USERS_FROM = 9_007_199_254_740_993  # 2^53 + 1: no float holds it
PHONE_LIVES = 24 * 3600  # seconds


def order_status(order: Order) -> str:
    """Return the OOrderStatus."""
    request = order.facts.get("request")
    if request and request["step"] == "applied" and order.live:
        return "refunding"
    return STATUS[order.state]


def make_oorder(order: Order, shop: Shop, *, degraded: bool = False, folded: bool = False) -> dict[str, Any]:
    """Return the OOrder.

    `degraded`: as pushed when the platform's data is incomplete; `folded`: options in the names only.
    """
    data, bill = order.data, make_bill(order.data)
    placed = datetime.fromisoformat(data["placed_at"]).timestamp()
    request = order.facts.get("request")
    found = {
        "id": order.order_id,
        "orderId": order.order_id,
        "shopId": int(shop.code),
        "shopName": shop.name or f"清禾茶({shop.key})",
        "openId": shop.key,
        "daySn": order.number,
        "status": order_status(order),
        "refundStatus": REFUND_STATUS[request["step"]] if request else "noRefund",
        "createdAt": shanghai_clock(placed),
        "activeAt": shanghai_clock(placed),
        "deliverTime": _deliver_time(order),
        "book": wants_a_time(order.order_id),
        "description": data["note"],
        "groups": _groups(data, folded),
        "onlinePaid": True,
        "invoiced": False,
        "invoice": None,
        "invoiceType": None,
        "taxpayerId": "",
        "downgraded": False,
        "railwayAddress": None,
        "baiduWaimai": False,
        "cancelOrderDescription": request["reason"] if request else None,
        "cancelOrderCreatedAt": shanghai_clock(request["at"]) if request else None,
        "orderCommissions": [],
        "logisticsActivity": None,
        "userExtraInfo": {"giverPhone": "", "greeting": "", "remark": "", "invoiceTitle": None},
        **_buyer(order),
        **_guest(data, placed),
        **_money(bill, data["campaign"]),
    }
    return {**found, **_DEGRADED} if degraded else found


_DEGRADED: dict[str, Any] = {
    "downgraded": True,
    "hongbao": 0.0,
    "activityTotal": 0.0,
    "shopPart": 0.0,
    "elemePart": 0.0,
    "income": 0.0,
    "serviceFee": 0.0,
    "orderActivities": [],
    "phoneList": [],
}


def _deliver_time(order: Order) -> str | None:
    if not wants_a_time(order.order_id):
        return None
    return shanghai_clock(datetime.fromisoformat(order.data["promised_at"]).timestamp())


def _buyer(order: Order) -> dict[str, Any]:
    number = USERS_FROM + zlib.crc32(order.order_id.encode())
    return {"userId": number, "userIdStr": str(number)}


def _guest(data: dict[str, Any], placed: float) -> dict[str, Any]:
    guest = data["customer"]
    latitude, longitude = to_gcj02(guest["latitude"], guest["longitude"])
    phone = guest["phone"]
    return {
        "consignee": guest["name"],
        "address": guest["address"],
        "deliveryPoiAddress": guest["address"],
        "deliveryGeo": f"{longitude},{latitude}",
        "phoneList": [f"{phone},{int(phone) % 10_000:04}"],
        "consigneePhones": [],
        "secretPhoneExpireTime": shanghai_clock(placed + PHONE_LIVES),
    }


def _groups(data: dict[str, Any], folded: bool) -> list[dict[str, Any]]:
    drinks = [_item(item, folded) for item in data["items"]]
    packaging = {
        "id": PACKAGING_ITEM,
        "skuId": -1,
        "name": "餐盒",
        "categoryId": PACKAGING_CATEGORY,
        "price": yuan(make_bill(data).packaging),
        "quantity": 1,
        "total": yuan(make_bill(data).packaging),
        "additions": [],
        "newSpecs": None,
        "attributes": None,
        "extendCode": "",
        "barCode": "",
        "weight": None,
        "userPrice": 0.0,
        "shopPrice": 0.0,
        "vfoodId": 0,
    }
    return [
        {"name": "1号篮子", "type": "normal", "items": drinks},
        {"name": "其它费用", "type": "extra", "items": [packaging]},
    ]


def _item(item: dict[str, Any], folded: bool) -> dict[str, Any]:
    number = zlib.crc32(item["sku"].encode())
    attributes = [dict(option) for option in item["options"]]
    options = "+".join(option["value"] for option in attributes)
    price = yuan(item["unit_price"])
    return {
        "id": number,
        "skuId": 200_000_000_000 + number,
        "name": f"{item['name']}-{SIZE['value']}[{options}]",
        "categoryId": 1,
        "price": price,
        "quantity": item["quantity"],
        "total": yuan(item["unit_price"] * item["quantity"]),
        "additions": [],
        "newSpecs": [] if folded else [dict(SIZE)],
        "attributes": [] if folded else attributes,
        "extendCode": item["sku"],
        "barCode": "",
        "weight": 1.0,
        "userPrice": price,
        "shopPrice": price,
        "vfoodId": number,
    }


def _money(bill: Bill, campaign: dict[str, str] | None) -> dict[str, Any]:
    return {
        "totalPrice": yuan(bill.paid),
        "originalPrice": yuan(bill.original),
        "deliverFee": yuan(bill.delivery_fee),
        "vipDeliveryFeeDiscount": 0.0,
        "packageFee": yuan(bill.packaging),
        "coldBoxFee": 0.0,
        "hongbao": 0.0,
        "activityTotal": -yuan(bill.platform + bill.shop),
        "shopPart": -yuan(bill.shop),
        "elemePart": -yuan(bill.platform),
        "serviceRate": SERVICE_RATE,
        "serviceFee": -yuan(bill.commission),
        "income": yuan(bill.income),
        "orderActivities": _activities(bill, campaign),
    }


def _activities(bill: Bill, campaign: dict[str, str] | None) -> list[dict[str, Any]]:
    if not bill.platform + bill.shop:
        return []
    name = campaign["name"] if campaign else "在线支付立减优惠"
    return [
        {
            "id": zlib.crc32(name.encode()),
            "name": name,
            "categoryId": 12,
            "amount": -yuan(bill.platform + bill.shop),
            "elemePart": -yuan(bill.platform),
            "restaurantPart": -yuan(bill.shop),
            "familyPart": 0.0,
            "userPart": 0.0,
            "orderAllPartiesPartList": [
                {"partName": "商家补贴", "partAmount": str(yuan(bill.shop))},
                {"partName": "平台补贴", "partAmount": str(yuan(bill.platform))},
            ],
            "couponCode": campaign["code"] if campaign else None,
        }
    ]


def status_body(order: Order, role: int, now: float) -> dict[str, Any]:
    """Return the body of types 12, 14, 15, 17 and 18."""
    return {
        "orderId": order.order_id,
        "state": STATUS[order.state],
        "shopId": int(order.store_code),
        "updateTime": int(now),
        "role": role,
    }


def refund_body(order: Order, now: float) -> dict[str, Any]:
    """Return the body of types 20 to 23 and 30 to 33."""
    request = order.facts["request"]
    items = order.data["items"] if request["whole"] else order.data["items"][:1]
    return {
        "orderId": order.order_id,
        "refundStatus": REFUND_STATUS[request["step"]],
        "reason": request["reason"],
        "shopId": int(order.store_code),
        "goodsList": [
            {"name": item["name"], "quantity": item["quantity"], "price": yuan(item["unit_price"])}
            for item in items
        ],
        "refundType": "normal" if request["whole"] else "part",
        "totalPrice": yuan(request["amount"]),
        "updateTime": int(now),
    }


def delivery_body(order: Order, state: str, now: float) -> dict[str, Any]:
    """Return the body of types 51 to 72."""
    rider = order.facts.get("rider") or {"name": "", "phone": ""}
    return {
        "orderId": order.order_id,
        "shopId": int(order.store_code),
        "state": state,
        "subState": "noSubstate",
        "name": rider["name"],
        "phone": rider["phone"],
        "updateAt": int(now * 1000),
        "remark": None,
    }


def urge_body(order: Order, reminder: int, now: float) -> dict[str, Any]:
    """Return the body of types 45 and 46; the real keys are not published."""
    return {
        "orderId": order.order_id,
        "shopId": int(order.store_code),
        "reminderId": reminder,
        "updateTime": int(now),
    }
