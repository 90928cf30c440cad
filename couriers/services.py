"""What people do with hand-offs: give an order to a rider or a courier, cancel, and follow an own rider.

Each verb is one conditional UPDATE (or one INSERT under the "one live hand-off" constraint), the
card's summary, one event and the jobs for the courier, in one transaction. Raises NotPossible,
LiveHandOff, or orders.errors.Stale when the hand-off is no longer where the person saw it. A command
with a key that was carried out before returns its first outcome.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from couriers.errors import LiveHandOff
from couriers.models import CourierAccount, HandOff, Rider
from couriers.record import REASON_LENGTH, call_off, load, move, publish, send
from couriers.states import BEFORE_PICK_UP, LIVE, HandOffState, Progress
from orders.errors import NotPossible, Stale
from orders.models import Order, OrderEvent
from orders.queries import card_of
from orders.services import Stepped, once
from orders.states import Fulfilment, OrderState
from outbox.services import withdraw
from stores.actors import Actor
from stores.models import Store

S = HandOffState
MAY_BE_HANDED_OFF = frozenset({OrderState.MAKING, OrderState.READY})
FIRST = "first"  # the first create job of a hand-off


@once
def hand_to_rider(
    *, order_id: int, rider: Rider, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """Give the order to one of the store's own riders, by name."""
    order = Order.objects.get(pk=order_id)
    if rider.store_id != order.store_id or not rider.active:
        raise NotPossible(_("This rider does not ride for the store."))
    handoff = _new(order, HandOff.Carrier.OWN, actor, now)
    handoff.rider, handoff.rider_name, handoff.rider_phone = rider, rider.name, rider.phone
    handoff.state, handoff.progress, handoff.confirmed_at = S.CONFIRMED, Progress.ASSIGNED, now
    return _open(handoff, actor=actor, now=now, command=command)


@once
def hand_to_courier(
    *, order_id: int, account: CourierAccount, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """Ask a courier to bring the order; the call itself is a job."""
    order = Order.objects.select_related("store").get(pk=order_id)
    if not account.active or not _serves(account, order.store):
        raise NotPossible(_("This courier does not serve the store."))
    handoff = _new(order, HandOff.Carrier.PROVIDER, actor, now)
    handoff.account = account
    return _open(handoff, actor=actor, now=now, command=command)


@once
def cancel_hand_off(
    *, order_id: int, actor: Actor, now: datetime, reason: str = "", command: str | None = None
) -> Stepped:
    """Call a hand-off off: an own rider's and an unsent one at once, a courier's once it confirms.

    Until then it stays live, so nobody else can be called.
    """
    with transaction.atomic():
        seen = _live(order_id)
        target = _cancel_target(seen)
        moved = move(seen, target, now=now, reason=reason[:REASON_LENGTH])
        if moved is None:
            raise stale(order_id)
        if target == S.CANCELLING:
            call_off(seen.pk, why=now.isoformat(), now=now)
        elif seen.state == S.PENDING:
            withdraw(kind="handoff.create", key=f"{seen.pk}/{FIRST}")
        return publish(moved, actor=actor, now=now, verb="recall", command=command)


@once
def rider_picked_up(*, order_id: int, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """An own rider left with the order."""
    with transaction.atomic():
        seen = _own(order_id)
        if seen.progress != Progress.ASSIGNED:
            raise stale(order_id)
        if seen.order.state not in {OrderState.READY, OrderState.COLLECTED}:
            raise NotPossible(_("The order is not ready yet."))
        moved = move(seen, S.CONFIRMED, now=now, progress=Progress.PICKED_UP, picked_up_at=now)
        if moved is None:
            raise stale(order_id)
        return publish(moved, actor=actor, now=now, verb="collect", command=command)


@once
def rider_delivered(*, order_id: int, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """The guest has the order from an own rider."""
    with transaction.atomic():
        seen = _own(order_id)
        if seen.order.state not in {OrderState.READY, OrderState.COLLECTED, OrderState.DELIVERED}:
            raise NotPossible(_("The order is not ready yet."))
        moved = move(seen, S.DELIVERED, now=now, progress=Progress.DELIVERED, delivered_at=now)
        if moved is None:
            raise stale(order_id)
        return publish(moved, actor=actor, now=now, verb="deliver", command=command)


def stale(order_id: int) -> Stale:
    """The refusal that names who changed the order last, and when."""
    by, at = _last_touch(order_id)
    return Stale(card=card_of(order_id), by=by, at=at)


def _serves(account: CourierAccount, store: Store) -> bool:
    """A store is served on its own franchise's account alone: the bill goes there."""
    same = account.franchise_id == store.franchise_id
    return same and account.shops.filter(store_id=store.pk).exists()


def _new(order: Order, carrier: HandOff.Carrier, actor: Actor, now: datetime) -> HandOff:
    _check(order)
    return HandOff(
        order=order,
        store_id=order.store_id,
        carrier=carrier,
        created_by=actor.user,
        created_label=actor.label,
        created_at=now,
        changed_at=now,
        heard_at=now,
    )


def _open(handoff: HandOff, *, actor: Actor, now: datetime, command: str | None) -> Stepped:
    """Insert the hand-off; the database lets one of several at the same time win."""
    order_id = handoff.order_id
    try:
        with transaction.atomic():
            handoff.save(force_insert=True)
            _check(Order.objects.select_for_update(no_key=True).get(pk=order_id))
            if handoff.account is not None:
                send(handoff.pk, why=FIRST, now=now)
            return publish(load(handoff.pk), actor=actor, now=now, command=command)
    except IntegrityError:
        live = HandOff.objects.filter(order_id=order_id, state__in=LIVE).first()
        if live is None:
            raise
        raise LiveHandOff(card=card_of(order_id), by=live.created_label, at=live.created_at) from None


def _check(order: Order) -> None:
    if order.fulfilment != Fulfilment.STORE_COURIER:
        raise NotPossible(_("Only orders that the store delivers are handed off."))
    if order.state not in MAY_BE_HANDED_OFF:
        raise NotPossible(_("Only an order that is being made or ready can be handed off."))


def _cancel_target(seen: HandOff) -> HandOffState:
    if seen.state == S.CANCELLING:
        raise stale(seen.order_id)
    if seen.carrier == HandOff.Carrier.OWN or seen.state == S.PENDING:
        return S.CANCELLED
    if seen.progress not in BEFORE_PICK_UP:
        raise NotPossible(_("The rider has picked the order up: the courier no longer cancels."))
    return S.CANCELLING


def _live(order_id: int) -> HandOff:
    """The order's live hand-off, locked: a courier's news of this moment must not turn a person away."""
    rows = HandOff.objects.select_for_update(of=("self",)).select_related("order", "rider", "account")
    live = rows.filter(order_id=order_id, state__in=LIVE).first()
    if live is None:
        raise stale(order_id)
    return live


def _own(order_id: int) -> HandOff:
    seen = _live(order_id)
    if seen.carrier != HandOff.Carrier.OWN:
        raise NotPossible(_("The courier reports this by itself."))
    return seen


def _last_touch(order_id: int) -> tuple[str, datetime]:
    last = OrderEvent.objects.filter(order_id=order_id).order_by("-pk").first()
    if last is not None:
        return last.actor_label, last.at
    return "", Order.objects.get(pk=order_id).received_at
