"""Which ready orders make a run (pure): few rides, nobody late who would not be late alone.

A run holds at most as many cups as a rider's bag and as many stops as can be put in order exactly. An order
that alone would be on time is on time in its run, too: rather it waits for the next rider.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from couriers.riders.routes import EXACT, Cost, Order, Route, Spot, Stop, Trip

WORTH = 0.6  # the part of a ride of its own that a stop on the way of others may cost


@dataclass(frozen=True, slots=True)
class Parcel:
    """A ready order: `key` names it, `cups` fill the bag, `waiting` is for how many seconds it has stood."""

    key: int
    stop: Stop
    cups: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one rider takes along, in the order of the stops; when each is `served`, in seconds from now."""

    parcels: tuple[Parcel, ...]
    served: tuple[int, ...]

    @property
    def cups(self) -> int:
        """How full the bag is."""
        return sum(parcel.cups for parcel in self.parcels)


def make_runs(start: Spot, parcels: Sequence[Parcel], *, riders: int, cups: int) -> list[Run]:
    """Share `parcels` out among at most `riders` riders who leave `start` now; the most urgent leave first.

    Each rider takes what lies on one way; what is left then goes along where it costs least. What does harm
    in every run waits for the next rider. An order with more cups than a bag holds goes alone.
    """
    shelf = _Shelf(start, sorted(parcels, key=_urgency), cups)
    waiting = list(range(len(parcels)))
    routes: list[Route] = []
    while waiting and len(routes) < riders:
        routes.append(shelf.grown(waiting[0], waiting[1:]))
        waiting = [index for index in waiting if index not in routes[-1].order]
    for index in waiting:
        shelf.take_along(routes, index)
    return [shelf.run(route.order) for route in routes]


def _urgency(parcel: Parcel) -> tuple[bool, int, int, int]:
    due = parcel.stop.due
    return (due is None, due or 0, -parcel.waiting, parcel.key)


class _Shelf:
    """Parcels by their index, and what it means to carry some of them in one bag."""

    def __init__(self, start: Spot, parcels: Sequence[Parcel], cups: int) -> None:
        self._parcels = parcels
        self._cups = cups
        self._trip = Trip(start, [parcel.stop for parcel in parcels])
        self._alone = [self._trip.route((index,)) for index in range(len(parcels))]

    def grown(self, seed: int, others: Iterable[int]) -> Route:
        """A route around one parcel: what lies on the way joins, the cheapest first, if it does no harm."""
        route, left = self._alone[seed], set(others)
        while left:
            tried = [(self._with(route, index), index) for index in left]
            good = [(longer.cost, index, longer) for longer, index in tried if longer is not None]
            good = [one for one in good if self._pays(route, one[2], one[1])]
            if not good:
                break
            _, chosen, route = min(good, key=lambda one: one[:2])
            left.remove(chosen)
        return route

    def take_along(self, routes: list[Route], index: int) -> None:
        """Put a parcel where it costs least, if there is a route in which it does no harm."""
        tried = [(at, self._with(route, index)) for at, route in enumerate(routes)]
        good = [(_more(routes[at], longer), at, longer) for at, longer in tried if longer is not None]
        if good:
            _, at, routes[at] = min(good, key=lambda one: one[:2])

    def run(self, order: Order) -> Run:
        """The parcels in the best order of all; as they were put, if that one sacrifices somebody."""
        best = self._trip.best(order)
        route = best if self._harmless(best) else self._trip.route(order)
        return Run(tuple(self._parcels[index] for index in route.order), route.served)

    def _with(self, route: Route, index: int) -> Route | None:
        """The route with one more parcel where that costs least; None if it does not fit or does harm."""
        cups = sum(self._parcels[known].cups for known in route.order) + self._parcels[index].cups
        if cups > self._cups or len(route.order) >= EXACT:
            return None
        longer = self._trip.with_one(route.order, index)
        return longer if self._harmless(longer) else None

    def _harmless(self, route: Route) -> bool:
        """Whether everybody is on time who would be so alone."""
        late = (
            index for index, at in zip(route.order, route.served, strict=True) if self._trip.late(index, at)
        )
        return all(self._alone[index].lateness for index in late)

    def _pays(self, route: Route, longer: Route, index: int) -> bool:
        """Whether a further stop saves a good part of a ride of its own."""
        return longer.duration - route.duration <= WORTH * self._alone[index].duration


def _more(route: Route, longer: Route) -> Cost:
    """What the longer route costs above the other."""
    return (longer.lateness - route.lateness, longer.duration - route.duration)
