"""Every courier's module against the sandbox's courier over real HTTP, webhooks to a live portal included."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from couriers.errands import access_of, key_of
from couriers.models import CourierMessage, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.base import Access, Kept, Key
from couriers.states import Outcome, Progress
from couriers.tests.couriers import handed_to_courier
from couriers.tests.errands import errand
from couriers.tests.test_sandbox import Sandbox, comes_to, until
from couriers.tests.test_sandbox import sandbox as sandbox  # noqa: PLC0414 -- a fixture
from couriers.tests.work import facts
from outbox.calling import Uncertain
from outbox.runner import drain

PATHS = {"dada": "/dada", "peisong": "/peisong/api", "uber": "/uber/v1", "doordash": "/doordash/drive/v2"}
CREDENTIALS = {
    "dada": {"app_key": "test_app_key", "app_secret": "test_app_secret", "source_id": "73753"},
    "peisong": {"app_key": "test_appkey", "app_secret": "test_secret", "service_code": "4011"},
    "uber": {
        "customer_id": "test_customer",
        "client_id": "test_client",
        "client_secret": "test_secret",
        "signing_key": "test_signing_key",
        "calling_code": "+1",
        "country": "US",
    },
    "doordash": {
        "developer_id": "test_developer",
        "key_id": "test_key",
        "signing_secret": "dGhlLXNpZ25pbmctc2VjcmV0LW9mLXRoZS1zYW5kYm94",
        "webhook_authorization": "Basic dGVzdDp0ZXN0",
        "calling_code": "+1",
    },
}
WITH_WEBHOOKS = ["peisong", "uber", "doordash"]


def credentials(sandbox: Sandbox, name: str) -> dict[str, str]:
    more = {"token_url": f"{sandbox.url}/uber/oauth/v2/token"} if name == "uber" else {}
    return CREDENTIALS[name] | more


def misbehave(sandbox: Sandbox, name: str, kind: str, **more: object) -> None:
    fault = {"target": name, "kind": kind, **more}
    httpx.post(f"{sandbox.url}/control/faults", json=fault).raise_for_status()


def times_created(sandbox: Sandbox, origin_id: str) -> int:
    ledger = httpx.get(f"{sandbox.url}/control/ledger", params={"couriers": 1, "limit": 1000}).json()
    column = ledger["columns"].index("origin_id")
    return [row[column] for row in ledger["errands"]].count(origin_id)


def currency(name: str) -> str:
    """What the courier's QA account is billed in."""
    return "CNY" if name in {"dada", "peisong"} else "USD"


def call_back_at(sandbox: Sandbox, name: str, address: str) -> None:
    """Dada is told with each errand."""
    if PROVIDERS[name].can.account_callbacks:
        wish = {"courier": name, "callback_url": address}
        httpx.post(f"{sandbox.url}/control/couriers", json=wish).raise_for_status()


