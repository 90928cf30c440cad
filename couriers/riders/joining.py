"""How well one more stop goes with what a rider has not left with yet (pure).

As in `couriers.riders.batching`: a stop joins a run if nobody gets late by it, if it fits the bag, and if it
saves a good part of a ride of its own. Where it does not, a rider with nothing in hand is better; a run it
fits badly is better than none, and last comes who is on the road.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from couriers.riders.batching import WORTH
from couriers.riders.routes import EXACT, Route, Spot, Stop, Trip


class Fit(IntEnum):
    """From the best to the worst."""

    ON_THE_WAY = 0
    ALONE = 1
    DETOUR = 2
    HARM = 3
    FULL = 4
    AWAY = 5


@dataclass(frozen=True, slots=True)
class Load:
    """What a rider has in hand: the stops they have not left for, how many cups those are, and whether they
    are on the road with others."""

    stops: tuple[Stop, ...] = ()
    cups: int = 0
    away: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Joining:
    """What one more stop means for a rider, less being better; `added` is in seconds."""

    fit: Fit = Fit.ALONE
    added: int = 0


def join(start: Spot, load: Load, stop: Stop, *, cups: int, room: int) -> Joining:
    """One more stop of so many `cups` for a rider who leaves `start` now with at most `room` cups."""
    if load.away:
        return Joining(Fit.AWAY)
    trip = Trip(start, [*load.stops, stop])
    alone = trip.route((len(load.stops),))
    if not load.stops:
        return Joining(Fit.ALONE, alone.duration)
    if len(load.stops) >= EXACT or load.cups + cups > room:
        return Joining(Fit.FULL)
    before, after = trip.best(range(len(load.stops))), trip.best()
    added = after.duration - before.duration
    if _late(trip, after) - _late(trip, before) - _late(trip, alone):
        return Joining(Fit.HARM, added)
    return Joining(Fit.ON_THE_WAY if added <= WORTH * alone.duration else Fit.DETOUR, added)


def _late(trip: Trip, route: Route) -> frozenset[int]:
    """The stops that miss their promise."""
    served = zip(route.order, route.served, strict=True)
    return frozenset(stop for stop, at in served if trip.late(stop, at))
