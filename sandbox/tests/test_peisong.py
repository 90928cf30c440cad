"""Meituan Peisong: signed forms, one job per delivery_id, statuses and exceptions told until code 0."""

import time

import pytest
from starlette.responses import JSONResponse

from sandbox import peisong_wire as wire
from sandbox.tests.conftest import eventually
from sandbox.tests.street import JOB, Listener, street


@pytest.fixture
def portal():
    return Listener()


@pytest.fixture
async def city(tmp_path, portal):
    async with street(tmp_path, portal) as found:
        yield found


async def status(city, number="7"):
    return (await city.about_job("order/status/query", number))["data"]["status"]


def test_the_published_base_and_its_digest():
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
    assert wire.sign("test", fields) == "8943ba698f4b009f80dc2fd69ff9b313381263bd"
    assert wire.sign("test", {**fields, "sign": "any"}) == "8943ba698f4b009f80dc2fd69ff9b313381263bd"


def test_a_callback_s_digest():
    fields = {
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
    assert wire.sign("test", fields) == "238c13713b28e8f3d1a824d2b79a86101a3866bc"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, wire.SIGN),
        ({"appkey": "other"}, wire.APPKEY),
        ({"version": "2.0"}, wire.VERSION),
        ({"timestamp": str(int(time.time()) - 700)}, wire.TIME),
        ({"timestamp": ""}, wire.SYSTEM_MISSING),
        ({"receiver_phone": ""}, wire.MISSING),
        ({"receiver_lng": "121.47"}, wire.FORMAT),
        ({"receiver_lng": "121"}, wire.FORMAT),
        ({"goods_value": "5000.01"}, wire.FORMAT),
        ({"note": "x" * 201}, wire.FORMAT),
        ({"delivery_service_code": "4002"}, wire.UNKNOWN_SERVICE),
    ],
)
async def test_what_is_wrong_is_refused_and_creates_nothing(city, changes, code):
    assert (await city.job("7", **changes))["code"] == code
    assert await city.ledger() == []


async def test_a_price_creates_nothing(city):
    asked = {**JOB, "delivery_id": "7", "order_id": "mp7"}
    price = (await city.peisong("order/preCreateByShop", **asked))["data"]
    assert set(price) == {
        "delivery_distance", "delivery_fee", "base_delivery_fee", "coupons_id", "coupons_amount",
    }  # fmt: skip
    assert price["delivery_fee"] > 0
    assert await city.ledger() == []


async def test_the_same_job_or_order_is_one_errand(city):
    first = await city.job("7")
    assert first["data"].keys() == {"mt_peisong_id", "delivery_id", "order_id"}
    assert await city.job("7") == first
    other_job = await city.job("8", order_id="mp7")
    assert other_job["data"]["mt_peisong_id"] == first["data"]["mt_peisong_id"]
    await city.step("peisong", "mp7", "cancelled")
    assert await city.job("7") == first
    anew = await city.job("9", order_id="mp7")
    assert anew["data"]["mt_peisong_id"] != first["data"]["mt_peisong_id"]
    assert [(row["origin_id"], row["for"], row["state"]) for row in await city.ledger()] == [
        ("mp7", "17", "cancelled"),
        ("mp7", "17", "searching"),
    ]


async def test_test_calls_play_the_rider_and_every_status_is_told(city, portal):
    await city.job("7")
    for path in ("arrange", "rearrange", "arrange", "pickup", "deliver"):
        assert (await city.about_job(f"test/order/{path}"))["code"] == wire.OK
    await eventually(lambda: len(portal.heard) == 6)
    told = [callback.form for callback in portal.heard]
    assert [form["status"] for form in told] == ["0", "20", "0", "20", "30", "50"]
    assert all(form["sign"] == wire.sign("test_secret", form) for form in told)
    assert {form["order_id"] for form in told} == {"mp7"}
    assert await status(city) == 50
    assert (await city.about_job("test/order/arrange"))["code"] == wire.TOO_LATE


async def test_a_cancel_works_before_the_pick_up_only(city, portal):
    await city.job("7")
    await city.step("peisong", "mp7", "assigned", "picked_up")
    why = {"cancel_reason_id": "199", "cancel_reason": "做不出来"}
    assert (await city.about_job("order/delete", **why))["code"] == wire.TOO_LATE
    await city.job("8")
    answer = await city.about_job("order/delete", "8", **why)
    assert (answer["code"], answer["data"]["order_id"]) == (wire.OK, "mp8")
    await eventually(lambda: [told.form for told in portal.heard if told.form["status"] == "99"])
    (told,) = [told.form for told in portal.heard if told.form["status"] == "99"]
    assert (told["cancel_reason_id"], told["cancel_reason"]) == ("199", "做不出来")


@pytest.mark.parametrize("path", ["order/status/query", "order/delete"])
@pytest.mark.parametrize(("name", "code"), [("", wire.MISSING), ("1", wire.UNKNOWN_ORDER)])
async def test_an_errand_is_named_by_both_numbers(city, path, name, code):
    await city.job("7")
    why = {"cancel_reason_id": "199", "cancel_reason": "x"}
    assert (await city.about_job(path, mt_peisong_id=name, **why))["code"] == code
    assert await status(city) == 0


async def test_a_cancel_may_cost(city):
    await city.job("7")
    await city.step("peisong", "mp7", "assigned")
    await city.fault("peisong", "cancel_fee")
    await city.about_job("order/delete", cancel_reason_id="199", cancel_reason="x")
    (row,) = await city.ledger()
    assert row["kept"] > 0


async def test_an_exception_is_news_but_no_status(city, portal):
    await city.job("7")
    await city.step("peisong", "mp7", "assigned")
    await city.about_job("test/order/reportException")
    await eventually(lambda: len(portal.heard) == 3)
    told = portal.heard[-1].form
    assert told["exception_id"].isdecimal()
    assert told["sign"] == wire.sign("test_secret", told)
    assert await status(city) == 20


async def test_a_callback_is_repeated_until_code_0(city, portal):
    portal.answers = [JSONResponse({"code": 1}), JSONResponse({"ok": True})]
    await city.job("7")
    await eventually(lambda: len(portal.heard) == 3)
    assert len({callback.raw for callback in portal.heard}) == 1


async def test_flow_control_has_its_own_code(city):
    await city.fault("peisong", "limit", path="query")
    await city.job("7")
    assert (await city.about_job("order/status/query"))["code"] == wire.LIMITED
    assert await status(city) == 0


async def test_a_rider_goes_the_whole_way_with_an_exception(tmp_path, portal):
    async with street(tmp_path, portal, riders=True) as city:
        await city.fault("peisong", "exception")
        await city.job("7")
        await eventually(lambda: len(portal.heard) == 5)
    told = [callback.form.get("status", "exception") for callback in portal.heard]
    assert told == ["0", "20", "exception", "30", "50"]
