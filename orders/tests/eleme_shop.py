"""A store on an Ele.me that listens on loopback, and what was pushed to it."""

from datetime import timedelta
from typing import Any

from orders.channels.eleme import push
from orders.channels.incoming import Keys
from orders.intake.delivery import Account, Delivery, Outcome, Place
from orders.intake.writer import write_batch
from orders.models import Order
from orders.tests import eleme_messages as messages
from orders.tests.eleme_platform import APP_KEY, SECRET, TOKEN, ElemePlatform
from outbox.models import Job
from stores.models import ChannelToken, StoreChannel
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory

KEYS = Keys(APP_KEY, (SECRET, messages.SECRET))


def bound_shop(platform: ElemePlatform, *, now: Any, **fields: Any) -> StoreChannel:
    """A store that `platform` knows as `messages.SHOP`; it accepts by itself."""
    account = ChannelAccountFactory(
        channel="eleme",
        app_id=APP_KEY,
        secrets=f"{SECRET}\n{messages.SECRET}",
        callback_url=platform.url,
        **fields,
    )
    expires_at = now + timedelta(days=30)
    ChannelToken.objects.create(account=account, access=TOKEN, refresh="refresh-1", expires_at=expires_at)
    return StoreChannelFactory(
        account=account,
        store__franchise=account.franchise,
        external_code=str(messages.SHOP),
        auto_accept=True,
    )


def pushed(shop: StoreChannel, kind: int, message: Any, *, now: Any, **envelope: Any) -> Outcome:
    """What becomes of a push that arrives now."""
    proof = push.verify(keys=KEYS, request=messages.push(kind, message, **envelope))
    delivery = Delivery(
        account=Account(shop.account_id, "eleme", shop.account.slug, KEYS),
        place=Place(shop.store_id, shop.auto_accept),
        proof=proof,
        message=push.parse(kind=proof.kind, raw=proof.raw),
    )
    return write_batch([delivery], now=now)[0]


def placed(shop: StoreChannel, *, now: Any, number: str = messages.ORDER_ID, **fields: Any) -> Order:
    """An order as a push placed it, and the store accepted it by itself."""
    message = messages.order(id=number, orderId=number, **fields)
    pushed(shop, 10, message, now=now, requestId=f"placed-{number}")
    return Order.objects.get(external_id=number)


def nothing_is_due() -> None:
    """As if all calls had been given up: the platform heard of nothing."""
    Job.objects.filter(state=Job.State.DUE).update(state=Job.State.DEAD)
