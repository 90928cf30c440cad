"""DoorDash Drive's wire format: signed tokens, whole requests, quotes, and what replies and webhooks mean."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from couriers.providers.base import Access, Callback, Created, Forged, Kept, Key, Malformed, Quote, Report
from couriers.providers.doordash import DoorDash
from couriers.states import EndCause, Outcome, Progress
from couriers.tests.errands import errand
from couriers.tests.fake_doordash import CREDENTIALS, RIDER, FakeDoorDash, claims_of, event_body, fault
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
LINE = Line(httpx.Timeout(0.3), total_seconds=0.5)
DUE = datetime(2026, 2, 6, 4, 35, tzinfo=UTC)
CHINESE = errand(shop_no="store-1")
ERRAND = replace(
    CHINESE,
    currency="USD",
    pickup=replace(CHINESE.pickup, phone="(415) 555-0100", city="Oakland"),
    receiver=replace(CHINESE.receiver, phone="+1 415 555 0101", city="Oakland"),
)
NAME = ERRAND.origin_id
KEY = Key(NAME)
CREATED = Created(fee=975, reference="", eta=DUE)
ONE = f"deliveries/{NAME}"
ACCEPT = f"POST quotes/{NAME}/accept"


def quick() -> DoorDash:
    return DoorDash(LINE)


def access(doordash: FakeDoorDash) -> Access:
    return Access(f"{doordash.url}/drive/v2", CREDENTIALS)


def calls(doordash: FakeDoorDash) -> list[str]:
    return [call for call, _ in doordash.calls]


def read(body: bytes, authorization: str = CREDENTIALS["webhook_authorization"]) -> Callback:
    headers = {"authorization": authorization}
    return DoorDash(LINE).parse_callback(body, headers, Access("", CREDENTIALS), now=NOW)


def test_every_call_bears_a_token_of_its_own(doordash: FakeDoorDash) -> None:
    quick().create(access(doordash), ERRAND, now=NOW)
    assert claims_of(doordash.headers[-1]["authorization"]) == {
        "aud": "doordash",
        "iss": "dev-1",
        "kid": "key-1",
        "iat": 1770350400,
        "exp": 1770350700,
    }


@pytest.mark.parametrize("secret", ["", "not base64!", "ü"])
def test_a_secret_that_is_none_is_refused_before_anything_is_sent(
    doordash: FakeDoorDash, secret: str
) -> None:
    wrong = Access(doordash.url, {**CREDENTIALS, "signing_secret": secret})
    with pytest.raises(Refused, match="signing_secret"):
        quick().create(wrong, ERRAND, now=NOW)
    assert doordash.calls == []


def test_a_delivery_is_created_with_doordashs_fields(doordash: FakeDoorDash) -> None:
    full = replace(ERRAND, bag=2, bags=3, note="less ice", ready_at=NOW + timedelta(minutes=10))
    assert quick().create(access(doordash), full, now=NOW) == CREATED
    assert doordash.calls == [
        (
            "POST deliveries",
            {
                "external_delivery_id": "mp0123456789abcdef01234567",
                "pickup_address": "1 Jade Lane, Oakland",
                "pickup_business_name": "Jade Lane",
                "pickup_phone_number": "+14155550100",
                "pickup_instructions": "Pick-up code 4711, Order 42, bag 2 of 3",
                "pickup_reference_tag": "4711",
                "dropoff_address": "8 Lotus Road, Oakland",
                "dropoff_phone_number": "+14155550101",
                "dropoff_contact_given_name": "Lin",
                "dropoff_instructions": "less ice",
                "order_value": 3600,
                "items": [{"name": "Brown sugar boba", "quantity": 2, "external_id": "BT-1", "price": 1800}],
                "pickup_time": "2026-02-06T04:10:00Z",
            },
        )
    ]


def test_a_store_that_doordash_knows_is_named(doordash: FakeDoorDash) -> None:
    known = Access(f"{doordash.url}/drive/v2", {**CREDENTIALS, "business_id": "tea"})
    quick().create(known, ERRAND, now=NOW)
    body = doordash.calls[0][1]
    assert (body["pickup_external_business_id"], body["pickup_external_store_id"]) == ("tea", "store-1")


def test_a_quote_is_a_price_under_the_errands_name(doordash: FakeDoorDash) -> None:
    assert quick().quote(access(doordash), ERRAND, now=NOW) == Quote(
        fee=975,
        currency="USD",
        reference=NAME,
        expires_at=NOW + timedelta(minutes=5),
        pickup_at=datetime(2026, 2, 6, 4, 15, tzinfo=UTC),
        dropoff_at=DUE,
    )
    assert quick().query(access(doordash), KEY, now=NOW) is None


def test_a_quote_is_placed_by_accepting_it(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.quote(access(doordash), ERRAND, now=NOW)
    assert courier.create(access(doordash), ERRAND, quote_ref=NAME, now=NOW) == CREATED
    assert calls(doordash) == ["POST quotes", ACCEPT]
    assert doordash.ledger == [NAME]


def test_a_quote_under_another_name_is_not_placed(doordash: FakeDoorDash) -> None:
    quick().create(access(doordash), ERRAND, quote_ref="mp-another", now=NOW)
    assert calls(doordash) == ["POST deliveries"]


def test_a_quote_nobody_remembers_is_replaced_by_a_plain_delivery(doordash: FakeDoorDash) -> None:
    assert quick().create(access(doordash), ERRAND, quote_ref=NAME, now=NOW) == CREATED
    assert calls(doordash) == [ACCEPT, f"GET {ONE}", "POST deliveries"]
    assert doordash.ledger == [NAME]


def test_a_quote_that_was_accepted_before_is_the_delivery(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.quote(access(doordash), ERRAND, now=NOW)
    doordash.script[ACCEPT].append("cut")
    with pytest.raises(Uncertain):
        courier.create(access(doordash), ERRAND, quote_ref=NAME, now=NOW)
    assert courier.create(access(doordash), ERRAND, quote_ref=NAME, now=NOW) == CREATED
    assert doordash.ledger == [NAME]


def test_a_quote_that_has_run_out_and_keeps_the_name_created_nothing(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.quote(access(doordash), ERRAND, now=NOW)
    doordash.script[ACCEPT].extend([fault(409, "quote_expired")] * 2)
    with pytest.raises(Refused, match="quote_expired"):
        courier.create(access(doordash), ERRAND, quote_ref=NAME, now=NOW)
    assert doordash.ledger == []


@pytest.mark.parametrize("trouble", ["hang", "500", "garbage", "cut", "lose"])
def test_a_quote_whose_fate_is_unknown_is_not_ordered_again(doordash: FakeDoorDash, trouble: str) -> None:
    courier = quick()
    courier.quote(access(doordash), ERRAND, now=NOW)
    doordash.script[ACCEPT].append(trouble)
    with pytest.raises(Uncertain):
        courier.create(access(doordash), ERRAND, quote_ref=NAME, now=NOW)
    assert calls(doordash) == ["POST quotes", ACCEPT]


def test_a_delivery_that_exists_under_our_name_is_taken_over(doordash: FakeDoorDash) -> None:
    courier = quick()
    doordash.script["POST deliveries"].append("cut")
    with pytest.raises(Uncertain):
        courier.create(access(doordash), ERRAND, now=NOW)
    assert courier.create(access(doordash), ERRAND, now=NOW) == CREATED
    assert doordash.ledger == [NAME]


def test_our_own_quote_that_is_in_the_way_is_taken(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.quote(access(doordash), ERRAND, now=NOW)
    assert courier.create(access(doordash), ERRAND, now=NOW) == CREATED
    assert doordash.ledger == [NAME]


def test_a_question_tells_how_far_the_rider_is(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.create(access(doordash), ERRAND, now=NOW)
    doordash.deliveries[NAME] |= {"delivery_status": "confirmed", **RIDER}
    assert courier.query(access(doordash), KEY, now=NOW) == Report(
        code="confirmed",
        status=Progress.ASSIGNED,
        at=datetime(2026, 2, 6, 4, 1, tzinfo=UTC),
        rider_name="Ana",
        rider_phone="+14155550199",
        fee=975,
        eta=DUE,
        currency="USD",
    )


def test_a_delivery_doordash_does_not_know_is_none(doordash: FakeDoorDash) -> None:
    assert quick().query(access(doordash), KEY, now=NOW) is None


def test_a_404_in_other_words_is_no_proof(doordash: FakeDoorDash) -> None:
    doordash.script[f"GET {ONE}"].append((404, []))
    with pytest.raises(Refused):
        quick().query(access(doordash), KEY, now=NOW)


def test_cancelling_returns_what_doordash_keeps(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.create(access(doordash), ERRAND, now=NOW)
    assert courier.cancel(access(doordash), KEY, reason="", now=NOW) == Kept(0, "USD")
    assert calls(doordash)[-1] == f"PUT {ONE}/cancel"
    ended = courier.query(access(doordash), KEY, now=NOW)
    assert (ended.status, ended.kept) == (Outcome.CANCELLED, 0)


def test_another_money_has_no_price_and_no_fee(doordash: FakeDoorDash) -> None:
    courier, abroad = quick(), replace(ERRAND, currency="CAD")
    with pytest.raises(Refused, match="another currency"):
        courier.quote(access(doordash), abroad, now=NOW)
    assert courier.create(access(doordash), abroad, now=NOW).fee is None


@pytest.mark.parametrize("trouble", ["429", "lose", fault(403, "forbidden")])
def test_a_number_taken_by_what_nobody_says_is_uncertain(doordash: FakeDoorDash, trouble: Any) -> None:
    courier = quick()
    courier.create(access(doordash), ERRAND, now=NOW)
    doordash.script[f"GET {ONE}"].append(trouble)
    with pytest.raises(Uncertain):
        courier.create(access(doordash), ERRAND, now=NOW)


def test_a_refused_cancel_carries_doordashs_code(doordash: FakeDoorDash) -> None:
    courier = quick()
    courier.create(access(doordash), ERRAND, now=NOW)
    doordash.deliveries[NAME]["delivery_status"] = "picked_up"
    with pytest.raises(Refused) as refusal:
        courier.cancel(access(doordash), KEY, reason="", now=NOW)
    assert refusal.value.code == "delivery_not_cancellable"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_status_that_means_no_is_a_refusal(doordash: FakeDoorDash, status: int) -> None:
    doordash.script["POST deliveries"].append(fault(status, "validation_error", "not within service area"))
    with pytest.raises(Refused, match="not within service area") as refusal:
        quick().create(access(doordash), ERRAND, now=NOW)
    assert refusal.value.code == "validation_error"


@pytest.mark.parametrize(("trouble", "wait"), [("429", 7), (fault(429, "limit"), 1)])
def test_a_call_turned_away_may_be_made_again(doordash: FakeDoorDash, trouble: Any, wait: float) -> None:
    doordash.script["POST deliveries"].append(trouble)
    with pytest.raises(Unreachable) as turned_away:
        quick().create(access(doordash), ERRAND, now=NOW)
    assert turned_away.value.wait == wait


@pytest.mark.parametrize(
    "trouble", ["hang", "500", "garbage", "cut", "lose", (408, {}), (200, {"fee": 1}), (200, [])]
)
def test_a_call_nobody_can_vouch_for_is_uncertain(doordash: FakeDoorDash, trouble: Any) -> None:
    doordash.script["POST deliveries"].append(trouble)
    with pytest.raises(Uncertain):
        quick().create(access(doordash), ERRAND, now=NOW)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("created", Progress.SEARCHING),
        ("confirmed", Progress.ASSIGNED),
        ("enroute_to_pickup", Progress.ASSIGNED),
        ("arrived_at_pickup", Progress.AT_STORE),
        ("picked_up", Progress.PICKED_UP),
        ("enroute_to_dropoff", Progress.PICKED_UP),
        ("arrived_at_dropoff", Progress.PICKED_UP),
        ("delivered", Progress.DELIVERED),
        ("cancelled", Outcome.CANCELLED),
        ("enroute_to_return", Progress.RETURNING),
        ("arrived_at_return", Progress.RETURNING),
        ("returned", Progress.RETURNED),
        ("on_the_moon", None),
    ],
)
def test_every_status_has_its_meaning(doordash: FakeDoorDash, status: str, meaning: Any) -> None:
    courier = quick()
    courier.create(access(doordash), ERRAND, now=NOW)
    doordash.deliveries[NAME]["delivery_status"] = status
    assert courier.query(access(doordash), KEY, now=NOW).status == meaning


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("DASHER_CONFIRMED", Progress.ASSIGNED),
        ("DASHER_CONFIRMED_PICKUP_ARRIVAL", Progress.AT_STORE),
        ("DASHER_PICKED_UP", Progress.PICKED_UP),
        ("DASHER_CONFIRMED_DROPOFF_ARRIVAL", Progress.PICKED_UP),
        ("DASHER_DROPPED_OFF", Progress.DELIVERED),
        ("DELIVERY_CANCELLED", Outcome.CANCELLED),
        ("DELIVERY_RETURN_INITIALIZED", Progress.RETURNING),
        ("DASHER_CONFIRMED_RETURN_ARRIVAL", Progress.RETURNING),
        ("DELIVERY_RETURNED", Progress.RETURNED),
        ("DASHER_ON_THE_MOON", None),
    ],
)
def test_every_event_has_its_meaning_and_unknown_ones_have_none(event: str, meaning: Any) -> None:
    assert read(event_body(event)).report.status == meaning


def test_a_webhook_tells_rider_time_and_name() -> None:
    callback = read(event_body("DASHER_CONFIRMED", **RIDER))
    assert callback == Callback(
        key=callback.key,
        errand=KEY,
        report=Report(
            code="DASHER_CONFIRMED",
            status=Progress.ASSIGNED,
            at=datetime(2026, 2, 6, 4, 1, tzinfo=UTC),
            rider_name="Ana",
            rider_phone="+14155550199",
            fee=975,
            eta=DUE,
            currency="USD",
        ),
    )
    assert callback.key.startswith(f"doordash:{NAME}:DASHER_CONFIRMED:")
    assert read(event_body("DASHER_CONFIRMED", **RIDER)).key == callback.key
    assert read(event_body("DASHER_CONFIRMED", **{**RIDER, "dasher_name": "Bo"})).key != callback.key


def test_of_all_the_places_where_a_rider_was_one_is_kept() -> None:
    bodies = [event_body("DASHER_ENROUTE_TO_DROPOFF", dasher_location={"lat": lat}) for lat in (1, 2)]
    first, second = (read(body).key for body in bodies)
    assert first == second
    assert read(bodies[0]).report.status == Progress.PICKED_UP


def test_who_ended_it_follows_from_whether_there_was_a_rider() -> None:
    told = read(event_body("DELIVERY_CANCELLED", cancellation_reason="no_available_dashers")).report
    assert (told.cause, told.reason) == (EndCause.NO_RIDER, "no_available_dashers")
    assert read(event_body("DELIVERY_CANCELLED", **RIDER)).report.cause == EndCause.COURIER
    assert read(event_body("DELIVERY_RETURNED", **RIDER)).report.cause == EndCause.RETURNED


def test_a_rider_who_takes_another_errand_too_is_no_news() -> None:
    assert read(event_body("DELIVERY_BATCHED")).report is None


@pytest.mark.parametrize("authorization", ["", "Basic other", "ü"])
def test_another_authorization_is_forged(authorization: str) -> None:
    with pytest.raises(Forged):
        read(event_body("DASHER_DROPPED_OFF"), authorization)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[]", b"{}", b'{"event_name": "X"}', b'{"event_name": "\\ud800"}']
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
