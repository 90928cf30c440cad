"""The couriers of the callback tests: an account with each, and their words for one step of a rider."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.test import Client

from couriers.models import CourierAccount, CourierStore, HandOff
from couriers.providers.peisong import delivery_number
from couriers.services import hand_to_courier
from couriers.tests import fake_doordash, fake_peisong, fake_uber
from couriers.tests.factories import MEI, NOW, make_order
from stores.models import Store

UBER_STATUS = {
    "searching": {"status": "pending"},
    "assigned": {"status": "pickup"},
    "at_store": {"status": "pickup", "courier_imminent": True},
    "picked_up": {"status": "pickup_complete"},
    "delivered": {"status": "delivered"},
    "cancelled": {"status": "canceled"},
}
DOORDASH_EVENTS = {
    "assigned": "DASHER_CONFIRMED",
    "at_store": "DASHER_CONFIRMED_PICKUP_ARRIVAL",
    "picked_up": "DASHER_PICKED_UP",
    "delivered": "DASHER_DROPPED_OFF",
    "cancelled": "DELIVERY_CANCELLED",
}
PEISONG_STATUS = {
    "searching": 0,
    "assigned": 20,
    "at_store": 15,
    "picked_up": 30,
    "delivered": 50,
    "cancelled": 99,
}


@dataclass(frozen=True)
class Told:
    """A callback as a courier sends it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def make_courier_account(store: Store, provider: str, url: str, **credentials: str) -> CourierAccount:
    """An account of the store's franchise with a courier, reached at `url`."""
    account = CourierAccount.objects.create(
        franchise=store.franchise,
        provider=provider,
        label=f"{provider} {store.code}",
        base_url=url,
        credentials=json.dumps(credentials),
    )
    CourierStore.objects.create(account=account, store=store, shop_no=f"shop-{store.code}")
    return account


def handed_to_courier(provider: str, url: str, credentials: Mapping[str, str], **values: Any) -> HandOff:
    """An order that Mei just gave to a courier; nothing is sent yet."""
    money = "CNY" if provider in {"dada", "peisong"} else "USD"
    order = make_order(**{"customer_phone": "+14155550101", "currency": money, **values})
    Store.objects.filter(pk=order.store_id).update(phone="+14155550100")
    account = make_courier_account(order.store, provider, url, **credentials)
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return HandOff.objects.select_related("order", "account").get(order=order)


def uber_tells(handoff: HandOff, step: str, at: datetime, key: str = "test_signing_key", **more: Any) -> Told:
    facts = {
        "id": handoff.provider_ref or "del_1",
        "external_id": handoff.origin_id,
        **UBER_STATUS[step],
        **more,
    }
    event = json.loads(fake_uber.event_body(f"evt_{at.timestamp()}_{step}", **facts))
    body = json.dumps(event | {"created": at.isoformat()}).encode()
    return Told(body, {"X-Uber-Signature": fake_uber.signature(body, key)})


def peisong_tells(handoff: HandOff, step: str, at: datetime, secret: str = "test", **more: str) -> Told:
    fields = {
        "appkey": "test",
        "delivery_id": delivery_number(handoff.origin_id),
        "mt_peisong_id": handoff.provider_ref,
        "order_id": handoff.origin_id,
        "status": str(PEISONG_STATUS[step]),
        "courier_name": "Zhao",
        "courier_phone": "13700000000",
        "timestamp": str(int(at.timestamp())),
        **more,
    }
    body = fake_peisong.callback_body(fields, secret)
    return Told(body, content_type="application/x-www-form-urlencoded")


def doordash_tells(handoff: HandOff, step: str, at: datetime, authorization: str = "", **more: Any) -> Told:
    facts = {"external_delivery_id": handoff.origin_id, "updated_at": at.isoformat(), **fake_doordash.RIDER}
    body = fake_doordash.event_body(DOORDASH_EVENTS[step], **{**facts, **more})
    wanted = authorization or fake_doordash.CREDENTIALS["webhook_authorization"]
    return Told(body, {"Authorization": wanted})


TELLERS: dict[str, Callable[..., Told]] = {
    "uber": uber_tells,
    "peisong": peisong_tells,
    "doordash": doordash_tells,
}


def tell_account(account: CourierAccount, told: Told, token: str = "") -> Any:
    """POST a callback to the address of an account."""
    address = f"/couriers/{account.provider}/account/{token or account.callback_token}/"
    headers = dict(told.headers)
    return Client().post(address, data=told.body, content_type=told.content_type, headers=headers)
