"""The verbs of an order: one gate, one event, one winner; and boards that can prove what they show."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from orders import services
from orders.errors import CannotUndo, Stale
from orders.models import Order, OrderEvent
from orders.states import TRANSITIONS, OrderState
from orders.tests.boards import watched
from orders.tests.factories import place_order
from outbox.models import Job
from stores.actors import Actor
from stores.models import IntakeState
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIN, WEI = Actor("Lin"), Actor("Wei")


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def order(channel, now):
    return place_order(channel, now=now)


def walk(order, *verbs, now):
    """Take several steps; returns the last outcome."""
    outcome = None
    for verb in verbs:
        outcome = services.step(order_id=order.pk, verb=verb, actor=LIN, now=now)
    return outcome


def test_placing_an_order_shows_on_the_board(channel, now):
    with watched(channel.store, now=now) as events:
        place_order(channel, now=now)

    assert [(event["seq"], event["kind"], event["card"]["state"]) for event in events] == [
        (1, "order.placed", "placed")
    ]


def test_an_order_walks_from_placed_to_delivered(channel, order, now):
    verbs = ["accept", "start", "ready", "collect", "deliver"]

    with watched(channel.store, now=now) as events:
        walk(order, *verbs, now=now)

    assert [
        (event["kind"], event["actor"], event["card"]["state"], event["card"]["on_board"]) for event in events
    ] == [
        ("order.accepted", "Lin", "accepted", True),
        ("order.started", "Lin", "making", True),
        ("order.ready", "Lin", "ready", True),
        ("order.collected", "Lin", "collected", True),
        ("order.delivered", "Lin", "delivered", False),
    ]
    order.refresh_from_db()
    stamps = (order.accepted_at, order.started_at, order.ready_at, order.collected_at, order.delivered_at)
    assert stamps == (now,) * 5


def test_platforms_hear_of_acceptance_once_it_cannot_be_undone(order, now, settings):
    walk(order, "accept", now=now)

    job = Job.objects.get()
    assert (job.kind, job.key) == ("channel.order", f"order.accept.{order.pk}")
    assert job.due_at == now + timedelta(seconds=settings.UNDO_SECONDS)


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("verb", TRANSITIONS)
def test_only_the_table_decides_which_step_is_possible(channel, order, now, state, verb):
    Order.objects.filter(pk=order.pk).update(state=state)

    if state in TRANSITIONS[verb].sources:
        assert (
            services.step(order_id=order.pk, verb=verb, actor=LIN, now=now).card["state"]
            == TRANSITIONS[verb].target
        )
    else:
        with pytest.raises(Stale):
            services.step(order_id=order.pk, verb=verb, actor=LIN, now=now)
        assert Order.objects.get(pk=order.pk).state == state
        assert not OrderEvent.objects.exclude(kind="order.placed").exists()
        assert not Job.objects.exists()


def test_the_loser_is_told_who_was_first_and_when(order, now):
    walk(order, "accept", "start", now=now)

    with pytest.raises(Stale) as refusal:
        services.step(order_id=order.pk, verb="start", actor=WEI, now=now + timedelta(seconds=1))

    assert (refusal.value.by, refusal.value.at, refusal.value.card["state"]) == ("Lin", now, "making")


def test_a_command_sent_twice_happens_once_and_answers_the_same(channel, order, now):
    with watched(channel.store, now=now) as events:
        first = services.step(order_id=order.pk, verb="accept", actor=LIN, now=now, command="c-1")
        again = services.step(order_id=order.pk, verb="accept", actor=LIN, now=now, command="c-1")

    assert first == again
    assert len(events) == 1


def test_a_key_used_for_another_order_is_another_command(channel, order, now):
    other = place_order(channel, now=now, order_id="E-1002")

    for one in (order, other):
        services.step(order_id=one.pk, verb="accept", actor=LIN, now=now, command="c-1")

    assert set(Order.objects.values_list("state", flat=True)) == {"accepted"}


@pytest.mark.django_db(transaction=True)
def test_a_command_sent_twice_at_the_same_time_answers_both_alike(channel, now):
    order = place_order(channel, now=now)
    barrier = threading.Barrier(4)
    outcomes = []

    def send():
        barrier.wait()
        outcomes.append(services.step(order_id=order.pk, verb="accept", actor=LIN, now=now, command="c-1"))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes == [outcomes[0]] * 4
    assert OrderEvent.objects.filter(kind="order.accepted").count() == 1


@pytest.mark.parametrize(
    ("verbs", "back_to"),
    [
        (["accept"], "placed"),
        (["accept", "start"], "accepted"),
        (["accept", "start", "ready"], "making"),
        (["accept", "start", "ready", "collect"], "ready"),
    ],
)
def test_a_step_can_be_taken_back(channel, order, now, verbs, back_to):
    walk(order, *verbs, now=now)

    with watched(channel.store, now=now) as events:
        outcome = services.undo(order_id=order.pk, actor=LIN, now=now + timedelta(seconds=9))

    assert (outcome.card["state"], outcome.card["undo"], events[-1]["kind"]) == (
        back_to,
        None,
        "order.undone",
    )
    assert getattr(Order.objects.get(pk=order.pk), TRANSITIONS[verbs[-1]].stamp) is None


def test_after_an_undone_acceptance_the_platform_hears_nothing(order, now):
    walk(order, "accept", now=now)
    services.undo(order_id=order.pk, actor=LIN, now=now)

    assert not Job.objects.exists()


def test_an_old_step_cannot_be_taken_back(order, now):
    walk(order, "accept", "start", now=now)

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now + timedelta(seconds=11))


def test_a_step_the_platform_has_heard_of_cannot_be_taken_back(order, now):
    walk(order, "accept", now=now)
    Job.objects.update(attempts=1)

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now)
    assert Order.objects.get(pk=order.pk).state == "accepted"


def test_a_step_is_taken_back_only_once(order, now):
    walk(order, "accept", "start", now=now)
    services.undo(order_id=order.pk, actor=LIN, now=now)

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now)


def test_a_rejected_order_leaves_the_board_with_its_reason(channel, order, now):
    with watched(channel.store, now=now):
        services.step(order_id=order.pk, verb="reject", actor=LIN, now=now, reason="卖完了")

    order.refresh_from_db()
    assert (order.state, order.end_reason, order.ended_by, order.on_board) == (
        "rejected",
        "卖完了",
        "Lin",
        False,
    )
    assert Job.objects.get().payload == {
        "order": order.pk,
        "call": "order.rejected",
        "data": {"reason": "卖完了"},
    }


def test_a_cancelled_card_stays_until_it_is_dismissed(channel, order, now):
    with watched(channel.store, now=now) as events:
        services.step(order_id=order.pk, verb="cancel", actor=Actor("customer"), now=now)
        services.dismiss(order_id=order.pk, actor=LIN, now=now)

    assert [event["card"]["on_board"] for event in events] == [True, False]
    with pytest.raises(Stale):
        services.dismiss(order_id=order.pk, actor=WEI, now=now)


def test_what_left_the_board_can_be_recalled(channel, order, now):
    walk(order, "accept", "start", "ready", "collect", "deliver", now=now)

    with watched(channel.store, now=now) as events:
        services.step(order_id=order.pk, verb="recall", actor=LIN, now=now)

    assert (events[-1]["kind"], events[-1]["card"]["state"]) == ("order.recalled", "ready")


def test_a_guest_who_picks_up_leaves_the_board(channel, now):
    order = place_order(channel, now=now, fulfilment="pickup")

    with watched(channel.store, now=now) as events:
        walk(order, "accept", "start", "ready", "collect", now=now)

    assert (events[-1]["card"]["state"], events[-1]["card"]["on_board"]) == ("collected", False)


def test_the_riders_way_is_one_event_with_its_step(channel, order, now):
    walk(order, "accept", "start", "ready", now=now)
    summary = {"handoff": 1, "carrier": "own", "state": "confirmed", "progress": "picked_up"}

    with watched(channel.store, now=now) as events:
        services.follow_delivery(order_id=order.pk, summary=summary, actor=LIN, now=now, verb="collect")

    assert [(e["kind"], e["card"]["state"], e["card"]["delivery"]) for e in events] == [
        ("order.collected", "collected", summary)
    ]


def test_a_riders_step_that_is_not_possible_is_only_shown(channel, order, now):
    with watched(channel.store, now=now) as events:
        services.follow_delivery(
            order_id=order.pk, summary={"handoff": 1}, actor=LIN, now=now, verb="collect"
        )

    assert [(event["kind"], event["card"]["state"]) for event in events] == [("order.delivery", "placed")]


def test_what_a_rider_did_cannot_be_undone_at_the_counter(order, now):
    walk(order, "accept", "start", "ready", now=now)
    services.follow_delivery(order_id=order.pk, summary={"handoff": 1}, actor=LIN, now=now, verb="collect")

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now)


@pytest.mark.parametrize(("level", "state"), [("open", "placed"), ("paused", "held")])
def test_an_undone_acceptance_of_a_held_order_is_held_again_only_while_paused(
    channel, order, now, level, state
):
    Order.objects.filter(pk=order.pk).update(state="held")
    walk(order, "accept", now=now)
    IntakeState.objects.update(level=level)

    assert services.undo(order_id=order.pk, actor=LIN, now=now).card["state"] == state


def test_looking_at_a_phone_number_is_written_down(channel, order, now):
    with watched(channel.store, now=now) as events:
        phone = services.reveal_phone(order_id=order.pk, actor=LIN, now=now)

    assert (phone, [(event["kind"], event["actor"]) for event in events]) == (
        "13812345678", [("order.phone_revealed", "Lin")],
    )  # fmt: skip
    assert "13812345678" not in str(events)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_press_the_same_button_one_wins(channel, now):
    order = place_order(channel, now=now)
    barrier = threading.Barrier(6)
    outcomes = []

    def press(name):
        barrier.wait()
        try:
            outcomes.append(
                services.step(order_id=order.pk, verb="accept", actor=Actor(name), now=now).card["state"]
            )
        except Stale as refusal:
            outcomes.append(refusal.by)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(f"p{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winner = OrderEvent.objects.get(kind="order.accepted").actor_label
    assert sorted(outcomes) == sorted(["accepted", *[winner] * 5])
