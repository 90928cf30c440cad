"""The pretend Meituan: forms encoded twice, exact answers, its API, and what goes wrong on purpose."""

import json
import time

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from sandbox import meituan_wire as wire
from sandbox.shanghai import shanghai_day
from sandbox.tests.conftest import eventually
from sandbox.tests.receiver import Receiver, on_loopback, running

CARRIER = {
    "third_carrier_order_id": "mp1",
    "courier_name": "小马",
    "courier_phone": "13900000001",
    "logistics_provider_code": "10002",
}


@pytest.fixture
async def portal():
    receiver = Receiver()
    async with on_loopback(receiver):
        yield receiver


@pytest.fixture
async def world(tmp_path, portal):
    async with running(tmp_path, portal) as found:
        yield found


async def accepted(world, fulfilment="platform_courier"):
    order_id = (await world.place("tea-mt", fulfilment=fulfilment))["order_id"]
    assert await world.meituan("order/confirm", order_id=order_id) == "ok"
    await eventually(lambda: "confirmed" in world.portal.kinds())
    return order_id


async def test_a_paid_order_is_pushed_as_a_form_encoded_twice(world, portal):
    placed = await world.place("tea-mt", funding="subsidised", fulfilment="platform_courier")
    push = portal.took[0]
    assert (placed["type"], placed["acknowledged"], push.kind, push.genuine) == ("paid", True, "paid", True)
    assert b"%25" in push.raw
    order = push.fields
    assert (order["order_id"], order["day_seq"], order["status"]) == (placed["order_id"], "1", "2")
    assert int(order["order_id"]) > 2**53
    (extra,), receivable = json.loads(order["extras"]), json.loads(order["poi_receive_detail"])
    reduced = round(float(order["original_price"]) - float(order["total"]), 2)
    assert extra["reduce_fee"] == round(extra["mt_charge"] + extra["poi_charge"], 2) == reduced
    assert receivable["onlinePayment"] == round(float(order["total"]) * 100)
    assert "五分糖,少冰" in json.loads(order["detail"])[0]["food_property"]
    assert "@#" in order["recipient_address"]
    assert "_" in order["recipient_phone"]


async def test_only_the_exact_answer_in_time_is_taken(world, portal):
    portal.answers += [0.6, JSONResponse({"data": "OK"})]
    await world.fault("meituan", "slow_ack_limit", seconds=0.3)
    placed = await world.place("tea-mt")
    assert (placed["attempts"], placed["acknowledged"]) == (3, True)
    portal.answers += [PlainTextResponse("", 500)] * 3
    placed = await world.place("tea-mt")
    assert (placed["acknowledged"], placed["given_up"], placed["listed"]) == (False, True, False)


async def test_a_dropped_order_is_found_by_its_number_of_the_day(world, portal):
    await world.place("tea-mt")
    await world.fault("meituan", "drop", path="push/paid")
    dropped = await world.place("tea-mt")
    assert len(portal.took) == 1
    assert await world.meituan("order/getOrderDaySeq", app_poi_code="poi_1") == {"result": "ok", "day_seq": 2}
    today = {"app_poi_code": "poi_1", "date_time": shanghai_day(time.time()).replace("-", "")}
    found = await world.meituan("order/getOrderIdByDaySeq", day_seq=2, **today)
    assert found == {"result": "ok", "order_id": int(dropped["order_id"])}
    assert await world.meituan("order/getOrderIdByDaySeq", day_seq=3, **today) == wire.NO_ORDER
    detail = await world.meituan("order/getOrderDetail", order_id=dropped["order_id"], is_mt_logistics=1)
    assert (detail["order_id"], detail["day_seq"], detail["incmp_code"]) == (int(dropped["order_id"]), 2, 0)


