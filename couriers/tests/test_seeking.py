"""Finding a carrier by itself: who is asked, one at a time, and what a person's word changes."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import transaction

from couriers import services
from couriers.errors import LiveHandOff
from couriers.models import CarrierSearch, HandOff, Rider, Shift
from couriers.riders.shifts import end_shift, let_go
from couriers.services import cancel_hand_off, hand_to_courier, hand_to_rider, seek
from couriers.tests.factories import MEI, NOW, after, make_account, make_order, make_rider, make_store
from couriers.tests.fake_dada import FakeDada
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
from couriers.tests.work import all_at_once, facts, run_all
from orders.channels.incoming import Carried
from orders.errors import NotPossible
from orders.intake.changes import carry_out_changes, locked_orders
from orders.models import Order
from orders.moving import move
from orders.services import step, undo
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def test_an_order_that_becomes_ready_is_offered_to_the_courier_by_itself(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    handoff = HandOff.objects.get(order=order)
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert dada.ledger == [handoff.origin_id]
    search = search_of(order)
    assert (search.state, search.accept_by, search.round) == ("offered", after(120), 2)
    order.refresh_from_db()
    assert order.delivery["search"] == {
        "state": "offered",
        "automatic": True,
        "accept_by": "2026-02-06T04:02:00.000Z",
        "tried": [],
        "reason": "",
        "next": "",
    }
    assert len(order.delivery["code"]) == 4


def test_a_rider_who_takes_it_ends_the_search_and_the_guest_closes_it(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    handoff = HandOff.objects.get(order=order)
    dada.statuses[handoff.origin_id] = 2
    news(handoff, 2, after(5))
    assert (search_of(order).state, search_of(order).accept_by) == ("carried", None)
    pass_time(after(300))
    assert tried(order) == [("Dada", "confirmed", "")]
    dada.statuses[handoff.origin_id] = 4
    pass_time(after(600))
    assert (search_of(order).state, tried(order)) == ("done", [("Dada", "delivered", "")])


def test_an_own_rider_who_is_free_is_asked_first_and_no_courier_hears_of_it(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    at_work(order.store)
    make_rider(order.store, "At home")
    ready(order)
    assert tried(order) == [("Old Wang", "confirmed", "")]
    assert (search_of(order).state, dada.calls) == ("carried", [])


def test_an_order_a_rider_forgot_to_end_stops_no_search(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    rider = at_work(order.store)
    forgotten = make_order(order.store)
    hand_to_rider(order_id=forgotten.pk, rider=rider, actor=MEI, now=after(-100_000))
    ready(order)
    assert tried(order) == [("Old Wang", "confirmed", "")]


def test_a_store_without_a_switched_on_policy_only_gets_a_suggestion(dada: FakeDada) -> None:
    order = shelved()
    account = courier(order.store, dada)
    courier(order.store, dada, "Zebra")
    ready(order)
    assert not HandOff.objects.exists()
    assert dada.ledger == []
    order.refresh_from_db()
    assert order.delivery["suggestion"] == {
        "key": f"courier:{account.pk}",
        "kind": "courier",
        "name": "Dada",
        "why": {"code": "cheapest", "measured": False, "rule": ""},
        "fee": 850,
        "minutes": None,
    }
    assert (order.delivery["state"], order.delivery["handoff"]) == ("", None)
    assert search_of(order).state == "idle"


def test_what_platforms_riders_or_guests_fetch_is_not_looked_at(dada: FakeDada) -> None:
    order = shelved(fulfilment="platform_courier")
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    assert not CarrierSearch.objects.exists()
    assert not Job.objects.filter(queue="searches").exists()


def test_a_ready_order_that_its_platform_leaves_to_the_store_is_offered(dada: FakeDada) -> None:
    order = make_order(fulfilment="platform_courier")
    policy(order.store)
    courier(order.store, dada)
    key = (order.account_id, order.external_id)
    with transaction.atomic():
        carry_out_changes({key: [Carried("store", NOW)]}, locked_orders([key]), now=NOW)
    run_all(NOW)
    assert tried(order) == [("Dada", "sent", "")]


def test_an_order_that_is_ready_twice_is_offered_once(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    Order.objects.filter(pk=order.pk).update(state="making")
    ready(order, after(9))
    assert len(tried(order)) == len(dada.ledger) == 1


def test_jobs_that_run_twice_at_once_ask_one_courier(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    step(order_id=order.pk, verb="ready", actor=MEI, now=NOW)
    for number in range(3):
        Job.objects.create(
            kind="order.ready", key=f"again{number}", queue="searches", payload={"order": order.pk},
            due_at=NOW, created_at=NOW,
        )  # fmt: skip
    all_at_once(*[lambda: run_all(NOW)] * 3)
    run_all(after(2))
    assert len(tried(order)) == len(dada.ledger) == 1


def test_nobody_to_ask_rings_an_alarm_and_a_person_may_have_it_tried_again(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    ready(order)
    order.refresh_from_db()
    search = order.delivery["search"]
    assert (search["state"], search["reason"]) == ("nobody", "Nobody is left who could carry it.")
    courier(order.store, dada)
    seek(order_id=order.pk, actor=MEI, now=after(60))
    run_all(after(60))
    assert tried(order) == [("Dada", "sent", "")]


def test_a_person_who_calls_off_has_the_word_from_then_on(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    courier(order.store, dada, "Zebra")
    ready(order)
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(5), reason="guest comes by")
    run_all(after(6))
    pass_time(after(200))
    assert tried(order) == [("Dada", "cancelled", "store")]
    assert search_of(order).state == "stopped"


def test_a_person_may_take_over_while_the_search_itself_calls_off(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    courier(order.store, dada, "Zebra")
    ready(order)
    dada.script["formalCancel"].append("cut")
    pass_time(after(120))
    assert tried(order) == [("Dada", "cancelling", "no_rider")]
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(121))
    pass_time(after(140))
    assert (tried(order), search_of(order).state) == ([("Dada", "cancelled", "store")], "stopped")


def test_a_person_who_picks_somebody_is_followed_and_rescued(dada: FakeDada) -> None:
    order = make_order()
    picked, other = courier(order.store, dada), courier(order.store, dada, "Zebra")
    dada.script["addOrder"].append("no riders today")
    hand_to_courier(order_id=order.pk, account=picked, actor=MEI, now=NOW)
    run_all(NOW)
    assert tried(order) == [("Dada", "failed", "refused"), (other.label, "sent", "")]


def test_without_rescue_the_next_one_is_left_to_people(dada: FakeDada) -> None:
    order = make_order()
    policy(order.store, automatic=False, rescue=False)
    picked = courier(order.store, dada)
    courier(order.store, dada, "Zebra")
    dada.script["addOrder"].append("no riders today")
    hand_to_courier(order_id=order.pk, account=picked, actor=MEI, now=NOW)
    run_all(NOW)
    assert (tried(order), search_of(order).state) == ([("Dada", "failed", "refused")], "nobody")


def test_a_person_is_faster_than_the_search(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    rider = make_rider(order.store)
    step(order_id=order.pk, verb="ready", actor=MEI, now=NOW)
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)
    run_all(NOW)
    assert (tried(order), dada.ledger) == ([("Old Wang", "confirmed", "")], [])
    with pytest.raises(LiveHandOff):
        seek(order_id=order.pk, actor=MEI, now=NOW)


def test_a_cancelled_order_is_offered_to_nobody(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    step(order_id=order.pk, verb="ready", actor=MEI, now=NOW)
    step(order_id=order.pk, verb="cancel", actor=MEI, now=NOW, reason="guest")
    run_all(NOW)
    pass_time(after(60))
    assert dada.calls == []


def test_the_watch_finds_orders_nobody_looks_for_a_carrier_for(dada: FakeDada) -> None:
    order = shelved()
    courier(order.store, dada)
    ready(order)
    Job.objects.all().delete()
    policy(order.store)
    pass_time(after(19))
    assert tried(order) == []
    pass_time(after(21))
    assert tried(order) == [("Dada", "sent", "")]


def test_the_watch_takes_up_what_lost_jobs_left(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    handoff = HandOff.objects.get(order=order)
    HandOff.objects.filter(pk=handoff.pk).update(state="failed", end_cause="courier", ended_at=after(10))
    pass_time(after(40))
    assert search_of(order).state == "nobody"


def test_a_search_follows_its_orders_end(dada: FakeDada) -> None:
    order = shelved()
    courier(order.store, dada)
    ready(order)
    step(order_id=order.pk, verb="deliver", actor=MEI, now=after(30))
    pass_time(after(60))
    assert search_of(order).state == "done"


def test_a_free_rider_is_not_given_two_orders_by_two_searches_at_once() -> None:
    first = shelved()
    second = shelved(store=first.store)
    policy(first.store, own_most=1)
    at_work(first.store)
    for order in (first, second):
        step(order_id=order.pk, verb="ready", actor=MEI, now=NOW)
    all_at_once(lambda: run_all(NOW), lambda: run_all(NOW))
    run_all(after(5))
    assert HandOff.objects.count() == 1
    assert sorted(CarrierSearch.objects.values_list("state", flat=True)) == ["carried", "nobody"]


def test_an_account_that_does_not_serve_the_store_is_not_asked(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    make_account(make_order().store, dada.url)
    ready(order)
    assert (tried(order), search_of(order).state) == ([], "nobody")


def between_choice_and_offer(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Somebody acts once, after the next one was chosen and before they are asked."""
    offer, acts = services.offer, [act]

    def late(*args: Any, **more: Any) -> bool:
        if acts:
            acts.pop()()
        return offer(*args, **more)

    monkeypatch.setattr(services, "offer", late)


