"""The pretend Ele.me: true envelopes, exact answers, its API, and what goes wrong on purpose."""

import json

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from sandbox import eleme_wire as wire
from sandbox.tests.conftest import eventually
from sandbox.tests.receiver import TOKEN, Receiver, on_loopback, running

CANCELLABLE = {"type": "restaurantTooBusy", "remark": "爆单了"}


@pytest.fixture
async def portal():
    receiver = Receiver()
    async with on_loopback(receiver):
        yield receiver


@pytest.fixture
async def world(tmp_path, portal):
    async with running(tmp_path, portal) as found:
        yield found


async def accepted(world):
    order_id = (await world.place("tea-ele", fulfilment="platform_courier"))["order_id"]
    assert await world.order_call("confirmOrderLite", order_id) == ""
    await eventually(lambda: "12" in world.portal.kinds())
    return order_id


async def test_a_new_order_is_pushed_in_the_true_envelope(world, portal):
    placed = await world.place("tea-ele", funding="subsidised")
    push = portal.took[0]
    assert (placed["type"], placed["acknowledged"], push.genuine) == ("10", True, True)
    assert push.fields["userId"] > 2**53
    assert (push.fields["appId"], push.fields["shopId"], push.fields["type"]) == (78194582, 720032, 10)
    order = push.body
    assert (order["orderId"], order["daySn"], order["status"]) == (placed["order_id"], 1, "unprocessed")
    assert order["userId"] > 2**53
    assert str(order["userId"]) == order["userIdStr"]
    item = order["groups"][0]["items"][0]
    options = "+".join(option["value"] for option in item["attributes"])
    assert item["name"] == f"茉莉鲜奶茶-中杯[{options}]"
    assert item["newSpecs"] == [{"name": "规格", "value": "中杯"}]
    assert round(order["originalPrice"] + order["activityTotal"], 2) == order["totalPrice"]
    assert round(order["shopPart"] + order["elemePart"], 2) == order["activityTotal"] < 0
    longitude, latitude = map(float, order["deliveryGeo"].split(","))
    assert (round(longitude, 1), round(latitude, 1)) == (121.4, 31.2)


async def test_only_the_exact_answer_in_time_is_taken(tmp_path, portal):
    portal.answers += [JSONResponse({"message": "OK"}), 2.0]
    async with running(tmp_path, portal, ack_within=1.0) as world:
        placed = await world.place("tea-ele")
    assert (placed["attempts"], placed["acknowledged"]) == (3, True)
    assert len({push.raw for push in portal.took}) == 1


async def test_what_was_pushed_in_vain_waits_until_the_portal_asks(world, portal):
    portal.answers += [PlainTextResponse("", 500), PlainTextResponse("ok"), JSONResponse(["ok"])]
    placed = await world.place("tea-ele")
    assert (placed["acknowledged"], placed["listed"]) == (False, True)
    query = {"msgQueryRequest": {"pageSize": 50}}
    missed = (await world.eleme("eleme.msgNew.getPushFailMsg", query, token=""))["result"]
    assert missed == [portal.took[0].fields]
    confirm = {"msgConfirmRequest": {"requestIds": [missed[0]["requestId"]]}}
    assert (await world.eleme("eleme.msgNew.confirmPullMsg", confirm, token=""))["error"] is None
    assert (await world.eleme("eleme.msgNew.getPushFailMsg", query, token=""))["result"] == []
    assert [order["acknowledged"] for order in (await world.ledger("tea-ele"))["orders"]] == [True]


async def test_a_dropped_push_is_found_by_asking_and_a_vanished_one_by_polling(world, portal):
    await world.fault("eleme", "drop", path="push/10")
    dropped = await world.place("tea-ele")
    await world.fault("eleme", "vanish", path="push/10")
    vanished = await world.place("tea-ele")
    missed = (await world.eleme("eleme.msgNew.getPushFailMsg", {"msgQueryRequest": {}}, token=""))["result"]
    assert [json.loads(message["message"])["orderId"] for message in missed] == [dropped["order_id"]]
    waiting = (await world.eleme("eleme.order.getUnprocessOrders", {"shopId": 720032}))["result"]
    assert waiting == [dropped["order_id"], vanished["order_id"]]
    page = {"shopId": 720032, "pageNo": 2, "pageSize": 1}
    second = (await world.eleme("eleme.order.getAllOrders", page))["result"]
    assert (second["total"], [order["id"] for order in second["list"]]) == (2, [vanished["order_id"]])
    assert portal.took == []
    orders = (await world.ledger("tea-ele"))["orders"]
    assert [(order["pushed"], order["state"]) for order in orders] == [(False, "placed")] * 2


