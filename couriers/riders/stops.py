"""What a rider's phone shows: their stops in the best order, as JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext

from couriers.bags import share
from couriers.models import HandOff, RiderReport, Shift
from couriers.riders.routes import DETOUR, Spot, Stop, Trip, metres
from couriers.states import HandOffState, Progress
from orders.cards import iso
from orders.models import Order
from stores.models import Store

Bags = list[HandOff]


def hand_off_of(shift: Shift, handoff_id: int) -> HandOff:
    """A hand-off of the shift's rider, also one that has ended. Raises HandOff.DoesNotExist."""
    return _own(shift).select_related("order").get(pk=handoff_id)


def bags_of(shift: Shift) -> Bags:
    """What the shift's rider has in hand, order by order; one query."""
    live = _own(shift).filter(state=HandOffState.CONFIRMED).order_by("order_id", "bag")
    proofs = RiderReport.objects.filter(handoff=OuterRef("pk"), kind=RiderReport.Kind.PROOF)
    return list(live.select_related("order__account").annotate(proven=Exists(proofs)))


def stops_of(shift: Shift, bags: Bags, *, now: datetime) -> dict[str, Any]:
    """Everything the page needs to go on without the portal; `bags` are those of `bags_of`. Two queries."""
    orders = [list(group) for _, group in groupby(bags, key=lambda bag: bag.order_id)]
    done = _own(shift).filter(state=HandOffState.DELIVERED, delivered_at__gte=shift.started_at)
    last = done.select_related("order").order_by("-delivered_at").first()
    return {
        "at": iso(now),
        "shift": {"id": shift.pk, "ends_at": iso(shift.ends_at)},
        "rider": {"id": shift.rider_id, "name": shift.rider.name},
        "store": _store(shift.rider.store),
        "stops": _in_order(orders, spot_of(shift.rider.store), last, now),
        "delivered": done.values("order").distinct().count(),
    }


def _own(shift: Shift) -> QuerySet[HandOff]:
    return HandOff.objects.filter(rider=shift.rider_id, store=shift.rider.store_id)


def _in_order(orders: list[Bags], store: Spot, last: HandOff | None, now: datetime) -> list[dict[str, Any]]:
    """Those under way first, from where the rider is; then those on the shelf, from the store."""
    under_way = [bags for bags in orders if all(_has(bag) for bag in bags)]
    on_the_shelf = [bags for bags in orders if bags not in under_way]
    here = _whereabouts(under_way, last) or store
    return [*_legs(here, under_way, now), *_legs(store, on_the_shelf, now)]


def _has(bag: HandOff) -> bool:
    return bag.progress == Progress.PICKED_UP


def _whereabouts(under_way: list[Bags], last: HandOff | None) -> Spot | None:
    """Where the last guest was served, if the rider has not been at the store since."""
    if last is None or last.delivered_at is None:
        return None
    picked_up = [bag.picked_up_at for bags in under_way for bag in bags if bag.picked_up_at]
    return None if any(at > last.delivered_at for at in picked_up) else guest_of(last.order)


def _legs(start: Spot, orders: list[Bags], now: datetime) -> Iterator[dict[str, Any]]:
    """Stops in the best order, each with the metres to it from the one before."""
    trip = Trip(start, [stop_of(bags[0].order, start, now) for bags in orders])
    here = start
    for index in trip.best().order:
        there = guest_of(orders[index][0].order)
        yield _stop(orders[index], None if there is None else round(metres(here, there) * DETOUR))
        here = there or here


def guest_of(order: Order) -> Spot | None:
    """Where the guest is; not every platform says it."""
    if order.latitude is None or order.longitude is None:
        return None
    return Spot(order.latitude, order.longitude)


def spot_of(store: Store) -> Spot:
    """Where riders leave from."""
    return Spot(store.latitude, store.longitude)


def stop_of(order: Order, store: Spot, now: datetime) -> Stop:
    """Where it is to be brought by when; where the guest is, nobody may have said: then as if next door."""
    return Stop(guest_of(order) or store, _due(order, now))


def _due(order: Order, now: datetime) -> int | None:
    return None if order.promised_at is None else int((order.promised_at - now).total_seconds())


def _stop(bags: Bags, leg: int | None) -> dict[str, Any]:
    order = bags[0].order
    return {
        "order": order.pk,
        "number": order.daily_number,
        "channel": order.account.channel,
        "state": str(order.state),
        "cups": sum(share(order.cups, bag.bag, bag.bags) for bag in bags),
        "guest": order.customer_name,
        "phone_mask": order.phone_mask,
        "address": order.address,
        "note": order.note,
        "latitude": order.latitude,
        "longitude": order.longitude,
        "promised_at": iso(order.promised_at),
        "ready_at": iso(order.ready_at),
        "leg": leg,
        "problem": next((gettext(bag.reason) for bag in bags if bag.reason), ""),
        "proven": any(getattr(bag, "proven", False) for bag in bags),
        "bags": [_bag(bag) for bag in bags],
    }


def _bag(bag: HandOff) -> dict[str, Any]:
    return {
        "handoff": bag.pk,
        "bag": bag.bag,
        "bags": bag.bags,
        "code": bag.pickup_code,
        "here": iso(bag.arrived_at) if bag.progress == Progress.AT_STORE else None,
        "picked_up": _has(bag),
    }


def _store(store: Store) -> dict[str, Any]:
    return {
        "name": store.name,
        "address": store.address,
        "phone": store.phone,
        "latitude": store.latitude,
        "longitude": store.longitude,
        "timezone": store.timezone,
    }
