"""Reads for the counter where riders stand: whose bag belongs to a pick-up code."""

from typing import TypedDict

from couriers.models import HandOff
from couriers.states import BEFORE_PICK_UP, LIVE
from orders.cards import iso
from orders.states import OrderState
from stores.models import Store


class Bag(TypedDict):
    """A bag somebody comes for; `here` is since when its rider waits at the store."""

    order: int
    number: str
    channel: str
    account: str
    bag: int
    bags: int
    state: str
    ready: bool
    picked_up: bool
    carrier_name: str
    rider: str
    here: str | None


def bags_of_code(store: Store, code: str) -> list[Bag]:
    """The live hand-offs of a pick-up code; one query."""
    rows = HandOff.objects.select_related("order__account", "account", "rider")
    found = rows.filter(store=store, pickup_code=code, state__in=LIVE).order_by("order_id", "bag")
    return [_bag(handoff) for handoff in found]


def _bag(handoff: HandOff) -> Bag:
    order, waits = handoff.order, handoff.progress in BEFORE_PICK_UP
    return {
        "order": order.pk,
        "number": order.daily_number,
        "channel": order.account.channel,
        "account": order.account.slug,
        "bag": handoff.bag,
        "bags": handoff.bags,
        "state": order.state,
        "ready": order.state in {OrderState.READY, OrderState.COLLECTED},
        "picked_up": not waits,
        "carrier_name": handoff.account.label if handoff.account else str(handoff.rider),
        "rider": handoff.rider_name,
        "here": iso(handoff.arrived_at) if waits else None,
    }
