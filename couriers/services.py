"""What people do with hand-offs: give an order to a rider or a courier, cancel, and follow an own rider.

Each verb is one conditional UPDATE (or one INSERT under the "one live hand-off" constraint) per bag, the
card's summary, one event and the jobs for the courier, in one transaction. Raises NotPossible,
LiveHandOff, or orders.errors.Stale when the hand-off is no longer where the person saw it. A command
with a key that was carried out before returns its first outcome. Without a `bag`, a verb is about all of an
order's bags that it can be about.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from couriers import seeking
from couriers.calls import call_off, send
from couriers.drafts import draft_for, insert, take_quote
from couriers.errors import LiveHandOff
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider, Shift
from couriers.policy.document import Policy
from couriers.policy.queries import policy_of
from couriers.policy.situations import under_way
from couriers.providers.base import Quote
from couriers.record import REASON_LENGTH, move, publish, publish_order
from couriers.states import BEFORE_PICK_UP, LIVE, EndCause, HandOffState, Progress, SearchState
from orders.errors import NotPossible, Stale
from orders.models import Order, OrderEvent
from orders.queries import card_of
from orders.services import Stepped, once
from orders.states import Fulfilment, OrderState
from outbox.services import withdraw
from stores.actors import Actor
from stores.models import Store

S = HandOffState
FIRST = "first"  # the first create job of a hand-off
# Why the search calls a hand-off off by itself.
ENGINES = frozenset({EndCause.NO_RIDER, EndCause.RIDER, EndCause.UNDONE})
# What a price was asked for, and is good for.
QUOTED = ("origin_id", "callback_token", "pickup_code", "quote_ref", "quote_until", "quoted_fee")
Draft = Callable[[CarrierSearch], HandOff]


@once
def hand_to_rider(
    *,
    order_id: int,
    rider: Rider,
    actor: Actor,
    now: datetime,
    command: str | None = None,
    bag: int | None = None,
    bags: int | None = None,
) -> Stepped:
    """Give the order to one of the store's own riders, by name; `bags` splits it, `bag` is one of them."""
    order = Order.objects.select_related("store").get(pk=order_id)
    if rider.store_id != order.store_id or not rider.active:
        raise NotPossible(_("This rider does not ride for the store."))

    def draft(search: CarrierSearch) -> HandOff:
        if not _held_still(rider).active:
            raise NotPossible(_("This rider does not ride for the store."))
        return draft_for(search, rider=rider, now=now)

    return _give(order, draft, bag=bag, bags=bags, actor=actor, now=now, command=command)


@once
def hand_to_courier(
    *,
    order_id: int,
    account: CourierAccount,
    actor: Actor,
    now: datetime,
    command: str | None = None,
    bag: int | None = None,
    bags: int | None = None,
    quoted: HandOff | None = None,
) -> Stepped:
    """Ask a courier to bring the order; the call itself is a job. `quoted` is a draft with a price."""
    order = Order.objects.select_related("store").get(pk=order_id)
    if not account.active or not serves(account, order.store):
        raise NotPossible(_("This courier does not serve the store."))

    def draft(search: CarrierSearch) -> HandOff:
        fresh = draft_for(search, account=account, now=now)
        if quoted is not None and _same_bag(quoted, search):
            for name in QUOTED:
                setattr(fresh, name, getattr(quoted, name))
        return fresh

    return _give(order, draft, bag=bag, bags=bags, actor=actor, now=now, command=command)


@once
def seek(
    *,
    order_id: int,
    actor: Actor,
    now: datetime,
    command: str | None = None,
    bags: int | None = None,
) -> Stepped:
    """Have the carrier found as the policy says, from the beginning; everybody may be asked again."""
    with transaction.atomic():
        order = Order.objects.select_related("store").get(pk=order_id)
        check(order)
        policy = policy_of(order.store_id)
        if not seeking.restart(order=order, policy=policy, now=now, bags=bags):
            raise _taken(order_id)
        return publish_order(order_id, actor=actor, now=now, command=command)


def offer(
    search: CarrierSearch,
    draft: HandOff,
    *,
    policy: Policy,
    quote: Quote | None = None,
    now: datetime,
    live: int | None = None,
) -> bool:
    """The search asks its next one. False when it has moved on, or the rider got other orders or went home.

    `live` is how many orders the rider had when chosen. Raises NotPossible, LiveHandOff.
    """
    with transaction.atomic():
        mine = CarrierSearch.objects.select_for_update(of=("self",))
        held = mine.filter(pk=search.pk, state=SearchState.SEEKING, round=search.round).first()
        if held is None or not _same_bag(draft, held):
            return False
        if draft.rider and not _still_has(draft.rider, live, now):
            return False
        take_quote(draft, quote)
        draft.created_label = seeking.PORTAL.label
        order = _open(held, draft, policy=policy, now=now)
        publish(draft, actor=seeking.PORTAL, now=now, order=order)
    return True


