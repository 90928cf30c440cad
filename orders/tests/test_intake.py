"""Intake from the push to the rows: stored once, whatever comes twice or in another order."""

import pytest
from django.utils import timezone

from orders.intake.changes import settle_early
from orders.models import Conflict, IncomingMessage, Order, OrderEvent
from orders.tests.boards import watched
from orders.tests.messages import cancelled, created, encoded, urged
from outbox.models import Job
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def test_an_order_is_stored_with_its_message_lines_and_event(channel, push):
    answers = push(("msg-1", created(store_code=channel.external_code)))

    assert answers == [(200, {"outcome": "stored"})]
    order = Order.objects.get()
    assert (order.store, order.external_id, order.state, order.funding) == (
        channel.store,
        "E-1001",
        "placed",
        "free",
    )
    assert (order.customer_phone, order.phone_mask, order.cups) == ("13812345678", "····5678", 2)
    assert [line.options for line in order.lines.all()] == [
        [{"name": "糖", "value": "三分糖"}, {"name": "冰", "value": "少冰"}]
    ]
    assert [(e.seq, e.kind, e.order_id) for e in OrderEvent.objects.all()] == [(1, "order.placed", order.pk)]
    assert IncomingMessage.objects.get().body == encoded(created(store_code=channel.external_code)).decode()
    assert not Job.objects.exists()


def test_the_same_push_twice_is_one_order(channel, push):
    envelope = created(store_code=channel.external_code)

    assert push(("msg-1", envelope)) == [(200, {"outcome": "stored"})]
    assert push(("msg-1", envelope)) == [(200, {"outcome": "duplicate"})]
    assert (Order.objects.count(), OrderEvent.objects.count(), IncomingMessage.objects.count()) == (1, 1, 1)


def test_fifty_concurrent_duplicates_are_one_order_and_fifty_acknowledgements(channel, push):
    envelope = created(store_code=channel.external_code)

    answers = push(*[("msg-1", envelope)] * 50)

    assert [status for status, _ in answers] == [200] * 50
    assert (Order.objects.count(), OrderEvent.objects.count(), Conflict.objects.count()) == (1, 1, 0)


def test_the_same_order_under_another_delivery_id_is_a_duplicate(channel, push):
    envelope = created(store_code=channel.external_code)

    assert push(("msg-1", envelope), ("msg-2", {**envelope, "timestamp": "2026-02-06T10:05:00+08:00"})) == [
        (200, {"outcome": "stored"}),
        (200, {"outcome": "duplicate"}),
    ]
    assert (Order.objects.count(), IncomingMessage.objects.count()) == (1, 2)


@pytest.mark.parametrize("delivery_id", ["msg-1", "msg-2"], ids=["same delivery", "other delivery"])
def test_the_same_id_with_another_body_is_a_conflict_every_time(channel, push, delivery_id):
    push(("msg-1", created(store_code=channel.external_code)))
    before = list(Order.objects.values())
    other = created(store_code=channel.external_code, daily_number="99")

    assert push((delivery_id, other)) == [(409, {"outcome": "conflict"})]
    assert push((delivery_id, other)) == [(409, {"outcome": "conflict"})]
    assert list(Order.objects.values()) == before
    assert [(c.delivery_id, c.body) for c in Conflict.objects.all()] == [
        (delivery_id, encoded(other).decode())
    ]
    assert (OrderEvent.objects.count(), IncomingMessage.objects.count()) == (1, 1)


def test_a_conflict_within_one_batch_keeps_the_first(channel, push):
    first = created(store_code=channel.external_code)
    other = created(store_code=channel.external_code, daily_number="99")

    assert push(("msg-1", first), ("msg-1", other)) == [
        (200, {"outcome": "stored"}),
        (409, {"outcome": "conflict"}),
    ]
    assert Order.objects.get().daily_number == "17"


@pytest.mark.parametrize("order", [("create", "cancel"), ("cancel", "create")], ids=" then ".join)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_create_and_cancel_in_any_order_end_cancelled(channel, push, order, together):
    messages = {
        "create": ("msg-1", created(store_code=channel.external_code)),
        "cancel": ("msg-2", cancelled(store_code=channel.external_code)),
    }
    pushes = [messages[name] for name in order]

    answers = push(*pushes) if together else [*push(pushes[0]), *push(pushes[1])]

    assert answers == [(200, {"outcome": "stored"})] * 2
    stored = Order.objects.get()
    assert (stored.state, stored.end_reason, stored.ended_by, stored.on_board) == (
        "cancelled", "改主意了", "customer", True,
    )  # fmt: skip


