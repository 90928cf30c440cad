"""The demo brand with ready orders: `python -m tests.chaos.carriage.world '{"orders": 300, …}'` makes it.

Every store hands off by itself. Orders and their jobs wait far in the future until somebody releases them.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Models can be imported only after the set-up.
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django.utils import timezone  # noqa: E402

from couriers.models import CarrierPolicy, CourierAccount, CourierStore  # noqa: E402
from couriers.policy.document import By  # noqa: E402
from couriers.policy.services import save_policy  # noqa: E402
from merchant_portal.demo.sandbox_config import write_sandbox_config  # noqa: E402
from orders.bulk import insert_rows  # noqa: E402
from orders.models import Order, OrderLine  # noqa: E402
from orders.states import Fulfilment, FundedBy, OrderState  # noqa: E402
from outbox.models import Job  # noqa: E402
from outbox.services import job_row  # noqa: E402
from stores.actors import Actor  # noqa: E402
from stores.channels import Channel  # noqa: E402
from stores.models import Store, StoreChannel  # noqa: E402

FAR = datetime(2100, 1, 1, tzinfo=UTC)
BATCH = 2_000
# What tells one customer of a courier from another, in what it is called with.
NAMES = ("app_key", "customer_id", "client_id", "developer_id")
NOTHING = ("delivery_fee", "platform_subsidy", "shop_subsidy")


def build(
    *,
    portal_url: str,
    sandbox_url: str,
    orders: int,
    state: str = OrderState.READY,
    by: str = By.SHARES,
    at_one_store: int = 0,
    own_accounts: bool = False,
) -> None:
    """Make everything from an empty database; `orders` are spread evenly over the stores.

    `at_one_store` more are ready at the first store and have no job: somebody will hand them off.
    `own_accounts`: each store has accounts of its own with its couriers; else a franchise's share them.
    """
    call_command("migrate", verbosity=0)
    call_command("load_demo", portal_url=portal_url, sandbox_url=sandbox_url, stdout=io.StringIO())
    if own_accounts:
        _give_accounts(portal_url)
    now = timezone.now()
    choose(by)
    listed = StoreChannel.objects.filter(account__channel=Channel.STANDARD, store__in=_served())
    places = list(listed.select_related("store"))
    _write(range(orders), places, state, now)
    _write(range(orders, orders + at_one_store), places[:1], OrderState.READY, now, jobs=False)


def _give_accounts(portal_url: str) -> None:
    """Every store is a customer of its own of each courier, with as many calls a second as a customer has."""
    for shop in CourierStore.objects.select_related("account", "store"):
        shared = shop.account
        credentials: dict[str, str] = json.loads(shared.credentials)
        own = {name: f"{credentials[name]}-{shop.store.code}" for name in NAMES if name in credentials}
        shop.account = CourierAccount.objects.create(
            franchise=shop.store.franchise,
            provider=shared.provider,
            label=f"{shared.label} {shop.store.code}",
            base_url=shared.base_url,
            credentials=json.dumps(credentials | own),
        )
        shop.save(update_fields=["account"])
    used = CourierAccount.objects.filter(shops__isnull=False)
    write_sandbox_config(var_dir=settings.VAR_DIR, portal_url=portal_url, now=timezone.now(), couriers=used)


def _write(
    numbers: range, places: Sequence[StoreChannel], state: str, now: datetime, *, jobs: bool = True
) -> None:
    for begin in range(0, len(numbers), BATCH):
        batch = numbers[begin : begin + BATCH]
        rows = [_order(number, places[number % len(places)], state, now) for number in batch]
        ids = [pk for (pk,) in insert_rows(Order, rows, returning=("id",))]
        insert_rows(OrderLine, [_line(pk) for pk in ids])
        if jobs and state == OrderState.READY:
            insert_rows(Job, [_job(pk, now) for pk in ids])


def _order(number: int, place: StoreChannel, state: str, now: datetime) -> dict[str, Any]:
    """Somebody a kilometre away wants a cup of tea."""
    return {
        "store_id": place.store_id,
        "account_id": place.account_id,
        "external_id": f"chaos-{number}",
        "content_hash": "",
        "daily_number": str(number % 1000),
        "state": state,
        "on_board": state != OrderState.READY,
        "held_reason": "",
        "fulfilment": Fulfilment.STORE_COURIER,
        "currency": "CNY",
        "goods": 1500,
        **dict.fromkeys(NOTHING, 0),
        "customer_paid": 1500,
        "shop_income": 1500,
        "funding": FundedBy.PAID,
        "campaign_code": "",
        "campaign_name": "",
        "customer_name": "Guest",
        "customer_phone": f"1380000{number % 10_000:04}",
        "phone_mask": "",
        "address": f"Road {number % 500}",
        "latitude": place.store.latitude + 0.01,
        "longitude": place.store.longitude,
        "note": "",
        "cups": 1,
        "placed_at": now,
        "received_at": now,
        "ready_at": FAR,
    }


def _line(order_id: int) -> dict[str, Any]:
    drink = {"sku": "T1", "name": "Tea", "quantity": 1, "unit_price": 1500, "options": [], "note": ""}
    return {"order_id": order_id, "position": 1, **drink}


def _job(order_id: int, now: datetime) -> dict[str, Any]:
    key, payload = f"{order_id}.chaos", {"order": order_id}
    return job_row(kind="order.ready", key=key, payload=payload, now=now, due_at=FAR)


def choose(by: str, *, accept_within: int = 30) -> None:
    """Have every store hand off by itself, to its couriers alone: `by` shares, or another way.

    Riders are to accept within so many seconds.
    """
    for store in _served():
        _save(store, by, accept_within, timezone.now())


def _served() -> QuerySet[Store]:
    return Store.objects.filter(courier_shops__isnull=False).distinct()


def _save(store: Store, by: str, accept_within: int, now: datetime) -> None:
    keys = [f"courier:{account}" for account in store.courier_shops.values_list("account", flat=True)]
    choice = {"by": by, "shares": _shares(keys)} if by == By.SHARES else {"by": by, "carriers": keys}
    ends = {"automatic": True, "own_first": False, "accept_within": accept_within}
    document = {**ends, "otherwise": choice}
    known = CarrierPolicy.objects.filter(store=store).first()
    version = known.version if known else 0
    save_policy(store=store, document=document, actor=Actor("chaos"), now=now, expected_version=version)


def _shares(keys: Sequence[str]) -> dict[str, int]:
    """A hundred in parts as equal as can be."""
    return {key: 100 // len(keys) + (place < 100 % len(keys)) for place, key in enumerate(keys)}


def main() -> None:
    """Build as told on the command line."""
    build(**json.loads(sys.argv[1]))


if __name__ == "__main__":
    main()
