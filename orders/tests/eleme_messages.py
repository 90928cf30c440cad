"""Messages of channel `eleme`, as the platform signs and pushes them; signed without any code of ours."""

import hashlib
import json
from typing import Any

from orders.channels.incoming import Keys, Request

SECRET = "eleme-test-secret-0123456789"
APP_ID = "78194582"
SHOP = 720032
ORDER_ID = "8091550120260206101"
USER_ID = 336072266326420104  # beyond what a float holds exactly
KEYS = Keys(APP_ID, [SECRET])
URL = "https://portal.example/intake/eleme/jx-ele/"


def order(**changes: Any) -> dict[str, Any]:
    """A free order of three drinks and a topping, every field a push has; `changes` replace fields."""
    return {
        "id": ORDER_ID,
        "orderId": ORDER_ID,
        "shopId": SHOP,
        "shopName": "江西路茶铺(测试店)",
        "openId": "JX-0001",
        "daySn": 36,
        "status": "unprocessed",
        "refundStatus": "noRefund",
        "createdAt": "2026-02-06T10:00:00",
        "activeAt": "2026-02-06T10:00:05",
        "deliverTime": None,
        "book": False,
        "address": "示范路 100 号 3 栋 1201",
        "deliveryPoiAddress": "示范路 100 号",
        "deliveryGeo": "121.475164,31.228816",
        "consignee": "张(女士)",
        "phoneList": ["13000000001,1234"],
        "consigneePhones": ["13000000002"],
        "secretPhoneExpireTime": "2026-02-06T16:00:00",
        "description": "少冰换热 \n不要吸管",
        "groups": [
            {"name": "1号篮子", "type": "normal", "items": [jasmine(), oolong()]},
            {"name": "其它费用", "type": "extra", "items": [pudding(), box_fee()]},
            {"name": "赠品", "type": "discount", "items": [present(), reduction()]},
        ],
        "onlinePaid": True,
        "invoiced": False,
        "invoice": "",
        "invoiceType": None,
        "taxpayerId": "",
        "totalPrice": 0.01,
        "originalPrice": 51.5,
        "deliverFee": 3.5,
        "vipDeliveryFeeDiscount": 0.0,
        "packageFee": 2.0,
        "coldBoxFee": 0.0,
        "hongbao": -10.0,
        "activityTotal": -41.49,
        "shopPart": -6.0,
        "elemePart": -35.49,
        "serviceRate": 0.06,
        "serviceFee": -2.73,
        "income": 42.77,
        "orderActivities": [
            activity(1001, "满20减6", -6.0, elemePart=0, restaurantPart=-6.0),
            activity(
                20260206,
                "请客喝奶茶免单",
                -35.49,
                elemePart=0,
                orderAllPartiesPartList=[
                    {"partName": "商家补贴", "partAmount": "0.0"},
                    {"partName": "平台补贴", "partAmount": "35.49"},
                ],
            ),
        ],
        "logisticsActivity": None,
        "orderCommissions": [],
        "userExtraInfo": {"giverPhone": "", "greeting": "", "remark": "", "invoiceTitle": ""},
        "userId": USER_ID,
        "userIdStr": str(USER_ID),
        "downgraded": False,
        "cancelOrderDescription": None,
        "cancelOrderCreatedAt": None,
        "railwayAddress": None,
        **changes,
    }


def item(name: str, price: float, quantity: int = 1, **changes: Any) -> dict[str, Any]:
    """One item of a group."""
    return {
        "id": 1551180119,
        "skuId": 200000173801238681,
        "name": name,
        "categoryId": 1,
        "price": price,
        "quantity": quantity,
        "total": price * quantity,
        "additions": [],
        "newSpecs": [],
        "attributes": [],
        "extendCode": "",
        "barCode": "",
        "weight": 500.0,
        "userPrice": 0.0,
        "shopPrice": 0.0,
        "vfoodId": 1546420012,
        **changes,
    }


def jasmine() -> dict[str, Any]:
    """Two cups, with options in lists and in the name."""
    return item(
        "茉莉奶绿-大杯[三分糖+少冰]",
        15.0,
        2,
        newSpecs=[{"name": "规格", "value": "大杯"}],
        attributes=[{"name": "甜度", "value": "三分糖"}, {"name": "冰量", "value": "少冰"}],
        extendCode="JT-01",
    )


def oolong() -> dict[str, Any]:
    """One cup, with options only in the name."""
    return item("A-1 四季春-中杯[不另外加糖+去冰]", 13.0)


def pudding() -> dict[str, Any]:
    """A topping sold as an extra."""
    return item("布丁", 3.0, id=30001, skuId=0, extendCode="TOP-3")


def box_fee() -> dict[str, Any]:
    """What the boxes cost."""
    return item("餐盒", 2.0, id=-70000, skuId=-1, categoryId=102)


def present() -> dict[str, Any]:
    """A drink on top."""
    return item("试饮小杯", 0.0, extendCode="GIFT-1")


def reduction() -> dict[str, Any]:
    """No drink: a reduction that is listed like one."""
    return item("在线支付立减优惠", -5.0)


def activity(number: int, name: str, amount: float, **changes: Any) -> dict[str, Any]:
    """One reduction of an order."""
    return {"id": number, "categoryId": 12, "name": name, "amount": amount, **changes}


def status_change(state: str, role: int = 3, **changes: Any) -> dict[str, Any]:
    """The body of types 12 to 18."""
    return {
        "orderId": ORDER_ID, "state": state, "shopId": SHOP, "updateTime": 1770343260, "role": role, **changes
    }  # fmt: skip


def envelope(kind: int | str, message: Any, **changes: Any) -> dict[str, Any]:
    """A signed envelope; a `message` that is no text becomes JSON text."""
    told = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return signed(
        {
            "requestId": "200000014063440520",
            "type": kind,
            "appId": int(APP_ID),
            "message": told,
            "shopId": SHOP,
            "timestamp": 1770343205123,
            "userId": USER_ID,
            **changes,
        }
    )


def signed(fields: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    """The fields with their signature."""
    return {**fields, "signature": signature(fields, secret)}


def signature(fields: dict[str, Any], secret: str = SECRET) -> str:
    """MD5 over key=value in the order of the keys, and the secret."""
    names = sorted({"requestId", "message", "type", "shopId", "timestamp", "userId", "appId"})
    joined = "".join(f"{name}={'null' if fields.get(name) is None else fields[name]}" for name in names)
    covered = (joined + secret).encode("utf-8", "replace")
    return hashlib.md5(covered, usedforsecurity=False).hexdigest().upper()


def encoded(document: Any, *, ascii_only: bool = False) -> bytes:
    """The raw body."""
    return json.dumps(document, ensure_ascii=ascii_only).encode()


def pushed(body: bytes, method: str = "POST") -> Request:
    """The request a body comes in."""
    return Request(method, URL, "", "", {"content-type": "application/json"}, body)


def push(kind: int | str, message: Any, **changes: Any) -> Request:
    """The request of a signed push."""
    return pushed(encoded(envelope(kind, message, **changes)))
