"""Dada's wire format, and what its replies and silences mean."""

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from couriers.providers.base import Access, Callback, Created, Forged, Kept, Key, Malformed, Quote, Report
from couriers.providers.dada import Dada, checksum, make_envelope, read_callback, sign, to_yuan
from couriers.providers.reading import fen
from couriers.states import EndCause, Outcome, Progress
from couriers.tests.errands import errand
from couriers.tests.fake_dada import FakeDada, callback_body
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
LINE = Line(httpx.Timeout(0.3), total_seconds=0.5)
CREDENTIALS = {"app_key": "test_app_key", "app_secret": "test_app_secret", "source_id": "73753"}
ERRAND = errand(origin_id="mp0123456789abcdef01234567", shop_no="11047059")
KEY = Key(ERRAND.origin_id)


def quick_dada() -> Dada:
    return Dada(LINE)


def access(dada: FakeDada) -> Access:
    return Access(dada.url, CREDENTIALS)


def test_the_signature_equals_the_published_rule() -> None:
    fields = {
        "app_key": "test_app_key",
        "body": '{"order_id":"M20260101000001"}',
        "format": "json",
        "source_id": "73753",
        "timestamp": 1653876860,
        "v": "1.0",
    }
    assert sign("test_app_secret", fields) == "11A219118BE151DFF7F7BC1F9CC74440"


def test_the_envelope_carries_the_text_that_was_signed() -> None:
    envelope = json.loads(make_envelope(CREDENTIALS, {"order_id": "M20260101000001"}, 1653876860))
    assert envelope == {
        "app_key": "test_app_key",
        "body": '{"order_id":"M20260101000001"}',
        "format": "json",
        "source_id": "73753",
        "timestamp": 1653876860,
        "v": "1.0",
        "signature": "11A219118BE151DFF7F7BC1F9CC74440",
    }


def test_the_checksum_of_a_callback_equals_the_published_one() -> None:
    value = checksum("1357061741749469184", "Cu16538768403935339353", "1653876860")
    assert value == "2b3aa825562bcea9471fe860b3f8a8fa"


@pytest.mark.parametrize(
    ("yuan", "minor"), [(8.5, 850), ("0.01", 1), (12, 1200), (-2.3, -230), (19.99, 1999)]
)
def test_yuan_become_whole_minor_units(yuan: Any, minor: int) -> None:
    assert fen(yuan) == minor
    assert to_yuan(minor) == float(yuan)


def test_an_errand_is_created_with_dadas_fields(dada: FakeDada) -> None:
    assert quick_dada().create(access(dada), ERRAND, now=NOW) == Created(fee=850)
    assert dada.calls == [
        (
            "addOrder",
            {
                "shop_no": "11047059",
                "origin_id": "mp0123456789abcdef01234567",
                "cargo_price": 36.0,
                "cargo_type": 2,
                "cargo_num": 2,
                "cargo_weight": 1.2,
                "is_prepay": 0,
                "receiver_name": "Lin",
                "receiver_phone": "13800000000",
                "receiver_address": "8 Lotus Road",
                "receiver_lat": 39.916404,
                "receiver_lng": 116.410244,
                "callback": "http://portal/couriers/dada/callback/token/",
                "info": "",
                "fetch_code": "4711",
                "origin_mark_no": "42",
                "product_list": [{"sku_name": "Brown sugar boba", "src_product_no": "BT-1", "count": 2}],
            },
        )
    ]


def test_a_quote_is_a_price_a_distance_and_a_number(dada: FakeDada) -> None:
    quote = quick_dada().quote(access(dada), ERRAND, now=NOW)
    assert quote == Quote(
        fee=850,
        currency="CNY",
        distance=1234,
        reference=quote.reference,
        expires_at=datetime.fromtimestamp(1770350580, UTC),
    )
    assert quote.reference.startswith("D1.")


def test_a_quote_is_placed_by_its_number(dada: FakeDada) -> None:
    courier = quick_dada()
    quote = courier.quote(access(dada), ERRAND, now=NOW)
    created = courier.create(access(dada), ERRAND, quote_ref=quote.reference, now=NOW)
    assert created == Created(fee=850)
    assert dada.ledger == [ERRAND.origin_id]
    assert dada.calls[1:] == [("addAfterQuery", {"deliveryNo": "D1"})]


def test_a_quote_for_what_has_changed_since_is_not_placed(dada: FakeDada) -> None:
    courier = quick_dada()
    quote = courier.quote(access(dada), ERRAND, now=NOW)
    courier.create(access(dada), replace(ERRAND, pickup_code="0815"), quote_ref=quote.reference, now=NOW)
    assert [call for call, _ in dada.calls] == ["queryDeliverFee", "addOrder"]


