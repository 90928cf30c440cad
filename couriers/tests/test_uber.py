"""Uber Direct's wire format: tokens, whole requests, and what replies mean."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.providers import uber_account
from couriers.providers.base import Access, Created, Kept, Key, Quote, Report
from couriers.providers.uber import Uber, windows
from couriers.providers.uber_account import Tokens
from couriers.states import Outcome, Progress
from couriers.tests.errands import errand
from couriers.tests.fake_uber import FakeUber, delivery, fault
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
LINE = Line(httpx.Timeout(0.3), total_seconds=0.5)
ERRAND = errand(shop_no="store-1")
PLACES = {
    "pickup": replace(ERRAND.pickup, phone="(415) 555-0100", city="Oakland"),
    "receiver": replace(ERRAND.receiver, phone="+14155550101,4711", city="Oakland"),
}
AMERICAN = errand(shop_no="store-1", currency="USD", **PLACES)
KEY = Key(ERRAND.origin_id, "del_1")
MINUTE = timedelta(minutes=1)


def quick() -> Uber:
    return Uber(LINE, Tokens(LINE))


def access(uber: FakeUber) -> Access:
    return Access(f"{uber.url}/v1", uber.credentials)


def calls(uber: FakeUber) -> list[str]:
    return [call for call, _ in uber.calls if call != "token"]


def test_a_delivery_is_created_with_ubers_fields(uber: FakeUber) -> None:
    full = replace(
        AMERICAN, ready_at=NOW + 5 * MINUTE, deliver_by=NOW + 60 * MINUTE, bag=2, bags=3, note="less ice"
    )
    created = quick().create(access(uber), full, now=NOW)
    assert created == Created(fee=650, reference="del_1", eta=datetime(2026, 2, 6, 4, 40, tzinfo=UTC))
    assert uber.calls[-1] == (
        "POST deliveries",
        {
            "pickup_address": json.dumps({
                "street_address": ["1 Jade Lane"],
                "city": "Oakland",
                "state": "",
                "zip_code": "",
                "country": "US",
            }),
            "pickup_latitude": 31.2304,
            "pickup_longitude": 121.4737,
            "pickup_phone_number": "+14155550100",
            "dropoff_address": json.dumps({
                "street_address": ["8 Lotus Road"],
                "city": "Oakland",
                "state": "",
                "zip_code": "",
                "country": "US",
            }),
            "dropoff_latitude": 39.915,
            "dropoff_longitude": 116.404,
            "dropoff_phone_number": "+14155550101",
            "manifest_total_value": 3600,
            "external_store_id": "store-1",
            "pickup_ready_dt": "2026-02-06T04:05:00.000Z",
            "pickup_deadline_dt": "2026-02-06T04:21:00.000Z",
            "dropoff_ready_dt": "2026-02-06T04:05:00.000Z",
            "dropoff_deadline_dt": "2026-02-06T05:00:00.000Z",
            "external_id": "mp0123456789abcdef01234567",
            "idempotency_key": "mp0123456789abcdef01234567",
            "pickup_name": "Jade Lane",
            "pickup_notes": "Pick-up code 4711, Order 42, bag 2 of 3",
            "dropoff_name": "Lin",
            "dropoff_notes": "less ice. Phone extension 4711",
            "deliverable_action": "deliverable_action_meet_at_door",
            "manifest_reference": "4711",
            "manifest_items": [{"name": "Brown sugar boba", "quantity": 2, "size": "small", "price": 1800}],
        },
    )  # fmt: skip


def test_a_quote_is_a_price_with_a_number_and_an_end(uber: FakeUber) -> None:
    assert quick().quote(access(uber), AMERICAN, now=NOW) == Quote(
        fee=650,
        currency="USD",
        reference="dqt_1",
        expires_at=datetime(2026, 2, 6, 4, 15, tzinfo=UTC),
        dropoff_at=datetime(2026, 2, 6, 4, 40, tzinfo=UTC),
    )
    assert uber.calls[-1][1]["external_store_id"] == "store-1"


def test_a_quote_is_placed_by_its_number(uber: FakeUber) -> None:
    quick().create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW)
    assert uber.calls[-1][1]["quote_id"] == "dqt_1"


@pytest.mark.parametrize("code", ["expired_quote", "mismatched_price_quote"])
def test_a_quote_that_created_nothing_is_left_out(uber: FakeUber, code: str) -> None:
    uber.script["POST deliveries"].append(fault(400, code))
    assert quick().create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW).reference == "del_1"
    assert ["quote_id" in body for _, body in uber.calls[-2:]] == [True, False]
    assert uber.ledger == [ERRAND.origin_id]


@pytest.mark.parametrize("trouble", ["cut", "500", "hang"])
def test_a_quote_whose_fate_is_unknown_is_not_ordered_again(uber: FakeUber, trouble: Any) -> None:
    uber.script["POST deliveries"].append(trouble)
    with pytest.raises(Uncertain):
        quick().create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW)
    assert calls(uber) == ["POST deliveries"]


def test_a_quote_that_was_used_is_ours_if_the_delivery_is_there(uber: FakeUber) -> None:
    courier = quick()
    uber.script["POST deliveries"].extend(["cut", fault(400, "used_quote")])
    with pytest.raises(Uncertain):
        courier.create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW)
    assert courier.create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW).reference == "del_1"
    assert uber.ledger == [ERRAND.origin_id]


def test_a_quote_that_was_used_by_nobody_knows_whom_stays_uncertain(uber: FakeUber) -> None:
    uber.script["POST deliveries"].append(fault(400, "used_quote"))
    with pytest.raises(Uncertain):
        quick().create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW)
    assert uber.ledger == []


def test_a_delivery_that_exists_under_our_name_is_taken_over(uber: FakeUber) -> None:
    courier = quick()
    uber.script["POST deliveries"].append("cut")
    with pytest.raises(Uncertain):
        courier.create(access(uber), AMERICAN, now=NOW)
    assert courier.create(access(uber), AMERICAN, now=NOW) == Created(fee=None, reference="del_1")
    assert uber.ledger == [ERRAND.origin_id]


def test_a_question_tells_how_far_the_rider_is(uber: FakeUber) -> None:
    courier = quick()
    courier.create(access(uber), AMERICAN, now=NOW)
    uber.deliveries["del_1"] |= {
        "status": "pickup",
        "courier": {"name": "Ana", "phone_number": "+14155550199"},
    }
    wanted = Report(
        code="pickup",
        status=Progress.ASSIGNED,
        at=datetime(2026, 2, 6, 4, 1, tzinfo=UTC),
        reference="del_1",
        rider_name="Ana",
        rider_phone="+14155550199",
        fee=650,
        eta=datetime(2026, 2, 6, 4, 40, tzinfo=UTC),
        currency="USD",
    )
    assert courier.query(access(uber), KEY, now=NOW) == wanted
    assert courier.query(access(uber), Key(ERRAND.origin_id), now=NOW) == wanted


def test_a_number_uber_does_not_know_is_none(uber: FakeUber) -> None:
    assert quick().query(access(uber), KEY, now=NOW) is None


@pytest.mark.parametrize("reply", [(404, {}), fault(404, "customer_not_found")])
def test_a_404_about_something_else_is_no_proof(uber: FakeUber, reply: Any) -> None:
    uber.script["GET deliveries/del_1"].append(reply)
    with pytest.raises(Refused):
        quick().query(access(uber), KEY, now=NOW)


def test_without_ubers_number_its_absence_proves_nothing(uber: FakeUber) -> None:
    with pytest.raises(Uncertain):
        quick().query(access(uber), Key(ERRAND.origin_id), now=NOW)


def test_cancelling_returns_what_uber_keeps(uber: FakeUber) -> None:
    courier = quick()
    courier.create(access(uber), AMERICAN, now=NOW)
    assert courier.cancel(access(uber), KEY, reason="", now=NOW) == Kept(325, "USD")
    assert calls(uber)[-1] == "POST deliveries/del_1/cancel"
    ended = courier.query(access(uber), KEY, now=NOW)
    assert (ended.status, ended.fee, ended.kept) == (Outcome.CANCELLED, None, 325)


def test_another_money_has_no_price_and_no_fee(uber: FakeUber) -> None:
    courier, abroad = quick(), replace(AMERICAN, currency="CAD")
    with pytest.raises(Refused, match="another currency"):
        courier.quote(access(uber), abroad, now=NOW)
    assert courier.create(access(uber), abroad, now=NOW).fee is None


@pytest.mark.parametrize("trouble", ["429", "lose", (403, {})])
def test_a_used_quote_nobody_explains_is_uncertain(uber: FakeUber, trouble: Any) -> None:
    uber.script["POST deliveries"].append(fault(400, "used_quote"))
    uber.script["GET deliveries?limit=100"].append(trouble)
    with pytest.raises(Uncertain):
        quick().create(access(uber), AMERICAN, quote_ref="dqt_1", now=NOW)


def test_a_token_that_could_not_be_had_is_not_asked_for_by_everybody(uber: FakeUber) -> None:
    uber.script["token"].append("500")
    courier, soon, later = quick(), NOW + timedelta(seconds=2), NOW + timedelta(seconds=4)
    for at in (NOW, soon):
        with pytest.raises(Unreachable):
            courier.quote(access(uber), AMERICAN, now=at)
    assert [call for call, _ in uber.calls] == ["token"]
    assert courier.quote(access(uber), AMERICAN, now=later).fee == 650


def test_nobody_waits_long_for_somebody_elses_token(uber: FakeUber, monkeypatch: Any) -> None:
    monkeypatch.setattr(uber_account, "WAIT", 0.05)
    uber.script["token"].append("hang")
    courier = quick()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(courier.quote, access(uber), AMERICAN, now=NOW)
        while not uber.calls:
            assert not first.done()
        with pytest.raises(Unreachable, match="in time"):
            courier.quote(access(uber), AMERICAN, now=NOW)
        assert not first.done()
        uber.closing.set()


def test_a_refused_cancel_carries_ubers_code(uber: FakeUber) -> None:
    courier = quick()
    courier.create(access(uber), AMERICAN, now=NOW)
    uber.deliveries["del_1"]["status"] = "dropoff"
    with pytest.raises(Refused) as refusal:
        courier.cancel(access(uber), KEY, reason="", now=NOW)
    assert refusal.value.code == "noncancelable_delivery"


@pytest.mark.parametrize(
    "reply",
    [
        fault(400, "address_undeliverable"),
        fault(402, "customer_suspended"),
        fault(403, "customer_blocked"),
        (404, {}),
    ],
)
def test_a_code_that_means_no_is_a_refusal(uber: FakeUber, reply: Any) -> None:
    uber.script["POST deliveries"].append(reply)
    with pytest.raises(Refused) as refusal:
        quick().create(access(uber), AMERICAN, now=NOW)
    assert refusal.value.code == reply[1].get("code", "404")


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        ("429", 7),
        (fault(429, "customer_limited"), 5),
        (fault(503, "couriers_busy"), 5),
        (fault(503, "robo_couriers_busy"), 5),
    ],
)
def test_a_call_turned_away_may_be_made_again(uber: FakeUber, reply: Any, wait: float) -> None:
    uber.script["POST deliveries"].append(reply)
    with pytest.raises(Unreachable) as turned_away:
        quick().create(access(uber), AMERICAN, now=NOW)
    assert turned_away.value.wait == wait


@pytest.mark.parametrize(
    "trouble",
    [
        "hang", "500", "garbage", "cut", "lose",
        fault(408, "request_timeout"), fault(500, "unknown_error"), fault(503, "service_unavailable"),
        (200, {"status": "pending"}),
    ],
)  # fmt: skip
def test_a_call_nobody_can_vouch_for_is_uncertain(uber: FakeUber, trouble: Any) -> None:
    uber.script["POST deliveries"].append(trouble)
    with pytest.raises(Uncertain):
        quick().create(access(uber), AMERICAN, now=NOW)


def test_a_number_that_cannot_be_dialled_is_refused_before_anything_is_sent(uber: FakeUber) -> None:
    masked = replace(AMERICAN, receiver=replace(AMERICAN.receiver, phone="138****0000"))
    with pytest.raises(Refused, match="international"):
        quick().create(access(uber), masked, now=NOW)
    assert uber.calls == []


def test_a_token_serves_many_calls_until_shortly_before_it_ends(uber: FakeUber) -> None:
    courier, ends = quick(), NOW + timedelta(seconds=2_592_000)
    for now in (NOW, NOW + MINUTE, ends - 3 * MINUTE):
        courier.quote(access(uber), AMERICAN, now=now)
    assert uber.given == 1
    courier.quote(access(uber), AMERICAN, now=ends - MINUTE)
    assert uber.given == 2


def test_a_token_that_is_refused_is_renewed_once(uber: FakeUber) -> None:
    courier = quick()
    courier.quote(access(uber), AMERICAN, now=NOW)
    uber.tokens.clear()
    assert courier.quote(access(uber), AMERICAN, now=NOW).fee == 650
    assert uber.given == 2
    uber.script["POST delivery_quotes"].extend([fault(401, "unauthorized")] * 3)
    with pytest.raises(Refused, match="unauthorized"):
        courier.quote(access(uber), AMERICAN, now=NOW)
    assert uber.given == 3


def test_many_threads_that_need_a_token_fetch_one(uber: FakeUber) -> None:
    courier = quick()
    threads = [
        threading.Thread(target=courier.quote, args=(access(uber), AMERICAN), kwargs={"now": NOW})
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uber.given == 1
    assert calls(uber) == ["POST delivery_quotes"] * 6


def test_accounts_have_tokens_of_their_own(uber: FakeUber) -> None:
    courier, other = quick(), FakeUber()
    try:
        courier.quote(access(uber), AMERICAN, now=NOW)
        courier.quote(access(other), AMERICAN, now=NOW)
        assert (uber.given, other.given) == (1, 1)
    finally:
        other.stop()


@pytest.mark.parametrize("trouble", ["500", "garbage", "hang", "cut", "429"])
def test_without_a_token_nothing_was_sent(uber: FakeUber, trouble: str) -> None:
    uber.script["token"].append(trouble)
    with pytest.raises(Unreachable):
        quick().create(access(uber), AMERICAN, now=NOW)
    assert calls(uber) == []


def test_wrong_credentials_are_refused(uber: FakeUber) -> None:
    wrong = Access(f"{uber.url}/v1", {**uber.credentials, "client_secret": "other"})
    with pytest.raises(Refused, match="token"):
        quick().create(wrong, AMERICAN, now=NOW)


offsets = st.none() | st.integers(-600, 600)


@given(ready=offsets, due=offsets)
def test_windows_keep_ubers_rules(ready: int | None, due: int | None) -> None:
    told = windows(
        errand(
            ready_at=None if ready is None else NOW + ready * MINUTE,
            deliver_by=None if due is None else NOW + due * MINUTE,
        ),
        NOW,
    )
    if ready is None and due is None:
        assert told == {}
        return
    at = {name: datetime.fromisoformat(value) for name, value in told.items()}
    fetch, fetch_end, bring, bring_end = at.values()
    assert fetch >= NOW
    assert fetch_end >= fetch + 10 * MINUTE
    assert fetch_end >= NOW + 20 * MINUTE
    assert bring <= fetch_end
    assert bring_end >= bring + 20 * MINUTE
    assert bring_end >= fetch_end
    assert due is None or bring_end >= NOW + due * MINUTE


def test_a_delivery_without_a_status_is_uncertain(uber: FakeUber) -> None:
    uber.deliveries["del_1"] = delivery(status=None)
    courier = quick()
    with pytest.raises(Uncertain):
        courier.query(access(uber), KEY, now=NOW)
