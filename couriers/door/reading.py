"""What the card at the door says: the wait, the campaign, who waits, and where every rider's bag is.

Riders we asked for come with a pick-up code of ours, a platform's riders with the order's number there.

All of it is read at once and kept for a few seconds, so that a crowd that reloads its phones asks the
database no more often than one rider does. Nothing in it is about a guest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import OperationalError
from django.db.models import Count
from django.utils import timezone

from couriers.models import HandOff, RiderDoor
from couriers.states import BEFORE_PICK_UP, LIVE, Progress
from orders.models import Order
from orders.states import TO_MAKE, Fulfilment, OrderState
from stores.channels import short_name
from stores.models import Store

FRESH = 5  # seconds
KEPT = 60  # seconds: shown while somebody else reads anew, or the database cannot be read
RECENT = timedelta(hours=3)
CAMPAIGNS = 3


@dataclass(frozen=True, slots=True)
class Bag:
    """Where the bag of a code or a number is. `before` and `minutes` only count while it is being made."""

    number: str
    channel: str
    account: str
    bag: int
    bags: int
    ready: bool
    gone: bool
    before: int
    minutes: int

    @property
    def platform(self) -> str:
        """In the words of whoever looks."""
        return short_name(self.channel, self.account)


@dataclass(frozen=True, slots=True)
class Door:
    """The whole card; `minutes` is how long an order that came in now would take until it is ready."""

    store_id: int
    store: str
    code: str
    instructions: str
    campaigns: tuple[str, ...]
    minutes: int
    orders: int
    riders: int
    bags: Mapping[str, tuple[Bag, ...]]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Queue:
    """What is still to be made, in the order it is made: orders and cups up to and with each order."""

    up_to: Mapping[int, tuple[int, int]]
    cups: int


def door_of(token: str) -> Door | None:
    """The card of an address; None if there is no such card, or it is closed.

    One of those who come when it is no longer fresh reads it anew; the others get what is there.
    """
    kept: Door | None = cache.get(f"door:{token}")
    turn = cache.add(f"door-turn:{token}", True, FRESH)
    if kept is not None and not turn:
        return kept
    try:
        door = _read(token, timezone.now())
    except OperationalError:
        if kept is None:
            raise
        return kept
    if door is None:
        forget(token)
    else:
        cache.set(f"door:{token}", door, KEPT)
    return door


def is_kept(token: str) -> bool:
    """Whether the card can be shown without a look into the database."""
    return cache.get(f"door:{token}") is not None


def forget(token: str) -> None:
    """Have it read anew: it was changed."""
    cache.delete_many([f"door:{token}", f"door-turn:{token}"])


def _read(token: str, now: datetime) -> Door | None:
    found = RiderDoor.objects.select_related("store").filter(token=token, open=True)
    door = found.first()
    if door is None:
        return None
    store = door.store
    queue = _queue(store)
    return Door(
        store_id=store.pk,
        store=store.name,
        code=store.code,
        instructions=door.instructions,
        campaigns=_campaigns(store, now),
        minutes=_minutes(queue.cups, store),
        orders=len(queue.up_to),
        riders=_riders(store),
        bags=_bags(store, queue),
        at=now,
    )


def _queue(store: Store) -> _Queue:
    """What somebody makes already comes first, then the oldest."""
    rows = Order.objects.filter(store=store, on_board=True, state__in=TO_MAKE)
    waiting = sorted(
        rows.values_list("pk", "state", "placed_at", "cups"),
        key=lambda row: (row[1] != OrderState.MAKING, row[2], row[0]),
    )
    up_to, cups = {}, 0
    for orders, (pk, _, _, more) in enumerate(waiting, start=1):
        cups += more
        up_to[pk] = (orders, cups)
    return _Queue(up_to, cups)


def _minutes(cups: int, store: Store) -> int:
    return -(-cups * 60 // store.cups_per_hour)


def _campaigns(store: Store, now: datetime) -> tuple[str, ...]:
    """What most of the latest orders came from."""
    recent = Order.objects.filter(store=store, placed_at__gte=now - RECENT).exclude(campaign_name="")
    counted = recent.order_by().values("campaign_name").annotate(orders=Count("pk"))
    most = counted.order_by("-orders", "campaign_name")[:CAMPAIGNS]
    return tuple(most.values_list("campaign_name", flat=True))


def _riders(store: Store) -> int:
    """Riders at the store: the store's own, couriers', and platforms'."""
    ours = HandOff.objects.filter(store=store, state__in=LIVE, progress=Progress.AT_STORE).count()
    theirs = Order.objects.filter(
        store=store, on_board=True, delivery__carrier="platform", delivery__progress=Progress.AT_STORE
    )
    return ours + theirs.exclude(state=OrderState.COLLECTED).count()


def _bags(store: Store, queue: _Queue) -> dict[str, tuple[Bag, ...]]:
    """What a rider may type, and the bags that go by it: at two platforms a number can be the same."""
    rows = HandOff.objects.select_related("order__account").filter(store=store, state__in=LIVE)
    named = [
        (handoff.pickup_code, _bag(handoff.order, queue, store, handoff))
        for handoff in _sorted(rows.exclude(pickup_code=""))
    ]
    theirs = Order.objects.filter(store=store, on_board=True, fulfilment=Fulfilment.PLATFORM_COURIER)
    shown = theirs.exclude(state=OrderState.CANCELLED).select_related("account").order_by("pk")
    named += [(order.daily_number, _bag(order, queue, store)) for order in shown]
    found: defaultdict[str, tuple[Bag, ...]] = defaultdict(tuple)
    for name, bag in named:
        found[name] += (bag,)
    return dict(found)


def _sorted(rows: Iterable[HandOff]) -> list[HandOff]:
    return sorted(rows, key=lambda handoff: (handoff.order_id, handoff.bag))


def _bag(order: Order, queue: _Queue, store: Store, handoff: HandOff | None = None) -> Bag:
    orders, cups = queue.up_to.get(order.pk, (1, 0))
    gone = handoff.progress not in BEFORE_PICK_UP if handoff else order.state == OrderState.COLLECTED
    return Bag(
        number=order.daily_number,
        channel=order.account.channel,
        account=order.account.slug,
        bag=handoff.bag if handoff else 1,
        bags=handoff.bags if handoff else 1,
        ready=order.state not in TO_MAKE,
        gone=gone,
        before=orders - 1,
        minutes=_minutes(cups, store),
    )
