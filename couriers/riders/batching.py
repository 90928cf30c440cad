"""Which ready orders make a run (pure): few rides, nobody late who would not be late alone.

A run holds at most as many cups as a rider's bag and as many stops as can be put in order exactly. An order
that alone would be on time is on time in its run, too: rather it waits for the next rider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from couriers.riders.routes import EXACT, Cost, Route, Spot, Stop, Trip

WORTH = 0.6  # the part of a ride of its own that a further stop may cost while other riders are free
TRIED = 3  # how many candidates for the next stop are put in order exactly


@dataclass(frozen=True, slots=True)
class Parcel:
    """A ready order: `key` names it, `cups` fill the bag, `waiting` is for how many seconds it has stood."""

    key: int
    stop: Stop
    cups: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one rider takes along, in the order of the stops."""

    parcels: tuple[Parcel, ...]
    route: Route

    @property
    def cups(self) -> int:
        """How full the bag is."""
        return sum(parcel.cups for parcel in self.parcels)


def make_runs(start: Spot, parcels: Sequence[Parcel], *, riders: int, cups: int) -> list[Run]:
    """Share `parcels` out among at most `riders` riders who leave `start` now; the most urgent leave first.

    What is not in a run waits for the next rider. An order with more cups than a bag holds goes alone.
    """
    waiting = sorted(parcels, key=_urgency)
    runs: list[Run] = []
    while waiting and len(runs) < riders:
        spare = riders - len(runs) >= len(waiting)
        run = _grown(start, waiting[0], waiting[1:], cups=cups, worth=WORTH if spare else None)
        runs.append(run)
        waiting = [parcel for parcel in waiting if parcel not in run.parcels]
    return runs


def in_order(start: Spot, parcels: Sequence[Parcel]) -> Run:
    """One run of these parcels in the best order."""
    route = Trip(start, [parcel.stop for parcel in parcels]).best
    return Run(tuple(parcels[index] for index in route.order), route)


def _urgency(parcel: Parcel) -> tuple[bool, int, int, int]:
    due = parcel.stop.due
    return (due is None, due or 0, -parcel.waiting, parcel.key)


def _grown(start: Spot, seed: Parcel, others: Sequence[Parcel], *, cups: int, worth: float | None) -> Run:
    """A run around its most urgent parcel: again and again what costs least, while it does no harm."""
    run = in_order(start, [seed])
    left = list(others)
    while left and len(run.parcels) < EXACT:
        left = [parcel for parcel in left if run.cups + parcel.cups <= cups]
        nearest = sorted(left, key=lambda parcel: (_squeezed(start, run, parcel), parcel.key))[:TRIED]
        grown = [in_order(start, [*run.parcels, parcel]) for parcel in nearest]
        good = [longer for longer in grown if _harmless(start, longer) and _pays(start, run, longer, worth)]
        if not good:
            break
        run = min(good, key=lambda longer: longer.route.cost)
        left = [parcel for parcel in left if parcel not in run.parcels]
    return run


def _squeezed(start: Spot, run: Run, parcel: Parcel) -> Cost:
    """The cost of taking a parcel along where it fits best, the others as they are: a good guess, quickly."""
    trip = Trip(start, [*(known.stop for known in run.parcels), parcel.stop])
    new = len(run.parcels)
    return min(trip.route((*range(at), new, *range(at, new))).cost for at in range(new + 1))


def _harmless(start: Spot, run: Run) -> bool:
    """Whether everybody is on time who would be so alone."""
    for parcel, served in zip(run.parcels, run.route.served, strict=True):
        due = parcel.stop.due
        if due is not None and served > due and _alone(start, parcel) <= due:
            return False
    return True


def _pays(start: Spot, run: Run, longer: Run, worth: float | None) -> bool:
    """With riders to spare, a further stop must save a good part of a ride of its own."""
    if worth is None:
        return True
    (parcel,) = set(longer.parcels) - set(run.parcels)
    return longer.route.duration - run.route.duration <= worth * _alone(start, parcel)


def _alone(start: Spot, parcel: Parcel) -> int:
    """Seconds until the guest has it from a rider who brings nothing else."""
    return Trip(start, [parcel.stop]).best.duration
