"""Moving an order to a sibling store, before it is made; and which stores those are.

The platform goes on naming the store it sold the order for (`Order.platform_store_code`); the order, its card
and its minute of the wave belong to the store that makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from orders.admission import admit
from orders.bulk import run
from orders.cards import Card
from orders.channels.registry import CALLS
from orders.errors import NotPossible
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.intake.candidates import kilometres
from orders.intake.known import reading_levels
from orders.models import Order
from orders.queries import card_of
from orders.services import Stepped, once, stale
from orders.states import WAITING, Fulfilment, OrderState, stepped
from orders.store_list import StoreRow, live_rows
from orders.telling import tell_more, tell_platform
from stores.access import StoreQuerySet
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import Store, StoreChannel

NEAREST = 20  # siblings offered
NOBODY_CARRIES = frozenset({"", "cancelled", "failed", "delivered"})
RIDER_IS_THERE = frozenset({"at_store", "picked_up"})


@dataclass(frozen=True, slots=True)
class Sibling:
    """A store an order could be made at: how busy it is, and how far from the guest."""

    row: StoreRow
    kilometres: float


def siblings(*, order: Order, store: Store, among: StoreQuerySet) -> list[Sibling]:
    """Those of `among` that could make an order of `store`, the nearest to its guest first.

    If nobody knows where the guest is, the nearest to `store`.
    """
    same = among.filter(franchise=store.franchise_id).exclude(pk=store.pk).select_related("intake")
    here = store.latitude, store.longitude
    if order.latitude is not None and order.longitude is not None:
        here = order.latitude, order.longitude
    found = [
        Sibling(row, kilometres(here, (row.store.latitude, row.store.longitude)))
        for row in live_rows(list(same))
    ]
    return sorted(found, key=attrgetter("kilometres", "row.store.code"))[:NEAREST]


@once
def move(
    *,
    order_id: int,
    from_store_id: int,
    to_store_id: int,
    actor: Actor,
    now: datetime,
    command: str | None = None,
) -> Stepped:
    """Let another store of the franchise make the order, which nobody has begun yet.

    Effects: the order is the other store's, accepted there if that store accepts by itself, and no rider's
    any more; one event on either board, in one go; what a platform's rider was to bring the store delivers,
    and the platform is told so. Returns the card as the board shows it that the order left.

    Raises Stale if the order is not at `from_store_id` any more or somebody began it, NotPossible with the
    reason, Store.DoesNotExist, Order.DoesNotExist.
    """
    with transaction.atomic():
        level = _level_held_still(to_store_id)  # before the order, as intake locks them
        order = (
            Order.objects.select_for_update(of=("self",), no_key=True)
            .select_related("account")
            .get(pk=order_id)
        )
        if order.store_id != from_store_id or order.state not in WAITING:
            raise stale(order_id)
        origin, target = (Store.objects.get(pk=store_id) for store_id in (from_store_id, to_store_id))
        _check_target(origin, target, level)
        _check_rider(order)
        verb = _verb_at(order, target)
        Order.objects.filter(pk=order_id).update(**_values(order, target, verb, actor, now))
        _tell(order, verb, now)
        return _record(order_id, origin, target, actor=actor, now=now, command=command)


def _level_held_still(store_id: int) -> str | None:
    """The store's intake level, which nobody changes until this transaction ends; None without a board."""
    (found,) = run(reading_levels({store_id}))
    levels: dict[int, str] = dict(found)
    return levels.get(store_id)


def _check_target(origin: Store, target: Store, level: str | None) -> None:
    if origin.pk == target.pk:
        raise NotPossible(_("The order is at this store already."))
    if origin.franchise_id != target.franchise_id:
        raise NotPossible(_("The two stores belong to different franchises."))
    if level is None:
        raise NotPossible(_("%(store)s has no board yet.") % {"store": target})
    if level != IntakeLevel.OPEN:
        raise NotPossible(_("%(store)s is paused.") % {"store": target})


def _check_rider(order: Order) -> None:
    """Whoever comes for the order must not come to the wrong store."""
    delivery: dict[str, Any] = order.delivery or {}
    if order.fulfilment == Fulfilment.PICKUP:
        raise NotPossible(_("The guest picks this order up where it was ordered."))
    if order.fulfilment == Fulfilment.STORE_COURIER:
        if delivery and delivery.get("state") not in NOBODY_CARRIES:
            raise NotPossible(_("A rider was called for this order. Call the rider off first."))
    elif "order.self_delivery" not in CALLS[order.account.channel].hears:
        raise NotPossible(_("The platform's rider comes to your store, and the platform cannot be told."))
    elif delivery.get("progress") in RIDER_IS_THERE:
        raise NotPossible(_("The platform's rider is at your store already."))


def _verb_at(order: Order, target: Store) -> str | None:
    """The step that the order would have begun with at `target`, if it waits for acceptance."""
    if order.state == OrderState.ACCEPTED:
        return None
    own = StoreChannel.objects.filter(store=target, account=order.account_id, auto_accept=True)
    if admit(level=IntakeLevel.OPEN, auto_accept=own.exists()).state == OrderState.ACCEPTED:
        return "accept"
    return "release" if order.state == OrderState.HELD else None


def _values(order: Order, target: Store, verb: str | None, actor: Actor, now: datetime) -> dict[str, Any]:
    values = {
        "store_id": target.pk,
        "platform_store_code": order.platform_store_code or _code_of(order),
        "fulfilment": Fulfilment.STORE_COURIER,
        "delivery": None,
        "previous_state": "",
        "stepped_at": None,
    }
    if verb is None:
        return values
    step = stepped(verb=verb, fulfilment=Fulfilment.STORE_COURIER, now=now, reason="", by=actor.label)
    return values | step


def _code_of(order: Order) -> str:
    """The store the platform sold it for, by the platform's code."""
    known_as = StoreChannel.objects.filter(store=order.store_id, account=order.account_id)
    return known_as.values_list("external_code", flat=True).first() or ""


def _tell(order: Order, verb: str | None, now: datetime) -> None:
    if verb is not None:
        tell_platform(order_id=order.pk, verb=verb, reason="", now=now, undoable=False)
    if order.fulfilment == Fulfilment.PLATFORM_COURIER:
        tell_more(order_id=order.pk, call="order.self_delivery", name="moved", data={}, now=now)


def _record(
    order_id: int, origin: Store, target: Store, *, actor: Actor, now: datetime, command: str | None
) -> Stepped:
    """Both boards in one go: it leaves the one and rings at the other."""
    here = card_of(order_id)
    gone = {**here, "on_board": False}
    left = NewEvent(origin.pk, order_id, "order.moved", actor, _content(gone, target), command)
    came = NewEvent(target.pk, order_id, "order.moved_in", actor, _content(here, origin))
    seq, _came_as = append([left, came], at=now)
    return Stepped(card=gone, seq=seq)


def _content(card: Card, other: Store) -> str:
    """The card, and where the order went to or came from."""
    place = {"code": other.code, "name": other.name}
    return f'"card":{encode(card)},"store":{encode(place)}'
