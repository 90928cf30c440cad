"""Peisong's wire format: the published sign, whole requests, and what replies and silences mean."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from couriers.providers.base import Access, Callback, Created, Forged, Item, Key, Malformed, Quote, Report
from couriers.providers.peisong import Peisong, delivery_number, goods_detail, sign, sign_base
from couriers.states import EndCause, Outcome, Progress
from couriers.tests.errands import errand
from couriers.tests.fake_peisong import CREDENTIALS, FakePeisong, callback_body
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
LINE = Line(httpx.Timeout(0.3), total_seconds=0.5)
THEN = datetime.fromtimestamp(1477395862, UTC)  # the moment of the vectors
ERRAND = errand(shop_no="test_0001")
NUMBER = "5124095576030430"
REFERENCE = "1551240955760304"
KEY = Key(ERRAND.origin_id, REFERENCE)
TOLD = {
    "appkey": "test",
    "courier_name": "张三",
    "courier_phone": "13800138000",
    "delivery_id": "1520836428",
    "mt_peisong_id": "1520838981088706",
    "order_id": "M20260101000001",
    "status": "20",
    "timestamp": "1477395862",
    "cancel_reason_id": "",
    "cancel_reason": "",
}


def quick() -> Peisong:
    return Peisong(LINE)


def access(peisong: FakePeisong) -> Access:
    return Access(f"{peisong.url}/api", CREDENTIALS)


def told(**changes: str) -> bytes:
    """A callback about our errand, at NOW."""
    fields = {
        **TOLD,
        "delivery_id": NUMBER,
        "order_id": ERRAND.origin_id,
        "timestamp": str(int(NOW.timestamp())),
    }
    return callback_body({**fields, **changes})


def read(body: bytes, now: datetime = NOW) -> Callback:
    return Peisong(LINE).parse_callback(body, {}, Access("", CREDENTIALS), now=now)


def test_the_sign_equals_the_published_one() -> None:
    fields = {
        "appkey": "test",
        "timestamp": "1477395862",
        "version": "1.0",
        "number": "123",
        "string": "测试",
        "double": "123.123",
        "boolean": "true",
        "empty": "",
    }
    base = "testappkeytestbooleantruedouble123.123number123string测试timestamp1477395862version1.0"
    assert sign_base("test", fields) == base
    assert sign("test", fields) == "8943ba698f4b009f80dc2fd69ff9b313381263bd"


def test_the_sign_of_a_callback_is_the_same_rule() -> None:
    assert sign("test", TOLD) == "238c13713b28e8f3d1a824d2b79a86101a3866bc"


def test_an_errand_is_created_with_peisongs_fields(peisong: FakePeisong) -> None:
    ready, due = NOW + timedelta(minutes=5), NOW + timedelta(minutes=40)
    full = errand(shop_no="test_0001", ready_at=ready, deliver_by=due, bag=2, bags=3, note="less ice")
    assert quick().create(access(peisong), full, now=NOW) == Created(fee=None, reference=REFERENCE)
    ((call, fields),) = peisong.calls
    assert call == "createByShop"
    assert json.loads(fields.pop("goods_detail")) == {
        "goods": [{"goodCount": 2, "goodName": "Brown sugar boba", "goodPrice": 18.0}]
    }
    assert len(fields.pop("sign")) == 40
    assert fields == {
        "appkey": "test",
        "timestamp": "1770350400",
        "version": "1.0",
        "delivery_id": NUMBER,
        "order_id": "mp0123456789abcdef01234567",
        "shop_id": "test_0001",
        "delivery_service_code": "4012",
        "receiver_name": "Lin",
        "receiver_address": "8 Lotus Road",
        "receiver_phone": "13800000000",
        "receiver_lat": "39916404",
        "receiver_lng": "116410244",
        "coordinate_type": "0",
        "goods_value": "36.00",
        "goods_weight": "1.20",
        "goods_pickup_info": "取餐码4711，第2袋，共3袋",
        "order_type": "0",
        "poi_seq": "42",
        "note": "less ice",
        "outer_order_source_desc": "102",
        "outer_order_source_no": "E77",
        "expected_pickup_time": "1770350700",
        "expected_delivery_time": "1770352800",
    }


def test_the_same_errand_sent_twice_is_one(peisong: FakePeisong) -> None:
    first = quick().create(access(peisong), ERRAND, now=NOW)
    again = quick().create(access(peisong), ERRAND, now=NOW + timedelta(minutes=1))
    assert first == again
    assert peisong.ledger == [ERRAND.origin_id]


def test_our_number_there_follows_from_the_errands_number_alone() -> None:
    assert delivery_number("mp0123456789abcdef01234567") == NUMBER
    assert delivery_number("mpffffffffffffffffffffffff") == "1152921504606846975"
    assert delivery_number("another") == delivery_number("another") != delivery_number("other")
    assert int(delivery_number("another")) < 2**60


def test_what_is_worth_or_weighs_too_much_is_sent_as_the_most_peisong_takes(peisong: FakePeisong) -> None:
    quick().create(access(peisong), errand(value=900_000, cups=200), now=NOW)
    fields = peisong.calls[0][1]
    assert (fields["goods_value"], fields["goods_weight"]) == ("5000.00", "50.00")


def test_a_long_list_of_goods_is_cut_to_what_peisong_takes() -> None:
    detail = goods_detail([Item("x", "奶茶" * 60, 1, 1800)] * 200)
    assert len(detail) <= 10_240
    assert len(json.loads(detail)["goods"]) > 50


def test_a_quote_is_a_price_and_a_distance(peisong: FakePeisong) -> None:
    quote = quick().quote(access(peisong), ERRAND, now=NOW)
    assert quote == Quote(fee=850, currency="CNY", reference="850", distance=1234)


def test_what_was_quoted_is_what_an_errand_is_taken_to_cost(peisong: FakePeisong) -> None:
    created = quick().create(access(peisong), ERRAND, quote_ref="850", now=NOW)
    assert created == Created(fee=850, reference=REFERENCE)


def test_a_question_tells_how_far_the_rider_is(peisong: FakePeisong) -> None:
    courier = quick()
    courier.create(access(peisong), ERRAND, now=NOW)
    peisong.statuses[NUMBER] = 20
    peisong.rider = {
        "mt_peisong_id": REFERENCE,
        "operate_time": 1770350400,
        "courier_name": "张三",
        "courier_phone": "13800138000",
        "predict_delivery_time": 1770352200,
    }
    assert courier.query(access(peisong), KEY, now=NOW) == Report(
        code="20",
        status=Progress.ASSIGNED,
        at=datetime.fromtimestamp(1770350400, UTC),
        reference=REFERENCE,
        rider_name="张三",
        rider_phone="13800138000",
        eta=datetime.fromtimestamp(1770352200, UTC),
    )
    assert peisong.calls[-1][1]["mt_peisong_id"] == REFERENCE


def test_an_errand_peisong_does_not_know_is_none(peisong: FakePeisong) -> None:
    assert quick().query(access(peisong), KEY, now=NOW) is None


def test_without_peisongs_number_nothing_is_asked_or_called_off(peisong: FakePeisong) -> None:
    courier, unnamed = quick(), Key(ERRAND.origin_id)
    courier.create(access(peisong), ERRAND, now=NOW)
    with pytest.raises(Uncertain):
        courier.query(access(peisong), unnamed, now=NOW)
    with pytest.raises(Uncertain):
        courier.cancel(access(peisong), unnamed, reason="", now=NOW)
    assert [call for call, _ in peisong.calls] == ["createByShop"]


def test_cancelling_names_a_reason(peisong: FakePeisong) -> None:
    courier = quick()
    courier.create(access(peisong), ERRAND, now=NOW)
    assert courier.cancel(access(peisong), KEY, reason="", now=NOW) is None
    fields = peisong.calls[-1][1]
    assert (fields["cancel_reason_id"], fields["cancel_reason"]) == ("199", "商家取消")


def test_a_refused_cancel_carries_peisongs_words(peisong: FakePeisong) -> None:
    courier = quick()
    courier.create(access(peisong), ERRAND, now=NOW)
    peisong.statuses[NUMBER] = 30
    with pytest.raises(Refused, match="too late") as refusal:
        courier.cancel(access(peisong), KEY, reason="", now=NOW)
    assert refusal.value.code == "106"


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6, 7, 8, 9, 110])
def test_a_code_that_means_no_is_a_refusal(peisong: FakePeisong, code: int) -> None:
    peisong.script["createByShop"].append((200, {"code": code, "message": "no"}))
    with pytest.raises(Refused, match="no") as refusal:
        quick().create(access(peisong), ERRAND, now=NOW)
    assert refusal.value.code == str(code)


@pytest.mark.parametrize("code", [10, 11])
def test_too_many_calls_are_turned_away_unread(peisong: FakePeisong, code: int) -> None:
    peisong.script["createByShop"].append((200, {"code": code, "message": "slow down"}))
    with pytest.raises(Unreachable) as turned_away:
        quick().create(access(peisong), ERRAND, now=NOW)
    assert turned_away.value.wait == 10


@pytest.mark.parametrize(
    "trouble",
    [
        "hang", "500", "garbage", "cut", "lose",
        (408, {}),
        (200, {"code": 1, "message": "system error"}),
        (200, {"message": "no code"}),
        (200, {"code": 0, "data": {}}),
        (200, {"code": 0, "data": None}),
    ],
)  # fmt: skip
def test_a_call_nobody_can_vouch_for_is_uncertain(peisong: FakePeisong, trouble: Any) -> None:
    peisong.script["createByShop"].append(trouble)
    with pytest.raises(Uncertain):
        quick().create(access(peisong), ERRAND, now=NOW)


def test_missing_credentials_are_refused_before_anything_is_sent(peisong: FakePeisong) -> None:
    with pytest.raises(Refused, match="service_code"):
        quick().create(Access(peisong.url, {"app_key": "test", "app_secret": "test"}), ERRAND, now=NOW)
    assert peisong.calls == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("0", Progress.SEARCHING),
        ("20", Progress.ASSIGNED),
        ("15", Progress.AT_STORE),
        ("30", Progress.PICKED_UP),
        ("50", Progress.DELIVERED),
        ("99", Outcome.CANCELLED),
        ("77", None),
    ],
)
def test_every_status_has_its_meaning_and_unknown_ones_have_none(code: str, status: Any) -> None:
    assert read(told(status=code)).report.status == status


def test_a_callback_tells_rider_time_and_numbers() -> None:
    assert read(told()) == Callback(
        key=f"peisong:status:{NUMBER}:20:1770350400",
        errand=Key(ERRAND.origin_id, "1520838981088706"),
        report=Report(
            code="20",
            status=Progress.ASSIGNED,
            at=NOW,
            reference="1520838981088706",
            rider_name="张三",
            rider_phone="13800138000",
        ),
    )


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("199", EndCause.STORE), ("299", EndCause.COURIER), ("399", EndCause.COURIER), ("", EndCause.COURIER)],
)
def test_who_cancelled_is_told_by_the_reason(reason: str, cause: EndCause) -> None:
    assert read(told(status="99", cancel_reason_id=reason)).report.cause == cause


def test_parameters_nobody_knows_are_signed_like_the_others() -> None:
    assert read(told(new_parameter="1")).report.code == "20"


def test_an_exception_is_news_that_changes_no_state() -> None:
    body = told(
        exception_id="77", exception_code="20001", exception_descr="顾客电话不通", exception_time="1770350399"
    )
    callback = read(body)
    assert callback.key == f"peisong:exception:{NUMBER}:77"
    assert callback.report == Report(
        code="exception 20001",
        status=None,
        at=datetime.fromtimestamp(1770350399, UTC),
        rider_name="张三",
        rider_phone="13800138000",
        reason="顾客电话不通",
    )


def test_news_of_a_shop_is_about_no_errand() -> None:
    body = callback_body({"appkey": "test", "shop_id": "1", "status": "40", "timestamp": "1770350400"})
    callback = read(body)
    assert (callback.errand, callback.report) == (Key(""), None)


def test_numbers_that_do_not_belong_together_name_no_errand() -> None:
    assert read(told(delivery_id="1")).errand.origin_id == ""


@pytest.mark.parametrize(
    "body",
    [
        callback_body({**TOLD, "timestamp": "1770350400"}, secret="other"),
        told(appkey="another"),
        told(timestamp=str(int(NOW.timestamp()) - 601)),
        told(timestamp=str(int(NOW.timestamp()) + 601)),
        told(timestamp="yesterday"),
        told() + b"&extra=1",
        b"status=50",
        b"",
    ],
)
def test_what_is_not_signed_for_us_now_is_forged(body: bytes) -> None:
    with pytest.raises(Forged):
        read(body)


def test_a_sign_is_good_for_ten_minutes() -> None:
    assert read(callback_body(TOLD), now=THEN + timedelta(minutes=10)).report.code == "20"
    with pytest.raises(Forged):
        read(callback_body(TOLD), now=THEN + timedelta(minutes=10, seconds=1))


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"{}", b"a=%ff", b"a=1&a=2", b"a=%00", b"&".join(b"a%d=1" % n for n in range(200))],
)
def test_what_is_no_form_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
