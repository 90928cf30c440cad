"""The HTTP API of hand-offs: who can carry an order, give it to them, call it off, follow an own rider."""

from typing import Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema
from ninja.responses import Status
from pydantic import model_validator

from couriers import services
from couriers.errors import LiveHandOff
from couriers.models import CourierAccount, Rider
from couriers.queries import Carriers, carriers
from orders.api import ANSWERS, CommandIn
from orders.cards import iso
from orders.models import Order
from orders.requests import order_of, sender_of, store_of
from orders.services import Stepped
from stores.models import Store

router = Router(tags=["hand-offs"])
Verb = Literal["cancel", "picked-up", "delivered"]
Answer = Stepped | Status[Any]
VERBS = {"picked-up": services.rider_picked_up, "delivered": services.rider_delivered}


class HandOffIn(Schema):
    """Whom to give the order to: one of the two."""

    rider: int | None = Field(None, description="An own rider's id")
    courier: int | None = Field(None, description="A courier account's id")

    @model_validator(mode="after")
    def one_of_two(self) -> "HandOffIn":
        """Refuse both and neither."""
        if (self.rider is None) == (self.courier is None):
            raise ValueError("give either rider or courier")
        return self


class RiderOut(Schema):
    """An own rider and how many orders they have in hand."""

    id: int
    name: str
    live: int


class CourierOut(Schema):
    """A courier that serves the store."""

    id: int
    provider: str
    name: str


class CarriersOut(Schema):
    """All that an order of the store can be handed to."""

    riders: list[RiderOut]
    couriers: list[CourierOut]


@router.get("/{int:store_id}/carriers", response=CarriersOut)
def list_carriers(request: HttpRequest, store_id: int) -> Carriers:
    """Own riders with how many orders they carry, and the couriers that serve the store."""
    return carriers(store_of(request, store_id))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff", response=ANSWERS)
def hand_off(request: HttpRequest, store_id: int, order_id: int, body: HandOffIn) -> Answer:
    """Give the order to an own rider or to a courier; 409 `live_handoff` when somebody did already."""
    store, order = store_of(request, store_id), order_of(request, store_id, order_id)
    try:
        return _give(request, store, order, body)
    except LiveHandOff as live:
        told = {"by": live.by, "at": iso(live.at), "card": live.card}
        return Status(409, {"code": "live_handoff", "detail": str(live), **told})


@router.post("/{int:store_id}/orders/{int:order_id}/handoff/{verb}", response=ANSWERS)
def follow_hand_off(
    request: HttpRequest, store_id: int, order_id: int, verb: Verb, body: CommandIn | None = None
) -> Stepped:
    """`cancel` any hand-off before the pick-up; `picked-up` and `delivered` for own riders."""
    order = order_of(request, store_id, order_id)
    command: dict[str, Any] = {"order_id": order.pk, **sender_of(request)}
    if verb == "cancel":
        return services.cancel_hand_off(reason=body.reason if body else "", **command)
    return VERBS[verb](**command)


def _give(request: HttpRequest, store: Store, order: Order, body: HandOffIn) -> Stepped:
    if body.rider is not None:
        rider = get_object_or_404(Rider, store=store, pk=body.rider)
        return services.hand_to_rider(order_id=order.pk, rider=rider, **sender_of(request))
    account = get_object_or_404(CourierAccount, franchise_id=store.franchise_id, pk=body.courier or 0)
    return services.hand_to_courier(order_id=order.pk, account=account, **sender_of(request))