def test_a_quote_that_is_refused_is_replaced_by_a_plain_order(dada: FakeDada) -> None:
    courier = quick_dada()
    quote = courier.quote(access(dada), ERRAND, now=NOW)
    dada.script["addAfterQuery"].append("the quote has run out")
    assert courier.create(access(dada), ERRAND, quote_ref=quote.reference, now=NOW) == Created(fee=850)
    assert [call for call, _ in dada.calls] == ["queryDeliverFee", "addAfterQuery", "addOrder"]
    assert dada.ledger == [ERRAND.origin_id]


@pytest.mark.parametrize("trouble", ["hang", "500", "garbage", "cut", "lose"])
def test_a_quote_whose_fate_is_unknown_is_not_ordered_again(dada: FakeDada, trouble: str) -> None:
    courier = quick_dada()
    quote = courier.quote(access(dada), ERRAND, now=NOW)
    dada.script["addAfterQuery"].append(trouble)
    with pytest.raises(Uncertain):
        courier.create(access(dada), ERRAND, quote_ref=quote.reference, now=NOW)
    assert [call for call, _ in dada.calls] == ["queryDeliverFee", "addAfterQuery"]


def test_a_bag_of_several_says_which_it_is(dada: FakeDada) -> None:
    quick_dada().create(access(dada), replace(ERRAND, bag=2, bags=3, note="less ice"), now=NOW)
    assert dada.calls[0][1]["info"] == "第2袋，共3袋；less ice"


def test_a_rider_is_let_go_by_a_message(dada: FakeDada) -> None:
    quick_dada().let_rider_cancel(access(dada), Key(ERRAND.origin_id, "1357061741749469184"), now=NOW)
    ((call, body),) = dada.calls
    assert (call, body["messageType"], json.loads(body["messageBody"])) == (
        "confirm",
        1,
        {"orderId": ERRAND.origin_id, "isConfirm": 1, "dadaOrderId": 1357061741749469184},
    )


def test_a_question_tells_how_far_the_rider_is(dada: FakeDada) -> None:
    courier = quick_dada()
    courier.create(access(dada), ERRAND, now=NOW)
    dada.statuses[ERRAND.origin_id] = 2
    dada.rider = {"transporterName": "Zhao", "transporterPhone": "13700000000", "deliveryFee": "8.5"}
    assert courier.query(access(dada), KEY, now=NOW) == Report(
        code="2",
        status=Progress.ASSIGNED,
        rider_name="Zhao",
        rider_phone="13700000000",
        fee=850,
        currency="CNY",
    )


def test_an_order_dada_does_not_know_is_none(dada: FakeDada) -> None:
    assert quick_dada().query(access(dada), Key("mp-never-sent"), now=NOW) is None


def test_cancelling_returns_what_dada_keeps(dada: FakeDada) -> None:
    courier = quick_dada()
    courier.create(access(dada), ERRAND, now=NOW)
    assert courier.cancel(access(dada), KEY, reason="", now=NOW) == Kept(200, "CNY")
    ended = courier.query(access(dada), KEY, now=NOW)
    assert (ended.status, ended.kept, ended.cause) == (Outcome.CANCELLED, 200, EndCause.STORE)


def test_another_money_has_no_price_and_no_fee(dada: FakeDada) -> None:
    courier, abroad = quick_dada(), errand(currency="USD")
    with pytest.raises(Refused, match="another currency"):
        courier.quote(access(dada), abroad, now=NOW)
    assert courier.create(access(dada), abroad, now=NOW) == Created(fee=None)


def test_a_refusal_carries_dadas_words(dada: FakeDada) -> None:
    dada.script["addOrder"].append("balance too low")
    with pytest.raises(Refused, match="balance too low") as refusal:
        quick_dada().create(access(dada), ERRAND, now=NOW)
    assert refusal.value.code == "9999"


def test_a_wrong_secret_is_refused(dada: FakeDada) -> None:
    wrong = Access(dada.url, CREDENTIALS | {"app_secret": "other"})
    with pytest.raises(Refused, match="signature"):
        quick_dada().create(wrong, ERRAND, now=NOW)


def test_missing_credentials_are_refused_before_anything_is_sent(dada: FakeDada) -> None:
    with pytest.raises(Refused, match="app_secret"):
        quick_dada().create(
            replace(access(dada), credentials={"app_key": "k", "source_id": "1"}), ERRAND, now=NOW
        )
    assert dada.calls == []


@pytest.mark.parametrize("trouble", ["hang", "500", "garbage", "cut", "lose"])
def test_a_call_nobody_can_vouch_for_is_uncertain(dada: FakeDada, trouble: str) -> None:
    dada.script["addOrder"].append(trouble)
    with pytest.raises(Uncertain):
        quick_dada().create(access(dada), ERRAND, now=NOW)


