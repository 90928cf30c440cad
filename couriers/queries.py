"""Reading riders and courier accounts for a store's "hand to …" dialog, and hand-offs by their token."""

from typing import TypedDict

from django.db.models import Count, Q

from couriers.models import CourierAccount, HandOff, Rider
from couriers.providers.base import Key
from couriers.states import LIVE
from stores.models import Store


class RiderChoice(TypedDict):
    """An own rider; `live` is how many orders they carry or are to carry."""

    id: int
    name: str
    live: int


class CourierChoice(TypedDict):
    """A courier account that serves the store."""

    id: int
    provider: str
    name: str


class Carriers(TypedDict):
    """All that an order of the store can be handed to."""

    riders: list[RiderChoice]
    couriers: list[CourierChoice]


def carriers(store: Store) -> Carriers:
    """Active own riders with their load, and active courier accounts; two queries."""
    load = Count("handoffs", filter=Q(handoffs__state__in=LIVE))
    riders = Rider.objects.filter(store=store, active=True).annotate(live=load).order_by("name")
    accounts = CourierAccount.objects.filter(
        shops__store=store, franchise=store.franchise_id, active=True
    ).order_by("label")
    return {
        "riders": [{"id": rider.pk, "name": rider.name, "live": rider.live} for rider in riders],
        "couriers": [
            {"id": account.pk, "provider": account.provider, "name": account.label} for account in accounts
        ],
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
