"""The board's commands and reads over HTTP; the board itself uses nothing else but the socket."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema
from pydantic import model_validator

from orders import answering, moving, services
from orders.cards import iso
from orders.intake_switch import set_intake
from orders.queries import catch_up, intake_view, recent_cards, store_view
from orders.requests import actor_of, managed_stores, order_of, order_to_move, sender_of, store_of
from stores.levels import IntakeLevel
from stores.models import IntakeChange, Store
from stores.queries import resume_time

router = Router(tags=["orders"])

# PostgreSQL's text cannot hold a NUL.
Reason = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Verb = Literal["accept", "start", "ready", "collect", "deliver", "reject", "cancel", "recall"]


class StoreOut(Schema):
    """A store the user may see."""

    id: int
    code: str
    name: str
    city: str
    timezone: str
    cups_per_hour: int


class CommandIn(Schema):
    """What may come with a command."""

    reason: Reason = ""


class RequestAnswerIn(CommandIn):
    """The answer to a guest's request; refusing needs a reason."""

    answer: answering.RequestAnswer

    @model_validator(mode="after")
    def refusal_has_a_reason(self) -> RequestAnswerIn:
        """Guests read it."""
        if self.answer == "refuse" and not self.reason.strip():
            raise ValueError("say why it is refused")
        return self


class UrgeAnswerIn(Schema):
    """The answer to a guest who asks where the order is; `text` goes with "custom"."""

    answer: answering.UrgeAnswer
    text: Annotated[str, Field(max_length=30, pattern=r"^[^\x00]*$")] = ""

    @model_validator(mode="after")
    def own_words_are_words(self) -> UrgeAnswerIn:
        """An empty answer answers nothing."""
        if self.answer == "custom" and not self.text.strip():
            raise ValueError("give the text")
        return self


class PostponeIn(Schema):
    """When the order will be ready: so many minutes from now."""

    minutes: Literal[5, 10, 15, 20, 30]


class MoveIn(Schema):
    """The store that shall make the order."""

    store: int


class SiblingOut(Schema):
    """A store an order could be moved to; `minutes` is how long its counter needs for what waits there."""

    id: int
    code: str
    name: str
    city: str
    kilometres: float
    level: str
    waiting: int
    minutes: int


class SiblingsOut(Schema):
    """Stores of the same franchise, the nearest to the guest first."""

    stores: list[SiblingOut]


class CommandOut(Schema):
    """The card after the command, and the number of its event."""

    card: dict[str, Any]
    seq: int


class Refusal(Schema):
    """Why a command was refused; for a stale one also who was first, and the card as it is now."""

    code: str
    detail: str
    by: str = ""
    at: str | None = None
    card: dict[str, Any] | None = None


ANSWERS = {200: CommandOut, 409: Refusal, 422: Refusal}


class CardsOut(Schema):
    """Cards, newest first."""

    cards: list[dict[str, Any]]


class PhoneOut(Schema):
    """A guest's phone number; that it was asked for is written down."""

    phone: str


class IntakeIn(Schema):
    """The wanted intake level; `lasts` is minutes, "shift", "today", or "" for until resumed."""

    level: IntakeLevel
    reason: Reason = ""
    lasts: Literal["", "5", "10", "20", "30", "shift", "today"] = ""


class IntakeOut(Schema):
    """The intake switch as boards show it; `changed` is false if it was so already."""

    intake: dict[str, Any]
    changed: bool


class ChangeOut(Schema):
    """One line of the intake switch's history."""

    version: int
    level: str
    reason: str
    actor: str
    at: str | None
    resumes_at: str | None


class HistoryOut(Schema):
    """The last changes of the intake switch, newest first."""

    changes: list[ChangeOut]


@router.get("/", response=list[StoreOut])
def list_stores(request: HttpRequest) -> list[dict[str, Any]]:
    """The stores you may see."""
    return [store_view(store) for store in Store.objects.visible_to(request.user)]


def _sibling(one: moving.Sibling) -> dict[str, Any]:
    level = IntakeLevel.PAUSED if one.row.paused else IntakeLevel.OPEN
    shown = ("code", "name", "city")
    return {
        "id": one.row.store.pk,
        **{name: getattr(one.row.store, name) for name in shown},
        "kilometres": round(one.kilometres, 1),
        "level": level,
        "waiting": one.row.waiting,
        "minutes": one.row.minutes,
    }


@router.get("/{int:store_id}/feed", response=dict[str, Any])
def feed(request: HttpRequest, store_id: int, epoch: str = "", seq: int = 0) -> HttpResponse:
    """What happened after `seq`: an events frame, or a snapshot frame if too much did.

    For boards that cannot hold a WebSocket, and while Redis is down.
    """
    frame, _, _ = catch_up(store_of(request, store_id), epoch=epoch or None, seq=seq, now=timezone.now())
    return HttpResponse(frame, content_type="application/json")


@router.get("/{int:store_id}/recent", response=CardsOut)
def recent(request: HttpRequest, store_id: int) -> dict[str, Any]:
    """What left the board in the last two hours."""
    return {"cards": recent_cards(store_of(request, store_id), now=timezone.now())}