def test_a_call_turned_away_is_unreachable_and_says_how_long_to_wait(dada: FakeDada) -> None:
    dada.script["addOrder"].append("429")
    with pytest.raises(Unreachable) as turned_away:
        quick_dada().create(access(dada), ERRAND, now=NOW)
    assert turned_away.value.wait == 7


def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/dada"
        with pytest.raises(Unreachable):
            quick_dada().create(Access(url, CREDENTIALS), ERRAND, now=NOW)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1, Progress.SEARCHING),
        (8, Progress.SEARCHING),
        (2, Progress.ASSIGNED),
        (100, Progress.AT_STORE),
        (3, Progress.PICKED_UP),
        (4, Progress.DELIVERED),
        (9, Progress.RETURNING),
        (10, Progress.RETURNED),
        (6, Progress.RETURNED),
        (5, Outcome.CANCELLED),
        (7, Outcome.CANCELLED),
        (1000, Outcome.FAILED),
        (4242, None),
    ],
)
def test_every_status_has_its_meaning_and_unknown_ones_have_none(code: int, status: Any) -> None:
    assert read_callback(callback_body("mp1", code), NOW).report.status == status


def test_a_callback_tells_rider_time_and_number() -> None:
    callback = read_callback(callback_body("mp1", 2, dm_name="Zhao", dm_mobile="13700000000"), NOW)
    assert callback.key == "dada:mp1:2:1770350400"
    assert callback.errand == Key("mp1", "1357061741749469184")
    assert callback.report == Report(
        code="2",
        status=Progress.ASSIGNED,
        at=datetime.fromtimestamp(1770350400, UTC),
        reference="1357061741749469184",
        rider_name="Zhao",
        rider_phone="13700000000",
    )


@pytest.mark.parametrize("update_time", [1770351001, 9999999999999])
def test_a_time_still_to_come_is_none(update_time: int) -> None:
    report = read_callback(callback_body("mp1", 2, update_time=update_time), NOW).report
    assert (report.status, report.at) == (Progress.ASSIGNED, None)


def test_milliseconds_are_understood() -> None:
    callback = read_callback(callback_body("mp1", 1000, update_time=1770350400123), NOW)
    assert callback.report.at == datetime.fromtimestamp(1770350400.123, UTC)


def test_an_empty_or_missing_client_id_counts_as_empty() -> None:
    body = json.loads(callback_body("mp1", 2, client_id=""))
    del body["client_id"]
    assert read_callback(json.dumps(body).encode(), NOW).report.reference == ""


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"status": 5, "cancel_from": 1}, EndCause.RIDER),
        ({"status": 5, "cancel_from": 2}, EndCause.STORE),
        ({"status": 5, "cancel_from": 3}, EndCause.COURIER),
        ({"status": 7}, EndCause.NO_RIDER),
        ({"status": 10}, EndCause.RETURNED),
        ({"status": 1000}, EndCause.COURIER),
        ({"status": 4}, None),
    ],
)
def test_who_ended_it_is_told_where_dada_says_so(fields: Any, cause: Any) -> None:
    assert read_callback(callback_body("mp1", **fields), NOW).report.cause == cause


def test_a_rider_who_wants_to_cancel_asks_by_a_message_without_a_checksum() -> None:
    content = {"orderId": "mp1", "dadaOrderId": 1357061741749469184, "cancelReason": "flat tyre"}
    body = json.dumps({"messageType": 1, "messageBody": json.dumps(content)}).encode()
    callback = Dada(LINE).parse_callback(body, {}, Access("", {}), now=NOW)
    assert callback == Callback(
        key=callback.key,
        errand=Key("mp1", "1357061741749469184"),
        report=Report(code="rider_cancel", status=None, reason="flat tyre"),
        asks_leave=True,
    )


def test_other_messages_change_no_errand() -> None:
    body = json.dumps({"messageType": 9, "messageBody": "{}"}).encode()
    callback = Dada(LINE).parse_callback(body, {}, Access("", {}), now=NOW)
    assert (callback.errand, callback.report, callback.asks_leave) == (Key(""), None, False)


def test_a_checksum_that_does_not_fit_is_forged() -> None:
    with pytest.raises(Forged):
        read_callback(callback_body("mp1", 2, signature="0" * 32), NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"order_id": "mp1"}',
        callback_body("mp1", 2, update_time="yesterday"),
        callback_body("mp1", 2, update_time="9" * 14),
        callback_body("mp1", 2, dm_name="\x00"),
        b'{"order_id": "\\ud800", "order_status": 2}',
    ],
)
def test_what_cannot_be_read_is_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        read_callback(body, NOW)
