"""The HTTP API of hand-offs: who can carry an order, give it to them, call it off, follow an own rider."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema
from ninja.responses import Status
from pydantic import model_validator

from couriers import deciding, services
from couriers.bags import MOST_BAGS
from couriers.errors import LiveHandOff
from couriers.models import CourierAccount, Rider
from couriers.offers import Offer, fresh_offers, quoted_draft
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
OneBag = Annotated[int, Field(ge=1, le=MOST_BAGS)]
Bag = Field(None, ge=1, le=MOST_BAGS, description="One bag of an order that goes in several; else all")


class HandOffIn(Schema):
    """Whom to give the order to: one of the three."""

    rider: int | None = Field(None, ge=1, lt=2**63, description="An own rider's id")
    courier: int | None = Field(None, ge=1, lt=2**63, description="A courier account's id")
    auto: bool = Field(False, description="Whom the store's policy asks first, then the next")
    bag: int | None = Bag
    bags: int | None = Field(None, ge=1, le=MOST_BAGS, description="Split the order over so many riders")
    instead: bool = Field(False, description="Also what somebody else has, who is called off first")
    quote: str | None = Field(None, max_length=2_000, description="A price from the offers, of this courier")

    @model_validator(mode="after")
    def one_of_three(self) -> "HandOffIn":
        """Refuse several and none."""
        if (self.rider is not None) + (self.courier is not None) + self.auto != 1:
            raise ValueError("give either rider or courier or auto")
        if self.instead and self.auto:
            raise ValueError("who carries it instead must be named")
        return self


class BagIn(CommandIn):
    """What comes with a command about a hand-off."""

    bag: int | None = Bag


class SettleIn(Schema):
    """What a person found out: whether the courier has the errand."""

    has: bool
    bag: int | None = Bag


class RiderOut(Schema):
    """An own rider: how many orders they have in hand, and whether they would be given one more by itself.

    `phone` is "unconnected" or "quiet" where nobody at work would hear of it, else "".
    """

    id: int
    name: str
    live: int
    on_shift: bool
    free: bool
    phone: str


class CourierOut(Schema):
    """A courier that serves the store; while it is resting, it is not called until `rests_until`."""

    id: int
    provider: str
    name: str
    state: Literal["ready", "resting"]
    rests_until: str | None
    live: int
    waiting: int
    unknown: int


class CarriersOut(Schema):
    """All that an order of the store can be handed to."""

    riders: list[RiderOut]
    couriers: list[CourierOut]


class OfferOut(Schema):
    """What one carrier would cost and take; `error` says why that is not known."""

    key: str
    kind: Literal["rider", "courier"]
    id: int
    name: str
    fee: int | None
    currency: str
    minutes: int | None
    expires_at: str | None
    error: str
    marks: list[Literal["cheapest", "fastest", "suggested"]]
    quote: str | None


@router.get("/{int:store_id}/carriers", response=CarriersOut)
def list_carriers(request: HttpRequest, store_id: int) -> Carriers:
    """Own riders with how many orders they carry, and the couriers that serve the store."""
    return carriers(store_of(request, store_id), now=timezone.now())


@router.get("/{int:store_id}/orders/{int:order_id}/offers", response=list[OfferOut])
def list_offers(request: HttpRequest, store_id: int, order_id: int, bag: OneBag | None = None) -> list[Offer]:
    """Ask all couriers for a price; whoever does not answer in a second and a half is told as late.

    For one `bag` of several, also if somebody has it; else for the first that nobody has. Asked again within
    five seconds, it is the same answer; 429 with Retry-After beyond 30 a minute, of a store or of a person.
    """
    order = Order.objects.select_related("store", "account").get(pk=_order(request, store_id, order_id))
    return fresh_offers(order, bag=bag, asker=request.user.pk, now=timezone.now())


@router.post("/{int:store_id}/orders/{int:order_id}/handoff", response=ANSWERS)
def hand_off(request: HttpRequest, store_id: int, order_id: int, body: HandOffIn) -> Answer:
    """Give the order to somebody, or have somebody found; 409 `live_handoff` when somebody did already."""
    store, order = store_of(request, store_id), _order(request, store_id, order_id)
    return _unless_live(lambda: _give(request, store, order, body))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff/settle", response=ANSWERS)
def settle(request: HttpRequest, store_id: int, order_id: int, body: SettleIn) -> Stepped:
    """Answer what nobody could find out for minutes: whether the courier has the order or not."""
    order = _order(request, store_id, order_id)
    return deciding.settle(order_id=order, has=body.has, bag=body.bag, **sender_of(request))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff/ask-again", response=ANSWERS)
def ask_again(request: HttpRequest, store_id: int, order_id: int, body: BagIn | None = None) -> Stepped:
    """Have the courier asked once more whether it has the order."""
    order = _order(request, store_id, order_id)
    return deciding.ask_again(order_id=order, bag=body.bag if body else None, **sender_of(request))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff/search-again", response=ANSWERS)
def search_again(request: HttpRequest, store_id: int, order_id: int) -> Answer:
    """Look for a carrier from the beginning; those who failed may be asked again."""
    order = _order(request, store_id, order_id)
    return _unless_live(lambda: services.seek(order_id=order, **sender_of(request)))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff/{verb}", response=ANSWERS)
def follow_hand_off(
    request: HttpRequest, store_id: int, order_id: int, verb: Verb, body: BagIn | None = None
) -> Stepped:
    """`cancel` any hand-off before the pick-up; `picked-up` and `delivered` for own riders."""
    bag, reason = (body.bag, body.reason) if body else (None, "")
    command: dict[str, Any] = {
        "order_id": _order(request, store_id, order_id),
        "bag": bag,
        **sender_of(request),
    }
    if verb == "cancel":
        return services.cancel_hand_off(reason=reason, **command)
    return VERBS[verb](**command)


def _order(request: HttpRequest, store_id: int, order_id: int) -> int:
    """The order's id, if it is one of a store the sender may see."""
    return order_of(request, store_id, order_id).pk


def _unless_live(give: Callable[[], Stepped]) -> Answer:
    """Of two who give it to somebody, the second is told of the first."""
    try:
        return give()
    except LiveHandOff as live:
        told = {"by": live.by, "at": iso(live.at), "card": live.card}
        return Status(409, {"code": "live_handoff", "detail": str(live), **told})


def _give(request: HttpRequest, store: Store, order_id: int, body: HandOffIn) -> Stepped:
    command: dict[str, Any] = {"order_id": order_id, "bags": body.bags, **sender_of(request)}
    if body.auto:
        return services.seek(**command)
    command |= {"bag": body.bag, "instead": body.instead}
    if body.rider is not None:
        return services.hand_to_rider(rider=get_object_or_404(Rider, store=store, pk=body.rider), **command)
    account = get_object_or_404(CourierAccount, franchise_id=store.franchise_id, pk=body.courier or 0)
    price = {"order_id": order_id, "account": account, "now": command["now"]}
    quoted = quoted_draft(body.quote, **price) if body.quote else None
    return services.hand_to_courier(account=account, quoted=quoted, **command)
