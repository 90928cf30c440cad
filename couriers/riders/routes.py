"""The order of a rider's stops (pure): least total lateness first, then least time under way.

First each stop, the most urgent first, goes where it costs least, then single stops and stretches are
moved while that makes it better. Up to `EXACT` stops that is only the bound: dynamic programming over the
sets of stops already visited keeps every combination of elapsed time and lateness that no other beats in
both and that can still be better than the bound. Times are whole seconds, so that two ways of adding them
up never differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EXACT = 8
EARTH = 6_371_000.0  # metres
DETOUR = 1.35  # streets against the straight line
SPEED = 4.6  # metres a second, an electric scooter in a city with its traffic lights
AT_THE_DOOR = 120  # seconds from getting off until the guest has it

Order = tuple[int, ...]
Cost = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the ground, WGS-84 degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Where something is to be brought; `due` is in seconds from the start, None if nothing was promised."""

    spot: Spot
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Stops in their order (as indexes into those given), when each is served, and what it costs."""

    order: Order
    served: tuple[int, ...]
    lateness: int
    duration: int

    @property
    def cost(self) -> Cost:
        """What is compared: lateness first."""
        return (self.lateness, self.duration)


def metres(one: Spot, other: Spot) -> float:
    """Metres between two places as the crow flies."""
    north = sin(radians(other.latitude - one.latitude) / 2) ** 2
    east = sin(radians(other.longitude - one.longitude) / 2) ** 2
    half = north + cos(radians(one.latitude)) * cos(radians(other.latitude)) * east
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


def ride(one: Spot, other: Spot) -> int:
    """Seconds from one place to the other."""
    return round(metres(one, other) * DETOUR / SPEED)


class Trip:
    """Stops to be served from one start; all times between them are worked out once."""

    def __init__(self, start: Spot, stops: Sequence[Stop]) -> None:
        self.stops = stops
        self._first = [ride(start, stop.spot) + AT_THE_DOOR for stop in stops]
        self._between = [[ride(one.spot, two.spot) + AT_THE_DOOR for two in stops] for one in stops]

    def leg(self, last: int | None, following: int) -> int:
        """Seconds from where `last` was served (None: the start) until `following` is."""
        return self._first[following] if last is None else self._between[last][following]

    def late(self, stop: int, at: int) -> int:
        """Seconds by which a stop served `at` misses its promise."""
        due = self.stops[stop].due
        return 0 if due is None else max(0, at - due)

    def route(self, order: Sequence[int]) -> Route:
        """What it means to serve the stops in this order."""
        at, lateness, last, served = 0, 0, None, []
        for stop in order:
            at += self.leg(last, stop)
            lateness += self.late(stop, at)
            served.append(at)
            last = stop
        return Route(tuple(order), tuple(served), lateness, at)

    def with_one(self, order: Order, stop: int) -> Route:
        """One more stop where it costs least, the others as they are; of equal places, the last."""
        places = [(*order[:at], stop, *order[at:]) for at in range(len(order), -1, -1)]
        return min((self.route(tried) for tried in places), key=lambda route: route.cost)

    def best(self, stops: Sequence[int] | None = None) -> Route:
        """The best order of some stops, by default of all: exact for few, good for many."""
        chosen = tuple(range(len(self.stops)) if stops is None else stops)
        good = _improved(self, _inserted(self, chosen))
        return self.route(_exact(self, good)) if len(chosen) <= EXACT else good


@dataclass(frozen=True, slots=True)
class _Label:
    """One way to have visited a set of stops."""

    elapsed: int
    lateness: int
    order: Order

    @property
    def cost(self) -> Cost:
        return (self.lateness, self.elapsed)

    def beats(self, other: _Label) -> bool:
        return self.elapsed <= other.elapsed and self.lateness <= other.lateness


def _exact(trip: Trip, bound: Route) -> Order:
    """The best order of all, by sets of growing size; the bound itself if nothing is better."""
    fronts: dict[tuple[int, int | None], list[_Label]] = {(0, None): [_Label(0, 0, ())]}
    for _ in bound.order:
        grown: dict[tuple[int, int | None], list[_Label]] = {}
        for (visited, last), labels in fronts.items():
            for stop in bound.order:
                if not visited & 1 << stop:
                    longer = (_extended(trip, label, last, stop) for label in labels)
                    if good := [label for label in longer if label.cost < bound.cost]:
                        _keep(grown.setdefault((visited | 1 << stop, stop), []), good)
        fronts = grown
    ends = [label for labels in fronts.values() for label in labels]
    return min(ends, key=lambda label: (label.cost, label.order)).order if ends else bound.order


def _extended(trip: Trip, label: _Label, last: int | None, stop: int) -> _Label:
    at = label.elapsed + trip.leg(last, stop)
    return _Label(at, label.lateness + trip.late(stop, at), (*label.order, stop))


def _keep(front: list[_Label], labels: Sequence[_Label]) -> None:
    """Put labels on their front, but for those another beats; those they beat leave."""
    for label in labels:
        if not any(other.beats(label) for other in front):
            front[:] = [other for other in front if not label.beats(other)]
            front.append(label)


def _inserted(trip: Trip, stops: Sequence[int]) -> Route:
    """The most urgent first, each where it costs least."""
    route = trip.route(())
    for stop in sorted(stops, key=lambda stop: _urgency(trip.stops[stop])):
        route = trip.with_one(route.order, stop)
    return route


def _urgency(stop: Stop) -> tuple[bool, int]:
    return (stop.due is None, stop.due or 0)


def _improved(trip: Trip, best: Route) -> Route:
    """Move single stops and turn stretches round while that makes it better."""
    while tried := _neighbours(best.order):
        found = min((trip.route(order) for order in tried), key=lambda route: route.cost)
        if found.cost >= best.cost:
            break
        best = found
    return best


def _neighbours(order: Order) -> list[Order]:
    size = len(order)
    pairs = [(one, two) for one in range(size) for two in range(size) if one != two]
    moved = []
    for one, two in pairs:
        rest = (*order[:one], *order[one + 1 :])
        moved.append((*rest[:two], order[one], *rest[two:]))
    turned = [
        (*order[:one], *reversed(order[one : two + 1]), *order[two + 1 :]) for one, two in pairs if one < two
    ]
    return moved + turned
