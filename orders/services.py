"""The verbs of an order. Every change of state goes through here (or, for new orders, through intake).

One verb = one conditional UPDATE that must hit its row, one event with the whole card, and the jobs
for the platform, in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec

from django.conf import settings
from django.db import IntegrityError, transaction

from orders.cards import Card
from orders.errors import CannotUndo, Stale
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.following import needs_answer
from orders.models import Order, OrderEvent
from orders.queries import card_and_store, card_of
from orders.states import KINDS, PLATFORM_RANK, TRANSITIONS, OrderState, PlatformState, on_board, stepped
from orders.telling import seek_carrier, tell_platform, unseek_carrier, untell_platform
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.queries import intake_of

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a command led to: the card after it, and its event's number."""

    card: Card
    seq: int


def once(verb: Callable[P, Stepped]) -> Callable[P, Stepped]:
    """Make a command with a key (`command=`) happen once, and answer every repetition alike.

    Boards send a command again when they do not know whether it arrived; two of them may even
    run at the same time.
    """

    @wraps(verb)
    def carry_out(*args: P.args, **kwargs: P.kwargs) -> Stepped:
        if (earlier := _earlier(kwargs)) is not None:
            return earlier
        try:
            return verb(*args, **kwargs)
        except (Stale, CannotUndo, IntegrityError):
            if (earlier := _earlier(kwargs)) is not None:
                return earlier
            raise

    return carry_out


@once
def step(
    *,
    order_id: int,
    verb: str,
    actor: Actor,
    now: datetime,
    reason: str = "",
    command: str | None = None,
    tell: bool = True,
) -> Stepped:
    """Take one step of `orders.states.TRANSITIONS`.

    Effects: the state, its time stamp, one event; a job that tells the platform (`tell=False` when
    the platform said it first), and one that finds a carrier for what is ready. Raises Stale if the order is
    in no state the verb may start from, Order.DoesNotExist. A `command` key seen before returns its first
    outcome.
    """
    with transaction.atomic():
        _change_state(order_id, verb=verb, actor=actor, now=now, reason=reason)
        if tell:
            tell_platform(order_id=order_id, verb=verb, reason=reason, now=now)
        if verb == "ready":
            seek_carrier(order_id=order_id, now=now)
        return record(order_id, kind=KINDS[verb], actor=actor, now=now, command=command)


