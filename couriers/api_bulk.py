"""The HTTP API of the counter with many bags: bulk hand-off with its progress, and "which bag?" by code."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Path, Router, Schema
from ninja.responses import Status

from couriers import bulk
from couriers.counter import bags_of_code
from couriers.models import BulkHandOff
from orders.api import Refusal
from orders.requests import sender_of, store_of

router = Router(tags=["hand-offs"])
Number = Annotated[int, Field(ge=1, lt=2**63)]
Code = Annotated[str, Path(pattern=r"^[0-9]{1,6}$")]


class BulkIn(Schema):
    """Which orders, and to whom: "auto" (as the policy says), "courier:<id>" or "rider:<id>"."""

    orders: list[Number] = Field(min_length=1, max_length=bulk.MOST_ORDERS)
    target: str = Field(pattern=r"^(auto|(courier|rider):[0-9]{1,18})$")


class BulkOut(Schema):
    """What was begun: its id, and how many orders of the store it is about."""

    id: int
    total: int


class BulkItemOut(Schema):
    """What became of one order: "done", "refused" (then `detail` says why), or "" while it waits."""

    order: int
    number: str
    outcome: str
    detail: str


class BulkProgressOut(Schema):
    """How far a bulk hand-off is."""

    total: int
    done: int
    refused: int
    waiting: int
    items: list[BulkItemOut]


class BagOut(Schema):
    """A bag somebody comes for: `ready` if it stands on the shelf, `here` since when its rider waits."""

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


class BagsOut(Schema):
    """The bags of a pick-up code; none if no rider was given it."""

    bags: list[BagOut]


@router.post("/{int:store_id}/handoffs", response={202: BulkOut, 422: Refusal})
def hand_off_many(request: HttpRequest, store_id: int, body: BulkIn) -> Status[Any]:
    """Hand many orders off; each has its own result. With an Idempotency-Key, a repetition begins nothing."""
    sender = sender_of(request)
    sender["command"] = sender["command"] or uuid.uuid4().hex
    begun = bulk.start(store=store_of(request, store_id), order_ids=body.orders, target=body.target, **sender)
    return Status(202, {"id": begun.pk, "total": begun.items.count()})


@router.get("/{int:store_id}/handoffs/{int:bulk_id}", response=BulkProgressOut)
def follow_many(request: HttpRequest, store_id: int, bulk_id: int) -> bulk.BulkView:
    """How far a bulk hand-off is, order by order."""
    return bulk.progress(get_object_or_404(BulkHandOff, store=store_of(request, store_id), pk=bulk_id))


@router.get("/{int:store_id}/pickup/{code}", response=BagsOut)
def which_bag(request: HttpRequest, store_id: int, code: Code) -> dict[str, Any]:
    """The bags a rider with this pick-up code comes for."""
    return {"bags": bags_of_code(store_of(request, store_id), code)}
