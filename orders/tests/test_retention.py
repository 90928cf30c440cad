"""Personal data, raw messages and events are forgotten in time; numbers and amounts stay."""

from datetime import timedelta

import pytest

from orders import services
from orders.models import Conflict, IncomingMessage, Order, OrderEvent
from orders.retention import purge
from orders.tests.factories import place_order
from stores.actors import Actor
from stores.tests.factories import StoreChannelFactory

pytestmark = pytest.mark.django_db


def test_what_is_old_and_off_the_board_is_forgotten(now, settings):
    channel = StoreChannelFactory()
    gone = place_order(channel, now=now, order_id="gone")
    services.step(order_id=gone.pk, verb="reject", actor=Actor("Lin"), now=now)
    place_order(channel, now=now, order_id="still on the board")
    late = now + timedelta(days=settings.RETENTION_DAYS, seconds=1)
    place_order(channel, now=late, order_id="new")

    touched = purge(now=late)

    assert touched == {"orders": 1, "messages": 2, "conflicts": 0, "events": 3}
    gone.refresh_from_db()
    assert (gone.customer_name, gone.customer_phone, gone.phone_mask, gone.address) == ("", "", "", "")
    assert (gone.latitude, gone.goods, gone.daily_number) == (None, 3000, "17")
    assert Order.objects.filter(customer_phone="").count() <= 3
    kept = Order.objects.exclude(pk=gone.pk)
    assert [order.customer_phone for order in kept] == ["13812345678"] * 2
    assert purge(now=late)["orders"] == 0


def test_a_conflict_nobody_has_settled_is_kept(now, settings):
    account = StoreChannelFactory().account
    for number, settled_at in enumerate([None, now]):
        Conflict.objects.create(
            account=account,
            delivery_id=str(number),
            body="{}",
            body_hash="x",
            received_at=now,
            settled_at=settled_at,
        )

    purge(now=now + timedelta(days=settings.RETENTION_DAYS + 1))

    assert list(Conflict.objects.values_list("delivery_id", flat=True)) == ["0"]
    assert not IncomingMessage.objects.exists()
    assert not OrderEvent.objects.exists()
