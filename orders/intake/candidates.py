"""Which store an order without one is probably for: by the way to its guest, else by the name (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import asin, cos, radians, sin, sqrt

from orders.channels.incoming import Placed
from stores.models import Store

EARTH = 6371.0  # kilometres


@dataclass(frozen=True, slots=True)
class Candidate:
    """A store, with its distance to the guest, or how like the platform's name for the store its name is
    (0 to 1); None for what cannot be told."""

    store: Store
    kilometres: float | None
    likeness: float | None


def candidates(stores: Iterable[Store], placed: Placed) -> list[Candidate]:
    """The stores, the likeliest first."""
    if placed.latitude is not None and placed.longitude is not None:
        here = (placed.latitude, placed.longitude)
        near = [
            Candidate(store, kilometres(here, (store.latitude, store.longitude)), None) for store in stores
        ]
        return sorted(near, key=lambda one: (one.kilometres, one.store.code))
    alike = [Candidate(store, None, likeness(placed.store_name, store.name)) for store in stores]
    return sorted(alike, key=lambda one: (-(one.likeness or 0), one.store.code))


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance of two positions (latitude, longitude) in degrees of WGS-84."""
    (north, east), (other_north, other_east) = (map(radians, place) for place in (one, other))
    half = sin((other_north - north) / 2) ** 2
    half += cos(north) * cos(other_north) * sin((other_east - east) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


def likeness(theirs: str, ours: str) -> float | None:
    """How much of one name is in the other, 0 to 1; None if the platform gives none."""
    return SequenceMatcher(None, theirs, ours, autojunk=False).ratio() if theirs else None