@once
def cancel_hand_off(
    *,
    order_id: int,
    actor: Actor,
    now: datetime,
    reason: str = "",
    command: str | None = None,
    bag: int | None = None,
) -> Stepped:
    """Call a hand-off off: an own rider's and an unsent one at once, a courier's once it confirms.

    Until then it stays live, so nobody else can be called. Nobody else is called by itself either: a person
    has taken over.
    """
    with transaction.atomic():
        stopped = seeking.stop(order_id, bag=bag, now=now)
        moved = [_cancel(seen, reason, now) for seen in _that_can_end(live_handoffs(order_id, bag))]
        if not moved and not stopped:
            raise stale(order_id)
        if not moved:
            return publish_order(order_id, actor=actor, now=now, command=command)
        return publish(moved[0], actor=actor, now=now, verb="recall", command=command)


@once
def rider_picked_up(
    *, order_id: int, actor: Actor, now: datetime, command: str | None = None, bag: int | None = None
) -> Stepped:
    """An own rider left with the order."""
    with transaction.atomic():
        held = [one for one in _own(order_id, bag) if one.progress in {Progress.ASSIGNED, Progress.AT_STORE}]
        if not held:
            raise stale(order_id)
        if held[0].order.state not in {OrderState.READY, OrderState.COLLECTED}:
            raise NotPossible(_("The order is not ready yet."))
        moved = [_moved(one, S.CONFIRMED, now, progress=Progress.PICKED_UP, picked_up_at=now) for one in held]
        return publish(moved[0], actor=actor, now=now, verb="collect", command=command)


@once
def rider_delivered(
    *, order_id: int, actor: Actor, now: datetime, command: str | None = None, bag: int | None = None
) -> Stepped:
    """The guest has the order from an own rider."""
    with transaction.atomic():
        held = _own(order_id, bag)
        if held[0].order.state not in {OrderState.READY, OrderState.COLLECTED, OrderState.DELIVERED}:
            raise NotPossible(_("The order is not ready yet."))
        moved = [_moved(one, S.DELIVERED, now, progress=Progress.DELIVERED, delivered_at=now) for one in held]
        return publish(moved[0], actor=actor, now=now, verb="deliver", command=command)


def stale(order_id: int) -> Stale:
    """The refusal that names who changed the order last, and when."""
    by, at = _last_touch(order_id)
    return Stale(card=card_of(order_id), by=by, at=at)


def serves(account: CourierAccount, store: Store) -> bool:
    """A store is served on its own franchise's account alone: the bill goes there."""
    same = account.franchise_id == store.franchise_id
    return same and account.shops.filter(store_id=store.pk).exists()


def _give(
    order: Order,
    draft: Draft,
    *,
    bag: int | None,
    bags: int | None,
    actor: Actor,
    now: datetime,
    command: str | None,
) -> Stepped:
    """A person gives every bag that nobody has to the one they chose."""
    check(order)
    with transaction.atomic():
        policy = policy_of(order.store_id)
        opened = []
        for search in _open_bags(seeking.held(order, policy=policy, now=now, bags=bags), bag):
            handoff = draft(search)
            handoff.created_by, handoff.created_label = actor.user, actor.label
            _open(search, handoff, policy=policy, now=now)
            opened.append(handoff)
        if not opened:
            raise _taken(order.pk)
        return publish(opened[0], actor=actor, now=now, command=command)


def _open_bags(searches: Sequence[CarrierSearch], bag: int | None) -> list[CarrierSearch]:
    """The bag that was named, or all that nobody has; of an order in one piece, that piece."""
    if bag is not None:
        return [search for search in searches if search.bag == bag]
    if len(searches) == 1:
        return list(searches)
    taken = seeking.taken_bags(searches[0].order_id)
    return [search for search in searches if search.bag not in taken]


def _open(search: CarrierSearch, handoff: HandOff, *, policy: Policy, now: datetime) -> Order:
    """Insert the hand-off; the database lets one of several at once win. Returns the order, locked."""
    if not insert(handoff):
        raise _taken(handoff.order_id)
    held = Order.objects.select_for_update(no_key=True).only("state", "fulfilment", "store_id")
    order = held.get(pk=handoff.order_id)
    check(order)
    if order.store_id != handoff.store_id:
        raise NotPossible(_("Another store makes it now."))
    seeking.attach(search, handoff, policy=policy, now=now)
    if handoff.account is not None:
        send(handoff.pk, why=FIRST, now=now, account=handoff.account)
    return order


