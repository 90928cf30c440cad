"""Messages of Ele.me and Meituan as intake stores them, without the way over HTTP."""

from datetime import datetime
from typing import Any

from orders.channels.incoming import Keys, Placed, Request
from orders.channels.registry import PUSHES
from orders.intake.delivery import Account, Delivery, Place
from orders.intake.writer import write_batch
from orders.models import IncomingMessage
from orders.tests import eleme_messages as eleme
from orders.tests import meituan_messages as meituan
from stores.models import ChannelAccount, StoreChannel
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory

PUBLIC_URL = meituan.PUBLIC.split("/intake/", maxsplit=1)[0]
ELEME_SHOP = str(eleme.SHOP)
MEITUAN_SHOP = meituan.paid()["app_poi_code"]
ORDER = {"order_id": meituan.paid()["order_id"]}
BEGUN = 1770343260


def eleme_account(**fields: Any) -> ChannelAccount:
    """The account Ele.me's test messages are for."""
    facts = {"channel": "eleme", "slug": "jx-ele", "app_id": eleme.APP_ID, "secrets": eleme.SECRET}
    return ChannelAccountFactory(**{**facts, **fields})


def meituan_account(**fields: Any) -> ChannelAccount:
    """The account Meituan's test messages are for."""
    facts = {"channel": "meituan", "slug": "jx-mt", "app_id": meituan.APP_ID, "secrets": meituan.SECRET}
    return ChannelAccountFactory(**{**facts, **fields})


def eleme_shop() -> StoreChannel:
    """A store as Ele.me knows it."""
    return StoreChannelFactory(account=eleme_account(), external_code=ELEME_SHOP)


def meituan_shop() -> StoreChannel:
    """A store as Meituan knows it."""
    return StoreChannelFactory(account=meituan_account(), external_code=MEITUAN_SHOP)


def store_message(account: ChannelAccount, request: Request, *, now: datetime) -> IncomingMessage:
    """Verify, parse, place and write one push."""
    push = PUSHES[account.channel]
    keys = Keys(account.app_id, tuple(account.secret_list))
    proof = push.verify(keys=keys, request=request)
    message = push.parse(kind=proof.kind, raw=proof.raw)
    channel = StoreChannel.objects.filter(account=account, external_code=message.store_code).first()
    placed = isinstance(message.content, Placed)
    place = Place(channel.store_id, channel.auto_accept) if channel and placed else None
    known = Account(account.pk, account.channel, account.slug, keys)
    write_batch([Delivery(account=known, place=place, proof=proof, message=message)], now=now)
    return IncomingMessage.objects.get(account=account, delivery_id=proof.delivery_id)


def _eleme(kind: int, body: dict[str, Any]) -> Request:
    return eleme.push(kind, {"shopId": eleme.SHOP, **body}, requestId=f"r-{kind}")


def _of_order(kind: int, **fields: Any) -> Request:
    return _eleme(kind, {"orderId": eleme.ORDER_ID, "updateTime": BEGUN, **fields})


# A push of every content there is, in the order in which they come.
ELEME = {
    "placed": _eleme(10, eleme.order()),
    "accepted": _of_order(12, state="valid", role=3),
    "asked": _of_order(20, reason="等太久了", refundType="normal"),
    "urged": _of_order(45, reminderId=7),
    "carried": _of_order(53, updateAt=BEGUN * 1000, name="小张", phone="13900001111"),
    "store status": _eleme(91, {}),
    "noted": _eleme(93, {}),
    "unknown": _eleme(999, {}),
    "to be asked": _of_order(217),
    "cancelled": _of_order(14, state="invalid", role=1),
}
MEITUAN = {
    "placed": meituan.push("paid", meituan.paid()),
    "accepted": meituan.push("confirmed", {**ORDER, "utime": str(BEGUN), "status": "4"}),
    "asked": meituan.push(
        "refund",
        {**ORDER, "notify_type": "apply", "refund_id": "9001", "ctime": str(BEGUN), "reason": "不想要了"},
    ),
    "urged": meituan.push("urge", {**ORDER, "remind_id": "7", "remind_time": str(BEGUN)}),
    "carried": meituan.push(
        "logistics",
        {**ORDER, "logistics_status": "10", "time": str(BEGUN), "dispatcher_mobile": "13900001111"},
    ),
    "store status": meituan.push(
        "store-status", {"app_poi_code": MEITUAN_SHOP, "poi_status": "120", "operate_time": str(BEGUN)}
    ),
    "noted": meituan.push("privacy", {"app_poi_code": MEITUAN_SHOP}),
    "unknown": meituan.push("logistics", {**ORDER, "logistics_status": "30", "time": str(BEGUN)}),
    "to be asked": meituan.push("refund", {**ORDER, "notify_type": "suspend", "ctime": str(BEGUN)}),
    "cancelled": meituan.push("cancelled", {**ORDER, "reason_code": "1102", "reason": "改主意了"}),
}
