"""What people do with hand-offs: give an order to a rider or a courier, cancel, and follow an own rider.

Each verb is one conditional UPDATE (or one INSERT under the "one live hand-off" constraint) per bag, the
card's summary, one event and the jobs for the courier, in one transaction. Raises NotPossible,
LiveHandOff, or orders.errors.Stale when the hand-off is no longer where the person saw it. A command
with a key that was carried out before returns its first outcome. Without a `bag`, a verb is about all of an
order's bags that it can be about.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from couriers import opening, seeking
from couriers.calling_off import cancel, live_handoffs, moved_to, that_can_end
from couriers.drafts import draft_for, take_price, take_quote
from couriers.instead import Draft, give_instead
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider
from couriers.opening import check, held_still, same_bag, serves, stale
from couriers.policy.document import Policy
from couriers.policy.queries import policy_of
from couriers.providers.base import Quote
from couriers.record import publish, publish_order
from couriers.states import HandOffState, Progress, SearchState
from orders.errors import NotPossible
from orders.models import Order
from orders.services import Stepped, once
from orders.states import OrderState
from stores.actors import Actor

S = HandOffState


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
    instead: bool = False,
) -> Stepped:
    """Give the order to one of the store's own riders, by name; `bags` splits it, `bag` is one of them.

    `instead`: also what somebody else has, who is called off first (`couriers.instead`).
    """
    order = Order.objects.select_related("store").get(pk=order_id)
    if rider.store_id != order.store_id or not rider.active:
        raise NotPossible(_("This rider does not ride for the store."))

    def draft(search: CarrierSearch) -> HandOff:
        if not held_still(rider.pk).active:
            raise NotPossible(_("This rider does not ride for the store."))
        return draft_for(search, rider=rider, now=now)

    give = give_instead if instead else _give
    return give(order, draft, bag=bag, bags=bags, actor=actor, now=now, command=command)


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
    instead: bool = False,
) -> Stepped:
    """Ask a courier to bring the order; the call itself is a job. `quoted` is a draft with a price.

    `instead`: also what somebody else has, who is called off first (`couriers.instead`).
    """
    order = Order.objects.select_related("store").get(pk=order_id)
    if not account.active or not serves(account, order.store):
        raise NotPossible(_("This courier does not serve the store."))

    def draft(search: CarrierSearch) -> HandOff:
        fresh = draft_for(search, account=account, now=now)
        if quoted is not None and same_bag(quoted, search):
            take_price(fresh, quoted)
        return fresh

    give = give_instead if instead else _give
    return give(order, draft, bag=bag, bags=bags, actor=actor, now=now, command=command)


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
            raise opening.taken(order_id)
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
        if held is None or not same_bag(draft, held):
            return False
        if draft.rider and not opening.still_has(draft.rider, live, now):
            return False
        take_quote(draft, quote)
        draft.created_label = seeking.PORTAL.label
        order = opening.begin(held, draft, policy=policy, now=now)
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
    has taken over, and whom somebody wanted instead is not wanted any more.
    """
    with transaction.atomic():
        stopped = seeking.stop(order_id, bag=bag, now=now)
        live = live_handoffs(order_id, bag)
        ending = that_can_end(live) or ([] if stopped else live[:1])  # which says why it cannot
        moved = [cancel(seen, reason, now) for seen in ending]
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
        moved = [
            moved_to(one, S.CONFIRMED, now, progress=Progress.PICKED_UP, picked_up_at=now) for one in held
        ]
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
        moved = [
            moved_to(one, S.DELIVERED, now, progress=Progress.DELIVERED, delivered_at=now) for one in held
        ]
        return publish(moved[0], actor=actor, now=now, verb="deliver", command=command)


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
            opening.begin(search, handoff, policy=policy, now=now)
            opened.append(handoff)
        if not opened:
            raise opening.taken(order.pk)
        return publish(opened[0], actor=actor, now=now, command=command)


def _open_bags(searches: Sequence[CarrierSearch], bag: int | None) -> list[CarrierSearch]:
    """The bag that was named, or all that nobody has; of an order in one piece, that piece."""
    if bag is not None:
        return [search for search in searches if search.bag == bag]
    if len(searches) == 1:
        return list(searches)
    taken = seeking.taken_bags(searches[0].order_id)
    return [search for search in searches if search.bag not in taken]


def _own(order_id: int, bag: int | None) -> list[HandOff]:
    live = live_handoffs(order_id, bag)
    if not live:
        raise stale(order_id)
    own = [seen for seen in live if seen.carrier == HandOff.Carrier.OWN]
    if not own:
        raise NotPossible(_("The courier reports this by itself."))
    return own
