"""Small worlds for tests of reports and admin: stores, people, orders, pauses and hand-offs as rows."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

from django.contrib.auth.hashers import make_password

from couriers.models import CourierAccount, HandOff, Rider
from orders.models import Order
from orders.states import Fulfilment, OrderState
from stores.actors import Actor
from stores.channels import Channel
from stores.models import ChannelAccount, Franchise, IntakeChange, Membership, Store, User

NOON = datetime(2026, 2, 6, 4, tzinfo=UTC)  # 12:00 in Shanghai
PASSWORD = "a long pass phrase"
numbers = count(1)


def make_franchise(slug="cloud-tea"):
    return Franchise.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def make_store(code="SH-01", *, franchise=None, **fields):
    fields = {"name": f"Store {code}", "city": "Shanghai", "latitude": 31.2, "longitude": 121.5, **fields}
    return Store.objects.create(franchise=franchise or make_franchise(), code=code, **fields)


def make_account(franchise=None, slug="standard-cloud"):
    franchise = franchise or make_franchise()
    fields = {
        "franchise": franchise,
        "channel": Channel.STANDARD,
        "secrets": "whsec_c2VjcmV0LXRoYXQtbXVzdC1ub3QtbGVhaw==",
    }
    return ChannelAccount.objects.get_or_create(slug=slug, defaults=fields)[0]


@cache
def _hashed():
    """Hashing is slow on purpose; once is enough for all people of a test run."""
    return make_password(PASSWORD)


def make_user(name, **fields):
    return User.objects.create(username=name, password=_hashed(), **fields)


def make_manager(name="mei", franchise=None):
    user = make_user(name)
    Membership.objects.create(user=user, role="manager", franchise=franchise or make_franchise())
    return user


def make_staff(store, name="li"):
    user = make_user(name)
    Membership.objects.create(user=user, role="staff", franchise=store.franchise, store=store)
    return user


def make_admin(name="root"):
    return make_user(name, is_staff=True, is_superuser=True)


def make_order(store, *, placed_at=NOON, ready_after=None, **fields):
    """An order worth 15.00; `ready_after` in minutes."""
    number = next(numbers)
    ready_at = placed_at + timedelta(minutes=ready_after) if ready_after is not None else None
    fields = {
        "account": make_account(store.franchise, slug=f"standard-{store.franchise.slug}"),
        "external_id": f"X{number}",
        "content_hash": "0" * 64,
        "daily_number": str(number),
        "state": OrderState.READY if ready_at else OrderState.ACCEPTED,
        "fulfilment": Fulfilment.STORE_COURIER,
        "currency": "CNY",
        "goods": 1500,
        "delivery_fee": 0,
        "platform_subsidy": 0,
        "shop_subsidy": 0,
        "customer_paid": 1500,
        "shop_income": 1200,
        "funding": "paid",
        "customer_name": "Zhang San",
        "customer_phone": "13800138000",
        "phone_mask": "138****8000",
        "address": "Hidden Lane 7",
        "cups": 1,
        "placed_at": placed_at,
        "received_at": placed_at,
        "ready_at": ready_at,
        **fields,
    }
    return Order.objects.create(store=store, **fields)


def make_change(store, level, at, reason=""):
    """One line of the intake history, as the switch would have written it."""
    version = store.intake_changes.count() + 1
    return IntakeChange.objects.create(
        store=store, version=version, level=level, reason=reason, actor_label=Actor("test").label, at=at
    )


def make_handoff(store, state, *, at=NOON, **order_fields):
    rider = Rider.objects.get_or_create(store=store, name="Wang")[0]
    order = make_order(store, placed_at=at, **order_fields)
    stamps = {"created_at": at, "changed_at": at, "heard_at": at}
    return HandOff.objects.create(
        order=order, store=store, carrier="own", rider=rider, state=state, created_label="test", **stamps
    )


def make_courier_account(franchise=None, *, label="Dada", provider="dada"):
    return CourierAccount.objects.create(
        franchise=franchise or make_franchise(),
        provider=provider,
        label=label,
        base_url="https://courier.example/",
        credentials=json.dumps(
            {"app_key": "dada-key", "app_secret": "dada-secret-that-must-not-leak", "source_id": "1"}
        ),
    )