async def test_small_messages_that_were_missed_are_handed_out_once(world):
    order_id = (await world.place("tea-ele"))["order_id"]
    await world.fault("eleme", "drop", path="push/45")
    await world.happen("tea-ele", "order.urged", order_id)
    for expected in (["45"], []):
        answer = await world.eleme("eleme.message.getNonReachedOMessages", {"appId": 78194582})
        assert [str(message["type"]) for message in answer["result"]] == expected


async def test_an_order_goes_its_way_by_calls(world, portal):
    order_id = await accepted(world)
    assert await world.order_call("confirmOrderLite", order_id) == wire.WRONG_STATE
    assert await world.order_call("orderPredictFinishTime", order_id, predictTime=1770350400) == ""
    assert await world.order_call("setOrderPrepared", order_id) == ""
    assert await world.state(order_id) == "ready"
    assert await world.order_call("deliveryBySelfLite", order_id) == ""
    (record,) = (await world.eleme("eleme.order.getDeliveryStateRecord", {"orderId": order_id}))["result"]
    assert record["state"] == "selfDelivery"
    info = {"orderId": order_id, "distributorId": 201, "knight": {"id": 1, "name": "小马", "phone": "139"}}
    for state in ("DELIVERY_START", "DELIVERY_COMPLETE"):
        params = {"shopId": 720032, "stateInfo": {**info, "state": state}}
        assert (await world.eleme("eleme.order.selfDeliveryStateSync", params))["error"] is None
    assert await world.state(order_id) == "completed"
    await eventually(lambda: portal.kinds() == ["10", "12", "71", "18"])
    assert portal.took[1].body["role"] == wire.OPEN_PLATFORM
    calls = (await world.ledger("tea-ele"))["calls"]
    assert {(call["type"], call["data"]["order_id"]) for call in calls} >= {
        ("eleme.order.setOrderPrepared", order_id)
    }


@pytest.mark.parametrize(("take", "kind"), [(False, "14"), (True, "17")])
async def test_the_merchant_cancels(world, portal, take, kind):
    order_id = await accepted(world) if take else (await world.place("tea-ele"))["order_id"]
    assert await world.order_call("cancelOrderLite", order_id, type="nonsense") == wire.VALIDATION_FAILED
    assert await world.order_call("cancelOrderLite", order_id, **CANCELLABLE) == ""
    assert await world.order_call("cancelOrderLite", order_id, **CANCELLABLE) == wire.WRONG_STATE
    assert await world.order_call("confirmOrderLite", order_id) == wire.WRONG_STATE
    await eventually(lambda: portal.kinds()[-1] == kind)


async def test_an_unanswered_wish_to_cancel_is_agreed_after_a_quarter_of_an_hour(tmp_path, portal):
    async with running(tmp_path, portal, request_speed=600.0) as world:
        order_id = await accepted(world)
        await world.happen("tea-ele", "order.cancel_requested", order_id, reason="等太久了")
        detail = (await world.eleme("eleme.order.getOrder", {"orderId": order_id}))["result"]
        assert (detail["status"], detail["refundStatus"]) == ("refunding", "applied")
        assert await world.state(order_id) == "accepted"
        await eventually(lambda: portal.kinds() == ["10", "12", "20", "23", "15"])
    assert portal.of("15")[0].body["role"] == wire.SYSTEM


async def test_the_clock_of_a_wish_runs_on_after_a_restart(tmp_path, portal):
    async with running(tmp_path, portal, request_speed=1.0) as world:
        order_id = await accepted(world)
        await world.happen("tea-ele", "order.cancel_requested", order_id)
    async with running(tmp_path, portal) as world:
        await eventually(lambda: portal.kinds()[-2:] == ["23", "15"])
        assert await world.state(order_id) == "cancelled"


