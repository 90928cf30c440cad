"""Orders that waited for a store, and messages done again: once, whole, and never twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from orders.channels.standard.push import parse
from orders.intake import routing
from orders.intake.candidates import candidates
from orders.intake.writer import write_batch
from orders.models import IncomingMessage, Order, OrderEvent
from orders.tasks import route as route_task
from orders.tests.boards import plain, watched
from orders.tests.factories import delivery_of, place_order
from orders.tests.intake_client import IntakeClient
from orders.tests.messages import cancelled, created, encoded, urged
from orders.tests.people import at_once
from outbox.models import Job
from stores.actors import Actor
from stores.models import StoreChannel
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory, StoreFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

MEI = Actor("Mei")
LATER = timedelta(minutes=7)


@pytest.fixture
def store():
    return StoreFactory(code="SH-77")


@pytest.fixture
def account(store):
    return ChannelAccountFactory(franchise=store.franchise)


@pytest.fixture
def push(account):
    """Push (delivery id, envelope), all at once."""

    def push_all(*pushes):
        async def run():
            async with IntakeClient() as client:
                await asyncio.gather(
                    *(client.push(account.slug, envelope, delivery_id=name) for name, envelope in pushes)
                )

        asyncio.run(run())

    return push_all


@pytest.fixture
def waiting(push):
    """An order for a store nobody bound."""
    push(("msg-1", created(store_code="T-9")))
    return IncomingMessage.objects.get()


def outcomes():
    return dict(IncomingMessage.objects.values_list("delivery_id", "outcome"))


def test_a_routed_order_is_on_the_board_of_its_store(store, waiting, now):
    with watched(store, now=now) as events:
        order = routing.route(message_id=waiting.pk, store=store, actor=MEI, now=now)

    assert [event["kind"] for event in events] == ["order.placed"]
    assert (order.store, order.external_id, order.state, order.platform_store_code) == (
        store, "E-1001", "placed", "T-9",
    )  # fmt: skip
    assert (order.received_at, order.placed_at, order.recovered_at) == (now, now, None)
    assert outcomes() == {"msg-1": "stored"}


def test_an_order_is_routed_once(store, waiting, now):
    routing.route(message_id=waiting.pk, store=store, actor=MEI, now=now)
    elsewhere = StoreFactory(franchise=store.franchise)

    assert routing.route(message_id=waiting.pk, store=elsewhere, actor=MEI, now=now + LATER) is None
    assert [(order.store, order.received_at) for order in Order.objects.all()] == [(store, now)]


def test_of_two_admins_at_once_one_routes(store, waiting, now):
    stores = [store, StoreFactory(franchise=store.franchise)]
    presses = [partial(routing.route, message_id=waiting.pk, store=one, actor=MEI, now=now) for one in stores]

    routed = [order for order in at_once(*presses) if order is not None]

    assert [order.pk for order in routed] == [order.pk for order in Order.objects.all()]
    assert OrderEvent.objects.count() == 1


def test_what_came_early_is_carried_out_with_it(store, waiting, push, now):
    push(("msg-2", cancelled(store_code="T-9")))
    assert outcomes() == {"msg-1": "unrouted", "msg-2": "early"}

    order = routing.route(message_id=waiting.pk, store=store, actor=MEI, now=now)

    assert (order.state, order.ended_by) == ("cancelled", "customer")
    assert outcomes() == {"msg-1": "stored", "msg-2": "stored"}


def test_a_store_of_another_franchise_is_refused(waiting, now):
    with pytest.raises(routing.ForeignStore):
        routing.route(message_id=waiting.pk, store=StoreFactory(), actor=MEI, now=now)
    assert outcomes() == {"msg-1": "unrouted"}


def test_one_that_cannot_be_read_keeps_waiting(store, waiting, now):
    waiting.body = "{"
    waiting.save()
    with pytest.raises(routing.Unreadable):
        routing.route(message_id=waiting.pk, store=store, actor=MEI, now=now)
    assert outcomes() == {"msg-1": "unrouted"}


def test_a_paused_store_holds_what_is_routed_to_it(store, waiting, now):
    store.intake.level = "paused"
    store.intake.save()

    order = routing.route(message_id=waiting.pk, store=store, actor=MEI, now=now)

    assert (order.state, order.held_reason) == ("held", "paused")


def test_binding_a_code_routes_all_that_wait_with_it(store, account, push, now):
    push(*[(f"msg-{n}", created(store_code=f"T-{n % 2}", order_id=f"E-{n}")) for n in range(6)])

    assert routing.bind(account=account, store_code="T-1", store=store, actor=MEI, now=now) == 3

    assert set(Order.objects.values_list("external_id", "store", "state")) == {
        (f"E-{n}", store.pk, "accepted") for n in (1, 3, 5)
    }
    assert Job.objects.filter(kind="channel.order").count() == 3
    assert sorted(outcomes().values()) == ["stored"] * 3 + ["unrouted"] * 3


def test_binding_again_is_nothing_new_and_another_store_is_refused(store, account, now):
    routing.bind(account=account, store_code="T-1", store=store, actor=MEI, now=now)
    routing.bind(account=account, store_code="T-1", store=store, actor=MEI, now=now)
    elsewhere = StoreFactory(franchise=store.franchise)
    for code, other in (("T-1", elsewhere), ("T-2", store)):
        with pytest.raises(routing.CannotBind):
            routing.bind(account=account, store_code=code, store=other, actor=MEI, now=now)
    with pytest.raises(routing.ForeignStore):
        routing.bind(account=account, store_code="T-3", store=StoreFactory(), actor=MEI, now=now)

    assert [(one.external_code, one.store) for one in StoreChannel.objects.all()] == [("T-1", store)]


def test_the_platform_of_a_store_bound_while_it_is_paused_hears_of_the_pause(store, account, now):
    store.intake.level, store.intake.version = "paused", 4
    store.intake.save()

    routing.bind(account=account, store_code="T-1", store=store, actor=MEI, now=now)

    channel = StoreChannel.objects.get()
    assert [job.payload for job in Job.objects.all()] == [{"store_channel": channel.pk, "version": 4}]


def test_what_is_bound_by_now_routes_itself_and_the_rest_waits(store, account, push, now):
    push(*[(f"msg-{n}", created(store_code=f"T-{n}", order_id=f"E-{n}")) for n in range(3)])
    StoreChannelFactory(store=store, account=account, external_code="T-1")

    assert routing.route_bound(now=now) == 1
    assert routing.route_bound(now=now) == 0

    assert [(order.external_id, order.store, order.state) for order in Order.objects.all()] == [
        ("E-1", store, "placed")
    ]
    assert sorted(outcomes().items()) == [("msg-0", "unrouted"), ("msg-1", "stored"), ("msg-2", "unrouted")]


def test_the_clock_routes_what_is_bound_by_now(store, account, waiting):
    StoreChannelFactory(store=store, account=account, external_code="T-9")

    route_task()

    assert [(order.external_id, order.store) for order in Order.objects.all()] == [("E-1001", store)]


def test_one_that_cannot_be_read_stands_in_nobody_elses_way(store, account, waiting, push, now):
    waiting.body = "{"
    waiting.save()
    push(("msg-2", created(store_code="T-9", order_id="E-2")))
    StoreChannelFactory(store=store, account=account, external_code="T-9")

    assert routing.route_bound(now=now) == 1
    assert outcomes() == {"msg-1": "unknown", "msg-2": "stored"}


def test_one_run_routes_only_so_many(store, account, push, now, monkeypatch):
    monkeypatch.setattr(routing, "AT_ONCE", 2)
    push(*[(f"msg-{n}", created(store_code="T-9", order_id=f"E-{n}")) for n in range(3)])

    assert routing.bind(account=account, store_code="T-9", store=store, actor=MEI, now=now) == 2
    assert routing.route_bound(now=now) == 1


# Doing a message again


@pytest.fixture
def channel(store, account):
    return StoreChannelFactory(store=store, account=account, external_code="T-9")


def everything():
    """All that a message can change."""
    return plain(
        [
            list(
                Order.objects.order_by("pk").values_list("state", "urges", "conflict", "end_reason", "cups")
            ),
            list(OrderEvent.objects.order_by("pk").values_list("kind", flat=True)),
            list(Job.objects.order_by("pk").values_list("kind", "key")),
            outcomes(),
        ]
    )


@pytest.mark.parametrize("envelope", [created, cancelled, urged], ids=lambda make: make.__name__)
def test_what_was_done_is_found_done(channel, push, envelope, now):
    push(("msg-1", created(store_code="T-9")))
    push(("msg-2", envelope(store_code="T-9")))
    before = everything()

    for message in IncomingMessage.objects.all():
        done = routing.replay(message_id=message.pk, actor=MEI, now=now)
        assert (done.outcome, done.placed, done.changes, done.events) == ("stored", False, {}, ())

    assert everything() == before


def test_a_message_of_a_kind_that_is_understood_by_now_is_carried_out(channel, now):
    order = place_order(channel, now=now)
    body = encoded(cancelled(store_code="T-9")).decode()
    message = IncomingMessage.objects.create(
        account=channel.account, delivery_id="msg-9", kind="order.cancelled", body=body, body_hash="9",
        received_at=now, outcome="unknown",
    )  # fmt: skip

    done = routing.replay(message_id=message.pk, actor=MEI, now=now + LATER)

    assert (done.outcome, done.order, done.placed, done.events) == (
        "stored",
        order,
        False,
        ("order.cancelled",),
    )
    assert done.changes["state"] == ("placed", "cancelled")
    message.refresh_from_db()
    assert (message.external_id, message.store_code) == ("E-1001", "T-9")


def test_an_urge_understood_late_is_counted_once(channel, now):
    place_order(channel, now=now)
    body = encoded(urged(store_code="T-9")).decode()
    message = IncomingMessage.objects.create(
        account=channel.account, delivery_id="msg-9", kind="order.urged", body=body, body_hash="9",
        received_at=now, outcome="unknown",
    )  # fmt: skip

    events = [routing.replay(message_id=message.pk, actor=MEI, now=now + LATER * n).events for n in (1, 2)]

    assert (events, Order.objects.get().urges) == ([("order.urged",), ()], 1)


def test_a_kind_that_is_still_unknown_stays_so(channel, push, now):
    push(("msg-1", {"type": "menu.changed", "timestamp": "2026-02-06T10:00:00+08:00", "data": {}}))
    IncomingMessage.objects.update(outcome="unknown")

    done = routing.replay(message_id=IncomingMessage.objects.get().pk, actor=MEI, now=now)

    assert (done.outcome, done.order, done.events) == ("unknown", None, ())


def test_an_early_message_waits_on_unless_its_order_is_there(channel, push, now):
    push(("msg-1", cancelled(store_code="T-9")))
    message = IncomingMessage.objects.get()
    assert routing.replay(message_id=message.pk, actor=MEI, now=now).outcome == "early"

    # The two crossed: each was written without seeing the other.
    write_batch([delivery_of(channel, created(store_code="T-9"), delivery_id="msg-2")], now=now)
    IncomingMessage.objects.filter(pk=message.pk).update(outcome="early")
    Order.objects.update(state="placed", ended_at=None)
    done = routing.replay(message_id=message.pk, actor=MEI, now=now + LATER)

    assert (done.outcome, done.events) == ("stored", ("order.cancelled",))


def test_an_unrouted_order_is_routed_by_its_binding_and_waits_without_one(store, account, waiting, now):
    assert routing.replay(message_id=waiting.pk, actor=MEI, now=now).outcome == "unrouted"

    StoreChannelFactory(store=store, account=account, external_code="T-9")
    done = routing.replay(message_id=waiting.pk, actor=MEI, now=now)

    assert (done.outcome, done.placed, done.events) == ("stored", True, ("order.placed",))
    assert (done.order.store, done.order.recovered_at) == (store, None)


def test_an_order_that_is_elsewhere_by_now_stays_there(channel, push, now):
    push(("msg-1", created(store_code="T-9")))
    elsewhere = StoreFactory(franchise=channel.store.franchise)
    Order.objects.update(store=elsewhere)

    done = routing.replay(message_id=IncomingMessage.objects.get().pk, actor=MEI, now=now)

    assert (done.placed, [order.store for order in Order.objects.all()]) == (False, [elsewhere])


# Which store it is probably for


def ranked(stores, *, store_name="", **customer):
    raw = encoded(created(store_code="T-9", customer=customer)).decode()
    placed = replace(parse(kind="", raw=raw).content, store_name=store_name)
    return [
        (one.store.code, one.kilometres and round(one.kilometres, 1), one.likeness and round(one.likeness, 2))
        for one in candidates(stores, placed)
    ]


def test_the_nearest_store_comes_first():
    stores = [
        StoreFactory.build(code="far", latitude=31.0, longitude=121.0),
        StoreFactory.build(code="near", latitude=31.24, longitude=121.48),
    ]
    assert ranked(stores, latitude=31.23, longitude=121.48) == [("near", 1.1, None), ("far", 52.4, None)]


def test_without_a_position_the_store_of_the_likest_name_comes_first():
    stores = [
        StoreFactory.build(code="a", name="人民广场店"),
        StoreFactory.build(code="b", name="南京东路店"),
    ]
    assert ranked(stores, store_name="清和茶(南京东路店)") == [("b", None, 0.67), ("a", None, 0.13)]


def test_without_either_stores_come_by_code():
    stores = [StoreFactory.build(code="b"), StoreFactory.build(code="a")]
    assert ranked(stores, name="王女士") == [("a", None, None), ("b", None, None)]