@pytest.fixture
def calm(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox without any misbehaviour."""
    httpx.delete(f"{sandbox.url}/control/faults").raise_for_status()
    yield sandbox
    httpx.delete(f"{sandbox.url}/control/faults").raise_for_status()


@pytest.fixture
def handoff(request: Any, calm: Sandbox, live_server: Any, settings: Any) -> Iterator[HandOff]:
    """An order given to the parameter's courier, which calls back to a live portal."""
    settings.PUBLIC_URL, name = live_server.url, request.param
    handoff = handed_to_courier(name, f"{calm.url}{PATHS[name]}", credentials(calm, name))
    address = f"{live_server.url}/couriers/{name}/account/{handoff.account.callback_token}/"
    call_back_at(calm, name, address)
    yield handoff
    call_back_at(calm, name, "")


@pytest.mark.parametrize("name", PATHS)
def test_quote_create_query_cancel(calm: Sandbox, name: str) -> None:
    misbehave(calm, name, "nobody_accepts", seconds=1000)
    courier, now = PROVIDERS[name], timezone.now()
    access = Access(f"{calm.url}{PATHS[name]}", credentials(calm, name))
    wanted = errand(
        origin_id=f"mp{name.encode().hex():0<24}",
        currency=currency(name),
        pickup=replace(errand().pickup, phone="+14155550100"),
        receiver=replace(errand().receiver, phone="+14155550101"),
        deliver_by=now + timedelta(minutes=45),
    )
    quote = courier.quote(access, wanted, now=now)
    assert quote.fee > 0
    assert courier.query(access, Key(wanted.origin_id, "del_0"), now=now) is None
    created = courier.create(access, wanted, quote_ref=quote.reference, now=now)
    key = Key(wanted.origin_id, created.reference)
    assert created.fee in (None, quote.fee)
    assert courier.query(access, key, now=now).status == Progress.SEARCHING
    if courier.can.idempotent_create:
        assert courier.create(access, wanted, now=now).reference == created.reference
    assert courier.cancel(access, key, reason="guest came by", now=now) in (None, Kept(0, currency(name)))
    assert courier.query(access, key, now=now).status in {Outcome.CANCELLED, Outcome.FAILED}
    assert times_created(calm, wanted.origin_id) == 1


@pytest.mark.parametrize("name", ["dada", "uber", "doordash"])
def test_a_quote_that_has_run_out_is_replaced(calm: Sandbox, name: str) -> None:
    misbehave(calm, name, "expired_quote")
    courier, now = PROVIDERS[name], timezone.now()
    access = Access(f"{calm.url}{PATHS[name]}", credentials(calm, name))
    wanted = errand(
        origin_id=f"mp{name.encode().hex():f<24}",
        currency=currency(name),
        pickup=replace(errand().pickup, phone="+14155550100"),
        receiver=replace(errand().receiver, phone="+14155550101"),
    )
    quote = courier.quote(access, wanted, now=now)
    courier.create(access, wanted, quote_ref=quote.reference, now=now)
    assert times_created(calm, wanted.origin_id) == 1


@pytest.mark.parametrize("name", PATHS)
def test_a_lost_reply_leaves_one_errand(calm: Sandbox, name: str) -> None:
    misbehave(calm, name, "lost_reply", path="addOrder" if name == "dada" else "create")
    courier, now = PROVIDERS[name], timezone.now()
    access = Access(f"{calm.url}{PATHS[name]}", credentials(calm, name))
    wanted = errand(
        origin_id=f"mp{name.encode().hex():e<24}",
        currency=currency(name),
        pickup=replace(errand().pickup, phone="+14155550100"),
        receiver=replace(errand().receiver, phone="+14155550101"),
    )
    with pytest.raises(Uncertain):
        courier.create(access, wanted, now=now)
    if name != "peisong":
        assert courier.query(access, Key(wanted.origin_id), now=now) is not None
    if courier.can.idempotent_create:
        courier.create(access, wanted, now=now)
    assert times_created(calm, wanted.origin_id) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("handoff", WITH_WEBHOOKS, indirect=True)
def test_an_order_reaches_the_guest_whatever_else_is_claimed(calm: Sandbox, handoff: HandOff) -> None:
    name = handoff.account.provider
    misbehave(calm, name, "forged", times=-1)
    misbehave(calm, name, "duplicate_callbacks", times=2)
    if name == "peisong":
        misbehave(calm, name, "exception")
    comes_to(handoff, "delivered", "delivered", "delivered")
    assert times_created(calm, handoff.origin_id) == 1
    assert handoff.rider_name
    assert (handoff.fee is None) == (name == "peisong"), "whoever hands it over by hand asks no price"
    if name == "uber":
        assert handoff.provider_ref.startswith("del_")
    outcomes = set(CourierMessage.objects.filter(handoff=handoff).values_list("outcome", flat=True))
    assert "taken" in outcomes
    assert not outcomes & {"unknown code", "another number"}
    report = PROVIDERS[name].query(access_of(handoff.account), key_of(handoff), now=timezone.now())
    assert report.status == Progress.DELIVERED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("handoff", ["uber", "doordash"], indirect=True)
def test_what_nobody_takes_comes_back_to_the_shelf(calm: Sandbox, handoff: HandOff) -> None:
    misbehave(calm, handoff.account.provider, "returns")
    comes_to(handoff, "failed", "returned", "ready")
    assert handoff.end_cause == "returned"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("handoff", ["dada"], indirect=True)
def test_a_rider_who_asks_is_let_go(calm: Sandbox, handoff: HandOff) -> None:
    misbehave(calm, "dada", "rider_cancels", seconds=20)
    until(lambda: bool(drain(queue="couriers", seconds=5)) and facts(handoff)[0] == "failed")
    assert (handoff.end_cause, handoff.order.state) == ("rider", "ready")
