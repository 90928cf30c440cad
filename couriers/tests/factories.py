"""A small world for the tests: a franchise, a store, an order, riders, and a courier account."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from couriers.models import CourierAccount, CourierStore, Rider
from orders.models import Order, OrderLine
from orders.states import Fulfilment, OrderState
from stores.actors import Actor
from stores.models import ChannelAccount, Franchise, IntakeState, Membership, Store, User

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
MEI = Actor("Mei")
BO = Actor("Bo")
CREDENTIALS = {"app_key": "test_app_key", "app_secret": "test_app_secret", "source_id": "73753"}
_numbers = count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_store(franchise: Franchise | None = None) -> Store:
    number = next(_numbers)
    franchise = franchise or Franchise.objects.create(name=f"Cloud Tea {number}", slug=f"cloud-{number}")
    store = Store.objects.create(
        franchise=franchise,
        code=f"SH-{number}",
        name="Jade Lane",
        city="Shanghai",
        address="1 Jade Lane",
        phone="021-5550100",
        latitude=31.2304,
        longitude=121.4737,
    )
    IntakeState.objects.create(store=store, changed_at=NOW)
    return store


def make_order(store: Store | None = None, *, state: str = OrderState.READY, **values: Any) -> Order:
    store = store or make_store()
    account, _ = ChannelAccount.objects.get_or_create(
        slug=f"tap-{store.franchise.slug}",
        defaults={"franchise": store.franchise, "channel": "standard", "secrets": "whsec_x"},
    )
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "external_id": f"E{number}",
        "daily_number": str(number),
        "fulfilment": Fulfilment.STORE_COURIER,
        "currency": "CNY",
        "goods": 3600,
        "delivery_fee": 500,
        "platform_subsidy": 0,
        "shop_subsidy": 0,
        "customer_paid": 4100,
        "shop_income": 3600,
        "funding": "paid",
        "customer_name": "Lin",
        "customer_phone": "13800000000",
        "phone_mask": "138****0000",
        "address": "8 Lotus Road",
        "latitude": 31.2350,
        "longitude": 121.4800,
        "cups": 2,
        "placed_at": NOW,
        "received_at": NOW,
        "accepted_at": NOW,
        "ready_at": NOW,
    }
    order = Order.objects.create(store=store, account=account, state=state, **(defaults | values))
    OrderLine.objects.create(
        order=order, position=1, sku="BT-1", name="Brown sugar boba", quantity=2, unit_price=1800
    )
    return order


def make_rider(store: Store, name: str = "Old Wang") -> Rider:
    return Rider.objects.create(store=store, name=name, phone="13900000000")


def make_account(store: Store, base_url: str = "http://127.0.0.1:9/dada") -> CourierAccount:
    account = CourierAccount.objects.create(
        franchise=store.franchise,
        provider="dada",
        label="Dada",
        base_url=base_url,
        credentials=json.dumps(CREDENTIALS),
    )
    CourierStore.objects.create(account=account, store=store, shop_no="11047059")
    return account


def make_staff(store: Store) -> User:
    user = User.objects.create_user(username=f"staff-{next(_numbers)}", first_name="Mei")
    Membership.objects.create(user=user, role="staff", franchise=store.franchise, store=store)
    return user