async def test_an_order_goes_its_way_by_calls(world, portal):
    order_id = await accepted(world)
    assert await world.meituan("order/confirm", order_id=order_id) == wire.FAILED
    assert await world.meituan("order/delivering", order_id=order_id) == wire.FAILED
    assert await world.meituan("order/preparationMealComplete", order_id=order_id) == "ok"
    assert await world.meituan("order/preparationMealComplete", order_id=order_id) == wire.FAILED
    assert await world.meituan("order/logistics/change/poi_self", order_id=order_id) == "ok"
    sync = {"order_id": order_id, **CARRIER}
    for status in (10, 20, 40):
        answer = await world.meituan(
            "ecommerce/order/logistics/sync", post=True, logistics_status=status, **sync
        )
        assert answer == "ok"
    assert await world.meituan("order/viewstatus", order_id=order_id) == {"status": 8}
    assert await world.meituan("order/arrived", order_id=order_id) == wire.ALREADY_DONE
    await eventually(lambda: portal.kinds() == ["paid", "confirmed", "logistics", "completed"])
    assert [push.fields["status"] for push in portal.took if "status" in push.fields] == ["2", "4", "8"]


async def test_ready_is_refused_in_the_first_minute_and_for_what_meituan_does_not_bring(tmp_path, portal):
    async with running(tmp_path, portal, speed=1.0) as world:
        theirs, ours = await accepted(world), await accepted(world, "store_courier")
        assert await world.meituan("order/preparationMealComplete", order_id=theirs) == wire.FAILED
        assert await world.meituan("order/preparationMealComplete", order_id=ours) == wire.NOT_MEITUANS
        assert await world.meituan("order/delivering", order_id=ours) == "ok"
        assert await world.meituan("order/arrived", order_id=ours) == "ok"
        assert await world.state(ours) == "completed"