def test_a_cancellation_that_crossed_with_its_order_is_settled(channel, push, now):
    """As two intake processes would leave it: the order is stored, and so is the early cancellation."""
    push(("msg-1", created(store_code=channel.external_code)))
    for name, order_id in (("msg-2", "E-1001"), ("msg-3", "E-other")):
        body = encoded(cancelled(store_code=channel.external_code, order_id=order_id)).decode()
        IncomingMessage.objects.create(
            account=channel.account, delivery_id=name, kind="order.cancelled", external_id=order_id,
            body=body, body_hash=name, received_at=now, outcome="early",
        )  # fmt: skip

    with watched(channel.store, now=timezone.now()) as events:
        assert settle_early(now=now) == 1
        assert settle_early(now=now) == 0

    assert [(event["kind"], event["actor"]) for event in events] == [("order.cancelled", "customer")]
    waiting = IncomingMessage.objects.filter(outcome="early")
    assert list(waiting.values_list("external_id", flat=True)) == ["E-other"]


def test_an_urge_is_counted_and_shown(channel, push):
    push(("msg-1", created(store_code=channel.external_code)))
    push(("msg-2", urged(store_code=channel.external_code)))
    push(("msg-2", urged(store_code=channel.external_code)))

    assert Order.objects.get().urges == 1
    assert [event.kind for event in OrderEvent.objects.order_by("seq")] == ["order.placed", "order.urged"]


def test_automatic_acceptance_is_told_to_the_platform(channel, push):
    channel.auto_accept = True
    channel.save()

    push(("msg-1", created(store_code=channel.external_code)))

    order = Order.objects.get()
    assert (order.state, order.accepted_at == order.received_at) == ("accepted", True)
    assert [(job.kind, job.key, job.payload) for job in Job.objects.all()] == [
        (
            "channel.order",
            f"order.accept.{order.pk}",
            {"order": order.pk, "call": "order.accepted", "data": {"reason": ""}},
        )
    ]


def test_orders_that_leak_into_a_paused_store_are_held_and_counted(channel, push):
    channel.store.intake.level = "paused"
    channel.store.intake.save()

    answers = push(
        *[(f"msg-{n}", created(store_code=channel.external_code, order_id=f"E-{n}")) for n in range(3)]
    )

    assert answers == [(200, {"outcome": "stored"})] * 3
    assert {(order.state, order.held_reason) for order in Order.objects.all()} == {("held", "paused")}
    channel.refresh_from_db()
    assert channel.leaked == 3
    assert OrderEvent.objects.filter(kind="intake.changed").exists()
    assert not Job.objects.exists()


def test_numbers_of_a_store_have_no_gap_and_stores_do_not_share_them(push, channel):
    other = StoreChannelFactory(account=channel.account, store__franchise=channel.store.franchise)
    codes = [channel.external_code, other.external_code]

    push(*[(f"msg-{n}", created(store_code=codes[n % 2], order_id=f"E-{n}")) for n in range(20)])

    for store in (channel.store, other.store):
        seqs = OrderEvent.objects.filter(store=store).order_by("seq").values_list("seq", flat=True)
        assert list(seqs) == list(range(1, 11))


def test_a_message_of_an_unknown_kind_is_only_stored(channel, push):
    unknown = {"type": "menu.changed", "timestamp": "2026-02-06T10:00:00+08:00", "data": {}}

    assert push(("msg-1", unknown)) == [(200, {"outcome": "stored"})]
    assert (IncomingMessage.objects.get().kind, Order.objects.count()) == ("menu.changed", 0)


def test_an_order_for_a_store_nobody_bound_is_taken_and_waits(account, push):
    assert push(("msg-1", created(store_code="nowhere"))) == [(200, {"outcome": "stored"})]
    assert push(("msg-1", created(store_code="nowhere"))) == [(200, {"outcome": "duplicate"})]

    message = IncomingMessage.objects.get()
    assert (message.outcome, message.store_code, message.external_id) == ("unrouted", "nowhere", "E-1001")
    assert not Order.objects.exists()
