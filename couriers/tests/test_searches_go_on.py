"""Searches that must not stand still, or go on, by accident: taken back, split, recalled, stopped."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from couriers import seeking
from couriers.models import CarrierSearch, HandOff
from couriers.seeking_watch import watch as watch_searches
from couriers.services import (
    cancel_hand_off,
    hand_to_courier,
    hand_to_rider,
    rider_delivered,
    rider_picked_up,
    seek,
)
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.searches import (
    at_work,
    courier,
    news,
    pass_time,
    policy,
    ready,
    search_of,
    shelved,
    tried,
)
from couriers.tests.work import call_back, run_all
from orders.models import Order
from orders.services import step, undo
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def offered(dada: FakeDada) -> tuple[Order, HandOff]:
    """A ready order that Dada looks for a rider for."""
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    return order, HandOff.objects.get(order=order)


def split(dada: FakeDada, **values: Any) -> Order:
    """A ready order of which a person gave the first of two bags to Old Wang, and no courier heard yet."""
    order = make_order(cups=4)
    policy(order.store, **values)
    courier(order.store, dada)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bag=1, bags=2, actor=MEI, now=NOW)
    return order


def brought(order: Order) -> None:
    """Old Wang taps "delivered", and the counter sees that it is still there."""
    rider_delivered(order_id=order.pk, actor=MEI, now=after(5))
    run_all(after(5))
    step(order_id=order.pk, verb="recall", actor=MEI, now=after(30))


def test_news_that_come_just_when_ready_is_taken_back_do_not_let_the_courier_come(
    dada: FakeDada, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, handoff = offered(dada)
    call_off, waiting = seeking.call_off, [callback_body(handoff.origin_id, 1)]

    def late(*args: Any, **more: Any) -> bool:
        if waiting:
            assert call_back(handoff, waiting.pop()).status_code == 200
        return call_off(*args, **more)

    monkeypatch.setattr(seeking, "call_off", late)
    undo(order_id=order.pk, actor=MEI, now=after(3))
    run_all(after(3))
    assert tried(order) == [("Dada", "sent", "")]
    run_all(after(9))
    assert tried(order) == [("Dada", "cancelled", "undone")]


def test_a_courier_long_in_doubt_is_called_off_once_it_is_known_to_have_the_errand(dada: FakeDada) -> None:
    order, handoff = offered(dada)
    HandOff.objects.filter(pk=handoff.pk).update(state="unknown")
    undo(order_id=order.pk, actor=MEI, now=after(3))
    for seconds in range(3, 153, 6):
        run_all(after(seconds))
    assert Job.objects.get(kind="order.unready").state == "due"
    HandOff.objects.filter(pk=handoff.pk).update(state="sent")
    run_all(after(160))
    assert tried(order) == [("Dada", "cancelled", "undone")]
    assert Job.objects.get(kind="order.unready").state == "done"


def test_the_bag_a_person_left_over_is_sought_in_an_automatic_store(dada: FakeDada) -> None:
    order = split(dada)
    pass_time(after(19))
    assert tried(order) == [("Old Wang", "confirmed", "")]
    pass_time(after(21))
    assert tried(order) == [("Old Wang", "confirmed", ""), ("Dada", "sent", "")]
    assert HandOff.objects.get(state="sent").bag == 2
    assert watch_searches(now=after(60))["unsought"] == 0


def test_the_bag_a_person_left_over_is_left_to_people_elsewhere(dada: FakeDada) -> None:
    order = split(dada, automatic=False)
    pass_time(after(60))
    assert (tried(order), search_of(order, 2).state) == ([("Old Wang", "confirmed", "")], "idle")


def test_a_bag_a_person_called_back_is_not_sought_again(dada: FakeDada) -> None:
    order = split(dada)
    pass_time(after(21))
    for bag in (1, 2):
        cancel_hand_off(order_id=order.pk, bag=bag, actor=MEI, now=after(30))
    for seconds in (31, 100, 200):
        pass_time(after(seconds))
    assert tried(order) == [("Old Wang", "cancelled", "store"), ("Dada", "cancelled", "store")]
    assert [search_of(order, bag).state for bag in (1, 2)] == ["stopped", "stopped"]


def test_a_bag_there_is_no_more_is_not_looked_after(dada: FakeDada) -> None:
    order = split(dada)
    cancel_hand_off(order_id=order.pk, bag=1, actor=MEI, now=after(1))
    hand_to_rider(order_id=order.pk, rider=at_work(order.store, "Li"), bags=1, actor=MEI, now=after(2))
    run_all(after(2))
    assert search_of(order, 2).state == "idle"
    assert watch_searches(now=after(60))["unsought"] == 0


def test_a_delivery_that_was_taken_back_is_sought_anew_in_an_automatic_store(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    at_work(order.store)
    ready(order)
    brought(order)
    assert search_of(order).state == "done"
    pass_time(after(49))
    assert tried(order) == [("Old Wang", "delivered", "")]
    pass_time(after(51))
    assert tried(order) == [("Old Wang", "delivered", ""), ("Old Wang", "confirmed", "")]
    assert search_of(order).state == "carried"
    rider_delivered(order_id=order.pk, actor=MEI, now=after(90))
    pass_time(after(120))
    assert (search_of(order).state, len(tried(order))) == ("done", 2)


def test_what_is_carried_again_is_not_sought_once_more(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    hand_to_rider(order_id=order.pk, rider=make_rider(order.store), actor=MEI, now=NOW)
    ready(order)
    brought(order)
    courier(order.store, dada)
    pass_time(after(51))
    again = HandOff.objects.get(order=order, state="sent")
    dada.statuses[again.origin_id] = 2
    news(again, 2, after(60))
    step(order_id=order.pk, verb="deliver", actor=MEI, now=after(70))
    pass_time(after(100))
    step(order_id=order.pk, verb="recall", actor=MEI, now=after(110))
    assert search_of(order).state == "done"
    assert watch_searches(now=after(140))["unsought"] == 0


@pytest.mark.parametrize("bags", [1, 2])
def test_a_delivery_that_was_taken_back_may_be_sought_again_by_a_person(dada: FakeDada, bags: int) -> None:
    order = make_order(cups=4)
    policy(order.store, automatic=False)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bags=bags, actor=MEI, now=NOW)
    brought(order)
    courier(order.store, dada)
    seek(order_id=order.pk, actor=MEI, now=after(31))
    run_all(after(31))
    assert tried(order) == [("Old Wang", "delivered", "")] * bags + [("Dada", "sent", "")] * bags


def test_what_the_guest_has_is_not_sought_because_another_bag_came_back(dada: FakeDada) -> None:
    order = split(dada)
    pass_time(after(21))
    second = HandOff.objects.get(order=order, bag=2)
    rider_picked_up(order_id=order.pk, bag=1, actor=MEI, now=after(30))
    dada.statuses[second.origin_id] = 3
    news(second, 3, after(40))
    rider_delivered(order_id=order.pk, bag=1, actor=MEI, now=after(50))
    dada.statuses[second.origin_id] = 10
    news(second, 10, after(60))
    order.refresh_from_db()
    assert (order.state, order.recalled_at) == ("ready", after(60))
    for seconds in (81, 200):
        pass_time(after(seconds))
    assert seeking.taken_bags(order.pk) == {1}
    seek(order_id=order.pk, actor=MEI, now=after(201))
    assert [search_of(order, bag).state for bag in (1, 2)] == ["done", "seeking"]


def test_who_stops_all_bags_holds_none_while_waiting_for_the_first(dada: FakeDada) -> None:
    """Two who lock bags in different orders would wait for each other for ever."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer, so nobody can hold a row")
    order = split(dada)
    CarrierSearch.objects.filter(order=order, bag=1).update(state="seeking")
    CarrierSearch.objects.filter(order=order, bag=2).update(state="offered")
    stopping = threading.Thread(target=stop, args=[order.pk])
    with transaction.atomic():
        rows = CarrierSearch.objects.filter(order=order)
        rows.select_for_update().get(bag=1)
        stopping.start()
        until_somebody_waits()
        rows.select_for_update(nowait=True).get(bag=2)
    stopping.join(30)
    assert [search_of(order, bag).state for bag in (1, 2)] == ["stopped", "offered"]


def stop(order_id: int) -> None:
    try:
        with transaction.atomic():
            seeking.stop(order_id, bag=None, now=NOW)
    finally:
        connection.close()


def until_somebody_waits() -> None:
    """Until another connection waits for a lock."""
    mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    for _ in range(300):
        with connection.cursor() as cursor:
            cursor.execute(f"{mine} AND wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.1)
    raise AssertionError("nobody waits")


def test_an_order_that_is_to_be_made_anew_is_sought_when_it_is_ready(dada: FakeDada) -> None:
    order = make_order(state="accepted", ready_at=None)
    policy(order.store)
    account = courier(order.store, dada)
    step(order_id=order.pk, verb="start", actor=MEI, now=NOW)
    dada.script["addOrder"].append("no riders today")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=after(1))
    undo(order_id=order.pk, actor=MEI, now=after(2))
    run_all(after(2))
    assert tried(order) == [("Dada", "failed", "refused")]
    assert (search_of(order).state, search_of(order).reason) == ("idle", "")
    step(order_id=order.pk, verb="start", actor=MEI, now=after(30))
    ready(order, after(60))
    assert tried(order) == [("Dada", "failed", "refused"), ("Dada", "sent", "")]
