"""Reading riders and courier accounts for a store's "hand to …" dialog, and hand-offs by their token."""

from datetime import datetime
from typing import Any, TypedDict

from django.db.models import Count, Q, QuerySet

from couriers.models import CourierAccount, HandOff, Rider
from couriers.policy.queries import policy_of
from couriers.providers.base import Key
from couriers.rests import resting
from couriers.riders.reach import Phone, phone_of, with_phones
from couriers.states import LIVE, HandOffState, Progress
from orders.cards import iso
from stores.models import Store


class RiderChoice(TypedDict):
    """An own rider; `live` is how many orders they have in hand, `free` whether they would be asked, `phone`
    what keeps their phone from telling them ("" nothing, else `couriers.riders.reach.Phone`)."""

    id: int
    name: str
    live: int
    on_shift: bool
    free: bool
    phone: str


class CourierChoice(TypedDict):
    """A courier account that serves the store: `live` hand-offs of the store, how many of them have a rider
    `waiting` at the store, of how many it is `unknown` whether the courier has them."""

    id: int
    provider: str
    name: str
    state: str
    rests_until: str | None
    live: int
    waiting: int
    unknown: int


class Carriers(TypedDict):
    """All that an order of the store can be handed to."""

    riders: list[RiderChoice]
    couriers: list[CourierChoice]


def carriers(store: Store, *, now: datetime) -> Carriers:
    """Active own riders with their load, and active courier accounts with theirs; four queries."""
    most = policy_of(store.pk).own_most
    accounts = CourierAccount.objects.filter(shops__store=store, franchise=store.franchise_id, active=True)
    counted = accounts.annotate(
        live=_count(store, Q()),
        waiting=_count(store, Q(handoffs__progress=Progress.AT_STORE)),
        unknown=_count(store, Q(handoffs__state=HandOffState.UNKNOWN)),
    )
    found = list(counted.order_by("label"))
    rests = resting(found, now)
    return {
        "riders": [_rider(rider, most, now) for rider in _riders(store, now)],
        "couriers": [_courier(account, rests.get(account.pk)) for account in found],
    }


def _riders(store: Store, now: datetime) -> QuerySet[Any]:
    riders = Rider.objects.filter(store=store, active=True).order_by("name")
    return with_phones(riders.annotate(live=_count(store, Q())), now=now)


def _count(store: Store, which: Q) -> Count:
    return Count("handoffs", filter=which & Q(handoffs__state__in=sorted(LIVE), handoffs__store=store))


def _rider(rider: Any, most: int, now: datetime) -> RiderChoice:
    phone = phone_of(rider.seen_at, knows=rider.knows, now=now) if rider.on_shift else Phone.THERE
    return {
        "id": rider.pk,
        "name": rider.name,
        "live": rider.live,
        "on_shift": rider.on_shift,
        "free": rider.on_shift and phone == Phone.THERE and rider.live < most,
        "phone": str(phone),
    }


def _courier(account: Any, until: datetime | None) -> CourierChoice:
    return {
        "id": account.pk,
        "provider": account.provider,
        "name": account.label,
        "state": "resting" if until else "ready",
        "rests_until": iso(until),
        "live": account.live,
        "waiting": account.waiting,
        "unknown": account.unknown,
    }


def handoff_of_token(provider: str, token: str) -> int | None:
    """The hand-off a callback address belongs to; None if we never gave that address out."""
    found = HandOff.objects.filter(callback_token=token, account__provider=provider)
    return found.values_list("pk", flat=True).first()


def account_of_token(provider: str, token: str) -> CourierAccount | None:
    """The account a callback address belongs to; None if there is none of that name."""
    return CourierAccount.objects.filter(callback_token=token, provider=provider).first()


def handoff_of_key(account: CourierAccount, key: Key) -> int | None:
    """The hand-off a courier means, by our number or else by its own; only ever one of this account."""
    mine = HandOff.objects.filter(account=account)
    if key.origin_id:
        found = mine.filter(origin_id=key.origin_id)
    elif key.reference:
        found = mine.filter(provider_ref=key.reference).order_by("-pk")
    else:
        return None
    return found.values_list("pk", flat=True).first()
