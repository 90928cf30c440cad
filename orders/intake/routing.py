"""Messages taken up again: orders that waited for a store, and whatever somebody wants done once more."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import Error, IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from orders.channels.incoming import Keys, Message, Placed, Proof, Rejected, StoreStatus, Unknown, Urged
from orders.channels.registry import PUSHES
from orders.following import FOLLOWED
from orders.intake.delivery import Account, Delivery, Place
from orders.intake.writer import carry_out
from orders.models import IncomingMessage, Order, OrderEvent
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import ChannelAccount, Store, StoreChannel
from stores.services import tell_channel

logger = logging.getLogger(__name__)
Outcome = IncomingMessage.Outcome
AT_ONCE = 200  # orders of one run; the next, seconds later, takes the rest
COMPARED = (*FOLLOWED, "complete")


class ForeignStore(Exception):
    """The store belongs to another franchise than the account."""


class Unreadable(Exception):
    """What is stored cannot be read; says why."""


class CannotBind(Exception):
    """The code stands for another store, or the store has another code with this account."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What doing a message again led to.

    `changes` are the order's columns that differ, as (before, after); `placed` says that there was no order
    before; `events` are the kinds of those it caused.
    """

    outcome: str
    order: Order | None
    placed: bool
    changes: Mapping[str, tuple[Any, Any]]
    events: tuple[str, ...]


def route(*, message_id: int, store: Store, actor: Actor, now: datetime) -> Order | None:
    """Make an order that waits for a store an order of `store`, and carry out what came early about it.

    It is received now, whenever it was placed. Returns None if it does not wait (any more): of two who route
    it, one does. Raises IncomingMessage.DoesNotExist, ForeignStore, and Unreadable.
    """
    message = _message(message_id)
    if message.account.franchise_id != store.franchise_id:
        raise ForeignStore
    place = Place(store.pk, _accepts_by_itself(message.account_id, store))
    if not _route_to(message, place, now=now):
        return None
    logger.info("%s routes message %s to store %s", actor.label, message_id, store.pk)
    return Order.objects.get(account=message.account_id, external_id=message.external_id)


def route_bound(*, now: datetime) -> int:
    """Route the orders whose store code means a store by now; returns how many."""
    bound = StoreChannel.objects.filter(account=OuterRef("account"), external_code=OuterRef("store_code"))
    return _route_all(IncomingMessage.objects.filter(Exists(bound)), now=now)


def bind(*, account: ChannelAccount, store_code: str, store: Store, actor: Actor, now: datetime) -> int:
    """Let `store_code` mean `store` from now on, and route what waits for it; returns how many orders.

    What does not fit into one run follows by itself. Raises ForeignStore and CannotBind.
    """
    if account.franchise_id != store.franchise_id:
        raise ForeignStore
    try:
        with transaction.atomic():
            facts = {"external_code": store_code, "account": account}
            channel, made = StoreChannel.objects.get_or_create(**facts, defaults={"store": store})
    except IntegrityError as error:
        raise CannotBind from error
    if channel.store_id != store.pk:
        raise CannotBind
    if made:
        logger.info("%s binds %s of %s to store %s", actor.label, store_code, account.slug, store.pk)
        _tell_level(channel, now=now)
    return _route_all(IncomingMessage.objects.filter(account=account, store_code=store_code), now=now)


def replay(*, message_id: int, actor: Actor, now: datetime) -> Replayed:
    """Read a message again and do what it asks for; what was done before is found done.

    Raises IncomingMessage.DoesNotExist and Unreadable.
    """
    message = _message(message_id)
    content = read(message)
    with transaction.atomic():
        order, outcome = _held_still(message, content)
        delivery = _again(message, content, _place(message, content, order))
        wanted = _wanted(delivery, outcome)
        _note(delivery, message_id)
        if wanted is not None:
            carry_out(wanted, now=now)
        logger.info("%s has message %s done again", actor.label, message_id)
        return _comparison(message, content, order, now=now)


def read(message: IncomingMessage) -> Message:
    """What a stored message says, as it is understood today. Raises Unreadable."""
    try:
        return PUSHES[message.account.channel].parse(kind=message.kind, raw=message.body)
    except Rejected as rejected:
        raise Unreadable(rejected.detail) from rejected
    except InvalidToken as error:
        raise Unreadable("It was sealed with a key that is not known.") from error


def _message(message_id: int) -> IncomingMessage:
    """The body is read where `read` sees that its seal cannot be opened."""
    return IncomingMessage.objects.select_related("account").defer("body").get(pk=message_id)


def _again(message: IncomingMessage, content: Message, place: Place | None) -> Delivery:
    """The delivery as it was when it came, but for its place."""
    account = message.account
    keys = Keys(account.app_id, ())
    return Delivery(
        account=Account(account.pk, account.channel, account.slug, keys),
        place=place,
        proof=Proof(message.delivery_id, message.kind, message.body, message.body_hash),
        message=content,
        pulled=message.source == IncomingMessage.Source.PULL,
    )


def _accepts_by_itself(account_id: int, store: Store) -> bool:
    """A store the account does not know has never said so: there, people accept."""
    return StoreChannel.objects.filter(account=account_id, store=store, auto_accept=True).exists()


def _route_all(waiting: QuerySet[IncomingMessage], *, now: datetime) -> int:
    waiting = waiting.filter(outcome=Outcome.UNROUTED).order_by("pk")
    return sum(_route_one(pk, now=now) for pk in waiting.values_list("pk", flat=True)[:AT_ONCE])


def _route_one(message_id: int, *, now: datetime) -> bool:
    """Route by the binding. One that cannot be read or stored stands in nobody else's way."""
    message = _message(message_id)
    place = _bound_place(message.account_id, message.store_code)
    try:
        return place is not None and _route_to(message, place, now=now)
    except Unreadable as unreadable:
        logger.warning("message %s waits for a store and cannot be read: %s", message_id, unreadable)
        _step(message, Outcome.UNROUTED, Outcome.UNKNOWN)
    except Error:
        logger.exception("message %s could not be routed", message_id)
    return False