@router.post("/{int:store_id}/orders/{int:order_id}/undo", response={200: CommandOut, 409: Refusal})
def undo(request: HttpRequest, store_id: int, order_id: int) -> services.Stepped:
    """Take the last step back, within a few seconds."""
    order = order_of(request, store_id, order_id)
    return services.undo(order_id=order.pk, **sender_of(request))


@router.post("/{int:store_id}/orders/{int:order_id}/dismiss", response={200: CommandOut, 409: Refusal})
def dismiss(request: HttpRequest, store_id: int, order_id: int) -> services.Stepped:
    """Take a cancelled order's card off the board."""
    order = order_of(request, store_id, order_id)
    return services.dismiss(order_id=order.pk, **sender_of(request))


@router.post("/{int:store_id}/orders/{int:order_id}/phone", response=PhoneOut)
def phone(request: HttpRequest, store_id: int, order_id: int) -> dict[str, str]:
    """Show the guest's phone number."""
    order = order_of(request, store_id, order_id)
    return {"phone": services.reveal_phone(order_id=order.pk, actor=actor_of(request), now=timezone.now())}


@router.post("/{int:store_id}/orders/{int:order_id}/request", response=ANSWERS)
def answer_request(
    request: HttpRequest, store_id: int, order_id: int, body: RequestAnswerIn
) -> services.Stepped:
    """Agree to what the guest asks for, or refuse it; 422 where the platform takes no answer."""
    order = order_of(request, store_id, order_id)
    return answering.answer_request(
        order_id=order.pk, answer=body.answer, reason=body.reason.strip(), **sender_of(request)
    )


@router.post("/{int:store_id}/orders/{int:order_id}/urge", response=ANSWERS)
def answer_urge(request: HttpRequest, store_id: int, order_id: int, body: UrgeAnswerIn) -> services.Stepped:
    """Tell the guest how it stands; 422 where the platform takes no answer."""
    order = order_of(request, store_id, order_id)
    return answering.answer_urge(
        order_id=order.pk, answer=body.answer, text=body.text.strip(), **sender_of(request)
    )


@router.post("/{int:store_id}/orders/{int:order_id}/postpone", response={200: CommandOut, 409: Refusal})
def postpone(request: HttpRequest, store_id: int, order_id: int, body: PostponeIn) -> services.Stepped:
    """Say when the order will be ready; platforms that can hear it are told."""
    order = order_of(request, store_id, order_id)
    return answering.postpone(order_id=order.pk, minutes=body.minutes, **sender_of(request))


@router.get("/{int:store_id}/orders/{int:order_id}/siblings", response=SiblingsOut)
def list_siblings(request: HttpRequest, store_id: int, order_id: int) -> dict[str, Any]:
    """For managers: the stores this order could be moved to."""
    mine = managed_stores(request)
    store = get_object_or_404(mine, pk=store_id)
    found = moving.siblings(order=order_of(request, store_id, order_id), store=store, among=mine)
    return {"stores": [_sibling(one) for one in found]}


@router.post("/{int:store_id}/orders/{int:order_id}/move", response=ANSWERS)
def move(request: HttpRequest, store_id: int, order_id: int, body: MoveIn) -> services.Stepped:
    """For managers of both stores: let another store make the order; 422 where that cannot be."""
    mine = managed_stores(request)
    origin, target = (get_object_or_404(mine, pk=pk) for pk in (store_id, body.store))
    order = order_to_move(request, origin, order_id)
    return moving.move(
        order_id=order.pk, from_store_id=origin.pk, to_store_id=target.pk, **sender_of(request)
    )


@router.post("/{int:store_id}/orders/{int:order_id}/{verb}", response={200: CommandOut, 409: Refusal})
def step(
    request: HttpRequest, store_id: int, order_id: int, verb: Verb, body: CommandIn | None = None
) -> services.Stepped:
    """Take an order's next step. With an Idempotency-Key header, a repetition answers as the first did."""
    order = order_of(request, store_id, order_id)
    return services.step(
        order_id=order.pk,
        verb=verb,
        reason=body.reason if body else "",
        **sender_of(request),
    )


@router.post("/{int:store_id}/intake", response=IntakeOut)
def switch_intake(request: HttpRequest, store_id: int, wanted: IntakeIn) -> dict[str, Any]:
    """Pause or open intake; platforms are told, and the answer shows how far that is."""
    store, now = store_of(request, store_id), timezone.now()
    paused = wanted.level == IntakeLevel.PAUSED
    changed = set_intake(
        store_id=store.pk,
        level=wanted.level,
        reason=wanted.reason if paused else "",
        actor=actor_of(request),
        now=now,
        resumes_at=resume_time(store=store, lasts=wanted.lasts, now=now) if paused else None,
    )
    return {"intake": intake_view(store.pk), "changed": changed}


@router.get("/{int:store_id}/intake/history", response=HistoryOut)
def intake_history(request: HttpRequest, store_id: int) -> dict[str, Any]:
    """Who paused and opened, why, and until when."""
    changes = IntakeChange.objects.filter(store=store_of(request, store_id))[:50]
    return {
        "changes": [
            {
                "version": change.version,
                "level": change.level,
                "reason": change.reason,
                "actor": change.actor_label,
                "at": iso(change.at),
                "resumes_at": iso(change.resumes_at),
            }
            for change in changes
        ]
    }