async def test_a_wish_is_refused_withdrawn_or_agreed(world, portal):
    order_id = await accepted(world)
    await world.happen("tea-ele", "order.refund_requested", order_id, whole=False, amount=300)
    assert portal.of("30")[0].body["totalPrice"] == 3.0
    assert await world.order_call("disagreeRefundLite", order_id, reason="已经做好了") == ""
    await world.happen("tea-ele", "order.refund_requested", order_id)
    await world.happen("tea-ele", "order.withdrawn", order_id)
    assert await world.order_call("agreeRefundLite", order_id) == wire.WRONG_STATE
    await world.happen("tea-ele", "order.refund_requested", order_id)
    assert await world.order_call("agreeRefundLite", order_id) == ""
    await eventually(lambda: portal.kinds() == ["10", "12", "30", "32", "30", "31", "30", "33", "15"])
    assert await world.state(order_id) == "cancelled"


async def test_an_urge_is_answered_once(world, portal):
    order_id = (await world.place("tea-ele"))["order_id"]
    await world.happen("tea-ele", "order.urged", order_id)
    open_urges = (await world.eleme("eleme.order.getUnreplyReminders", {"shopId": 720032}))["result"]
    reminder = portal.of("45")[0].body["reminderId"]
    assert open_urges == [{"reminderId": reminder, "orderId": order_id}]
    reply = {"remindId": reminder, "type": "custom", "content": "马上好"}
    assert await world.order_call("replyReminder", order_id, **{**reply, "content": "好" * 31})
    assert await world.order_call("replyReminder", order_id, **reply) == ""
    assert await world.order_call("replyReminder", order_id, **reply) == ""
    assert (await world.eleme("eleme.order.getUnreplyReminders", {"shopId": 720032}))["result"] == []
    await eventually(lambda: portal.kinds() == ["10", "45", "46"])


async def test_a_store_is_closed_by_a_call_and_read_back(world, portal):
    close = {"shopId": 720032, "properties": {"isOpen": 0}}
    await world.fault("eleme", "deaf")
    for expected in (1, 0):
        await world.eleme("eleme.shop.updateShopBasicInfo", close)
        read = (await world.eleme("eleme.shop.mgetShopStatus", {"shopIds": [720032]}))["result"]
        assert read == {"720032": {"id": 720032, "isOpen": expected, "isValid": 1}}
    await eventually(lambda: portal.kinds() == ["91"])
    unknown = {**close, "shopId": 1}
    answer = await world.eleme("eleme.shop.updateShopBasicInfo", unknown)
    assert answer["error"]["code"] == wire.SHOP_NOT_FOUND


async def test_riders_carry_what_is_ready(tmp_path, portal):
    async with running(tmp_path, portal, riders=True) as world:
        order_id = await accepted(world)
        await world.order_call("setOrderPrepared", order_id)
        expected = ["10", "12", "51", "52", "53", "54", "55", "56", "18"]
        await eventually(lambda: portal.kinds() == expected)
        assert await world.state(order_id) == "completed"
    arrived = portal.of("54")[0].body
    assert (arrived["state"], bool(arrived["name"])) == ("arrived", True)


async def test_a_call_that_is_not_genuine_is_refused(world):
    forged = await world.eleme("eleme.order.getOrder", {"orderId": "1"}, secret="another")
    stale = await world.eleme("eleme.order.getOrder", {"orderId": "1"}, token="another")
    unknown = await world.eleme("eleme.order.getOrder", {"orderId": "1"})
    nothing = await world.eleme("eleme.order.dance")
    limit = world.fault("eleme", "limit")
    await limit
    limited = await world.eleme("eleme.order.getOrder", {"orderId": "1"})
    assert [answer["error"]["code"] for answer in (forged, stale, unknown, nothing, limited)] == [
        wire.INVALID_SIGNATURE,
        wire.UNAUTHORIZED,
        wire.ORDER_NOT_FOUND,
        wire.METHOD_NOT_ALLOWED,
        wire.EXCEED_LIMIT,
    ]


