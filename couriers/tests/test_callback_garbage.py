"""Whatever reaches a callback address, rightly signed or not: a refusal or a yes, never a fault of ours."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from couriers.models import CourierAccount, CourierStore, HandOff
from couriers.providers.peisong import delivery_number
from couriers.services import hand_to_courier
from couriers.tests import fake_dada, fake_doordash, fake_peisong, fake_uber
from couriers.tests.couriers import Told, make_courier_account
from couriers.tests.factories import MEI, NOW, make_order, make_store

pytestmark = pytest.mark.django_db(transaction=True)
CREDENTIALS: dict[str, dict[str, str]] = {
    "dada": {"app_key": "k", "app_secret": "s", "source_id": "1"},
    "peisong": fake_peisong.CREDENTIALS,
    "uber": fake_uber.CREDENTIALS,
    "doordash": fake_doordash.CREDENTIALS,
}
NO_SHRINKING = (Phase.explicit, Phase.generate)  # what fails is small enough
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["", "0", "-1", "9" * 30, "\x00", "1e99"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def some(names: list[str], of: st.SearchStrategy[Any] = values) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a courier's fields with anything in them."""
    return st.dictionaries(st.sampled_from(names), of, max_size=6)


def dada_tells(handoff: HandOff, changes: dict[str, Any]) -> Told:
    fields = {
        "client_id": "1",
        "order_id": handoff.origin_id,
        "update_time": "1770350400",
        "order_status": "2",
    }
    told = {name: str(value) for name, value in (fields | changes).items() if name in fields}
    joined = {name: told[name] for name in ("client_id", "order_id", "update_time")}
    body = json.loads(
        fake_dada.callback_body(joined["order_id"], 2, joined["update_time"], joined["client_id"])
    )
    return Told(
        json.dumps(
            {**body, **{name: value for name, value in changes.items() if name not in joined}}
        ).encode()
    )


def peisong_tells(handoff: HandOff, changes: dict[str, Any]) -> Told:
    fields = {
        "appkey": "test",
        "delivery_id": delivery_number(handoff.origin_id),
        "order_id": handoff.origin_id,
        "status": "20",
        "timestamp": str(int(NOW.timestamp())),
    }
    told = fields | {name: str(value) for name, value in changes.items()}
    return Told(urlencode(fake_peisong.signed(told)).encode(), content_type=FORM)


def uber_tells(handoff: HandOff, changes: dict[str, Any]) -> Told:
    data = {"external_id": handoff.origin_id, "status": "pickup"} | changes
    event = {"id": "evt_1", "kind": changes.get("kind", "event.delivery_status"), "created": NOW.isoformat()}
    body = json.dumps({**event, "customer_id": "cus_1", "data": data}).encode()
    return Told(body, {"X-Uber-Signature": fake_uber.signature(body)})


def doordash_tells(handoff: HandOff, changes: dict[str, Any]) -> Told:
    event = {"event_name": "DASHER_CONFIRMED", "external_delivery_id": handoff.origin_id}
    headers = {"Authorization": fake_doordash.CREDENTIALS["webhook_authorization"]}
    return Told(json.dumps(event | changes).encode(), headers)


SIGNED: dict[str, tuple[Callable[[HandOff, dict[str, Any]], Told], list[str]]] = {
    "dada": (
        dada_tells,
        ["client_id", "order_id", "update_time", "order_status", "cancel_reason", "dm_name", "dm_mobile",
         "cancel_from", "messageType", "messageBody"],
    ),
    "peisong": (
        peisong_tells,
        ["delivery_id", "order_id", "mt_peisong_id", "status", "timestamp", "courier_name", "courier_phone",
         "cancel_reason_id", "cancel_reason", "exception_id", "exception_code", "exception_descr",
         "exception_time"],
    ),
    "uber": (
        uber_tells,
        ["id", "external_id", "status", "courier", "courier_imminent", "fee", "updated", "dropoff_eta",
         "undeliverable_reason", "related_deliveries", "kind"],
    ),
    "doordash": (
        doordash_tells,
        ["event_name", "external_delivery_id", "updated_at", "dasher_id", "dasher_name", "fee",
         "dasher_pickup_phone_number", "cancellation_reason", "dropoff_time_estimated"],
    ),
}  # fmt: skip


def errand_with(name: str) -> tuple[HandOff, CourierAccount]:
    order = make_order(make_store())
    account = make_courier_account(order.store, name, "http://127.0.0.1:9", **CREDENTIALS[name])
    assert CourierStore.objects.filter(account=account).exists()
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return HandOff.objects.select_related("account").get(order=order), account


def statuses(name: str, handoff: HandOff, account: CourierAccount, told: Told) -> set[int]:
    """What both addresses answer."""
    addresses = (
        f"/couriers/{name}/callback/{handoff.callback_token}/",
        f"/couriers/{name}/account/{account.callback_token}/",
    )
    client = Client()
    return {
        client.generic(
            "POST", address, told.body, content_type=told.content_type, headers=dict(told.headers)
        ).status_code
        for address in addresses
    }


@pytest.mark.parametrize("name", CREDENTIALS)
def test_any_bytes_are_answered(name: str) -> None:
    handoff, account = errand_with(name)
    headers = st.dictionaries(
        st.sampled_from(["X-Uber-Signature", "Authorization"]),
        st.text(st.characters(codec="latin-1"), max_size=20),
    )
    bodies = st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), values)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
    @given(body=bodies, headers=headers, kind=st.sampled_from([JSON, FORM, "text/plain; charset=utf-99", ""]))
    def check(body: bytes, headers: dict[str, str], kind: str) -> None:
        assert statuses(name, handoff, account, Told(body, headers, kind)) <= {200, 400, 401}

    with time_machine.travel(NOW, tick=False):
        check()


@pytest.mark.both_databases
@pytest.mark.parametrize("name", CREDENTIALS)
def test_any_content_that_is_rightly_signed_is_answered(name: str) -> None:
    handoff, account = errand_with(name)
    tells, names = SIGNED[name]

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
    @given(changes=some(names))
    def check(changes: dict[str, Any]) -> None:
        assert statuses(name, handoff, account, tells(handoff, changes)) <= {200, 400, 401}

    with time_machine.travel(NOW, tick=False):
        check()
