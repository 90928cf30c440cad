"""Who carries the demo brand's orders: riders at work, and two stores with a policy of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from couriers.models import CarrierPolicy, CourierAccount, Rider, Shift
from couriers.policy.services import save_policy
from couriers.providers import Courier
from couriers.riders.shifts import start_shift
from stores.actors import Actor
from stores.models import Store

DEMO = Actor("demo")
BY_ITSELF, IN_SHARES = "SH-03", "CD-03"


def start_shifts(store: Store, now: datetime) -> None:
    """Every rider of the store comes to work, if they are not there."""
    there = Shift.objects.filter(rider__store=store, ended_at=None, ends_at__gt=now).values("rider")
    for rider in Rider.objects.filter(store=store, active=True).exclude(pk__in=there):
        start_shift(rider=rider, actor=DEMO, now=now)


def load_policy(store: Store, now: datetime) -> None:
    """Save the store's policy, if the demo has one for it and nobody has saved another."""
    makers = {BY_ITSELF: _by_itself, IN_SHARES: _in_shares}
    if store.code in makers and not CarrierPolicy.objects.filter(store=store).exists():
        document = makers[store.code](store)
        save_policy(store=store, document=document, actor=DEMO, now=now, expected_version=0)


def _by_itself(store: Store) -> dict[str, Any]:
    """Own riders, then the cheapest; who lives far away gets the fastest."""
    far = {
        "name": "Far away",
        "when": {"distance_from": 3000},
        "choose": {"by": "fastest", "own_first": False},
    }
    return {"automatic": True, "rules": [far], "otherwise": {"by": "cheapest"}}


def _in_shares(store: Store) -> dict[str, Any]:
    """Somebody taps, and two couriers get their shares."""
    accounts = CourierAccount.objects.filter(franchise=store.franchise_id)
    keys = {account.provider: f"courier:{account.pk}" for account in accounts}
    shares = {keys[Courier.DADA]: 60, keys[Courier.PEISONG]: 40}
    return {"automatic": False, "own_first": False, "otherwise": {"by": "shares", "shares": shares}}