def test_who_has_gone_home_is_given_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    order = shelved()
    policy(order.store)
    shift = Shift.objects.get(rider=at_work(order.store))
    between_choice_and_offer(monkeypatch, lambda: end_shift(shift=shift, actor=MEI, now=NOW))
    ready(order)
    assert (tried(order), search_of(order).state) == ([], "nobody")


def test_who_was_let_go_is_given_nothing_by_hand() -> None:
    order = shelved()
    rider = make_rider(order.store)
    let_go(rider=Rider.objects.get(pk=rider.pk))
    with pytest.raises(NotPossible):
        hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)


def test_who_was_chosen_for_the_whole_order_does_not_get_it_beside_a_bag(
    dada: FakeDada, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shelved(cups=4)
    policy(order.store, own_first=False)
    courier(order.store, dada)
    rider = make_rider(order.store)
    split = {"order_id": order.pk, "rider": rider, "actor": MEI, "now": NOW, "bag": 2, "bags": 2}
    between_choice_and_offer(monkeypatch, lambda: hand_to_rider(**split))
    ready(order)
    handed = HandOff.objects.order_by("bag").values_list("bag", "bags", "carrier", "state")
    assert list(handed) == [(1, 2, "provider", "sent"), (2, 2, "own", "confirmed")]


def test_an_order_put_together_again_is_not_sought_bag_by_bag(dada: FakeDada) -> None:
    order = make_order(cups=4)
    policy(order.store, automatic=False)
    seek(order_id=order.pk, actor=MEI, now=NOW, bags=2)
    courier(order.store, dada)
    hand_to_rider(order_id=order.pk, rider=make_rider(order.store), actor=MEI, now=NOW, bags=1)
    for seconds in (1, 60):
        pass_time(after(seconds))
    assert tried(order) == [("Old Wang", "confirmed", "")]


def test_an_order_that_was_moved_is_sought_anew_at_its_store(dada: FakeDada) -> None:
    order = make_order(state="accepted", ready_at=None)
    sibling = make_store(order.store.franchise)
    policy(sibling)
    courier(sibling, dada)
    step(order_id=order.pk, verb="start", actor=MEI, now=NOW)
    hand_to_rider(order_id=order.pk, rider=at_work(order.store), actor=MEI, now=after(1))
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(2))
    run_all(after(2))
    assert search_of(order).state == "stopped"
    undo(order_id=order.pk, actor=MEI, now=after(3))
    stores = {"from_store_id": order.store_id, "to_store_id": sibling.pk}
    with time_machine.travel(after(4), tick=False):
        move(order_id=order.pk, actor=MEI, now=after(4), **stores)
    step(order_id=order.pk, verb="start", actor=MEI, now=after(10))
    ready(order, after(100))
    assert tried(order)[1:] == [("Dada", "sent", "")]
    assert search_of(order).store_id == HandOff.objects.get(state="sent").store_id == sibling.pk


