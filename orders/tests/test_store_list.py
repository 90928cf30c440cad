"""The list of stores: what stands at each counter, in one query for all of them."""

import pytest

from orders import services
from orders.store_list import StoreRow, live_rows
from orders.tests.factories import place_order
from stores.actors import Actor
from stores.models import Store
from stores.tests.factories import StoreChannelFactory, StoreFactory

pytestmark = pytest.mark.django_db

LIN = Actor("Lin")


def stores():
    return list(Store.objects.select_related("intake").order_by("pk"))


def test_orders_count_as_waiting_or_making_until_they_are_ready(now):
    channel = StoreChannelFactory(store__cups_per_hour=60)
    orders = [place_order(channel, now=now, order_id=f"E-{number}") for number in range(3)]
    for order, verbs in zip(orders, ([], ["accept", "start"], ["accept", "start", "ready"]), strict=True):
        for verb in verbs:
            services.step(order_id=order.pk, verb=verb, actor=LIN, now=now)

    (row,) = live_rows(stores())

    assert row == StoreRow(store=channel.store, paused=False, waiting=1, making=1, cups=4)
    assert row.minutes == 4


def test_a_store_without_orders_has_nothing_to_clear():
    store = StoreFactory(intake__level="paused")

    (row,) = live_rows(stores())

    assert row == StoreRow(store=store, paused=True, waiting=0, making=0, cups=0)
    assert row.minutes == 0


@pytest.mark.parametrize("count", [1, 3])
def test_one_query_however_many_stores(count, django_assert_num_queries):
    StoreFactory.create_batch(count)
    listed = stores()

    with django_assert_num_queries(1):
        live_rows(listed)