async def test_a_token_is_renewed_and_outlives_a_restart(tmp_path, portal):
    form = {"grant_type": "refresh_token", "refresh_token": "first-refresh"}
    client = ("78194582", "eleme-secret")
    query = {"shopIds": [720032]}
    async with running(tmp_path, portal) as world:
        await world.fault("eleme", "expired_token")
        expired = await world.eleme("eleme.shop.mgetShopStatus", query)
        wrong = await world.http.post("/platform/eleme/token", data=form, auth=("78194582", "no"))
        token = (await world.http.post("/platform/eleme/token", data=form, auth=client)).json()
    assert expired["error"]["code"] == wire.UNAUTHORIZED
    assert wrong.status_code == 401
    async with running(tmp_path, portal) as world:
        fresh = await world.eleme("eleme.shop.mgetShopStatus", query, token=token["access_token"])
        forms = {**form, "refresh_token": token["refresh_token"]}, {"grant_type": "client_credentials"}
        again = [await world.http.post("/platform/eleme/token", data=data, auth=client) for data in forms]
        old = await world.eleme("eleme.shop.mgetShopStatus", query, token=TOKEN)
    assert fresh["error"] is None
    assert [answer.json()["token_type"] for answer in again] == ["Bearer", "Bearer"]
    assert old["error"]["code"] == wire.UNAUTHORIZED


async def test_accepting_races_with_the_guest_who_cancels(world, portal):
    order_id = (await world.place("tea-ele"))["order_id"]
    await world.fault("eleme", "cancel_races_accept")
    assert await world.order_call("confirmOrderLite", order_id) == wire.WRONG_STATE
    await eventually(lambda: portal.kinds() == ["10", "14"])


async def test_a_degraded_order_is_complete_when_it_is_asked_for(world, portal):
    await world.fault("eleme", "degraded")
    order_id = (await world.place("tea-ele", funding="free"))["order_id"]
    pushed = portal.took[0].body
    asked = (await world.eleme("eleme.order.mgetOrders", {"orderIds": [order_id]}))["result"][order_id]
    assert (pushed["downgraded"], pushed["activityTotal"]) == (True, 0)
    assert (asked["downgraded"], asked["activityTotal"] < 0) == (False, True)


async def test_odd_messages_are_genuine_all_the_same(world, portal):
    await world.fault("eleme", "type_as_text")
    await world.place("tea-ele")
    await world.fault("eleme", "unknown_type")
    await world.place("tea-ele")
    await world.fault("eleme", "folded")
    await world.place("tea-ele")
    as_text, unknown, folded = portal.took
    assert as_text.fields["type"] == "10"
    assert (unknown.kind, "snapshot" in unknown.body) == ("217", True)
    assert folded.body["groups"][0]["items"][0]["attributes"] == []
    assert all(push.genuine for push in portal.took)


async def test_pushes_come_twice_late_swapped_or_forged(world, portal):
    await world.fault("eleme", "duplicate", path="push/10")
    first = (await world.place("tea-ele", fulfilment="platform_courier"))["order_id"]
    await eventually(lambda: portal.kinds() == ["10", "10", "10"])
    assert len({push.fields["requestId"] for push in portal.took}) == 1
    await world.fault("eleme", "wrong_secret")
    await world.happen("tea-ele", "order.urged", first)
    assert [push.genuine for push in portal.of("45")] == [False, True]
    portal.took.clear()
    await world.fault("eleme", "reorder", path="push/12")
    held = await world.happen("tea-ele", "order.accepted_elsewhere", first)
    await world.happen("tea-ele", "order.delivery_updated", first, step="assigned")
    await eventually(lambda: portal.kinds() == ["53", "12"])
    await world.fault("eleme", "late", seconds=0.2)
    late = await world.happen("tea-ele", "order.completed", first)
    await eventually(lambda: portal.kinds() == ["53", "12", "18"])
    assert [answer.json()["attempts"] for answer in (held, late)] == [0, 0]


async def test_an_answer_that_is_too_slow_for_once_is_asked_for_again(world, portal):
    portal.answers.append(0.15)
    await world.fault("eleme", "slow_ack_limit", seconds=0.05)
    assert (await world.place("tea-ele"))["attempts"] == 2


async def test_a_lost_reply_means_that_the_work_was_done(world):
    order_id = (await world.place("tea-ele"))["order_id"]
    await world.fault("eleme", "lost_reply", path="confirmOrderLite")
    with pytest.raises(AssertionError):  # httpx's way to say that an application did not finish its reply
        await world.order_call("confirmOrderLite", order_id)
    assert await world.state(order_id) == "accepted"


async def test_the_address_is_tried_by_get(world):
    answer = await world.http.post("/control/pings", json={"account": "tea-ele"})
    assert answer.json() == {"status": 200, "accepted": True, "problem": ""}
    assert (
        await world.http.post("/control/pings", json={"account": "x"})
    ).status_code == httpx.codes.NOT_FOUND
