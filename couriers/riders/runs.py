"""Runs for the riders who are free: proposed from what stands ready, and handed off with one tap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from couriers.models import CarrierSearch, HandOff, Rider
from couriers.policy.queries import policy_of
from couriers.riders.batching import Parcel, Run, make_runs
from couriers.riders.routes import Spot, Stop
from couriers.riders.stops import guest_of, spot_of
from couriers.services import hand_to_rider
from couriers.states import LIVE
from orders.errors import NotPossible, Stale
from orders.models import Order
from orders.states import Fulfilment, OrderState
from stores.actors import Actor
from stores.models import Store

LOOKED_AT = 60  # of more ready orders, the most urgent ones


@dataclass(frozen=True, slots=True)
class ProposedStop:
    """A stop of a proposed run: when the guest would have it, and whether that is late."""

    order: Order
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
    """What became of one order of a run; `detail` says why not, for people."""

    order: Order
    done: bool
    detail: str = ""


def propose(store: Store, *, now: datetime) -> list[Proposal]:
    """A run for each free rider, the one who has waited longest first; four queries."""
    riders = list(free_riders(store, now=now))
    orders = {order.pk: order for order in _ready(store)} if riders else {}
    parcels = [_parcel(order, spot_of(store), now) for order in orders.values()]
    cups = policy_of(store.pk).cups_per_rider
    runs = make_runs(spot_of(store), parcels, riders=len(riders), cups=cups)
    return [_proposal(rider, run, orders, now) for rider, run in zip(riders, runs, strict=False)]


def assign(
    *, store: Store, rider: Rider, order_ids: Sequence[int], actor: Actor, now: datetime, command: str
) -> list[Given]:
    """Give the rider each of the orders, as far as that is still possible; one result an order."""
    orders = Order.objects.filter(store=store, pk__in=order_ids).in_bulk()
    wanted = [orders[order_id] for order_id in order_ids if order_id in orders]
    return [_given(order, rider, actor, now, command) for order in wanted]


def free_riders(store: Store, *, now: datetime) -> QuerySet[Rider]:
    """Riders on a shift with nothing in hand, the longest idle first."""
    at_work = Q(shifts__ended_at=None, shifts__ends_at__gt=now)
    busy = HandOff.objects.filter(rider=OuterRef("pk"), state__in=LIVE)
    idle_since = Coalesce(Max("handoffs__ended_at"), Max("shifts__started_at"))
    riders = Rider.objects.filter(at_work, ~Exists(busy), store=store, active=True)
    return riders.annotate(idle_since=idle_since).order_by("idle_since", "pk")


def _ready(store: Store) -> Iterable[Order]:
    """What stands on the shelf for a rider of ours: not with anybody, and in one piece."""
    given = HandOff.objects.filter(order=OuterRef("pk"), state__in=LIVE)
    split = CarrierSearch.objects.filter(order=OuterRef("pk"), bags__gt=1)
    waiting = Order.objects.filter(
        ~Exists(given),
        ~Exists(split),
        store=store,
        on_board=True,
        state=OrderState.READY,
        fulfilment=Fulfilment.STORE_COURIER,
    )
    return waiting.order_by(F("promised_at").asc(nulls_last=True), "ready_at", "pk")[:LOOKED_AT]


def _parcel(order: Order, store: Spot, now: datetime) -> Parcel:
    """Where the guest is, nobody may have said: then it rides along as if next door."""
    due = None if order.promised_at is None else int((order.promised_at - now).total_seconds())
    waiting = int((now - (order.ready_at or now)).total_seconds())
    return Parcel(order.pk, Stop(guest_of(order) or store, due), order.cups, waiting)


def _proposal(rider: Rider, run: Run, orders: dict[int, Order], now: datetime) -> Proposal:
    served = zip(run.parcels, run.served, strict=True)
    stops = (_stop(orders[parcel.key], now + timedelta(seconds=seconds)) for parcel, seconds in served)
    return Proposal(rider, tuple(stops), run.cups)


def _stop(order: Order, at: datetime) -> ProposedStop:
    return ProposedStop(order, at, order.promised_at is not None and at > order.promised_at)


def _given(order: Order, rider: Rider, actor: Actor, now: datetime, command: str) -> Given:
    try:
        hand_to_rider(order_id=order.pk, rider=rider, actor=actor, now=now, command=command)
    except (Stale, NotPossible) as error:
        return Given(order, done=False, detail=str(error))
    return Given(order, done=True)
