"""Pushes of Ele.me and Meituan through the whole of intake: rows, answers, any order of the same pushes."""

import asyncio
import random
from itertools import pairwise

import httpx
import pytest
from django.utils import timezone

from orders.intake.app import IntakeApp
from orders.intake.changes import settle_early
from orders.models import Conflict, IncomingMessage, Order, OrderEvent, RefusedMessage, Tally
from orders.tests import eleme_messages as eleme
from orders.tests import meituan_messages as meituan
from orders.tests.boards import watched
from outbox.models import Job
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://portal.example"


@pytest.fixture
def shop():
    """A store as Ele.me knows it."""
    account = ChannelAccountFactory(channel="eleme", slug="jx-ele", app_id=eleme.APP_ID, secrets=eleme.SECRET)
    return StoreChannelFactory(account=account, external_code=str(eleme.SHOP))


@pytest.fixture
def poi():
    """A store as Meituan knows it."""
    account = ChannelAccountFactory(
        channel="meituan", slug="jx-mt", app_id=meituan.APP_ID, secrets=meituan.SECRET
    )
    return StoreChannelFactory(account=account, external_code=meituan.paid()["app_poi_code"])


def send(*requests, together=True):
    """Push requests, all at once or one after the other; returns (status, body) of each."""

    async def run():
        app = IntakeApp()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            asking = [
                client.request(request.method, f"{request.url}?{request.query}", content=request.body)
                for request in requests
            ]
            answers = await asyncio.gather(*asking) if together else [await one for one in asking]
        await app.close()
        return [(answer.status_code, answer.json()) for answer in answers]

    return asyncio.run(run())


OK = (200, {"message": "ok"})
DATA_OK = (200, {"data": "ok"})


def numbered(kind, message):
    """An Ele.me push with a requestId of its own."""
    return eleme.push(kind, message, requestId=f"r-{kind}-{message.get('updateTime', '')}")


def delivery(state, at):
    return {"orderId": eleme.ORDER_ID, "shopId": eleme.SHOP, "state": state, "updateAt": at * 1000,
        "name": "小张", "phone": "13900001111"}  # fmt: skip


def life():
    """Everything Ele.me says of an order between the payment and the guest's door."""
    begun = 1770343260
    asked = {"orderId": eleme.ORDER_ID, "shopId": eleme.SHOP, "reason": "等太久了", "refundType": "normal"}
    return [
        numbered(10, eleme.order()),
        numbered(12, eleme.status_change("valid", updateTime=begun)),
        numbered(51, delivery("tobeAssignedCourier", begun + 5)),
        numbered(20, {**asked, "updateTime": begun + 20}),
        numbered(21, {**asked, "updateTime": begun + 40}),
        numbered(53, delivery("tobeFetched", begun + 50)),
        numbered(55, delivery("delivering", begun + 90)),
        numbered(56, delivery("completed", begun + 300)),
        numbered(18, eleme.status_change("settled", role=9, updateTime=begun + 900)),
    ]


SETTLED = (
    "state", "platform_state", "conflict", "request", "delivery", "urges", "fulfilment", "on_board",
    "daily_number", "cups", "customer_paid",
)  # fmt: skip


def order_after(messages, *, together):
    """The settled columns of the order, once everything was pushed; the rows are gone afterwards."""
    answers = send(*messages, together=together)
    assert answers == [OK] * len(messages)
    settle_early(now=timezone.now())
    found = Order.objects.values(*SETTLED).get()
    for model in (OrderEvent, Job):
        model.objects.all().delete()
    Order.objects.all().delete()
    IncomingMessage.objects.all().delete()
    return found


def test_any_order_of_the_same_pushes_gives_the_same_final_state(shop):
    expected = order_after(life(), together=False)
    assert (expected["state"], expected["platform_state"]) == ("delivered", "completed")
    assert expected["delivery"]["progress"] == "delivered"
    dice = random.Random(206)
    for number in range(12):
        messages = life()
        dice.shuffle(messages)
        assert order_after(messages, together=number % 2 == 0) == expected


def test_fifty_concurrent_duplicates_are_one_order_and_fifty_exact_answers(shop):
    assert send(*[eleme.push(10, eleme.order())] * 50) == [OK] * 50
    assert (Order.objects.count(), IncomingMessage.objects.count()) == (1, 1)
    assert dict(Tally.objects.values_list("what", "count")) == {"stored": 1, "duplicate": 49}


