"""The order of a rider's stops, against trying every order."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from couriers.riders.batching import Parcel, make_runs
from couriers.riders.routes import AT_THE_DOOR, EXACT, Spot, Stop, Trip, metres, ride

STORE = Spot(31.2304, 121.4737)
near = st.builds(
    Spot,
    st.integers(-300, 300).map(lambda step: STORE.latitude + step / 10_000),
    st.integers(-300, 300).map(lambda step: STORE.longitude + step / 10_000),
)
stops = st.builds(Stop, near, st.one_of(st.none(), st.integers(0, 2_400)))
few = settings(max_examples=100, deadline=None)


def spot(north: float, east: float = 0) -> Spot:
    """A place some kilometres from the store."""
    return Spot(STORE.latitude + north / 111.2, STORE.longitude + east / 95.1)


def parcel(key: int, at: Spot, *, minutes: int | None = None, cups: int = 2) -> Parcel:
    return Parcel(key, Stop(at, None if minutes is None else minutes * 60), cups)


def test_a_kilometre_is_a_kilometre_and_takes_five_minutes() -> None:
    assert round(metres(spot(0), spot(1))) == 1_000
    assert round(metres(spot(0), spot(0, 1))) == 1_000
    assert ride(spot(0), spot(1)) == 293


@given(st.lists(stops, max_size=6))
@few
def test_no_other_order_is_better(chosen: list[Stop]) -> None:
    trip = Trip(STORE, chosen)
    best = min(trip.route(order).cost for order in permutations(range(len(chosen))))
    assert trip.best().cost == best


@given(st.lists(stops, min_size=EXACT, max_size=EXACT))
@settings(max_examples=3, deadline=None)
def test_no_other_order_of_eight_is_better(chosen: list[Stop]) -> None:
    trip = Trip(STORE, chosen)
    best = min(trip.route(order).cost for order in permutations(range(EXACT)))
    assert trip.best().cost == best


@given(st.lists(stops, min_size=EXACT + 1, max_size=12))
@settings(max_examples=5, deadline=None)
def test_of_many_stops_each_is_visited_once_and_better_than_in_turn(chosen: list[Stop]) -> None:
    trip = Trip(STORE, chosen)
    assert sorted(trip.best().order) == list(range(len(chosen)))
    assert trip.best().cost <= trip.route(range(len(chosen))).cost


def test_a_promise_comes_before_a_short_way() -> None:
    far_but_soon, near_by = Stop(spot(2), 12 * 60), Stop(spot(0, 0.5), 60 * 60)
    assert Trip(STORE, [near_by, far_but_soon]).best().order == (1, 0)


def test_what_is_late_anyway_does_not_make_the_others_late() -> None:
    lost, fine = Stop(spot(3), 0), Stop(spot(0, 0.5), 5 * 60)
    assert Trip(STORE, [lost, fine]).best().order == (1, 0)


def test_without_promises_the_way_is_short() -> None:
    line = [Stop(spot(3)), Stop(spot(1)), Stop(spot(2))]
    route = Trip(STORE, line).best()
    assert (route.order, route.lateness) == ((1, 2, 0), 0)
    assert route.served == (413, 826, 1239) == tuple(lap * (293 + AT_THE_DOOR) for lap in (1, 2, 3))


parcels = st.lists(
    st.builds(
        lambda stop, cups, waiting: (stop, cups, waiting), stops, st.integers(1, 9), st.integers(0, 900)
    ),
    max_size=9,
)


@given(parcels, st.integers(0, 4), st.integers(4, 14))
@few
def test_every_run_fits_the_bag_and_makes_nobody_late(
    drawn: list[tuple[Stop, int, int]], riders: int, cups: int
) -> None:
    waiting = [Parcel(key, *facts) for key, facts in enumerate(drawn)]
    runs = make_runs(STORE, waiting, riders=riders, cups=cups)
    taken = [parcel.key for run in runs for parcel in run.parcels]
    assert len(taken) == len(set(taken))
    assert len(runs) <= riders
    assert bool(runs) == bool(waiting and riders)
    for run in runs:
        assert run.cups <= cups or len(run.parcels) == 1
        for one, served in zip(run.parcels, run.served, strict=True):
            (alone,) = Trip(STORE, [one.stop]).best().served
            assert one.stop.due is None or alone > one.stop.due or served <= one.stop.due


def test_neighbours_ride_together_when_riders_are_short() -> None:
    east, west = spot(0, 1), spot(0, -1)
    waiting = [parcel(1, east, minutes=30), parcel(2, west, minutes=30), parcel(3, east, minutes=40)]
    (run,) = make_runs(STORE, waiting[::2] + waiting[1:2], riders=1, cups=4)
    assert [one.key for one in run.parcels] == [1, 3]


def test_everybody_gets_a_rider_of_their_own_when_there_are_enough() -> None:
    waiting = [parcel(1, spot(0, 1)), parcel(2, spot(0, -1))]
    assert [len(run.parcels) for run in make_runs(STORE, waiting, riders=2, cups=12)] == [1, 1]


def test_with_too_few_riders_the_opposite_way_is_anothers() -> None:
    waiting = [parcel(1, spot(0, 1)), parcel(2, spot(0, 1.1)), parcel(3, spot(0, -1))]
    runs = make_runs(STORE, waiting, riders=2, cups=12)
    assert [[one.key for one in run.parcels] for run in runs] == [[1, 2], [3]]


def test_what_is_on_nobodys_way_goes_along_when_nobody_else_is_there() -> None:
    waiting = [parcel(1, spot(0, 1)), parcel(2, spot(0, -1))]
    assert [len(run.parcels) for run in make_runs(STORE, waiting, riders=1, cups=12)] == [2]


def test_next_door_goes_along_even_then() -> None:
    waiting = [parcel(1, spot(2)), parcel(2, spot(2.01))]
    assert [len(run.parcels) for run in make_runs(STORE, waiting, riders=2, cups=12)] == [2]


def test_what_would_be_late_in_company_waits_for_the_next_rider() -> None:
    waiting = [parcel(1, spot(2), minutes=13), parcel(2, spot(-2), minutes=14)]
    assert [[one.key for one in run.parcels] for run in make_runs(STORE, waiting, riders=1, cups=12)] == [[1]]


def test_more_than_a_bag_holds_goes_alone() -> None:
    waiting = [parcel(1, spot(1), minutes=1, cups=20), parcel(2, spot(1), cups=1)]
    assert [[one.key for one in run.parcels] for run in make_runs(STORE, waiting, riders=1, cups=12)] == [[1]]
