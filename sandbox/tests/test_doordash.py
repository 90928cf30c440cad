"""DoorDash Drive: a strict token with every call, one delivery a name, webhooks with a fixed header only."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from starlette.responses import JSONResponse

from sandbox.tests.conftest import eventually
from sandbox.tests.street import DROP, Listener, make_token, street

HEAD = {"alg": "HS256", "typ": "JWT", "dd-ver": "DD-JWT-V1"}


@pytest.fixture
def portal():
    return Listener()


@pytest.fixture
async def city(tmp_path, portal):
    async with street(tmp_path, portal) as found:
        yield found


def code(answer):
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "token",
    [
        "no.token",
        "e30.e30.e30",
        make_token(secret=b"wrong"),
        make_token(head={**HEAD, "alg": "none"}),
        make_token(head={"alg": "HS256", "typ": "JWT"}),
        make_token(aud="uber"),
        make_token(iss="other"),
        make_token(kid="other"),
        make_token(exp=int(time.time()) - 1),
        make_token(exp=int(time.time()) + 3600),
        make_token(iat=int(time.time()) + 3600, exp=int(time.time()) + 3700),
        make_token(exp="soon"),
    ],
)
async def test_a_token_that_is_not_right_in_everything_is_refused(city, token):
    answer = await city.doordash("GET", "deliveries/mp7", token=token)
    assert code(answer) == (401, "authentication_error")


async def test_an_order_whose_token_has_run_out_creates_nothing(city):
    late = make_token(exp=int(time.time()))
    answer = await city.doordash("POST", "deliveries", {**DROP, "external_delivery_id": "mp7"}, token=late)
    assert (answer.status_code, answer.json()["message"]) == (401, "The JWT has expired")
    assert await city.ledger() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dropoff_phone_number", "13800000000"),
        ("pickup_phone_number", "021-5550-0101"),
        ("dropoff_address", ""),
        ("external_delivery_id", "mp 7"),
        ("order_value", 15.0),
        ("items", [{"name": "tea"}]),
    ],
)
async def test_what_is_wrong_is_named_and_creates_nothing(city, field, value):
    wish = {**DROP, "external_delivery_id": "mp7", field: value}
    answer = await city.doordash("POST", "deliveries", wish)
    assert code(answer) == (400, "validation_error")
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]
    assert await city.ledger() == []


async def test_a_name_is_used_once_whatever_became_of_it(city):
    first = (await city.drop("mp7")).json()
    assert (first["delivery_status"], first["currency"]) == ("created", "USD")
    assert code(await city.drop("mp7")) == (409, "duplicate_delivery_id")
    await city.doordash("PUT", "deliveries/mp7/cancel")
    assert code(await city.drop("mp7")) == (409, "duplicate_delivery_id")
    assert code(await city.doordash("GET", "deliveries/mp8")) == (404, "unknown_delivery_id")
    assert [(row["origin_id"], row["for"]) for row in await city.ledger()] == [("mp7", "17")]


async def test_a_quote_becomes_a_delivery_once_if_it_is_accepted_in_time(city):
    wish = {**DROP, "external_delivery_id": "mp7"}
    quote = (await city.doordash("POST", "quotes", wish)).json()
    assert quote["delivery_status"] == "quote"
    assert (await city.doordash("GET", "deliveries/mp7")).json() == quote
    assert await city.ledger() == []
    await city.fault("doordash", "expired_quote")
    assert code(await city.doordash("POST", "quotes/mp7/accept", {})) == (409, "quote_expired")
    taken = (await city.doordash("POST", "quotes/mp7/accept", {})).json()
    assert (taken["delivery_status"], taken["fee"]) == ("created", quote["fee"])
    assert code(await city.doordash("POST", "quotes/mp7/accept", {})) == (409, "duplicate_delivery_id")
    assert code(await city.doordash("POST", "quotes", wish)) == (409, "duplicate_delivery_id")
    assert len(await city.ledger()) == 1


async def test_a_rider_goes_the_whole_way(tmp_path, portal):
    async with street(tmp_path, portal, riders=True) as city:
        await city.drop("mp7")
        await eventually(lambda: len(portal.heard) == 5)
    assert [event.json["event_name"] for event in portal.heard] == [
        "DASHER_CONFIRMED",
        "DASHER_CONFIRMED_PICKUP_ARRIVAL",
        "DASHER_PICKED_UP",
        "DASHER_CONFIRMED_DROPOFF_ARRIVAL",
        "DASHER_DROPPED_OFF",
    ]
    assert {event.headers["authorization"] for event in portal.heard} == {"Basic dGVzdDp0ZXN0"}
    assert portal.heard[0].json["external_delivery_id"] == "mp7"
    assert portal.heard[0].json["dasher_name"]


async def test_what_nobody_took_comes_back(city, portal):
    await city.drop("mp7")
    await city.step("doordash", "mp7", "assigned", "picked_up", "returning", "returned")
    await eventually(lambda: len(portal.heard) == 4)
    told = [(event.json["event_name"], event.json["delivery_status"]) for event in portal.heard[2:]]
    assert told == [("DELIVERY_RETURN_INITIALIZED", "enroute_to_return"), ("DELIVERY_RETURNED", "returned")]


async def test_a_cancel_may_cost_and_works_before_the_pick_up_only(city):
    fee = (await city.drop("mp7")).json()["fee"]
    await city.step("doordash", "mp7", "assigned")
    await city.fault("doordash", "cancel_fee")
    cancelled = (await city.doordash("PUT", "deliveries/mp7/cancel")).json()
    assert (cancelled["delivery_status"], cancelled["cancellation_fee"]) == ("cancelled", round(fee / 2))
    await city.drop("mp8")
    await city.step("doordash", "mp8", "assigned", "picked_up")
    assert code(await city.doordash("PUT", "deliveries/mp8/cancel")) == (409, "delivery_not_cancellable")


async def test_three_attempts_are_made_and_no_more(city, portal):
    portal.answers = [JSONResponse({}, 503) for _ in range(3)]
    await city.drop("mp7")
    await city.step("doordash", "mp7", "assigned")
    await eventually(lambda: len(portal.heard) == 3)
    state = await city.told("doordash", answers=3)
    assert (state["answers"], state["given_up"]) == ({"503": 3}, 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("limit", (429, "request_rate_limited")), ("refuse", (422, "validation_error"))],
)
async def test_doordash_says_no_in_its_own_words(city, kind, expected):
    await city.fault("doordash", kind, path="create", order="mp7")
    assert code(await city.drop("mp7")) == expected
    assert await city.ledger() == []
    assert (await city.drop("mp7")).status_code == 200


async def test_a_quote_is_good_for_five_minutes(city):
    wish = {**DROP, "external_delivery_id": "mp7"}
    await city.doordash("POST", "quotes", wish)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6), tick=True):
        late = await city.doordash("POST", "quotes/mp7/accept", {}, token=make_token())
        assert code(late) == (409, "quote_expired")
        await city.doordash("POST", "quotes", wish, token=make_token())
        taken = await city.doordash("POST", "quotes/mp7/accept", {}, token=make_token())
    assert taken.json()["delivery_status"] == "created"
