"""Somebody else than who has it: at once where that is safe, else when the courier has confirmed its end."""

from typing import Any

import pytest

from couriers.models import CarrierSearch, HandOff, Shift
from couriers.services import cancel_hand_off, rider_picked_up
from couriers.tests.factories import BO, MEI, NOW, after, make_rider, make_staff
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import pass_time
from couriers.tests.wishes import World, before_the_cancel_arrives, dada_goes_on, live_errands, waiting
from couriers.tests.work import run_all
from orders.errors import NotPossible
from orders.models import OrderEvent
from stores.actors import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def world(dada: FakeDada) -> World:
    return World(dada)


# --- At once ---------------------------------------------------------------------------------------


def test_an_own_rider_gives_way_to_another_at_once_and_in_one_event(world: World) -> None:
    world.give(world.rider)
    other = make_rider(world.order.store, "Li Wei")
    before = OrderEvent.objects.count()
    told = world.give(other, at=5, instead=True)
    assert world.tried == [("Old Wang", "cancelled", "store"), ("Li Wei", "confirmed", "")]
    assert OrderEvent.objects.count() == before + 1
    assert told.card["delivery"]["carrier_name"] == "Li Wei"
    assert told.card["delivery"]["carrier_key"] == f"rider:{other.pk}"
    run_all(after(5))
    search = world.search()
    assert (search.state, search.wish, search.excluded) == ("carried", None, [f"rider:{world.rider.pk}"])


def test_an_own_rider_gives_way_to_a_courier_at_once(world: World) -> None:
    world.give(world.rider)
    world.ask(world.a, at=5, instead=True)
    assert world.tried == [("Old Wang", "cancelled", "store"), ("A", "pending", "")]
    run_all(after(5))
    assert (world.tried[1], world.search().state) == (("A", "sent", ""), "offered")


def test_what_was_never_sent_is_never_sent(world: World) -> None:
    world.ask(world.a)
    world.give(world.rider, at=1, instead=True)
    run_all(after(2))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]
    assert world.dada.calls == []


def test_what_nobody_has_is_simply_given(world: World) -> None:
    world.give(world.rider, instead=True)
    assert world.tried == [("Old Wang", "confirmed", "")]


def test_a_rider_on_the_road_keeps_it(world: World) -> None:
    world.give(world.rider)
    rider_picked_up(order_id=world.order.pk, actor=MEI, now=after(2))
    with pytest.raises(NotPossible):
        world.ask(world.a, at=5, instead=True)
    assert world.tried == [("Old Wang", "confirmed", "")]


# --- When the courier has confirmed ---------------------------------------------------------------


@pytest.mark.parametrize("found", [False, True])
def test_a_courier_is_called_off_before_the_rider_has_it(world: World, found: bool) -> None:
    handoff = world.asked(rider=found)
    told = world.give(world.rider, at=5, instead=True, actor=BO)
    delivery = told.card["delivery"]
    assert (delivery["state"], delivery["carrier_name"]) == ("cancelling", "A")
    assert (delivery["search"]["state"], delivery["search"]["next"]) == ("offered", "Old Wang")
    assert HandOff.objects.filter(order=world.order).count() == 1
    run_all(after(5))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]
    assert (world.dada.statuses[handoff.origin_id], live_errands(world.dada)) == (5, 0)
    given = HandOff.objects.get(state="confirmed")
    assert (given.created_label, given.created_by) == ("Bo", None)
    search = world.search()
    assert (search.state, search.wish, search.automatic) == ("carried", None, True)
    assert search.excluded == [f"courier:{world.a.pk}"]
    assert world.card()["search"]["next"] == ""


def test_it_is_given_in_the_name_of_whoever_wanted_it(world: World) -> None:
    user = make_staff(world.order.store)
    world.asked()
    world.give(world.rider, at=5, instead=True, actor=Actor("Mei", user))
    run_all(after(5))
    assert HandOff.objects.get(state="confirmed").created_by == user
    user_gone = World(world.dada)
    other = make_staff(user_gone.order.store)
    user_gone.asked()
    user_gone.give(user_gone.rider, at=5, instead=True, actor=Actor("Jin", other))
    other.delete()
    run_all(after(5))
    given = HandOff.objects.get(order=user_gone.order, state="confirmed")
    assert (given.created_label, given.created_by) == ("Jin", None)


def test_while_the_courier_does_not_answer_nobody_else_has_it(world: World) -> None:
    handoff = waiting(world)
    assert world.dada.statuses[handoff.origin_id] == 5
    pass_time(after(8))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_the_next_courier_has_no_errand_before_the_last_ones_is_over(world: World) -> None:
    world.asked()
    most: list[int] = []
    world.dada.before_reply = lambda: most.append(live_errands(world.dada))
    world.ask(world.b, at=5, instead=True)
    run_all(after(5))
    assert world.tried == [("A", "cancelled", "store"), ("B", "sent", "")]
    assert (max(most), len(world.dada.ledger)) == (1, 2)


