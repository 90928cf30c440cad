"""Several intake processes at once, and messages that cross: nothing is lost, nobody waits in a circle."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from orders.intake import routing
from orders.intake.changes import settle_early
from orders.intake.writer import write_batch
from orders.models import IncomingMessage, Order, Tally
from orders.tests import eleme_messages as eleme
from orders.tests import meituan_messages as meituan
from orders.tests.factories import delivery_of, place_order
from orders.tests.messages import cancelled, created
from orders.tests.people import at_once
from orders.tests.test_intake_platforms import DATA_OK, poi, public_url, send, shop  # noqa: F401 -- fixtures
from stores.actors import Actor
from stores.models import IntakeState
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory, StoreFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def messages(channel, order_id):
    """An order and its cancellation."""
    known_as = {"store_code": channel.external_code, "order_id": order_id}
    return [
        delivery_of(channel, created(**known_as), delivery_id=f"created-{order_id}"),
        delivery_of(channel, cancelled(**known_as), delivery_id=f"cancelled-{order_id}"),
    ]


def test_two_processes_with_the_same_messages_the_other_way_round_do_not_block_each_other(now):
    channel = StoreChannelFactory()
    trouble = []

    def write(batch):
        try:
            write_batch(batch, now=now)
        except OperationalError as error:
            trouble.append(str(error))

    for number in range(25):
        both = [*messages(channel, f"A{number}"), *messages(channel, f"B{number}")]
        at_once(lambda: write(both), lambda: write(both[::-1]))  # noqa: B023 -- run within the round
    settle_early(now=now)

    assert trouble == []
    assert set(Order.objects.values_list("state", flat=True)) == {"cancelled"}
    assert (Order.objects.count(), IncomingMessage.objects.filter(outcome="stored").count()) == (50, 100)


def test_a_cancellation_that_crossed_its_order_survives_a_repetition_of_the_order(now):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    creation, cancellation = messages(StoreChannelFactory(), "E-1")
    written, go = threading.Event(), threading.Event()

    def place_slowly():
        with transaction.atomic():
            write_batch([creation], now=now)
            written.set()
            go.wait(10)
        connection.close()

    thread = threading.Thread(target=place_slowly)
    thread.start()
    written.wait(10)
    write_batch([cancellation], now=now)  # sees no order
    go.set()
    thread.join()
    write_batch([creation], now=now)

    assert settle_early(now=now) == 1
    assert Order.objects.get().state == "cancelled"


@pytest.mark.parametrize("again", ["pushed", "replayed"])
def test_an_early_word_is_not_used_up_by_an_order_that_is_there(again, now):
    channel = StoreChannelFactory()
    creation, cancellation = messages(channel, "E-1")
    write_batch([cancellation], now=now)
    IncomingMessage.objects.update(outcome="stored")  # hidden from the order, as in another transaction
    write_batch([creation], now=now)
    IncomingMessage.objects.filter(kind="order.cancelled").update(outcome="early")

    if again == "pushed":
        write_batch([creation], now=now)
    else:
        made = IncomingMessage.objects.get(kind="order.created")
        routing.replay(message_id=made.pk, actor=Actor("Mei"), now=now)

    assert settle_early(now=now) == 1
    assert Order.objects.get().state == "cancelled"


def test_copies_of_a_push_in_one_batch_cost_one(now, django_assert_max_num_queries):
    channel = StoreChannelFactory()
    place_order(channel, now=now, order_id="E-1")
    copies = [messages(channel, "E-2")[0] for _ in range(200)]

    with django_assert_max_num_queries(16):
        outcomes = write_batch(copies, now=now)

    assert [outcomes.count(outcome) for outcome in ("stored", "duplicate")] == [1, 199]


@pytest.mark.parametrize(
    ("missing", "whole", "fulfilment"),
    [
        ({"incmp_modules": "[7]", "logistics_code": None}, {"logistics_code": "0000"}, "store_courier"),
        ({"detail": None, "logistics_code": None, "pick_type": None}, {"pick_type": "1"}, "pickup"),
    ],
)
def test_an_order_is_filled_whatever_of_it_was_missing(poi, missing, whole, fulfilment):  # noqa: F811
    send(meituan.push("paid", meituan.paid(incmp_code="-1", **missing)))
    assert (Order.objects.get().complete, Order.objects.get().fulfilment) == (False, "platform_courier")

    send(meituan.push("confirmed", meituan.paid(status="4", utime="1770343300", **whole)))

    order = Order.objects.get()
    assert (order.complete, order.fulfilment, order.state) == (True, fulfilment, "accepted")


def test_an_incomplete_order_of_eleme_is_filled_though_it_looks_the_same(shop):  # noqa: F811
    send(eleme.push(10, eleme.order(downgraded=True, address="", consignee=""), requestId="r-1"))
    send(eleme.push(10, eleme.order(), requestId="r-2"))

    order = Order.objects.get()
    assert (order.complete, order.address) == (True, "示范路 100 号 3 栋 1201")


def test_an_order_that_was_routed_by_hand_goes_on_following_its_platform():
    account = ChannelAccountFactory(
        channel="meituan", slug="jx-mt", app_id=meituan.APP_ID, secrets=meituan.SECRET
    )
    store = StoreFactory(franchise=account.franchise)
    send(meituan.push("paid", meituan.paid()))
    routing.route(
        message_id=IncomingMessage.objects.get().pk, store=store, actor=Actor("Mei"), now=timezone.now()
    )

    send(meituan.push("completed", meituan.paid(status="8", utime="1770343900")))

    assert Order.objects.get().state == "delivered"
    assert set(IncomingMessage.objects.values_list("outcome", flat=True)) == {"stored"}


def test_a_store_without_an_intake_row_takes_orders(poi):  # noqa: F811
    IntakeState.objects.all().delete()
    status = {"app_poi_code": poi.external_code, "poi_status": "121", "operate_time": "1770343300"}

    assert send(meituan.push("paid", meituan.paid()), meituan.push("store-status", status)) == [DATA_OK] * 2
    assert Order.objects.get().state == "placed"


def store_status(poi, status, *, at=None, sent=1770343201):  # noqa: F811
    fields = {"app_poi_code": poi.external_code, "poi_status": status}
    fields |= {"operate_time": str(at)} if at else {}
    system = {"app_id": meituan.APP_ID, "timestamp": str(sent)}
    return meituan.push("store-status", fields, system=system)


def test_of_two_words_about_a_store_the_later_counts(poi):  # noqa: F811
    send(store_status(poi, "121", at=1770343900), store_status(poi, "120", at=1770343300), together=False)
    poi.refresh_from_db()
    assert poi.reported_level == "open"


def test_a_store_may_open_and_close_again_without_saying_when(poi):  # noqa: F811
    words = [
        store_status(poi, status, sent=1770343201 + 60 * n) for n, status in enumerate(["120", "121", "120"])
    ]
    send(*words, together=False)
    poi.refresh_from_db()
    assert (poi.reported_level, IncomingMessage.objects.count()) == ("paused", 3)


def test_what_is_too_long_is_refused_in_the_platforms_words_and_counted(poi):  # noqa: F811
    too_long = meituan.push("paid", meituan.paid(caution="x" * 300_000))
    answers = send(meituan.push("paid", meituan.paid()), too_long, together=False)

    detail = "A message has at most 262144 bytes."
    assert answers == [DATA_OK, (413, {"data": "ng", "error": {"code": 705, "msg": detail}})]
    assert dict(Tally.objects.values_list("what", "count")) == {"stored": 1, "413": 1}


def test_an_address_without_its_kind_takes_nothing(poi):  # noqa: F811
    request = meituan.push("paid", meituan.paid())
    bare = type(request)(**{**_fields(request), "url": request.url.removesuffix("paid/"), "kind": ""})

    assert [status for status, _ in send(bare)] == [404]
    assert not IncomingMessage.objects.exists()


def _fields(request):
    return {name: getattr(request, name) for name in ("method", "url", "kind", "query", "headers", "body")}


def test_a_message_with_a_lost_seal_holds_up_no_other(now):
    channel = StoreChannelFactory()
    for number in ("E-1", "E-2"):
        creation, cancellation = messages(channel, number)
        write_batch([creation], now=now)
        write_batch([cancellation], now=now)
        IncomingMessage.objects.filter(kind="order.cancelled").update(outcome="early")
    Order.objects.update(state="placed", platform_state="placed", ended_at=None)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_incomingmessage SET body = 'x' WHERE delivery_id = 'cancelled-E-1'")

    assert settle_early(now=now + timedelta(seconds=5)) == 1
    assert dict(Order.objects.values_list("external_id", "state")) == {"E-1": "placed", "E-2": "cancelled"}
    assert IncomingMessage.objects.filter(delivery_id="cancelled-E-1", outcome="unknown").exists()
