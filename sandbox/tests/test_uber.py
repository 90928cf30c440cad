"""Uber Direct: tokens, quotes, one delivery per key, signed events, trips back."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from sandbox import uber_wire as wire
from sandbox.tests.conftest import eventually
from sandbox.tests.street import ADDRESS, PARCEL, Listener, genuine, street

QUOTE = {"pickup_address": ADDRESS, "dropoff_address": ADDRESS}


@pytest.fixture
def portal():
    return Listener()


@pytest.fixture
async def city(tmp_path, portal):
    async with street(tmp_path, portal) as found:
        yield found


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_the_signature_of_an_event():
    body = b'{"kind":"event.delivery_status","id":"evt_1"}'
    expected = "500dd5a9352caf0ea2ebd9470580ae0ea1294ea739b7bf6cc31e5e1dd931c725"
    assert wire.signature("test_signing_key", body) == expected


async def test_a_token_is_for_who_knows_the_secret_and_for_one_customer(city):
    assert (await city.fetch_token(client_secret="wrong")).status_code == 401
    assert (await city.fetch_token(scope="eats.store")).status_code == 400
    city.token = "made-up"
    assert code(await city.uber("GET", "deliveries")) == (401, "unauthorized")
    granted = (await city.fetch_token()).json()
    assert (granted["token_type"], granted["scope"]) == ("Bearer", "eats.deliveries")
    headers = {"authorization": f"Bearer {granted['access_token']}"}
    other = await city.http.get("/uber/v1/customers/other/deliveries", headers=headers)
    assert code(other) == (404, "customer_not_found")
    await city.fault("uber", "expired_token")
    city.token = granted["access_token"]
    assert code(await city.uber("GET", "deliveries")) == (401, "unauthorized")


@pytest.mark.parametrize(
    "changes",
    [
        {"dropoff_phone_number": ""},
        {"dropoff_address": "淮海中路1号"},
        {"dropoff_address": '{"street_address": "淮海中路1号", "city": "Shanghai", "country": "CN"}'},
        {"manifest_items": []},
        {"manifest_items": [{"name": "tea", "quantity": 1, "size": "huge"}]},
        {"pickup_notes": "x" * 281},
        {"quote_id": "dqt_unknown"},
    ],
)
async def test_what_is_wrong_is_refused_and_creates_nothing(city, changes):
    assert code(await city.parcel("mp7", **changes)) == (400, "invalid_params")
    assert await city.ledger() == []


@pytest.mark.parametrize(
    ("ready", "picked", "refusal"),
    [
        (0, 8, "pickup_window_too_small"),
        (0, 15, "pickup_deadline_too_early"),
        (60, 65, "pickup_window_too_small"),
        (0, 25, None),
    ],
)
async def test_windows_must_leave_uber_its_time(city, ready, picked, refusal):
    now = datetime.now(UTC)
    times = {
        "pickup_ready_dt": (now + timedelta(minutes=ready)).isoformat(),
        "pickup_deadline_dt": (now + timedelta(minutes=picked)).isoformat(),
    }
    answer = (await city.uber("POST", "delivery_quotes", {**QUOTE, **times})).json()
    assert answer.get("code") == refusal


async def test_a_quote_is_good_for_one_delivery_to_its_address(city):
    quote = (await city.uber("POST", "delivery_quotes", QUOTE)).json()
    assert (quote["kind"], quote["currency_type"]) == ("delivery_quote", "USD")
    elsewhere = ADDRESS.replace("Shanghai", "Hangzhou")
    wrong = await city.parcel("mp6", quote_id=quote["id"], dropoff_address=elsewhere)
    assert code(wrong) == (400, "mismatched_price_quote")
    taken = (await city.parcel("mp7", quote_id=quote["id"])).json()
    assert (taken["status"], taken["fee"], taken["external_id"]) == ("pending", quote["fee"], "mp7")
    assert code(await city.parcel("mp8", quote_id=quote["id"])) == (400, "used_quote")
    again = (await city.uber("POST", "delivery_quotes", QUOTE)).json()
    await city.fault("uber", "expired_quote")
    assert code(await city.parcel("mp8", quote_id=again["id"])) == (400, "expired_quote")


async def test_one_key_is_one_delivery_and_one_order_has_one_at_a_time(city):
    first = (await city.parcel("mp7")).json()
    assert (await city.parcel("mp7")).json()["id"] == first["id"]
    other = await city.parcel("mp7", idempotency_key="another")
    assert code(other) == (409, "duplicate_delivery")
    assert other.json()["metadata"] == {"delivery_id": first["id"]}
    await city.uber("POST", f"deliveries/{first['id']}/cancel")
    assert (await city.parcel("mp7")).json()["status"] == "canceled"
    assert (await city.parcel("mp7", idempotency_key="another")).json()["id"] != first["id"]
    assert [row["state"] for row in await city.ledger()] == ["cancelled", "searching"]


async def test_every_step_is_told_and_nearness_is_a_step(tmp_path, portal):
    async with street(tmp_path, portal, riders=True) as city:
        await city.parcel("mp7")
        await eventually(lambda: len(portal.heard) == 7)
    assert all(map(genuine, portal.heard))
    told = [(event.json["status"], event.json["data"]["courier_imminent"]) for event in portal.heard]
    assert told == [
        ("pending", False),
        ("pickup", False),
        ("pickup", True),
        ("pickup_complete", False),
        ("dropoff", False),
        ("dropoff", True),
        ("delivered", False),
    ]
    assert len({event.json["id"] for event in portal.heard}) == 7
    assert portal.heard[-1].json["data"]["manifest"]["reference"] == PARCEL["manifest_reference"]


async def test_what_nobody_took_comes_back_as_a_trip_of_its_own(city, portal):
    number = (await city.parcel("mp7")).json()["id"]
    await city.step("uber", "mp7", "assigned", "picked_up", "returning", "returned")
    await eventually(lambda: len(portal.heard) == 6)
    back = number.replace("del_", "ret_")
    told = [(event.json["delivery_id"], event.json["status"]) for event in portal.heard[3:]]
    assert told == [(back, "dropoff"), (back, "delivered"), (number, "returned")]
    trip = (await city.uber("GET", f"deliveries/{back}")).json()
    assert trip["related_deliveries"] == [{"id": number, "relationship": "original"}]
    assert (await city.uber("GET", f"deliveries/{number}")).json()["status"] == "returned"


async def test_a_cancel_may_cost_and_works_before_the_pick_up_only(city):
    one, two = [(await city.parcel(name)).json() for name in ("mp7", "mp8")]
    await city.step("uber", "mp7", "assigned")
    await city.fault("uber", "cancel_fee")
    cancelled = (await city.uber("POST", f"deliveries/{one['id']}/cancel")).json()
    assert (cancelled["status"], cancelled["fee"]) == ("canceled", round(one["fee"] / 2))
    await city.step("uber", "mp8", "assigned", "picked_up")
    assert code(await city.uber("POST", f"deliveries/{two['id']}/cancel")) == (400, "noncancelable_delivery")
    assert code(await city.uber("GET", "deliveries/del_unknown")) == (404, "delivery_not_found")


async def test_it_lists_the_newest_first(city):
    for name in ("mp7", "mp8", "mp9"):
        await city.parcel(name)
    listed = (await city.uber("GET", "deliveries?limit=2&filter=pending")).json()["data"]
    assert [entry["external_id"] for entry in listed] == ["mp9", "mp8"]
    assert code(await city.uber("GET", "deliveries?limit=x")) == (400, "invalid_params")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("limit", (429, "customer_limited")),
        ("busy", (503, "couriers_busy")),
        ("refuse", (400, "address_undeliverable")),
    ],
)
async def test_uber_says_no_in_its_own_words(city, kind, expected):
    await city.fault("uber", kind, path="create", order="mp7")
    assert code(await city.parcel("mp7")) == expected
    assert await city.ledger() == []
    assert (await city.parcel("mp7")).status_code == 200


async def test_time_ends_quotes_keys_and_tokens(city):
    quote = (await city.uber("POST", "delivery_quotes", QUOTE)).json()
    first = (await city.parcel("mp7")).json()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16), tick=True):
        assert code(await city.parcel("mp8", quote_id=quote["id"])) == (400, "expired_quote")
        assert (await city.parcel("mp7")).json()["id"] == first["id"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61), tick=True):
        assert code(await city.parcel("mp7")) == (409, "duplicate_delivery")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31), tick=True):
        assert code(await city.parcel("mp9")) == (401, "unauthorized")
