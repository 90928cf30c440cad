"""Callbacks: who is believed, in what order, and what is refused."""

import json
from typing import Any

import pytest
import time_machine
from django.test import Client

from couriers.models import CourierMessage, HandOff
from couriers.tests.factories import MEI, NOW, after
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.work import Facts, all_at_once, boards_follow, call_back, facts, handed_to, run_jobs
from orders.errors import CannotUndo
from orders.models import OrderEvent
from orders.services import undo
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
T = int(NOW.timestamp())
RIDER: dict[str, object] = {"dm_name": "Zhao", "dm_mobile": "13700000000"}


def sent(dada: FakeDada) -> HandOff:
    handoff = handed_to(dada)
    run_jobs(NOW)
    return handoff


def tell(handoff: HandOff, status: int, seconds: int, **more: object) -> Any:
    """A callback `seconds` after the hand-off, which arrives at once."""
    with time_machine.travel(after(seconds), tick=False), boards_follow(after(seconds)):
        return call_back(handoff, callback_body(handoff.origin_id, status, update_time=T + seconds, **more))


def outcomes() -> list[str]:
    return list(CourierMessage.objects.order_by("id").values_list("outcome", flat=True))


def test_the_card_follows_the_rider(dada: FakeDada) -> None:
    handoff = sent(dada)
    told = []
    for seconds, status in ((5, 2), (50, 100), (60, 3)):
        reply = tell(handoff, status, seconds, **RIDER)
        assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
        told.append(facts(handoff))
    assert told == [
        ("confirmed", "assigned", "", "ready"),
        ("confirmed", "at_store", "", "ready"),
        ("confirmed", "picked_up", "", "collected"),
    ]
    assert (handoff.rider_name, handoff.rider_phone) == ("Zhao", "13700000000")
    assert (handoff.confirmed_at, handoff.picked_up_at) == (after(5), after(60))
    assert handoff.order.delivery["rider"] == "Zhao"
    assert handoff.order.delivery["rider_phone"] == "····0000"
    assert outcomes() == ["taken", "taken", "taken"]


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (4, ("delivered", "delivered", "", "delivered")),
        (5, ("failed", "picked_up", "the rider fell ill", "ready")),
        (10, ("failed", "returned", "The courier brought the order back.", "ready")),
        (1000, ("failed", "picked_up", "the rider fell ill", "ready")),
    ],
)
def test_a_final_state_is_asked_for_before_it_is_believed(dada: FakeDada, status: Any, ends: Facts) -> None:
    handoff = sent(dada)
    tell(handoff, 3, 60, **RIDER)
    tell(handoff, status, 90, cancel_reason="the rider fell ill")
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")
    dada.statuses[handoff.origin_id] = status
    run_jobs(after(90))
    assert facts(handoff) == ends
    assert outcomes() == ["taken", "asked"]


def test_a_final_state_the_courier_does_not_confirm_changes_nothing(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 4, 60)
    run_jobs(after(60))
    assert facts(handoff) == ("sent", "searching", "", "ready")


def test_a_callback_sent_twice_changes_things_once(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 2, 5, **RIDER)
    events = OrderEvent.objects.count()
    assert tell(handoff, 2, 5, **RIDER).status_code == 200
    assert OrderEvent.objects.count() == events
    assert outcomes() == ["taken"]


def test_the_same_callback_many_times_at_once_is_stored_once(dada: FakeDada) -> None:
    handoff = sent(dada)
    events = OrderEvent.objects.count()
    body = callback_body(handoff.origin_id, 2, update_time=T + 5)
    replies = all_at_once(*[lambda: call_back(handoff, body).status_code] * 6)
    assert replies == [200] * 6
    assert OrderEvent.objects.count() == events + 1
    assert outcomes() == ["taken"]


def test_callbacks_that_overtake_each_other_end_in_the_same_state(dada: FakeDada) -> None:
    handoff = sent(dada)
    for seconds, status in ((60, 3), (50, 100), (5, 2)):
        tell(handoff, status, seconds, **RIDER)
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")
    assert outcomes() == ["taken", "older", "older"]


def test_a_rider_who_gives_up_before_the_pick_up_is_looked_for_again(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 2, 5, **RIDER)
    tell(handoff, 1, 30, repeat_reason_type=1)
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert (handoff.rider_name, handoff.rider_phone, handoff.confirmed_at) == ("", "", None)


def test_nobody_goes_back_from_the_road_to_the_store(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 3, 60)
    tell(handoff, 1, 90)
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")
    assert outcomes() == ["taken", "backward"]


