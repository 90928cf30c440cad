"""Wishes that change, cannot be granted any more, or are for one bag of several."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import transaction

from couriers.deciding import settle
from couriers.errors import LiveHandOff
from couriers.models import CarrierSearch, CourierAccount, CourierStore, HandOff, Rider, Shift
from couriers.offers import offers_for, quoted_draft
from couriers.record import publish_search
from couriers.riders.shifts import end_shift
from couriers.services import cancel_hand_off, hand_to_rider, rider_delivered, rider_picked_up, seek
from couriers.tests.factories import BO, MEI, NOW, after, make_rider, make_store
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import pass_time
from couriers.tests.wishes import World, waiting
from couriers.tests.work import all_at_once, boards_follow, run_all
from orders.errors import NotPossible, Stale
from orders.models import Order
from orders.moving import move
from orders.services import Stepped, step, undo
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def world(dada: FakeDada) -> World:
    return World(dada)


# --- Changed minds --------------------------------------------------------------------------------


def test_a_second_wish_replaces_the_first(world: World) -> None:
    waiting(world)
    world.ask(world.b, at=6, instead=True)
    assert world.card()["search"]["next"] == "B"
    pass_time(after(10))
    assert world.tried == [("A", "cancelled", "store"), ("B", "sent", "")]


def test_whoever_has_it_cannot_have_it_instead(world: World) -> None:
    world.asked()
    with pytest.raises(NotPossible, match="A has it already"):
        world.ask(world.a, at=5, instead=True)
    assert world.tried == [("A", "sent", "")]
    waiting_for = World(world.dada)
    waiting(waiting_for)
    with pytest.raises(NotPossible, match="A is just being called off"):
        waiting_for.ask(waiting_for.a, at=6, instead=True)
    assert waiting_for.card()["search"]["next"] == "Old Wang"


def test_without_instead_the_second_person_is_told_of_the_first(world: World) -> None:
    waiting(world)
    with pytest.raises(LiveHandOff):
        world.ask(world.b, at=6)
    with pytest.raises(LiveHandOff):
        seek(order_id=world.order.pk, actor=MEI, now=after(6))
    assert world.card()["search"]["next"] == "Old Wang"


def test_calling_off_means_nobody_is_wanted_any_more(world: World) -> None:
    waiting(world)
    with boards_follow(after(6)):
        told = cancel_hand_off(order_id=world.order.pk, actor=MEI, now=after(6))
    assert told.card["delivery"]["search"]["next"] == ""
    for seconds in (10, 60):
        pass_time(after(seconds))
    assert (world.tried, world.search().state) == ([("A", "cancelled", "store")], "stopped")
    with pytest.raises(Stale):
        cancel_hand_off(order_id=world.order.pk, actor=MEI, now=after(61))


def before_the_wish_is_granted(world: World, act: Callable[[], object]) -> None:
    """The courier has confirmed, the search goes on, and somebody is faster than its job."""
    world.asked()
    world.give(world.rider, at=5, instead=True)
    CarrierSearch.objects.filter(order=world.order).update(state="seeking", round=9)
    HandOff.objects.filter(order=world.order).update(state="cancelled", ended_at=after(5))
    act()
    Job.objects.filter(kind="handoff.cancel").delete()
    run_all(after(6))


def test_a_search_anew_asks_whom_the_policy_names(world: World) -> None:
    Shift.objects.update(ended_at=NOW)
    before_the_wish_is_granted(world, lambda: seek(order_id=world.order.pk, actor=MEI, now=after(6)))
    assert [name for name, _state, _cause in world.tried[1:]] == ["A"]


def test_calling_off_while_nobody_has_it_stops_the_search(world: World) -> None:
    call_off = partial(cancel_hand_off, order_id=world.order.pk, actor=MEI, now=after(6))
    before_the_wish_is_granted(world, call_off)
    assert (len(world.tried), world.search().state, world.search().wish) == (1, "stopped", None)


def test_who_gets_it_by_a_plain_tap_meanwhile_has_it_alone(world: World) -> None:
    before_the_wish_is_granted(world, lambda: world.ask(world.b, at=6))
    assert [name for name, _state, _cause in world.tried] == ["A", "B"]
    assert world.search().wish is None


def test_a_split_drops_the_wish(dada: FakeDada) -> None:
    world = World(dada, cups=4)
    splits = partial(world.ask, world.b, at=6, bags=2, bag=2)
    before_the_wish_is_granted(world, splits)
    assert [name for name, _state, _cause in world.tried] == ["A", "B"]
    assert [world.search(bag).wish for bag in (1, 2)] == [None, None]
    assert world.search().state == "stopped"


def test_two_people_who_want_two_others_leave_one(world: World) -> None:
    world.asked()
    other = make_rider(world.order.store, "Li Wei")
    facts: dict[str, Any] = {"order_id": world.order.pk, "now": after(5), "instead": True}
    outcomes = all_at_once(
        lambda: hand_to_rider(rider=world.rider, actor=MEI, **facts),
        lambda: hand_to_rider(rider=other, actor=BO, **facts),
    )
    assert all(isinstance(outcome, Stepped) for outcome in outcomes)
    run_all(after(6))
    assert len(world.tried) == 2
    assert world.tried[1][0] in {"Old Wang", "Li Wei"}


def test_a_tap_that_is_sent_twice_is_carried_out_once(world: World) -> None:
    world.asked()
    first = world.give(world.rider, at=5, instead=True, command="key-1")
    run_all(after(5))
    assert world.give(world.rider, at=6, instead=True, command="key-1") == first
    assert len(world.tried) == 2


# --- Not any more ---------------------------------------------------------------------------------


def rings_for(world: World, reason: str) -> None:
    pass_time(after(10))
    told = world.card()
    assert (told["search"]["state"], told["search"]["reason"], told["search"]["next"]) == (
        "nobody",
        reason,
        "",
    )
    assert len(world.tried) == 1


def test_a_rider_who_went_home_is_given_nothing(world: World) -> None:
    waiting(world)
    end_shift(shift=Shift.objects.get(rider=world.rider), actor=MEI, now=after(6))
    rings_for(world, "The rider who was to bring it instead is not at work any more.")


def test_a_rider_who_was_let_go_is_given_nothing(world: World) -> None:
    waiting(world)
    Rider.objects.update(active=False)
    rings_for(world, "The rider who was to bring it instead is not at work any more.")


@pytest.mark.parametrize("how", ["switched off", "other stores only"])
def test_a_courier_that_serves_no_more_is_not_asked(world: World, how: str) -> None:
    waiting(world)
    world.ask(world.b, at=6, instead=True)
    if how == "switched off":
        CourierAccount.objects.filter(pk=world.b.pk).update(active=False)
    else:
        CourierStore.objects.filter(account=world.b).update(store=make_store())
    rings_for(world, "The courier that was to bring it instead does not serve the store any more.")


def test_what_the_store_no_longer_delivers_is_given_to_nobody(world: World) -> None:
    waiting(world)
    Order.objects.filter(pk=world.order.pk).update(fulfilment="pickup")
    rings_for(world, "It could not be handed to whoever was to bring it instead.")


def test_a_cancelled_order_goes_to_nobody(world: World) -> None:
    waiting(world)
    step(order_id=world.order.pk, verb="cancel", actor=MEI, now=after(6), reason="guest")
    for seconds in (10, 40):
        pass_time(after(seconds))
    assert (len(world.tried), world.search().state, world.search().wish) == (1, "done", None)


def test_an_order_the_counter_gave_out_itself_goes_to_nobody(world: World) -> None:
    waiting(world)
    step(order_id=world.order.pk, verb="deliver", actor=MEI, now=after(6))
    for seconds in (10, 40):
        pass_time(after(seconds))
    assert (len(world.tried), world.search().state, world.search().wish) == (1, "done", None)


def test_ready_taken_back_leaves_the_wish(dada: FakeDada) -> None:
    world = World(dada)
    Order.objects.filter(pk=world.order.pk).update(state="making")
    step(order_id=world.order.pk, verb="ready", actor=MEI, now=after(3))
    waiting(world)
    undo(order_id=world.order.pk, actor=MEI, now=after(6))
    pass_time(after(10))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_ready_taken_back_leaves_whoever_is_just_being_asked(dada: FakeDada) -> None:
    world = World(dada)
    Order.objects.filter(pk=world.order.pk).update(state="making")
    step(order_id=world.order.pk, verb="ready", actor=MEI, now=after(3))
    before_the_wish_is_granted(world, lambda: undo(order_id=world.order.pk, actor=MEI, now=after(6)))
    pass_time(after(40))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


# --- A person decides what nobody can find out ----------------------------------------------------


def in_doubt(world: World) -> None:
    """Nobody could find out for five minutes whether A is called off; Old Wang is wanted instead."""
    world.asked()
    world.dada.script["formalCancel"].extend(["429"] * 90)
    world.dada.script["query"].extend(["429"] * 90)
    world.give(world.rider, at=5, instead=True)
    for seconds in range(6, 330, 20):
        pass_time(after(seconds))
    assert world.card()["asks"] is not None


def test_a_person_who_says_it_is_not_there_has_it_given_on(world: World) -> None:
    in_doubt(world)
    settle(order_id=world.order.pk, has=False, actor=MEI, now=after(340))
    run_all(after(340))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_a_person_who_says_it_is_there_leaves_it_there(world: World) -> None:
    in_doubt(world)
    settle(order_id=world.order.pk, has=True, actor=MEI, now=after(340))
    run_all(after(340))
    assert world.tried == [("A", "sent", "")]
    assert (world.search().wish, world.card()["search"]["next"]) == (None, "")


# --- Bags, prices, and what jobs lost -------------------------------------------------------------


def test_of_several_bags_each_goes_its_way(dada: FakeDada) -> None:
    world = World(dada, cups=4)
    world.ask(world.a, bags=2, bag=1)
    run_all(NOW)
    world.give(make_rider(world.order.store, "Li Wei"), bag=2)
    told = world.give(world.rider, at=5, instead=True)
    assert [part["next"] for part in told.card["delivery"]["parts"]] == ["Old Wang", ""]
    run_all(after(5))
    rows = HandOff.objects.filter(order=world.order, state="confirmed").order_by("bag")
    assert list(rows.values_list("bag", "rider__name")) == [(1, "Old Wang"), (2, "Old Wang")]


def test_one_bag_may_change_hands_alone(dada: FakeDada) -> None:
    world = World(dada, cups=4)
    world.ask(world.a, bags=2)
    run_all(NOW)
    world.give(world.rider, at=5, bag=2, instead=True)
    run_all(after(5))
    rows = HandOff.objects.filter(order=world.order, state__in=["sent", "confirmed"]).order_by("bag")
    assert list(rows.values_list("bag", "state")) == [(1, "sent"), (2, "confirmed")]


def test_the_bags_that_have_left_stay_with_their_rider(dada: FakeDada) -> None:
    world = World(dada, cups=4)
    world.give(make_rider(world.order.store, "Li Wei"), bags=2)
    rider_picked_up(order_id=world.order.pk, bag=1, actor=MEI, now=after(2))
    world.give(world.rider, at=5, instead=True)
    rows = HandOff.objects.filter(order=world.order, state="confirmed").order_by("bag")
    assert list(rows.values_list("bag", "rider__name")) == [(1, "Li Wei"), (2, "Old Wang")]


def test_the_bags_the_guest_has_are_not_given_away(dada: FakeDada) -> None:
    world = World(dada, cups=4)
    world.give(make_rider(world.order.store, "Li Wei"), bags=2)
    rider_delivered(order_id=world.order.pk, bag=1, actor=MEI, now=after(2))
    world.give(world.rider, at=5, instead=True)
    rows = HandOff.objects.filter(order=world.order).order_by("pk")
    assert list(rows.values_list("bag", "state")) == [(1, "delivered"), (2, "cancelled"), (2, "confirmed")]


def test_the_price_the_person_saw_is_the_one_that_is_taken_up(world: World) -> None:
    world.asked()
    with time_machine.travel(after(4), tick=False):
        offers = offers_for(Order.objects.get(pk=world.order.pk), now=after(4))
    ref = next(offer["quote"] for offer in offers if offer["name"] == "B")
    price = quoted_draft(ref or "", order_id=world.order.pk, account=world.b, now=after(4))
    world.ask(world.b, at=5, instead=True, quoted=price)
    run_all(after(5))
    assert (price and price.origin_id) == HandOff.objects.get(state="sent").origin_id
    assert [call for call, _body in world.dada.calls][-1] == "addAfterQuery"


def test_a_wish_whose_job_was_lost_is_found(world: World) -> None:
    waiting(world)
    HandOff.objects.filter(order=world.order).update(state="cancelled", ended_at=after(6))
    Job.objects.all().delete()
    pass_time(after(30))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_a_wish_that_waits_for_nothing_is_found(world: World) -> None:
    waiting(world)
    HandOff.objects.filter(order=world.order).update(state="sent")
    Job.objects.all().delete()
    pass_time(after(30))
    assert (world.search().wish, world.tried) == (None, [("A", "sent", "store")])


def test_an_order_that_another_store_makes_now_goes_to_nobody_here(world: World) -> None:
    sibling = make_store(world.order.store.franchise)
    Order.objects.filter(pk=world.order.pk).update(state="accepted")
    step(order_id=world.order.pk, verb="start", actor=MEI, now=NOW)

    def moves() -> None:
        with transaction.atomic():
            publish_search(world.order.pk, actor=MEI, now=after(6))
        undo(order_id=world.order.pk, actor=MEI, now=after(6))
        stores = {"from_store_id": world.order.store_id, "to_store_id": sibling.pk}
        with time_machine.travel(after(6), tick=False):
            move(order_id=world.order.pk, actor=MEI, now=after(6), **stores)

    before_the_wish_is_granted(world, moves)
    pass_time(after(60))
    assert world.tried == [("A", "cancelled", "store")]
    assert (world.search().state, world.search().wish) == ("idle", None)


def test_a_price_that_ran_out_before_its_turn_is_not_taken_up(world: World) -> None:
    world.asked()
    with time_machine.travel(after(4), tick=False):
        offers = offers_for(Order.objects.get(pk=world.order.pk), now=after(4))
    ref = next(offer["quote"] for offer in offers if offer["name"] == "B")
    price = quoted_draft(ref or "", order_id=world.order.pk, account=world.b, now=after(4))
    world.ask(world.b, at=5, instead=True, quoted=price)
    run_all(after(900))
    sent = HandOff.objects.get(state="sent")
    assert price is not None
    assert sent.origin_id != price.origin_id
    assert (sent.quote_ref, sent.quoted_fee) == ("", None)
