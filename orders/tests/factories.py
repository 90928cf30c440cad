"""Orders for tests, written the way intake writes them."""

from datetime import datetime
from typing import Any

from orders.channels.incoming import Keys, Proof
from orders.channels.standard.push import parse
from orders.intake.delivery import Account, Delivery, Place
from orders.intake.writer import write_batch
from orders.models import Order
from orders.tests.messages import created, encoded
from stores.models import StoreChannel


def delivery_of(channel: StoreChannel, envelope: dict[str, Any], *, delivery_id: str) -> Delivery:
    """A verified message from `channel`'s account."""
    body = encoded(envelope)
    account = channel.account
    keys = Keys(account.app_id, tuple(account.secret_list))
    return Delivery(
        account=Account(account.pk, account.channel, account.slug, keys),
        place=Place(channel.store_id, channel.auto_accept),
        proof=Proof(delivery_id, "", body.decode(), str(hash(body))),
        message=parse(kind="", raw=body.decode()),
    )


def place_order(channel: StoreChannel, *, now: datetime, order_id: str = "E-1001", **fields: Any) -> Order:
    """An order as it stands right after intake took it at `now`."""
    envelope = created(store_code=channel.external_code, order_id=order_id, **fields)
    write_batch([delivery_of(channel, envelope, delivery_id=f"msg-{order_id}")], now=now)
    return Order.objects.get(account=channel.account, external_id=order_id)