@once
def undo(*, order_id: int, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """Take the last step back, within `UNDO_SECONDS` and before any platform heard of it.

    Raises CannotUndo, Order.DoesNotExist.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        verb = _last_verb(order)
        if verb is None or not _may_undo(order, now) or _is_believed(order, verb):
            raise CannotUndo
        if not untell_platform(order_id=order_id, verb=verb):
            raise CannotUndo
        back_to = _back_to(order)
        board = on_board(state=back_to, fulfilment=order.fulfilment, dismissed=False)
        stamp = {TRANSITIONS[verb].stamp: None}
        Order.objects.filter(pk=order_id).update(
            state=back_to, previous_state="", stepped_at=None, on_board=board, **stamp
        )
        if verb == "ready":
            unseek_carrier(order_id=order_id, since=order.stepped_at or now, now=now)
        return record(order_id, kind="order.undone", actor=actor, now=now, command=command)


@once
def dismiss(*, order_id: int, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """Take a cancelled order's card off the board, once somebody saw it. Raises Stale."""
    with transaction.atomic():
        seen = Order.objects.filter(pk=order_id, state=OrderState.CANCELLED, dismissed_at=None)
        if seen.update(dismissed_at=now, on_board=False) != 1:
            raise stale(order_id)
        return record(order_id, kind="order.dismissed", actor=actor, now=now, command=command)


@once
def follow_delivery(
    *,
    order_id: int,
    summary: Mapping[str, Any] | None,
    actor: Actor,
    now: datetime,
    verb: str | None = None,
    command: str | None = None,
    carrier: Mapping[str, str] | None = None,
) -> Stepped:
    """Put the courier's summary on the card, and take `verb` with it if the order's state allows.

    Both are one event; without a possible verb the kind is `order.delivery`. What a rider did cannot be
    undone at the counter. `carrier` is what the platform hears of who brings it ("rider_name", "carrier",
    "reference", and "rider_phone", sealed).
    """
    with transaction.atomic(savepoint=False):
        kind = "order.delivery"
        if verb is not None and try_step(
            order_id, verb=verb, actor=actor, now=now, reason="", undoable=False
        ):
            kind = KINDS[verb]
            tell_platform(order_id=order_id, verb=verb, now=now, undoable=False, more=carrier)
        Order.objects.filter(pk=order_id).update(delivery=summary)
        return record(order_id, kind=kind, actor=actor, now=now, command=command)


def note_heard(*, order_id: int, platform_state: str) -> None:
    """The platform took a call: from now on it believes this, unless it was further already."""
    reached = PLATFORM_RANK[PlatformState(platform_state)]
    behind = [state for state, rank in PLATFORM_RANK.items() if rank < reached]
    Order.objects.filter(pk=order_id, platform_state__in=["", *behind]).update(platform_state=platform_state)


def reveal_phone(*, order_id: int, actor: Actor, now: datetime) -> str:
    """Return the guest's phone number and write down who asked for it."""
    with transaction.atomic():
        held_still = Order.objects.select_for_update(no_key=True)  # or its event may miss its board
        phone = held_still.values_list("customer_phone", flat=True).get(pk=order_id)
        record(order_id, kind="order.phone_revealed", actor=actor, now=now)
    return phone


def try_step(
    order_id: int, *, verb: str, actor: Actor, now: datetime, reason: str, undoable: bool = True
) -> bool:
    """The gate of every change of state: compare and set, without event or job.

    For callers that append the event themselves as their last write (`event_for`). `undoable=False`:
    nobody may take it back, even if the verb allows that. False when the order is in none of the verb's
    source states. Raises Order.DoesNotExist.
    """
    transition = TRANSITIONS[verb]
    order = Order.objects.filter(pk=order_id).only("state", "fulfilment", "request").get()
    if order.state not in transition.sources:
        return False
    values = stepped(verb=verb, fulfilment=order.fulfilment, now=now, reason=reason, by=actor.label)
    values["on_board"] |= needs_answer(order.request, transition.target)
    if undoable and transition.undoable:
        values |= {"previous_state": order.state, "stepped_at": now}
    return Order.objects.filter(pk=order_id, state=order.state).update(**values) == 1


def record(order_id: int, *, kind: str, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """The last write of every verb, here and in its neighbours: one event with the whole card."""
    card, store_id = card_and_store(order_id)
    event = _event(card, store_id, kind=kind, actor=actor, command=command)
    return Stepped(card=card, seq=append([event], at=now)[0])


def stale(order_id: int) -> Stale:
    """The refusal that says who changed the order last."""
    card = card_of(order_id)
    # By row, not by number: an order that was moved has events of two stores.
    last = OrderEvent.objects.filter(order_id=order_id).exclude(kind="order.delivery").order_by("-pk").first()
    by, at = (last.actor_label, last.at) if last else ("", Order.objects.get(pk=order_id).received_at)
    return Stale(card=card, by=by, at=at)


def event_for(order_id: int, *, kind: str, actor: Actor, command: str | None = None) -> NewEvent:
    """The event of a change just made, with the card as it stands in this transaction."""
    return _event(*card_and_store(order_id), kind=kind, actor=actor, command=command)


def _change_state(order_id: int, *, verb: str, actor: Actor, now: datetime, reason: str) -> None:
    if not try_step(order_id, verb=verb, actor=actor, now=now, reason=reason):
        raise stale(order_id)


def _last_verb(order: Order) -> str | None:
    """The undoable verb that brought the order where it is."""
    for verb, transition in TRANSITIONS.items():
        if (
            transition.undoable
            and transition.target == order.state
            and order.previous_state in transition.sources
        ):
            return verb
    return None


def _back_to(order: Order) -> str:
    """The state an undo leads to; nothing is held in an open store, so there it waits for acceptance."""
    held = order.previous_state == OrderState.HELD
    if held and intake_of(order.store_id).level == IntakeLevel.OPEN:
        return OrderState.PLACED
    return order.previous_state


def _is_believed(order: Order, verb: str) -> bool:
    """Whether the platform knows of an acceptance already, from wherever."""
    return verb == "accept" and order.platform_state not in {"", PlatformState.PLACED}


def _may_undo(order: Order, now: datetime) -> bool:
    window = timedelta(seconds=settings.UNDO_SECONDS)
    return order.stepped_at is not None and now - order.stepped_at <= window


def _event(card: Card, store_id: int, *, kind: str, actor: Actor, command: str | None) -> NewEvent:
    return NewEvent(store_id, card["id"], kind, actor, f'"card":{encode(card)}', command)


def _earlier(command: Mapping[str, Any]) -> Stepped | None:
    """The outcome of a command that was carried out before."""
    if (key := command.get("command")) is None:
        return None
    event = OrderEvent.objects.filter(order_id=command["order_id"], command=key).first()
    return None if event is None else Stepped(card=json.loads(event.body)["card"], seq=event.seq)
