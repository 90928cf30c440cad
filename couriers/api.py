"""The HTTP API of hand-offs: who can carry an order, give it to them, call it off, follow an own rider."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Router, Schema
from pydantic import Field, model_validator

from couriers import services
from couriers.errors import LiveHandOff, NotPossible
from couriers.models import CourierAccount, Rider
from couriers.queries import Carriers, carriers
from orders.cards import iso
from orders.errors import Stale
from orders.models import Order
from orders.services import Stepped
from stores.actors import Actor
from stores.models import Store, User

router = Router(tags=["hand-offs"])
Command = Annotated[str | None, Header(alias="Idempotency-Key", max_length=64)]
Row = TypeVar("Row", bound=Model)
Verb = Literal["cancel", "picked-up", "delivered"]


class HandOffIn(Schema):
    """Whom to give the order to: one of the two."""

    rider: int | None = Field(None, description="An own rider's id")
    courier: int | None = Field(None, description="A courier account's id")

    @model_validator(mode="after")
    def one_of_two(self) -> "HandOffIn":
        if (self.rider is None) == (self.courier is None):
            raise ValueError("give either rider or courier")
        return self


class ReasonIn(Schema):
    """Why; may stay empty."""

    reason: str = Field("", max_length=200)


class Done(Schema):
    """The order's card after the command, and its event's number."""

    card: dict[str, Any]
    seq: int


class Problem(Schema):
    """Why nothing was done."""

    code: str
    detail: str


class Overtaken(Problem):
    """Somebody else was faster: who, when, and the card as it stands."""

    by: str
    at: str | None
    card: dict[str, Any]


class Missing(Exception):
    """Not there, or not for this person: the same answer for both."""


Answer = tuple[int, dict[str, Any]]
RESPONSES = {200: Done, 404: Problem, 409: Overtaken, 422: Problem}


@router.get(
    "/{int:store_id}/carriers", response={200: dict[str, Any], 404: Problem}, summary="Who can carry an order"
)
def list_carriers(request: HttpRequest, store_id: int) -> tuple[int, Carriers | dict[str, Any]]:
    """Own riders with how many orders they carry, and the couriers that serve the store."""
    store = _stores(request).filter(pk=store_id).first()
    return _missing() if store is None else (200, carriers(store))


@router.post("/{int:store_id}/orders/{int:order_id}/handoff", response=RESPONSES, summary="Hand an order off")
def hand_off(
    request: HttpRequest, store_id: int, order_id: int, body: HandOffIn, command: Command = None
) -> Answer:
    """Give the order to an own rider or to a courier; 409 `live_handoff` when somebody did already."""

    def act(store: Store, actor: Actor, now: datetime) -> Stepped:
        if body.rider is not None:
            rider = _found(Rider.objects.filter(store=store, pk=body.rider))
            return services.hand_to_rider(
                order_id=order_id, rider=rider, actor=actor, now=now, command=command
            )
        account = _found(CourierAccount.objects.filter(franchise_id=store.franchise_id, pk=body.courier or 0))
        return services.hand_to_courier(
            order_id=order_id, account=account, actor=actor, now=now, command=command
        )

    return _answer(request, store_id, order_id, act)


@router.post(
    "/{int:store_id}/orders/{int:order_id}/handoff/{verb}",
    response=RESPONSES,
    summary="Call off or follow a hand-off",
)
def follow_hand_off(
    request: HttpRequest,
    *,
    store_id: int,
    order_id: int,
    verb: Verb,
    body: ReasonIn | None = None,
    command: Command = None,
) -> Answer:
    """`cancel` any hand-off before the pick-up; `picked-up` and `delivered` for own riders."""

    def act(_store: Store, actor: Actor, now: datetime) -> Stepped:
        if verb == "picked-up":
            return services.rider_picked_up(order_id=order_id, actor=actor, now=now, command=command)
        if verb == "delivered":
            return services.rider_delivered(order_id=order_id, actor=actor, now=now, command=command)
        reason = body.reason if body else ""
        return services.cancel_hand_off(
            order_id=order_id, actor=actor, now=now, reason=reason, command=command
        )

    return _answer(request, store_id, order_id, act)


def _answer(
    request: HttpRequest, store_id: int, order_id: int, act: Callable[[Store, Actor, datetime], Stepped]
) -> Answer:
    """Authorise, act, and turn refusals into their answers."""
    try:
        store = _found(_stores(request).filter(pk=store_id))
        _found(Order.objects.filter(store=store, pk=order_id))
        done = act(store, _person(request), timezone.now())
    except Missing:
        return _missing()
    except NotPossible as error:
        return 422, {"code": "not_possible", "detail": str(error)}
    except (LiveHandOff, Stale) as error:
        code = "live_handoff" if isinstance(error, LiveHandOff) else "stale"
        told = {"by": error.by, "at": iso(error.at), "card": error.card}
        return 409, {"code": code, "detail": str(error), **told}
    return 200, {"card": done.card, "seq": done.seq}


def _person(request: HttpRequest) -> Actor:
    if not isinstance(request.user, User):
        raise Missing
    return Actor.person(request.user)


def _stores(request: HttpRequest) -> QuerySet[Store]:
    return Store.objects.visible_to(request.user)


def _found(rows: QuerySet[Row]) -> Row:
    row = rows.first()
    if row is None:
        raise Missing
    return row


def _missing() -> Answer:
    return 404, {"code": "not_found", "detail": "Not found"}