def test_ready_taken_back_calls_off_whom_nobody_asked(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    undo(order_id=order.pk, actor=MEI, now=after(3))
    pass_time(after(4))
    assert (tried(order), search_of(order).state) == ([("Dada", "cancelled", "undone")], "idle")
    ready(order, after(60))
    assert tried(order) == [("Dada", "cancelled", "undone"), ("Dada", "sent", "")]


def test_ready_taken_back_and_given_again_at_once_finds_somebody(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    dada.script["formalCancel"].append("cut")
    undo(order_id=order.pk, actor=MEI, now=after(3))
    run_all(after(3))
    ready(order, after(4))
    assert tried(order) == [("Dada", "cancelling", "undone")]
    pass_time(after(30))
    assert tried(order) == [("Dada", "cancelled", "undone"), ("Dada", "sent", "")]


def test_ready_taken_back_leaves_a_persons_own_hand_off_and_a_rider(dada: FakeDada) -> None:
    by_hand, carried = shelved(), shelved()
    account = courier(by_hand.store, dada)
    for order in (by_hand, carried):
        policy(order.store)
    at_work(carried.store)
    hand_to_courier(order_id=by_hand.pk, account=account, actor=MEI, now=NOW)
    for order in (by_hand, carried):
        ready(order)
        undo(order_id=order.pk, actor=MEI, now=after(3))
    pass_time(after(4))
    assert tried(by_hand) == [("Dada", "sent", "")]
    assert tried(carried) == [("Old Wang", "confirmed", "")]