def test_whoever_is_wanted_need_not_please_the_policy(world: World) -> None:
    """Not ranked, not at work, excluded before: a person chose."""
    at_home = make_rider(world.order.store, "Li Wei")
    world.asked()
    key = f"rider:{at_home.pk}"
    CarrierSearch.objects.filter(order=world.order).update(excluded=[key, "courier:0"])
    world.give(at_home, at=5, instead=True)
    run_all(after(5))
    assert world.tried[1] == ("Li Wei", "confirmed", "")
    assert world.search().excluded == ["courier:0", f"courier:{world.a.pk}"]


def test_what_the_engine_calls_off_may_be_wanted_for_somebody(world: World) -> None:
    world.asked()
    world.dada.script["formalCancel"].append("cut")
    pass_time(after(121))
    assert world.tried == [("A", "cancelling", "no_rider")]
    world.give(world.rider, at=122, instead=True)
    assert world.tried == [("A", "cancelling", "no_rider")]
    pass_time(after(130))
    assert world.tried == [("A", "cancelled", "no_rider"), ("Old Wang", "confirmed", "")]


def test_what_a_person_called_off_already_may_be_wanted_for_somebody(world: World) -> None:
    world.asked()
    world.dada.script["formalCancel"].append("cut")
    cancel_hand_off(order_id=world.order.pk, actor=MEI, now=after(5))
    run_all(after(5))
    world.give(world.rider, at=6, instead=True)
    pass_time(after(10))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_one_in_doubt_is_called_off_first_too(world: World) -> None:
    world.dada.script["addOrder"].append("cut")
    world.asked()
    assert world.tried == [("A", "unknown", "")]
    world.give(world.rider, at=1, instead=True)
    assert world.tried == [("A", "cancelling", "store")]
    pass_time(after(2))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]
    assert live_errands(world.dada) == 0


def test_one_that_is_just_being_sent_is_called_off_when_that_is_over(world: World) -> None:
    world.ask(world.a)
    wanted: list[Any] = [lambda: world.give(world.rider, at=1, instead=True)]
    world.dada.before_reply = lambda: wanted and wanted.pop()()
    run_all(after(1))
    assert world.tried[0][1] == "cancelling" or len(world.tried) == 2
    pass_time(after(20))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]
    assert live_errands(world.dada) == 0


def test_a_courier_that_gives_it_back_meanwhile_frees_it_for_whoever_is_wanted(world: World) -> None:
    handoff = before_the_cancel_arrives(world)
    dada_goes_on(world.dada, handoff, 5, after(6))
    assert world.tried == [("A", "cancelled", "store"), ("Old Wang", "confirmed", "")]


def test_nobody_goes_back_by_itself_to_whom_it_was_taken_from(world: World) -> None:
    Shift.objects.update(ended_at=NOW)
    world.asked()
    world.dada.script["addOrder"].append("no riders today")
    world.ask(world.b, at=5, instead=True)
    run_all(after(5))
    assert world.tried == [("A", "cancelled", "store"), ("B", "failed", "refused")]
    assert world.search().state == "nobody"


# --- It goes on -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [(1, "offered"), (2, "carried")])
def test_a_courier_that_will_not_cancel_goes_on(world: World, status: int, state: str) -> None:
    handoff = world.asked()
    world.dada.script["formalCancel"].append("a rider is at the door")
    world.dada.statuses[handoff.origin_id] = status
    world.give(world.rider, at=5, instead=True)
    run_all(after(5))
    search = world.search()
    assert (search.state, search.wish) == (state, None)
    told = world.card()["search"]
    assert (told["reason"], told["next"]) == ("It was not called off: whoever has it brings it.", "")
    pass_time(after(120))
    assert world.tried[0] == ("A", "sent" if status == 1 else "confirmed", "")


def test_a_courier_that_goes_on_and_finds_nobody_is_called_off_in_its_time(world: World) -> None:
    world.asked()
    world.dada.script["formalCancel"].append("a rider is at the door")
    world.give(world.rider, at=5, instead=True)
    run_all(after(5))
    assert (world.search().automatic, world.search().accept_by) == (True, after(125))
    pass_time(after(126))
    assert world.tried == [("A", "cancelled", "no_rider"), ("Old Wang", "confirmed", "")]


def test_what_is_on_the_road_meanwhile_is_rung_for_when_it_does_not_arrive(world: World) -> None:
    handoff = before_the_cancel_arrives(world)
    for status, seconds in ((3, 6), (10, 60)):
        dada_goes_on(world.dada, handoff, status, after(seconds))
    assert (world.search().state, world.search().wish) == ("nobody", None)
    assert [name for name, _state, _cause in world.tried] == ["A"]


def test_what_is_delivered_meanwhile_is_done(world: World) -> None:
    handoff = before_the_cancel_arrives(world)
    dada_goes_on(world.dada, handoff, 4, after(60))
    assert (world.search().state, world.search().wish, len(world.tried)) == ("done", None, 1)