def test_two_stories_of_the_same_second_are_settled_by_asking(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 100, 60)
    tell(handoff, 2, 60)
    assert outcomes() == ["taken", "conflict"]
    assert Job.objects.filter(kind="handoff.query", state="due").count() == 1


def test_a_transferred_order_shows_its_new_rider(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 2, 5, **RIDER)
    tell(handoff, 2, 30, repeat_reason_type=2, dm_name="Qian", dm_mobile="13600000000")
    facts(handoff)
    assert (handoff.rider_name, handoff.order.delivery["rider"]) == ("Qian", "Qian")


def test_a_code_we_do_not_know_is_shown_and_not_guessed(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 4242, 30)
    assert facts(handoff) == ("sent", "searching", "The courier reports status 4242.", "ready")
    assert outcomes() == ["unknown code"]


def test_a_callback_may_be_faster_than_the_reply(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    body = callback_body(handoff.origin_id, 2, update_time=T, **RIDER)
    dada.before_reply = lambda: all_at_once(lambda: call_back(handoff, body))
    run_jobs(NOW)
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")
    assert handoff.fee == 850
    assert not Job.objects.filter(kind="handoff.query").exists()


def test_callbacks_after_the_end_change_nothing(dada: FakeDada) -> None:
    handoff = sent(dada)
    dada.statuses[handoff.origin_id] = 4
    tell(handoff, 4, 60)
    run_jobs(after(60))
    before = facts(handoff)
    tell(handoff, 3, 90)
    run_jobs(after(90))
    assert facts(handoff) == before
    assert outcomes() == ["asked", "ended"]


@pytest.mark.parametrize(
    ("forge", "status"),
    [
        (lambda handoff: {"token": "guessed"}, 404),
        (lambda handoff: {"token": "a%00b"}, 404),
        (lambda handoff: {"body": callback_body(handoff.origin_id, 4, signature="0" * 32)}, 401),
        (lambda handoff: {"body": callback_body("mp-another-order", 4)}, 401),
        (lambda handoff: {"body": callback_body(handoff.origin_id, 4, client_id="999")}, 401),
        (lambda handoff: {"body": b""}, 400),
        (lambda handoff: {"body": b"\xff\xfe\x00"}, 400),
        (lambda handoff: {"body": callback_body(handoff.origin_id, 4).decode().encode("utf-16")}, 400),
        (lambda handoff: {"body": b"[" * 60_000}, 400),
        (lambda handoff: {"body": b"9" * 60_000}, 400),
        (lambda handoff: {"body": callback_body(handoff.origin_id, 2, dm_name="\x00")}, 400),
        (lambda handoff: {"body": callback_body(handoff.origin_id, 2, dm_name="x" * 70_000)}, 413),
    ],
)
def test_what_is_forged_or_broken_is_refused_and_changes_nothing(
    dada: FakeDada, forge: Any, status: Any
) -> None:
    handoff = sent(dada)
    tell(handoff, 2, 5, **RIDER)
    before, events, jobs = facts(handoff), OrderEvent.objects.count(), Job.objects.count()
    request = {"body": callback_body(handoff.origin_id, 4)} | forge(handoff)
    assert call_back(handoff, **request).status_code == status
    assert (facts(handoff), OrderEvent.objects.count(), Job.objects.count()) == (before, events, jobs)
    assert outcomes() == ["taken"]


def test_what_the_courier_reported_is_not_taken_back_by_people(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 3, 60, **RIDER)
    with pytest.raises(CannotUndo):
        undo(order_id=handoff.order_id, actor=MEI, now=after(61))
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")


def test_a_returned_order_keeps_the_time_it_was_made(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 3, 60, **RIDER)
    tell(handoff, 10, 90)
    dada.statuses[handoff.origin_id] = 10
    run_jobs(after(90))
    handoff.order.refresh_from_db()
    assert (handoff.order.ready_at, handoff.order.recalled_at) == (NOW, after(90))


def test_only_post_is_taken(dada: FakeDada) -> None:
    handoff = sent(dada)
    assert Client().get(f"/couriers/dada/callback/{handoff.callback_token}/").status_code == 405


def test_the_body_is_stored_sealed(dada: FakeDada) -> None:
    handoff = sent(dada)
    tell(handoff, 2, 5, **RIDER)
    message = CourierMessage.objects.get()
    assert json.loads(message.body)["dm_mobile"] == "13700000000"
    raw = CourierMessage.objects.extra(select={"raw": "body"}).values_list("raw", flat=True).get()
    assert "13700000000" not in raw
