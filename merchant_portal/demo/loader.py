"""Writes the demo brand into the database; running it again changes only what differs."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from django.db import transaction

from couriers.models import Rider
from merchant_portal.demo import brand
from merchant_portal.demo.brand import DemoFranchise, DemoStore
from merchant_portal.demo.carriage import load_policy, start_shifts
from merchant_portal.demo.couriers import list_at_couriers, load_couriers
from merchant_portal.demo.logins import Logins
from merchant_portal.demo.platforms import list_store, load_accounts
from orders.models import StoreSequence
from stores.models import Franchise, IntakeState, Membership, Store, User


@transaction.atomic
def load_brand(*, var_dir: Path, sandbox_url: str, now: datetime) -> None:
    """Create or complete franchises, stores, people and accounts.

    Passwords and secrets are made once. Addresses of the sandbox are brought up to date.
    """
    people = Logins(var_dir).ensure(_logins())
    franchises = {entry.slug: _franchise(entry, sandbox_url, now) for entry in brand.FRANCHISES}
    stores = {entry.code: _store(entry, franchises[entry.franchise], now) for entry in brand.STORES}
    _admin(people)
    for franchise in brand.FRANCHISES:
        login, first, last = franchise.manager
        _member(login, people[login], first, last, franchise=franchises[franchise.slug], store=None)
    for entry in brand.STORES:
        for login, (first, last) in zip(entry.logins, entry.staff, strict=True):
            store = stores[entry.code]
            _member(login, people[login], first, last, franchise=store.franchise, store=store)


def _logins() -> list[str]:
    staff = [login for entry in brand.STORES for login in entry.logins]
    return [brand.ADMIN[0], *(entry.manager[0] for entry in brand.FRANCHISES), *staff]


def _franchise(entry: DemoFranchise, sandbox_url: str, now: datetime) -> Franchise:
    franchise, _created = Franchise.objects.update_or_create(slug=entry.slug, defaults={"name": entry.name})
    load_accounts(entry, franchise, sandbox_url, now)
    load_couriers(entry, franchise, sandbox_url)
    return franchise


def _store(entry: DemoStore, franchise: Franchise, now: datetime) -> Store:
    shown = ("name", "city", "address", "phone", "latitude", "longitude")
    store, _created = Store.objects.update_or_create(
        franchise=franchise,
        code=entry.code,
        defaults={name: getattr(entry, name) for name in shown},
        create_defaults={
            "cups_per_hour": entry.cups_per_hour,
            **{name: getattr(entry, name) for name in shown},
        },
    )
    IntakeState.objects.get_or_create(store=store, defaults={"changed_at": now})
    StoreSequence.objects.get_or_create(store=store, defaults={"epoch": secrets.token_hex(8)})
    list_store(entry, store, franchise)
    list_at_couriers(entry, store, franchise)
    for number, name in enumerate(entry.riders):
        Rider.objects.get_or_create(store=store, name=name, defaults={"phone": f"1390000{number:04}"})
    start_shifts(store, now)
    load_policy(store, now)
    return store


def _admin(people: dict[str, str]) -> None:
    login, first, last = brand.ADMIN
    user = _person(login, people[login], first, last)
    if not user.is_superuser:
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])


def _member(
    login: str, password: str, first: str, last: str, *, franchise: Franchise, store: Store | None
) -> None:
    role = Membership.Role.STAFF if store else Membership.Role.MANAGER
    user = _person(login, password, first, last)
    Membership.objects.get_or_create(user=user, franchise=franchise, store=store, defaults={"role": role})


def _person(login: str, password: str, first: str, last: str) -> User:
    user, created = User.objects.get_or_create(
        username=login, defaults={"first_name": last, "last_name": first}
    )  # the family name comes first, as it is said
    if created:
        user.set_password(password)
        user.save(update_fields=["password"])
    return user