async def test_cancelling_by_a_call_pushes_nothing(world, portal):
    order_id = await accepted(world)
    cancel = {"order_id": order_id, "reason_code": 2008, "reason": "太忙"}
    assert await world.meituan("order/cancel", **cancel) == "ok"
    assert await world.meituan("order/cancel", **cancel) == wire.FAILED
    assert await world.meituan("order/confirm", order_id=order_id) == wire.FAILED
    await world.place("tea-mt")
    assert portal.kinds() == ["paid", "confirmed", "paid"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_guest_cancels(world, portal, method):
    order_id = (await world.place("tea-mt"))["order_id"]
    await world.happen("tea-mt", "order.cancelled", order_id, reason="点错了", method=method)
    push = portal.took[-1]
    assert (push.kind, push.method, push.genuine) == ("cancelled", method, True)
    shown = ("order_id", "reason_code", "reason", "deal_op_type")
    assert [push.fields[name] for name in shown] == [order_id, "1102", "点错了", "1"]
    assert (await world.happen("tea-mt", "order.cancelled", order_id)).status_code == 409


async def test_a_refund_is_refused_withdrawn_or_agreed(world, portal):
    order_id = await accepted(world)
    for call, step in (
        ("order/refund/reject", "reject"),
        ("", "cancelRefund"),
        ("order/refund/agree", "agree"),
    ):
        await world.happen("tea-mt", "order.refund_requested", order_id)
        if call:
            assert await world.meituan(call, order_id=order_id, reason="好的") == "ok"
        else:
            await world.happen("tea-mt", "order.withdrawn", order_id)
        await eventually(lambda step=step: portal.of("refund")[-1].fields["notify_type"] == step)
    results = [push.fields["res_type"] for push in portal.of("refund")]
    assert results == ["0", "1", "0", "7", "0", "2"]
    await eventually(lambda: portal.kinds()[-2:] == ["refund-result", "cancelled"])
    assert portal.of("refund-result")[0].fields["refund_status"] == "3"
    assert await world.meituan("order/viewstatus", order_id=order_id) == {"status": 9}


async def test_a_part_is_given_back(world, portal):
    order_id = await accepted(world)
    await world.happen("tea-mt", "order.refund_requested", order_id, whole=False, amount=300)
    assert await world.meituan("order/refund/agree", order_id=order_id, reason="好的") == "ok"
    await eventually(lambda: portal.of("refund-result"))
    assert [push.fields["notify_type"] for push in portal.of("refund")] == ["part", "agree"]
    result = portal.of("refund-result")[0].fields
    assert (result["refund_status"], result["money"]) == ("13", "3.0")
    assert await world.state(order_id) == "accepted"


async def test_urges_phones_and_stores(world, portal):
    order_id = (await world.place("tea-mt", fulfilment="platform_courier"))["order_id"]
    await world.happen("tea-mt", "order.urged", order_id)
    reply = {"order_id": order_id, "remind_id": portal.of("urge")[0].fields["remind_id"], "reply_id": 1}
    assert await world.meituan("order/remindReply", post=True, reply_content="马上", **reply) == "ok"
    page = {"app_poi_code": "poi_1", "offset": 0, "limit": 10}
    (guest,) = await world.meituan("order/batchPullPhoneNumber", post=True, **page)
    assert portal.took[0].fields["recipient_phone"].startswith(guest["real_phone_number"])
    assert await world.meituan("poi/close", app_poi_code="poi_1") == wire.NO_PERMISSION
    assert await world.meituan("poi/close", post=True, app_poi_code="poi_1") == "ok"
    (store,) = await world.meituan("poi/mget", app_poi_codes="poi_1,other")
    assert (store["app_poi_code"], store["open_level"]) == ("poi_1", 3)
    await eventually(lambda: portal.of("store-status"))
    assert portal.of("store-status")[0].fields["poi_status"] == "120"


async def test_riders_carry_what_is_ready(tmp_path, portal):
    async with running(tmp_path, portal, riders=True) as world:
        order_id = await accepted(world)
        assert await world.meituan("order/preparationMealComplete", order_id=order_id) == "ok"
        await eventually(lambda: portal.kinds()[-1] == "completed")
    statuses = [push.fields["logistics_status"] for push in portal.of("logistics")]
    assert statuses == ["0", "10", "15", "20", "40"]
    assert portal.of("logistics")[-1].fields["dispatcher_name"]


async def test_accepting_races_with_the_guest_who_cancels(world, portal):
    order_id = (await world.place("tea-mt"))["order_id"]
    await world.fault("meituan", "cancel_races_accept")
    assert await world.meituan("order/confirm", order_id=order_id) == wire.FAILED
    await eventually(lambda: portal.kinds() == ["paid", "cancelled"])


async def test_odd_forms_are_genuine_all_the_same(world, portal):
    for kind in ("once_encoded", "odd_extras", "degraded"):
        await world.fault("meituan", kind)
        await world.place("tea-mt", funding="free")
    once, odd, degraded = portal.took
    assert b"%25" not in once.raw
    assert (odd.fields["extras"], "logistics_code" in odd.fields) == ("[{}]", False)
    assert (degraded.fields["incmp_code"], degraded.fields["incmp_modules"]) == ("-1", "[1, 4, 6]")
    whole = await world.meituan("order/getOrderDetail", order_id=degraded.fields["order_id"])
    assert (whole["incmp_code"], json.loads(whole["extras"]) != []) == (0, True)
    assert [push.genuine for push in portal.took] == [True] * 3


async def test_a_call_that_is_not_genuine_is_refused(world):
    assert await world.meituan("poi/mget", secret="another", app_poi_codes="poi_1") == wire.WRONG_SIGNATURE
    assert await world.meituan("order/viewstatus", order_id=1) == wire.NO_ORDER
    assert await world.meituan("order/viewstatus") == wire.MISSING
    assert await world.meituan("order/dance") == wire.NO_PERMISSION
    assert await world.meituan("order/getOrderDaySeq", app_poi_code="other") == wire.NO_STORE
    await world.fault("meituan", "limit")
    assert await world.meituan("poi/mget", app_poi_codes="poi_1") == wire.RATE_LIMIT
    bare = await world.http.get("/platform/meituan/api/v1/poi/mget")
    assert bare.json()["error"]["code"] == wire.MISSING
