"""Runs for the riders who are free: proposed from what stands ready, and handed off with one tap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce

from couriers.bags import bags_for, share
from couriers.models import CarrierSearch, HandOff, Rider
from couriers.policy.queries import policy_of
from couriers.riders.batching import Parcel, Run, make_runs
from couriers.riders.routes import Spot
from couriers.riders.stops import spot_of, stop_of
from couriers.services import hand_to_rider
from couriers.states import LIVE, HandOffState
from orders.errors import NotPossible, Stale
from orders.models import Order
from orders.states import Fulfilment, OrderState
from stores.actors import Actor
from stores.models import Store

LOOKED_AT = 60  # of more ready orders, the most urgent ones
WITH_SOMEBODY = sorted({*LIVE, HandOffState.DELIVERED})


@dataclass(frozen=True, slots=True)
class Bag:
    """A bag on the shelf: the whole order, or one of several."""

    order: Order
    bag: int
    bags: int

    @property
    def name(self) -> str:
        """What the page sends back for it: "17.1"."""
        return f"{self.order.pk}.{self.bag}"


@dataclass(frozen=True, slots=True)
class ProposedStop:
    """A stop of a proposed run: when the guest would have it, and whether that is late."""

    bag: Bag
    at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """Who could take what along now; `back` is when the last guest would have been served."""

    rider: Rider
    stops: tuple[ProposedStop, ...]
    cups: int

    @property
    def back(self) -> datetime:
        """When the rider is free again, but for the way back."""
        return self.stops[-1].at

    @property
    def late(self) -> int:
        """How many guests would wait too long."""
        return sum(stop.late for stop in self.stops)


@dataclass(frozen=True, slots=True)
class Given:
    """What became of one bag of a run; `detail` says why not, for people."""

    order: Order
    done: bool
    detail: str = ""


def propose(store: Store, *, now: datetime) -> list[Proposal]:
    """A run for each free rider, the one who has waited longest first; at most six queries."""
    riders = list(free_riders(store, now=now))
    if not riders:
        return []
    cups = policy_of(store.pk).cups_per_rider
    bags = [bag for order in _ready(store) for bag in _bags(order, cups)]
    parcels = [_parcel(key, bag, spot_of(store), now) for key, bag in enumerate(bags)]
    runs = make_runs(spot_of(store), parcels, riders=len(riders), cups=cups)
    return [_proposal(rider, run, bags, now) for rider, run in zip(riders, runs, strict=False)]


def assign(
    *, store: Store, rider: Rider, bags: Sequence[tuple[int, int]], actor: Actor, now: datetime, command: str
) -> list[Given]:
    """Give the rider each of the bags (order, bag), as far as that is still possible; one result a bag."""
    orders = Order.objects.filter(store=store, pk__in=[order_id for order_id, _ in bags]).in_bulk()
    wanted = [(orders[order_id], bag) for order_id, bag in bags if order_id in orders]
    given: dict[str, Any] = {"rider": rider, "actor": actor, "now": now}
    return [_given(order, bag=bag, command=f"{command}.{bag}", **given) for order, bag in wanted]


def free_riders(store: Store, *, now: datetime) -> QuerySet[Rider]:
    """Riders on a shift with nothing in hand, the longest idle first."""
    at_work = Q(shifts__ended_at=None, shifts__ends_at__gt=now)
    busy = HandOff.objects.filter(rider=OuterRef("pk"), state__in=LIVE)
    idle_since = Coalesce(Max("handoffs__ended_at"), Max("shifts__started_at"))
    riders = Rider.objects.filter(at_work, ~Exists(busy), store=store, active=True)
    return riders.annotate(idle_since=idle_since).order_by("idle_since", "pk")


def _ready(store: Store) -> Iterable[Order]:
    """What stands on the shelf for riders of ours, at least in part, the most urgent first."""
    given = HandOff.objects.filter(order=OuterRef("pk"), state__in=WITH_SOMEBODY, bags=1)
    facts = {"state": OrderState.READY, "fulfilment": Fulfilment.STORE_COURIER}
    waiting = Order.objects.filter(~Exists(given), store=store, on_board=True, **facts)
    with_somebody = HandOff.objects.filter(state__in=WITH_SOMEBODY)
    first = CarrierSearch.objects.filter(bag=1)
    waiting = waiting.prefetch_related(
        Prefetch("handoffs", queryset=with_somebody, to_attr="given"),
        Prefetch("searches", queryset=first, to_attr="split"),
    )
    return waiting.order_by(F("promised_at").asc(nulls_last=True), "ready_at", "pk")[:LOOKED_AT]


def _bags(order: Order, cups: int) -> Iterator[Bag]:
    """The bags of an order that are with nobody."""
    split: list[CarrierSearch] = getattr(order, "split", [])
    given: list[HandOff] = getattr(order, "given", [])
    bags = split[0].bags if split else bags_for(order.cups, cups)
    gone = {handoff.bag for handoff in given}
    yield from (Bag(order, bag, bags) for bag in range(1, bags + 1) if bag not in gone)


def _parcel(key: int, bag: Bag, store: Spot, now: datetime) -> Parcel:
    order = bag.order
    waiting = int((now - (order.ready_at or now)).total_seconds())
    cups = share(order.cups, bag.bag, bag.bags)
    return Parcel(key, stop_of(order, store, now), cups, waiting)


def _proposal(rider: Rider, run: Run, bags: Sequence[Bag], now: datetime) -> Proposal:
    served = zip(run.parcels, run.served, strict=True)
    stops = (_stop(bags[parcel.key], now + timedelta(seconds=seconds)) for parcel, seconds in served)
    return Proposal(rider, tuple(stops), run.cups)


def _stop(bag: Bag, at: datetime) -> ProposedStop:
    promised_at = bag.order.promised_at
    return ProposedStop(bag, at, promised_at is not None and at > promised_at)


def _given(order: Order, **given: Any) -> Given:
    """Each bag is a command of its own: of an order in two, the second is no repetition of the first."""
    try:
        hand_to_rider(order_id=order.pk, **given)
    except (Stale, NotPossible) as error:
        return Given(order, done=False, detail=str(error))
    return Given(order, done=True)