def test_fifty_concurrent_duplicates_of_a_form_are_one_order(poi):
    request = meituan.push("paid", meituan.paid(), layers=2)
    assert send(*[request] * 50) == [DATA_OK] * 50
    assert (Order.objects.count(), IncomingMessage.objects.count()) == (1, 1)


def test_the_board_follows_every_push(shop):
    messages = life()
    send(messages[0])
    for before, message in pairwise(messages):
        assert before is not message
        moment = timezone.now()
        with watched(shop.store, now=moment):
            send(message)


def test_an_order_confirmed_before_it_was_placed_is_placed_and_accepted(poi):
    confirmed = meituan.push("confirmed", meituan.paid(status="4", utime="1770343300"))
    assert send(confirmed, meituan.push("paid", meituan.paid()), together=False) == [DATA_OK] * 2
    order = Order.objects.get()
    assert (order.state, order.platform_state) == ("accepted", "accepted")
    assert not Job.objects.exists(), "nobody tells the platform what it said itself"
    assert not Conflict.objects.exists()


def test_the_addresses_can_be_tried(shop, poi):
    ping = httpx.Request("GET", "https://portal.example/intake/eleme/jx-ele/")

    async def run():
        app = IntakeApp()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            answers = [
                await client.send(ping),
                await client.post("https://portal.example/intake/eleme/jx-ele/", content=b""),
                await client.get("https://portal.example/intake/meituan/jx-mt/paid/"),
            ]
        await app.close()
        return [(answer.status_code, answer.json()) for answer in answers]

    assert asyncio.run(run()) == [OK, OK, DATA_OK]


def test_refusals_are_counted_and_kept_in_the_platforms_words(shop):
    forged = eleme.pushed(eleme.encoded({**eleme.envelope(10, eleme.order()), "signature": "0" * 32}))

    assert send(forged, forged, together=False) == [(401, {"message": "The signature does not match."})] * 2
    assert dict(Tally.objects.values_list("what", "count")) == {"401": 2}
    kept = RefusedMessage.objects.first()
    assert (kept.status, kept.reason) == (401, "The signature does not match.")
    assert kept.body == forged.body.decode()
    assert not IncomingMessage.objects.exists()


def test_an_unknown_type_is_stored_and_asks_the_platform(shop):
    strange = eleme.push(217, {"orderId": eleme.ORDER_ID, "core": {"x": 1}})

    assert send(strange) == [OK]
    message = IncomingMessage.objects.get()
    assert (message.kind, message.outcome) == ("217", "unknown")
    assert [job.kind for job in Job.objects.all()] == ["channel.reconcile"]


def test_an_incomplete_order_is_shown_and_filled_by_a_whole_one(shop):
    send(eleme.push(10, eleme.order(downgraded=True, totalPrice=0), requestId="r-1"))
    order = Order.objects.get()
    assert (order.complete, order.customer_paid) == (False, 0)

    with watched(shop.store, now=timezone.now()) as events:
        assert send(eleme.push(10, eleme.order(), requestId="r-2")) == [OK]

    order.refresh_from_db()
    assert (order.complete, order.customer_paid) == (True, 1)
    assert [event["kind"] for event in events] == ["order.filled"]
    assert not Conflict.objects.exists()


def test_a_store_the_platform_opened_by_itself_is_no_longer_confirmed_as_paused(poi):
    poi.store.intake.level, poi.store.intake.version = "paused", 3
    poi.store.intake.save()
    poi.told_version = poi.confirmed_version = 3
    poi.save()
    opened = {"app_poi_code": poi.external_code, "poi_status": "121", "operate_time": "1770343300"}

    with watched(poi.store, now=timezone.now()) as events:
        assert send(meituan.push("store-status", opened)) == [DATA_OK]

    poi.refresh_from_db()
    assert (poi.reported_level, poi.confirmed_version) == ("open", 0)
    assert [event["kind"] for event in events] == ["intake.changed"]


def test_a_cancellation_of_an_order_nobody_could_route_waits_with_it(shop):
    elsewhere = {"shopId": 999, "orderId": eleme.ORDER_ID, "id": eleme.ORDER_ID}
    send(eleme.push(10, eleme.order(**elsewhere), requestId="r-1"))
    send(eleme.push(14, eleme.status_change("invalid", role=1, shopId=999), requestId="r-2"))

    assert list(IncomingMessage.objects.order_by("kind").values_list("kind", "outcome")) == [
        ("10", "unrouted"),
        ("14", "early"),
    ]
