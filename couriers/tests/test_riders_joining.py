"""Of the store's own riders, the one whose run an order fits best is asked first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.models import CarrierSearch, HandOff, Rider
from couriers.policy.choosing import Why, choose
from couriers.policy.document import DEFAULT
from couriers.policy.queries import policy_of
from couriers.policy.words import why_words
from couriers.riders.joining import Fit, Joining, Load, join
from couriers.riders.routes import EXACT, Stop, Trip
from couriers.seeking_choice import field_of
from couriers.services import hand_to_rider, rider_picked_up
from couriers.tests.factories import MEI, NOW, make_order, make_store
from couriers.tests.policies import courier as a_courier
from couriers.tests.policies import rider as a_rider
from couriers.tests.policies import situation
from couriers.tests.searches import at_work, policy, ready, tried
from couriers.tests.test_riders_routes import STORE, few, spot, stops
from orders.models import Order
from stores.models import Store

FAR = spot(0, 2)


def joined(load: Load, stop: Stop, cups: int = 2) -> Joining:
    return join(STORE, load, stop, cups=cups, room=12)


def waiting(*stops_: Stop, cups: int = 2) -> Load:
    return Load(stops_, cups)


def test_from_the_best_to_the_worst() -> None:
    stop = Stop(spot(0, 2.1), due=1_800)
    loads = {
        Fit.ON_THE_WAY: waiting(Stop(FAR, due=1_800)),
        Fit.ALONE: Load(),
        Fit.DETOUR: waiting(Stop(spot(0, -2), due=7_200)),
        Fit.HARM: waiting(Stop(spot(0, -2), due=750)),
        Fit.FULL: waiting(Stop(FAR, due=1_800), cups=11),
        Fit.AWAY: Load((), 0, away=True),
    }
    found = [joined(load, stop) for load in loads.values()]
    assert [one.fit for one in found] == list(loads)
    assert found == sorted(found)
    assert found[0].added == 149  # a hundred metres more, and the guest's door


def test_a_full_bag_counts_to_the_cup() -> None:
    load, stop = waiting(Stop(FAR), cups=9), Stop(FAR)
    assert [joined(load, stop, cups).fit for cups in (3, 4)] == [Fit.ON_THE_WAY, Fit.FULL]


def test_no_more_stops_than_can_be_put_in_order_exactly() -> None:
    fits = [joined(waiting(*[Stop(FAR)] * count), Stop(FAR)).fit for count in (EXACT - 1, EXACT)]
    assert fits == [Fit.ON_THE_WAY, Fit.FULL]


def test_what_is_late_anyhow_keeps_nobody_from_going_along() -> None:
    late = Stop(FAR, due=-60)
    assert joined(waiting(late), Stop(FAR, due=3_600)).fit == Fit.ON_THE_WAY
    assert joined(waiting(Stop(FAR, due=3_600)), late).fit == Fit.ON_THE_WAY


@given(st.lists(stops, min_size=1, max_size=4), stops)
@few
def test_nobody_gets_late_by_what_joins(load: list[Stop], stop: Stop) -> None:
    found = joined(waiting(*load), stop)
    if found.fit not in {Fit.ON_THE_WAY, Fit.DETOUR}:
        return
    trip = Trip(STORE, [*load, stop])
    before, after, alone = trip.best(range(len(load))), trip.best(), trip.route((len(load),))
    was_late = {one for route in (before, alone) for one in late_in(trip, route)}
    assert set(late_in(trip, after)) <= was_late
    assert found.added == after.duration - before.duration


def late_in(trip: Trip, route: Any) -> list[int]:
    return [stop for stop, at in zip(route.order, route.served, strict=True) if trip.late(stop, at)]


def test_the_choice_goes_by_the_run_before_the_number_of_orders() -> None:
    far, near = Joining(Fit.ON_THE_WAY, 240), Joining(Fit.ON_THE_WAY, 130)
    riders = [
        a_rider(1, live=1, away=1, joining=Joining(Fit.AWAY)),
        a_rider(2, live=0, joining=Joining(Fit.ALONE, 500)),
        a_rider(3, live=1, joining=far),
        a_rider(4, live=2, joining=near),
    ]
    ranked = choose(DEFAULT, situation(), [*riders, a_courier(1)])
    assert [one.key for one in ranked] == ["rider:4", "rider:3", "rider:2", "rider:1", "courier:1"]
    assert ranked[0].why == Why("own_joins", {"rule": "", "live": 2, "minutes": 3})
    assert [one.why.code for one in ranked[1:4]] == ["own_joins", "own_free", "own_free"]
    assert why_words(ranked[0].why) == "own rider, takes it along: 3 min more"


@pytest.fixture
def store(db: None) -> Store:
    return make_store()


def at(store: Store, north: float, **values: Any) -> Order:
    place = spot(north)
    return make_order(store, latitude=place.latitude, longitude=place.longitude, **values)


def give(order: Order, rider: Rider) -> Order:
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)
    return order


def ranked(order: Order, **excluded: Any) -> list[str]:
    """Riders by name, those first who would be asked first."""
    search = CarrierSearch.objects.filter(order=order).first() or CarrierSearch(
        order=order, store=order.store, bag=1, bags=1
    )
    field = field_of(search, policy_of(order.store_id), now=NOW, excluded=excluded.get("excluded", ()))
    return [one.name for one in field.ranked]


def test_riders_are_ordered_by_what_they_have_in_hand(store: Store) -> None:
    road, _, other, same = (at_work(store, name) for name in ("Road", "Idle", "Other way", "Same way"))
    rider_picked_up(order_id=give(at(store, 2), road).pk, actor=MEI, now=NOW)
    give(at(store, -2), other)
    give(at(store, 2), same)
    order = at(store, 2.1)
    assert ranked(order) == ["Same way", "Idle", "Other way", "Road"]
    assert ranked(order, excluded=[f"rider:{same.pk}"]) == ["Idle", "Other way", "Road"]


def test_an_order_nobody_knows_the_place_of_lies_on_nobodys_way(store: Store) -> None:
    at_work(store, "Idle")
    give(at(store, 2), at_work(store, "Busy"))
    assert ranked(make_order(store, latitude=None, longitude=None)) == ["Idle", "Busy"]


def test_two_bags_of_an_order_are_one_stop_and_fill_the_bag_with_their_cups(store: Store) -> None:
    at_work(store, "Idle")
    policy(store, cups_per_rider=9, own_most=4)
    give(at(store, 2, cups=18), at_work(store, "Two bags"))
    assert HandOff.objects.count() == 2
    assert ranked(at(store, 2.1, cups=1)) == ["Idle", "Two bags"]


@pytest.mark.parametrize("riders", [2, 6])
def test_it_takes_one_query_more_however_many_riders_there_are(
    store: Store, riders: int, django_assert_num_queries: Any
) -> None:
    found = [at_work(store, f"Rider {number}") for number in range(riders)]
    order = at(store, 1)
    search = CarrierSearch(
        order=Order.objects.select_related("store", "account").get(pk=order.pk), store=store
    )
    ask = lambda: field_of(search, DEFAULT, now=NOW, excluded=())  # noqa: E731
    ask()
    with django_assert_num_queries(3):
        ask()
    for rider in found:
        give(at(store, 1), rider)
    with django_assert_num_queries(4):
        ask()


@pytest.mark.django_db(transaction=True)
def test_by_itself_orders_that_lie_on_one_way_go_with_one_rider() -> None:
    orders = [at(make_store(), 2, state="making", ready_at=None)]
    store = orders[0].store
    orders += [at(store, north, state="making", ready_at=None) for north in (-2, 2.1, 2.2, -2.1)]
    policy(store, own_most=3)
    for name in ("A", "B"):
        at_work(store, name)
    for order in orders:
        ready(order)
    assert [tried(order)[0][0] for order in orders] == ["A", "B", "A", "A", "B"]
