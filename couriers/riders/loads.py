"""What each rider of a store has in hand, read in one query, and how one more bag goes with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from couriers.bags import share
from couriers.models import CarrierSearch, HandOff
from couriers.riders.joining import Joining, Load, join
from couriers.riders.reach import FORGOTTEN
from couriers.riders.routes import Spot
from couriers.riders.stops import spot_of, stop_of
from couriers.states import BEFORE_PICK_UP, LIVE

READ = ("rider", "progress", "bag", "bags", "order__cups", "order__latitude", "order__longitude",
        "order__promised_at")  # fmt: skip


def joinings(
    search: CarrierSearch, riders: Collection[str], *, room: int, now: datetime
) -> dict[str, Joining]:
    """For each of these riders ("rider:7"), how well the bag of the search goes with what they have.

    One query. `room` is how many cups a rider's bag holds.
    """
    order, store = search.order, spot_of(search.order.store)
    stop, cups = stop_of(order, store, now), share(order.cups, search.bag, search.bags)
    bags: dict[str, list[HandOff]] = defaultdict(list)
    for bag in _in_hand(search.store_id, riders, now):
        bags[f"rider:{bag.rider_id}"].append(bag)
    return {key: join(store, _load(bags[key], store, now), stop, cups=cups, room=room) for key in riders}


def _in_hand(store_id: int, riders: Collection[str], now: datetime) -> list[HandOff]:
    numbers = [int(key.partition(":")[2]) for key in riders]
    rows = HandOff.objects.filter(store=store_id, rider__in=numbers, state__in=sorted(LIVE))
    rows = rows.filter(created_at__gte=now - FORGOTTEN).select_related("order")
    return list(rows.only(*READ).order_by("pk"))


def _load(bags: list[HandOff], store: Spot, now: datetime) -> Load:
    """Bags of one order are one stop."""
    waiting = [bag for bag in bags if bag.progress in BEFORE_PICK_UP]
    orders = {bag.order_id: bag.order for bag in waiting}
    return Load(
        stops=tuple(stop_of(order, store, now) for order in orders.values()),
        cups=sum(share(bag.order.cups, bag.bag, bag.bags) for bag in waiting),
        away=len(waiting) < len(bags),
    )
