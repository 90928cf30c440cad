"""An order whose rider's phone does not show it is with nobody: the next one is asked, or people are told."""

from datetime import datetime
from typing import Any

import pytest

from couriers.models import HandOff, Shift
from couriers.policy.situations import candidates_of
from couriers.riders import unseen
from couriers.riders.shifts import new_link
from couriers.services import hand_to_rider, rider_picked_up
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.riders import Phone, handed, on_shift
from couriers.tests.searches import at_work, courier, pass_time, policy, ready, search_of, shelved, tried
from couriers.tests.work import all_at_once, boards_follow, facts
from orders.models import Order, OrderEvent
from orders.services import step

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
IN_TIME, NOT_YET = str(unseen.IN_TIME), str(unseen.NOT_YET)


def given_by_itself(dada: FakeDada | None = None, **values: Any) -> tuple[Order, Phone, Shift]:
    """An order that the search gave to a rider whose phone showed its list a moment before."""
    order = shelved()
    policy(order.store, **values)
    if dada is not None:
        courier(order.store, dada)
    shift = on_shift(order.store)
    phone = Phone(shift)
    phone.stops(at=NOW)
    ready(order, after(5))
    assert tried(order) == [("Old Wang", "confirmed", "")]
    return order, phone, shift


def reason_on_card(order: Order) -> str:
    return str((Order.objects.get(pk=order.pk).delivery or {})["reason"])


def watched(at: datetime) -> int:
    with boards_follow(at):
        return unseen.watch(now=at)


def test_what_the_counter_marked_as_collected_left_with_somebody(dada: FakeDada) -> None:
    order, _, _ = given_by_itself(dada)
    step(order_id=order.pk, verb="collect", actor=MEI, now=after(60))
    pass_time(after(200))
    assert tried(order) == [("Old Wang", "confirmed", "")]
    assert Order.objects.get(pk=order.pk).state == "collected"
    assert reason_on_card(order) == ""


def test_the_next_carrier_is_asked_and_never_the_same_again(dada: FakeDada) -> None:
    order, phone, _ = given_by_itself(dada)
    pass_time(after(124))
    assert tried(order) == [("Old Wang", "confirmed", "")]
    pass_time(after(125))
    assert tried(order) == [("Old Wang", "cancelled", "no_rider"), ("Dada", "sent", "")]
    told = (Order.objects.get(pk=order.pk).delivery or {})["search"]["tried"]
    assert told == [{"name": "Old Wang", "reason": IN_TIME, "cause": "no_rider"}]
    assert phone.stops(at=after(130))["stops"] == []
    first = HandOff.objects.filter(order=order).earliest("pk")
    assert phone.tap("picked-up", first, at=after(131)).status_code == 409
    assert search_of(order).excluded == [f"rider:{first.rider_id}"]


def test_when_nobody_is_left_there_is_an_alarm() -> None:
    order, _, _ = given_by_itself()
    pass_time(after(125))
    assert (tried(order), search_of(order).state) == ([("Old Wang", "cancelled", "no_rider")], "nobody")
    order.refresh_from_db()
    assert order.state == "ready"


def test_a_phone_that_shows_it_keeps_it() -> None:
    order, phone, _ = given_by_itself()
    assert len(phone.stops(at=after(15))["stops"]) == 1  # sooner than a phone is written down otherwise
    pass_time(after(3_000))
    assert tried(order) == [("Old Wang", "confirmed", "")]


def test_what_was_picked_up_stays_where_it_is() -> None:
    order, _, _ = given_by_itself()
    rider_picked_up(order_id=order.pk, actor=MEI, now=after(60))
    pass_time(after(3_000))
    assert tried(order) == [("Old Wang", "confirmed", "")]


def test_the_policy_says_how_long(dada: FakeDada) -> None:
    order, _, _ = given_by_itself(dada, accept_within=600)
    pass_time(after(604))
    assert len(tried(order)) == 1
    pass_time(after(605))
    assert len(tried(order)) == 2


def test_with_a_new_link_the_time_begins_anew() -> None:
    order, _, shift = given_by_itself()
    new_link(shift=Shift.objects.get(pk=shift.pk), now=after(100))
    assert watched(after(219)) == 0
    assert watched(after(220)) == 1
    assert tried(order) == [("Old Wang", "cancelled", "no_rider")]


def test_what_a_person_gave_stays_and_the_card_says_so_until_the_phone_shows_it() -> None:
    shift = on_shift()
    phone = Phone(shift)
    phone.stops(at=NOW)
    order = make_order(shift.rider.store)
    hand_to_rider(order_id=order.pk, rider=shift.rider, actor=MEI, now=after(5))
    assert [watched(after(seconds)) for seconds in (124, 125, 130)] == [0, 1, 0]
    handoff = HandOff.objects.get(order=order)
    assert facts(handoff) == ("confirmed", "assigned", NOT_YET, "ready")
    last = OrderEvent.objects.filter(order=order).latest("seq")
    assert (reason_on_card(order), last.actor_label) == (NOT_YET, "portal")
    with boards_follow(after(200)):
        assert phone.stops(at=after(200))["stops"][0]["problem"] == ""
    assert (facts(handoff)[2], reason_on_card(order)) == ("", "")
    assert watched(after(900)) == 0


def test_nothing_is_said_of_riders_who_ride_without_a_phone() -> None:
    shift = on_shift()
    handoff = handed(make_order(shift.rider.store), shift.rider)
    assert watched(after(900)) == 0
    assert facts(handoff)[2] == ""


def test_a_problem_is_not_written_over() -> None:
    shift = on_shift()
    phone = Phone(shift)
    phone.stops(at=NOW)
    handoff = handed(make_order(shift.rider.store), shift.rider)
    phone.tap("problem", handoff, at=after(1), form={"code": "missing"})
    assert watched(after(900)) == 0
    assert facts(handoff)[2] == "The rider says: the bag is not on the shelf."


def test_a_pick_up_in_the_same_moment_is_not_undone() -> None:
    """Either the bag is the rider's and on the road, or it was taken back and the tap is told so."""
    order, phone, _ = given_by_itself()
    handoff = HandOff.objects.get(order=order)
    answers: list[int] = []
    taps = lambda: answers.append(phone.tap("picked-up", handoff, at=after(200)).status_code)  # noqa: E731
    all_at_once(taps, lambda: unseen.watch(now=after(200)))
    handoff.refresh_from_db()
    if answers == [200]:
        assert (handoff.state, handoff.progress) == ("confirmed", "picked_up")
    else:
        assert (answers, handoff.state, handoff.progress) == ([409], "cancelled", "assigned")


def test_who_lets_the_time_pass_was_no_yes() -> None:
    order, _, _ = given_by_itself()
    pass_time(after(125))
    (candidate,) = candidates_of(order.store, after(500))
    assert candidate.measure is not None
    assert (candidate.measure.offers, candidate.measure.accepted) == (1, 0)


@pytest.mark.parametrize("orders", [1, 4])
def test_a_round_asks_the_database_as_often_for_many_orders(
    orders: int, django_assert_num_queries: Any
) -> None:
    shift = on_shift()
    for _ in range(orders):
        handed(make_order(shift.rider.store), shift.rider)
    Shift.objects.update(seen_at=NOW)
    HandOff.objects.update(created_at=after(5))
    with django_assert_num_queries(2):
        assert unseen.watch(now=after(60)) == 0


def test_a_rider_with_the_page_open_all_day_loses_nothing() -> None:
    order = shelved()
    policy(order.store)
    at_work(order.store)
    ready(order)
    pass_time(after(3_000))
    assert tried(order) == [("Old Wang", "confirmed", "")]