def _route_to(message: IncomingMessage, place: Place, *, now: datetime) -> bool:
    with transaction.atomic():
        if not _step(message, Outcome.UNROUTED, Outcome.STORED):
            return False
        carry_out(_again(message, read(message), place), now=now)
        return True


def _step(message: IncomingMessage, before: str, after: str) -> bool:
    return IncomingMessage.objects.filter(pk=message.pk, outcome=before).update(outcome=after) == 1


def _bound_place(account_id: int, code: str) -> Place | None:
    channel = StoreChannel.objects.filter(account=account_id, external_code=code).first()
    return Place(channel.store_id, channel.auto_accept) if channel else None


def _tell_level(channel: StoreChannel, *, now: datetime) -> None:
    """A platform that sells for a store from now on must know if that store is paused."""
    state = channel.store.intake
    if state.level != IntakeLevel.OPEN:
        tell_channel(store_channel_id=channel.pk, version=state.version, now=now)


def _held_still(message: IncomingMessage, content: Message) -> tuple[Order | None, str]:
    """The order it is about, and its outcome; locked in the order in which others lock them."""
    about = Order.objects.filter(account=message.account_id, external_id=content.external_id)
    order = about.select_for_update(of=("self",)).first()
    held = IncomingMessage.objects.select_for_update(of=("self",)).values_list("outcome", flat=True)
    return order, held.get(pk=message.pk)


def _place(message: IncomingMessage, content: Message, order: Order | None) -> Place | None:
    """Where the order is, else where its code says it belongs."""
    if not isinstance(content.content, Placed):
        return None
    if order is not None:
        return Place(order.store_id, auto_accept=False)
    return _bound_place(message.account_id, content.store_code)


def _wanted(delivery: Delivery, before: str) -> Delivery | None:
    """What to carry out again; None if doing it twice is not the same as doing it once.

    What a platform says of a store has no order in time: an old word is a reason to ask for the new one.
    """
    content = delivery.message.content
    if before == Outcome.STORED and isinstance(content, Urged | StoreStatus):
        return None
    if isinstance(content, StoreStatus):
        return replace(delivery, message=replace(delivery.message, content=replace(content, level="")))
    return delivery


def _note(delivery: Delivery, message_id: int) -> None:
    """Write down what is understood today, before it is carried out: that may make it wait for its order."""
    message = delivery.message
    outcome = Outcome.UNROUTED if delivery.unrouted else Outcome.STORED
    if isinstance(message.content, Unknown):
        outcome = Outcome.UNKNOWN
    IncomingMessage.objects.filter(pk=message_id).update(
        outcome=outcome, external_id=message.external_id, store_code=message.store_code
    )


def _comparison(
    message: IncomingMessage, content: Message, before: Order | None, *, now: datetime
) -> Replayed:
    after = Order.objects.filter(account=message.account_id, external_id=content.external_id).first()
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in COMPARED} if before else {}
    events = (
        OrderEvent.objects.filter(order=after, at=now).order_by("seq") if after else OrderEvent.objects.none()
    )
    return Replayed(
        outcome=IncomingMessage.objects.values_list("outcome", flat=True).get(pk=message.pk),
        order=after,
        placed=before is None and after is not None,
        changes={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        events=tuple(events.values_list("kind", flat=True)),
    )
