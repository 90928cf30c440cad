"""How a hand-off begins: whose turn it may be, the row under the constraint, and the job for the courier."""

from datetime import datetime

from django.utils.translation import gettext as _

from couriers import seeking
from couriers.calls import send
from couriers.drafts import insert
from couriers.errors import LiveHandOff
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider, Shift
from couriers.policy.document import Policy
from couriers.policy.situations import under_way
from couriers.states import LIVE
from orders.errors import NotPossible, Stale
from orders.models import Order, OrderEvent
from orders.queries import card_of
from orders.states import Fulfilment
from stores.models import Store

FIRST = "first"  # the first create job of a hand-off


def begin(search: CarrierSearch, handoff: HandOff, *, policy: Policy, now: datetime) -> Order:
    """Insert the hand-off; the database lets one of several at once win. Returns the order, locked."""
    if not insert(handoff):
        raise taken(handoff.order_id)
    held = Order.objects.select_for_update(no_key=True).only("state", "fulfilment", "store_id")
    order = held.get(pk=handoff.order_id)
    check(order)
    if order.store_id != handoff.store_id:
        raise NotPossible(_("Another store makes it now."))
    seeking.attach(search, handoff, policy=policy, now=now)
    if handoff.account is not None:
        send(handoff.pk, why=FIRST, now=now, account=handoff.account)
    return order


def taken(order_id: int) -> Stale:
    """Somebody has it already; or had, a moment ago."""
    live = HandOff.objects.filter(order_id=order_id, state__in=LIVE).first()
    if live is None:
        return stale(order_id)
    return LiveHandOff(card=card_of(order_id), by=live.created_label, at=live.created_at)


def same_bag(draft: HandOff, search: CarrierSearch) -> bool:
    """Whether the order was neither moved nor split anew since the draft was made."""
    return (draft.store_id, draft.bag, draft.bags) == (search.store_id, search.bag, search.bags)


def still_has(rider: Rider, live: int | None, now: datetime) -> bool:
    """Whether the rider is at work and has no more orders than when chosen; of two at once, the second
    chooses again."""
    if not held_still(rider.pk).active or not at_work(rider, now):
        return False
    return live is None or under_way(now).filter(rider=rider).count() <= live


def at_work(rider: Rider, now: datetime) -> bool:
    """Whether the rider is on a shift."""
    return Shift.objects.filter(rider=rider, ended_at=None, ends_at__gt=now).exists()


def held_still(rider_id: int) -> Rider:
    """The rider as they are now, locked: of who gives them an order, ends their shift or lets them go, the
    others wait, and count then."""
    return Rider.objects.select_for_update(no_key=True).get(pk=rider_id)


def check(order: Order) -> None:
    """Raise NotPossible unless it is an order that may be handed off."""
    if order.fulfilment != Fulfilment.STORE_COURIER:
        raise NotPossible(_("Only orders that the store delivers are handed off."))
    if order.state not in seeking.MAY_BE_HANDED_OFF:
        raise NotPossible(_("Only an order that is being made or ready can be handed off."))


def serves(account: CourierAccount, store: Store) -> bool:
    """A store is served on its own franchise's account alone: the bill goes there."""
    same = account.franchise_id == store.franchise_id
    return same and account.shops.filter(store_id=store.pk).exists()


def stale(order_id: int) -> Stale:
    """The refusal that names who changed the order last, and when."""
    by, at = _last_touch(order_id)
    return Stale(card=card_of(order_id), by=by, at=at)


def _last_touch(order_id: int) -> tuple[str, datetime]:
    last = OrderEvent.objects.filter(order_id=order_id).order_by("-pk").first()
    if last is not None:
        return last.actor_label, last.at
    return "", Order.objects.get(pk=order_id).received_at
