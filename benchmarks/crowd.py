"""Bags on the shelf at every door: `python -m benchmarks.crowd` prints {"<card's address>": [pick-up codes]}.

Run against a database that `benchmarks.world` has filled.
"""

from __future__ import annotations

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Models can be imported only after the set-up.
from django.utils import timezone  # noqa: E402

from couriers.door.services import door_for  # noqa: E402
from couriers.models import HandOff, Rider  # noqa: E402
from couriers.states import HandOffState, Progress  # noqa: E402
from orders.models import Order  # noqa: E402
from orders.states import Fulfilment, OrderState  # noqa: E402
from stores.models import ChannelAccount, Store  # noqa: E402

WAITING, READY = 20, 40  # orders a store
MONEY = ("goods", "delivery_fee", "platform_subsidy", "shop_subsidy", "customer_paid", "shop_income")


def build() -> dict[str, list[str]]:
    """Return the codes by card."""
    account = ChannelAccount.objects.get()
    return {door_for(store).token: _fill(store, account) for store in Store.objects.order_by("pk")}


def _fill(store: Store, account: ChannelAccount) -> list[str]:
    states = [OrderState.MAKING] * WAITING + [OrderState.READY] * READY
    orders = [_order(store, account, number, state) for number, state in enumerate(states)]
    made = Order.objects.bulk_create(orders)
    rider = Rider.objects.create(store=store, name="Bench rider")
    handoffs = [_handoff(order, rider, f"{2000 + place}") for place, order in enumerate(made[WAITING:])]
    return [handoff.pickup_code for handoff in HandOff.objects.bulk_create(handoffs)]


def _order(store: Store, account: ChannelAccount, number: int, state: OrderState) -> Order:
    now = timezone.now()
    return Order(
        store=store,
        account=account,
        external_id=f"{store.code}-{number}",
        daily_number=str(number),
        state=state,
        fulfilment=Fulfilment.STORE_COURIER,
        currency="CNY",
        funding="paid",
        campaign_name="Bench treat",
        cups=2,
        placed_at=now,
        received_at=now,
        **dict.fromkeys(MONEY, 1000),
    )


def _handoff(order: Order, rider: Rider, code: str) -> HandOff:
    now = timezone.now()
    return HandOff(
        order=order,
        store=order.store,
        carrier=HandOff.Carrier.OWN,
        rider=rider,
        state=HandOffState.CONFIRMED,
        progress=Progress.ASSIGNED,
        pickup_code=code,
        created_at=now,
        changed_at=now,
        heard_at=now,
    )


if __name__ == "__main__":
    print(json.dumps(build()))
