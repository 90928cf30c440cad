"""The intake switch: history, platforms told, held orders released, timers that run out once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from orders.intake_switch import confirm_told, fail_told, release_forgotten, resume_due, set_intake
from orders.models import Order, OrderEvent
from orders.tests.boards import watched
from orders.tests.factories import place_order
from outbox.models import Job
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import IntakeChange, IntakeState
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIN = Actor("Lin")


@pytest.fixture
def channel():
    return StoreChannelFactory()


def pause(channel, *, now, **changes):
    wanted = {"level": IntakeLevel.PAUSED, "reason": "爆单了", "actor": LIN, "resumes_at": None, **changes}
    return set_intake(store_id=channel.store_id, now=now, **wanted)


def test_pausing_writes_history_tells_platforms_and_shows_on_the_board(channel, now):
    resumes_at = now + timedelta(minutes=20)

    with watched(channel.store, now=now) as events:
        assert pause(channel, now=now, resumes_at=resumes_at)

    assert [
        (e["kind"], e["intake"]["level"], e["intake"]["reason"], e["intake"]["actor"]) for e in events
    ] == [("intake.changed", "paused", "爆单了", "Lin")]
    assert [(c["state"], c["leaked"]) for c in events[0]["intake"]["channels"]] == [("waiting", 0)]
    history = IntakeChange.objects.values_list(
        "version", "level", "reason", "actor_label", "at", "resumes_at"
    )
    assert list(history) == [(1, "paused", "爆单了", "Lin", now, resumes_at)]
    assert Job.objects.get().payload == {"store_channel": channel.pk, "version": 1}


def test_pausing_what_is_paused_so_already_changes_nothing(channel, now):
    pause(channel, now=now)
    before = (list(IntakeState.objects.values()), OrderEvent.objects.count(), Job.objects.count())

    assert not pause(channel, now=now + timedelta(minutes=1))

    assert (list(IntakeState.objects.values()), OrderEvent.objects.count(), Job.objects.count()) == before
    assert IntakeChange.objects.count() == 1


def test_opening_releases_what_was_held(channel, now):
    pause(channel, now=now)
    order = place_order(channel, now=now)
    assert order.state == "held"

    with watched(channel.store, now=now) as events:
        set_intake(store_id=channel.store_id, level=IntakeLevel.OPEN, reason="", actor=LIN, now=now)

    assert [event["kind"] for event in events] == ["intake.changed", "order.released"]
    assert Order.objects.get().state == "placed"


def test_opening_accepts_what_was_held_where_the_store_accepts_by_itself(channel, now):
    channel.auto_accept = True
    channel.save()
    pause(channel, now=now)
    place_order(channel, now=now)

    set_intake(store_id=channel.store_id, level=IntakeLevel.OPEN, reason="", actor=LIN, now=now)

    assert Order.objects.get().state == "accepted"


def test_a_pause_that_runs_out_opens_once(channel, now):
    pause(channel, now=now, resumes_at=now + timedelta(minutes=5))

    assert resume_due(now=now + timedelta(minutes=4)) == 0
    with watched(channel.store, now=now):
        assert resume_due(now=now + timedelta(minutes=5)) == 1
        assert resume_due(now=now + timedelta(minutes=5)) == 0
    assert list(IntakeChange.objects.values_list("level", "actor_label")) == [
        ("open", "timer"),
        ("paused", "Lin"),
    ]


def test_orders_left_held_in_an_open_store_are_released(channel, now):
    pause(channel, now=now)
    place_order(channel, now=now)
    IntakeState.objects.update(level="open")

    assert release_forgotten(now=now) == 1
    assert Order.objects.get().state == "placed"


def test_the_board_follows_what_a_platform_says(channel, now):
    pause(channel, now=now)

    with watched(channel.store, now=now) as events:
        fail_told(channel=channel, version=1, error="HTTP 500", now=now)
        fail_told(channel=channel, version=1, error="HTTP 500", now=now)
        confirm_told(channel=channel, version=1, confirmed=False, now=now)
        confirm_told(channel=channel, version=1, confirmed=True, now=now)
        confirm_told(channel=channel, version=1, confirmed=True, now=now)

    states = [(e["intake"]["channels"][0]["state"], e["intake"]["channels"][0]["error"]) for e in events]
    assert states == [("failed", "HTTP 500"), ("told", ""), ("confirmed", "")]


def test_leaks_are_counted_per_pause(channel, now):
    pause(channel, now=now)
    with watched(channel.store, now=now) as events:
        place_order(channel, now=now)
    assert [(e["kind"], e.get("intake", {}).get("channels", [{}])[0].get("leaked")) for e in events] == [
        ("order.placed", None),
        ("intake.changed", 1),
    ]

    set_intake(store_id=channel.store_id, level=IntakeLevel.OPEN, reason="", actor=LIN, now=now)
    pause(channel, now=now)

    channel.refresh_from_db()
    assert channel.leaked == 0


@pytest.mark.django_db(transaction=True)
def test_a_pause_racing_with_intake_leaves_no_order_between(now):
    """Whatever comes after the pause in the store's numbering is held."""
    channel = StoreChannelFactory()
    barrier = threading.Barrier(2)

    def flood():
        barrier.wait()
        for number in range(30):
            place_order(channel, now=now, order_id=f"E-{number}")
        connection.close()

    thread = threading.Thread(target=flood)
    thread.start()
    barrier.wait()
    pause(channel, now=now)
    thread.join()

    events = OrderEvent.objects.order_by("seq").values_list("kind", "order__state")
    kinds = [kind for kind, _ in events]
    after = events[kinds.index("intake.changed") :]
    assert {state for kind, state in after if kind == "order.placed"} <= {"held"}
    assert len([kind for kind in kinds if kind == "order.placed"]) == 30
