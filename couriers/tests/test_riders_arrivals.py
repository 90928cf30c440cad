"""A rider says at the store that they are here: the counter sees it like the arrival of a courier's rider."""

from datetime import timedelta

import pytest

from couriers.counter import bags_of_code
from couriers.models import HandOff
from couriers.riders.crew import crew_of
from couriers.services import cancel_hand_off, rider_picked_up
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.riders import Phone, carried_by, handed, on_shift
from couriers.tests.work import facts
from orders.models import Order, OrderEvent

pytestmark = pytest.mark.django_db


def on_the_card(handoff: HandOff) -> tuple[str, str | None]:
    """Progress, and since when somebody is there, as the board has it."""
    delivery = Order.objects.get(pk=handoff.order_id).delivery or {}
    return delivery["progress"], delivery["at_store_since"]


def test_the_counter_sees_that_the_rider_is_here_and_since_when() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    answer = Phone(shift).tap("arrived", handoff, at=after(60), ago=timedelta(seconds=20))
    assert answer.json()["stops"][0]["bags"][0]["here"] == "2026-02-06T04:00:40.000Z"
    assert facts(handoff) == ("confirmed", "at_store", "", "ready")
    assert handoff.arrived_at == after(40)
    assert on_the_card(handoff) == ("at_store", "2026-02-06T04:00:40.000Z")
    (bag,) = bags_of_code(handoff.store, handoff.pickup_code)
    assert bag["here"] == "2026-02-06T04:00:40.000Z"
    (member,) = crew_of(handoff.store, now=after(60))
    assert member.here_since == after(40)
    last = OrderEvent.objects.filter(order=handoff.order).latest("seq")
    assert (last.kind, last.actor_label) == ("order.delivery", "Old Wang")


def test_an_order_that_is_still_being_made_is_waited_for() -> None:
    shift = on_shift()
    handoff = handed(make_order(shift.rider.store, state="making", ready_at=None), shift.rider)
    assert Phone(shift).tap("arrived", handoff, at=after(60)).status_code == 200
    assert facts(handoff) == ("confirmed", "at_store", "", "making")


def test_the_same_arrival_sent_twice_happens_once() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    answers = [phone.tap("arrived", handoff, at=after(s), key="one") for s in (60, 90)]
    assert [answer.status_code for answer in answers] == [200, 200]
    handoff.refresh_from_db()
    assert (handoff.arrived_at, OrderEvent.objects.filter(order=handoff.order).count()) == (after(60), 2)
    assert phone.tap("arrived", handoff, at=after(95), key="two").status_code == 409


def test_nobody_need_say_it_and_the_pick_up_keeps_it() -> None:
    shift = on_shift()
    said, silent = carried_by(shift), carried_by(shift)
    phone = Phone(shift)
    phone.tap("arrived", said, at=after(60))
    for handoff in (said, silent):
        assert phone.tap("picked-up", handoff, at=after(90)).status_code == 200
        assert facts(handoff)[1] == "picked_up"
    assert (said.arrived_at, silent.arrived_at) == (after(60), None)
    (member,) = crew_of(said.store, now=after(90))
    assert member.here_since is None


def test_a_pick_up_taken_back_leaves_the_rider_at_the_store() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    for verb, seconds in (("arrived", 60), ("picked-up", 90), ("not-picked-up", 95)):
        phone.tap(verb, handoff, at=after(seconds))
    assert facts(handoff) == ("confirmed", "at_store", "", "ready")


def test_an_arrival_is_taken_back_for_a_while() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    phone.tap("arrived", handoff, at=after(60))
    assert phone.tap("not-arrived", handoff, at=after(67)).status_code == 200
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")
    assert (handoff.arrived_at, on_the_card(handoff)) == (None, ("assigned", None))
    assert phone.tap("not-arrived", handoff, at=after(70)).status_code == 409
    phone.tap("arrived", handoff, at=after(80))
    late = phone.tap("not-arrived", handoff, at=after(80 + 121))
    assert (late.status_code, late.json()["code"]) == (422, "not_possible")
    assert facts(handoff)[1] == "at_store"


def test_an_arrival_that_comes_after_the_counter_changes_nothing() -> None:
    shift = on_shift()
    gone, off = carried_by(shift), carried_by(shift)
    rider_picked_up(order_id=gone.order_id, actor=MEI, now=after(30))
    cancel_hand_off(order_id=off.order_id, actor=MEI, now=after(30))
    phone = Phone(shift)
    for handoff in (gone, off):
        assert phone.tap("arrived", handoff, at=after(60)).status_code == 409
    assert facts(gone)[:2] == ("confirmed", "picked_up")
    assert facts(off)[:2] == ("cancelled", "assigned")


def test_nobody_waits_for_a_cancelled_order() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    Order.objects.filter(pk=handoff.order_id).update(state="cancelled")
    assert Phone(shift).tap("arrived", handoff, at=after(60)).status_code == 422
    assert facts(handoff)[1] == "assigned"


def test_a_wrong_clock_lets_nobody_arrive_before_the_order_was_theirs() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    Phone(shift).tap("arrived", handoff, at=after(60), ago=timedelta(hours=9))
    handoff.refresh_from_db()
    assert handoff.arrived_at == NOW
