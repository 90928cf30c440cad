"""What the policy decides by, read for a live order: its situation, and who could carry it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from couriers.models import CourierAccount, CourierRest, HandOff, Rider
from couriers.policy.choosing import COURIER, RIDER, Candidate, Situation
from couriers.policy.document import Policy
from couriers.policy.measures import key_of, measures_of
from couriers.riders.reach import FORGOTTEN, Phone, phone_of, with_phones
from couriers.states import LIVE, HandOffState, Progress
from orders.models import Order
from orders.states import TO_MAKE, OrderState
from stores.models import Store

EARTH = 6_371_000  # metres
IN_HAND = sorted({*TO_MAKE, OrderState.READY})
# What counts for a carrier's share: not what it declined, gave back, or is being relieved of.
CARRIED = sorted({*LIVE, HandOffState.DELIVERED} - {HandOffState.CANCELLING})


def situation_of(order: Order, policy: Policy, now: datetime) -> Situation:
    """The order's situation at its store; a query for each of `load` and `given` that the policy goes by."""
    store = order.store
    return Situation(
        at=now.astimezone(ZoneInfo(store.timezone)),
        distance=distance_to(order, store),
        value=order.goods,
        cups=order.cups,
        load=_in_hand(store) if policy.goes_by_load else 0,
        channel=order.account.channel,
        given=carried_today(store, now) if policy.goes_by_shares else {},
    )


def _in_hand(store: Store) -> int:
    return Order.objects.filter(store=store, on_board=True, state__in=IN_HAND).count()


def candidates_of(store: Store, now: datetime) -> list[Candidate]:
    """The store's riders and couriers, without quotes; at most four queries."""
    measures, in_hand = measures_of(store.pk, now=now), in_hand_of(store, now)
    return [
        Candidate(
            key, name, kind, free, *in_hand.get(key, (0, 0)), resting=resting, measure=measures.get(key)
        )
        for key, name, kind, free, resting in [*_riders(store, now), *_couriers(store, now)]
    ]


def _riders(store: Store, now: datetime) -> Iterator[tuple[str, str, str, bool, bool]]:
    """Whoever is at work but would not hear of it is for people to ask."""
    there = Rider.objects.filter(store=store, active=True).only("name")
    riders = with_phones(there, now=now).order_by("name", "pk")
    for one in riders:
        free = one.on_shift and phone_of(one.seen_at, knows=one.knows, now=now) == Phone.THERE
        yield key_of(None, one.pk), one.name, RIDER, free, False


def _couriers(store: Store, now: datetime) -> Iterator[tuple[str, str, str, bool, bool]]:
    rests = CourierRest.objects.filter(account=OuterRef("pk"), began_at__lte=now, until__gt=now)
    accounts = CourierAccount.objects.filter(shops__store=store, franchise=store.franchise_id, active=True)
    accounts = accounts.annotate(resting=Exists(rests)).order_by("label", "pk")
    for pk, label, resting in accounts.values_list("pk", "label", "resting"):
        yield key_of(pk, None), label, COURIER, True, resting


def in_hand_of(store: Store, now: datetime) -> dict[str, tuple[int, int]]:
    """How many orders each carrier of the store carries or is to carry, and how many of these are away."""
    rows = under_way(now).filter(store=store).order_by().values_list("account", "rider")
    away = Count("pk", filter=Q(progress=Progress.PICKED_UP))
    counted = rows.annotate(count=Count("pk"), away=away)
    return {key_of(account, rider): (count, away) for account, rider, count, away in counted}


def under_way(now: datetime) -> QuerySet[HandOff]:
    """The live hand-offs, but for those somebody forgot to end: nobody is on the road for a day."""
    return HandOff.objects.filter(created_at__gte=now - FORGOTTEN, state__in=sorted(LIVE))


def distance_to(order: Order, store: Store) -> int | None:
    """Metres to the guest as the crow flies; None where the platform did not say."""
    if order.latitude is None or order.longitude is None:
        return None
    return metres((store.latitude, store.longitude), (order.latitude, order.longitude))


def metres(here: tuple[float, float], there: tuple[float, float]) -> int:
    """The length of the great circle between two positions in degrees."""
    (north, east), (far_north, far_east) = map(_radians, (here, there))
    half = sin((far_north - north) / 2) ** 2
    half += cos(north) * cos(far_north) * sin((far_east - east) / 2) ** 2
    return round(2 * EARTH * asin(sqrt(min(1.0, half))))


def carried_today(store: Store, now: datetime) -> dict[str, int]:
    """How many of the hand-offs since midnight at the store each carrier delivered or has in hand."""
    midnight = now.astimezone(ZoneInfo(store.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    # As a range of moments: the day that loses or gains an hour is a day like any other.
    rows = HandOff.objects.filter(store=store, created_at__gte=midnight, created_at__lte=now)
    return _by_carrier(rows.filter(state__in=CARRIED))


def _by_carrier(handoffs: QuerySet[HandOff]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for account, rider, count in (
        handoffs.order_by().values_list("account", "rider").annotate(count=Count("pk"))
    ):
        counts[key_of(account, rider)] += count
    return dict(counts)


def _radians(position: tuple[float, float]) -> tuple[float, float]:
    return radians(position[0]), radians(position[1])