def _taken(order_id: int) -> Stale:
    """Somebody has it already; or had, a moment ago."""
    live = HandOff.objects.filter(order_id=order_id, state__in=LIVE).first()
    if live is None:
        return stale(order_id)
    return LiveHandOff(card=card_of(order_id), by=live.created_label, at=live.created_at)


def _same_bag(draft: HandOff, search: CarrierSearch) -> bool:
    """Whether the order was neither moved nor split anew since the draft was made."""
    return (draft.store_id, draft.bag, draft.bags) == (search.store_id, search.bag, search.bags)


def _still_has(rider: Rider, live: int | None, now: datetime) -> bool:
    """Whether the rider is at work and has no more orders than when chosen; of two at once, the second
    chooses again."""
    if not _held_still(rider).active:
        return False
    if not Shift.objects.filter(rider=rider, ended_at=None, ends_at__gt=now).exists():
        return False
    return live is None or under_way(now).filter(rider=rider).count() <= live


def _held_still(rider: Rider) -> Rider:
    """The rider as they are now, locked: whoever ends their shift or lets them go waits, and counts then."""
    return Rider.objects.select_for_update(no_key=True).get(pk=rider.pk)


def check(order: Order) -> None:
    """Raise NotPossible unless it is an order that may be handed off."""
    if order.fulfilment != Fulfilment.STORE_COURIER:
        raise NotPossible(_("Only orders that the store delivers are handed off."))
    if order.state not in seeking.MAY_BE_HANDED_OFF:
        raise NotPossible(_("Only an order that is being made or ready can be handed off."))


def _cancel(seen: HandOff, reason: str, now: datetime) -> HandOff:
    target = _cancel_target(seen)
    facts = {"reason": reason[:REASON_LENGTH], "end_cause": EndCause.STORE}
    moved = _moved(seen, target, now, **facts)
    if target == S.CANCELLING and seen.state != S.CANCELLING:
        call_off(seen.pk, why=now.isoformat(), now=now)
    elif seen.state == S.PENDING:
        withdraw(kind="handoff.create", key=f"{seen.pk}/{FIRST}")
    return moved


def _that_can_end(live: Sequence[HandOff]) -> list[HandOff]:
    """Of several bags' those that can be called off; if none can, the first will say why."""
    return [seen for seen in live if _hindrance(seen) is None] or list(live[:1])


def _cancel_target(seen: HandOff) -> HandOffState:
    if (hindrance := _hindrance(seen)) is not None:
        raise hindrance
    at_once = seen.carrier == HandOff.Carrier.OWN or seen.state == S.PENDING
    return S.CANCELLED if at_once else S.CANCELLING


def _hindrance(seen: HandOff) -> Stale | NotPossible | None:
    """Why a person cannot call it off: somebody did, or the courier no longer cancels."""
    if seen.state == S.CANCELLING:
        return None if seen.end_cause in ENGINES else stale(seen.order_id)
    if seen.carrier == HandOff.Carrier.PROVIDER and seen.progress not in BEFORE_PICK_UP:
        return NotPossible(_("The rider has picked the order up: the courier no longer cancels."))
    return None


def _moved(seen: HandOff, target: HandOffState, now: datetime, **values: Any) -> HandOff:
    moved = move(seen, target, now=now, **values)
    if moved is None:
        raise stale(seen.order_id)
    return moved


def live_handoffs(order_id: int, bag: int | None) -> list[HandOff]:
    """The live hand-offs, locked: a courier's news of this moment must not turn a person away."""
    rows = HandOff.objects.select_for_update(of=("self",)).select_related("order", "rider", "account")
    live = rows.filter(order_id=order_id, state__in=LIVE).order_by("pk")
    return list(live if bag is None else live.filter(bag=bag))


def _own(order_id: int, bag: int | None) -> list[HandOff]:
    live = live_handoffs(order_id, bag)
    if not live:
        raise stale(order_id)
    own = [seen for seen in live if seen.carrier == HandOff.Carrier.OWN]
    if not own:
        raise NotPossible(_("The courier reports this by itself."))
    return own


def _last_touch(order_id: int) -> tuple[str, datetime]:
    last = OrderEvent.objects.filter(order_id=order_id).order_by("-pk").first()
    if last is not None:
        return last.actor_label, last.at
    return "", Order.objects.get(pk=order_id).received_at
