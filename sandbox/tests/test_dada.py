"""Dada's calls over HTTP: envelopes, one delivery per origin_id, riders and their callbacks."""

import json

import pytest

from sandbox import dada_wire as wire
from sandbox.app import Options
from sandbox.tests.conftest import ERRAND, eventually, run_sandbox


async def status(sandbox, order_id="mp1"):
    return (await sandbox.dada("status/query", {"order_id": order_id})).json()["result"]["statusCode"]


async def code(sandbox, path, body, **kwargs):
    return (await sandbox.dada(path, body, **kwargs)).json()["code"]


async def test_a_new_errand_is_priced_and_waits_for_a_rider(sandbox, portal):
    reply = (await sandbox.dada("addOrder", ERRAND)).json()
    assert (reply["status"], reply["code"]) == ("success", 0)
    assert set(reply["result"]) == {"distance", "fee", "deliverFee", "couponFee", "tips", "insuranceFee"}
    assert await status(sandbox) == wire.WAITING
    await eventually(lambda: len(portal.callbacks) == 1)
    callback = portal.callbacks[0]
    assert (callback["order_id"], callback["order_status"]) == ("mp1", wire.WAITING)
    expected = wire.callback_signature(callback["client_id"], "mp1", callback["update_time"])
    assert callback["signature"] == expected


async def test_a_wrong_signature_is_refused_and_nothing_is_created(sandbox):
    assert await code(sandbox, "addOrder", ERRAND, secret="wrong") == wire.WRONG_SIGNATURE
    assert await code(sandbox, "status/query", {"order_id": "mp1"}) == wire.ORDER_NOT_FOUND
    assert (await sandbox.ledger())["creates"] == []


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"shop_no": "other"}, wire.SHOP_NOT_FOUND),
        ({"receiver_phone": ""}, wire.UNREADABLE),
        ({"callback": ""}, wire.UNREADABLE),
        ({"origin_id": "x" * 33}, wire.UNREADABLE),
    ],
)
async def test_a_bad_errand_is_refused(sandbox, change, refusal):
    assert await code(sandbox, "addOrder", {**ERRAND, **change}) == refusal


async def test_the_same_origin_id_is_one_delivery(sandbox):
    first = (await sandbox.dada("addOrder", ERRAND)).json()
    again = (await sandbox.dada("addOrder", ERRAND)).json()
    creates = (await sandbox.ledger())["creates"]
    assert again == first
    assert [entry["new"] for entry in creates] == [True, False]
    assert len({entry["delivery"] for entry in creates}) == 1


async def test_an_ended_errand_is_sent_again_by_its_own_call_only(sandbox):
    assert await code(sandbox, "reAddOrder", ERRAND) == wire.ORDER_NOT_FOUND
    await sandbox.dada("addOrder", ERRAND)
    assert await code(sandbox, "reAddOrder", ERRAND) == wire.LIVE_ORDER
    await sandbox.dada("formalCancel", {"order_id": "mp1", "cancel_reason_id": 36})
    assert await code(sandbox, "addOrder", ERRAND) == wire.ENDED_ORDER
    assert await code(sandbox, "reAddOrder", ERRAND) == 0
    assert await status(sandbox) == wire.WAITING


async def test_a_quote_creates_nothing_until_it_is_taken(sandbox):
    quote = (await sandbox.dada("queryDeliverFee", ERRAND)).json()["result"]
    assert await code(sandbox, "status/query", {"order_id": "mp1"}) == wire.ORDER_NOT_FOUND
    await sandbox.fault("dada", "expired_quote")
    taken = {"deliveryNo": quote["deliveryNo"]}
    assert await code(sandbox, "addAfterQuery", taken) == wire.QUOTE_GONE
    assert await code(sandbox, "addAfterQuery", taken) == 0
    assert await code(sandbox, "addAfterQuery", taken) == 0
    assert await code(sandbox, "addAfterQuery", {"deliveryNo": "other"}) == wire.QUOTE_GONE
    creates = (await sandbox.ledger())["creates"]
    assert [(entry["delivery"], entry["new"]) for entry in creates] == [
        (quote["deliveryNo"], True),
        (quote["deliveryNo"], False),
    ]


async def test_a_cancel_works_before_the_pick_up_only(sandbox, portal):
    await sandbox.dada("addOrder", ERRAND)
    cancel = {"order_id": "mp1", "cancel_reason_id": 10000, "cancel_reason": "做不出来"}
    assert (await sandbox.dada("formalCancel", cancel)).json()["result"] == {"deduct_fee": 0.0}
    await eventually(lambda: len(portal.callbacks) == 2)
    told = {entry["order_status"]: entry for entry in portal.callbacks}[wire.CANCELLED]
    assert (told["cancel_reason"], told["cancel_from"]) == ("做不出来", 2)
    other = {**ERRAND, "origin_id": "mp2"}
    await sandbox.dada("addOrder", other)
    for step in ("accept", "fetch"):
        await sandbox.dada(step, {"order_id": "mp2"})
    assert await code(sandbox, "formalCancel", {**cancel, "order_id": "mp2"}) == wire.TOO_LATE
    assert await status(sandbox, "mp2") == wire.DELIVERING


async def test_qa_calls_play_the_rider(sandbox, portal):
    await sandbox.dada("addOrder", ERRAND)
    for step in ("accept", "fetch", "finish"):
        assert await code(sandbox, step, {"order_id": "mp1"}) == 0
    await eventually(lambda: len(portal.callbacks) == 4)
    assert sorted(entry["order_status"] for entry in portal.callbacks) == [1, 2, 3, 4]
    assert all(entry["dm_name"] for entry in portal.callbacks if entry["order_status"] > 1)


async def test_a_rider_goes_the_whole_way(state_dir, portal):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: len(portal.callbacks) == 5)
    assert [entry["order_status"] for entry in portal.callbacks] == [1, 2, 100, 3, 4]


async def test_a_rider_gives_up_and_another_comes(state_dir, portal):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.fault("dada", "gives_up")
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: len(portal.callbacks) == 7)
    assert [entry["order_status"] for entry in portal.callbacks] == [1, 2, 1, 2, 100, 3, 4]
    assert portal.callbacks[2]["repeat_reason_type"] == 1


async def test_a_rider_abandons_an_errand(state_dir, portal):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.fault("dada", "abandons")
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: len(portal.callbacks) == 3)
    assert [entry["order_status"] for entry in portal.callbacks] == [1, 2, 5]
    assert portal.callbacks[2]["cancel_from"] == 1


@pytest.mark.parametrize(("confirmed", "end"), [(1, [5]), (0, [3, 4]), (None, [5])])
async def test_a_rider_asks_to_be_let_off(state_dir, portal, confirmed, end):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.fault("dada", "rider_cancels", seconds=0.2 if confirmed is None else 10)
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: "messageType" in portal.callbacks[-1] if portal.callbacks else False)
        asked = json.loads(portal.callbacks[-1]["messageBody"])
        assert (portal.callbacks[-1]["messageType"], asked["orderId"]) == (1, "mp1")
        if confirmed is not None:
            body = json.dumps({"orderId": "mp1", "dadaOrderId": asked["dadaOrderId"], "isConfirm": confirmed})
            answer = await sandbox.dada("confirm", {"messageType": 1, "messageBody": body}, area="message")
            assert answer.json()["code"] == 0
        await eventually(lambda: len(portal.callbacks) == 4 + len(end))
    assert [entry["order_status"] for entry in portal.callbacks[4:]] == end


async def test_what_nobody_took_comes_back_and_the_store_may_confirm_it(state_dir, portal):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.fault("dada", "returns")
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: len(portal.callbacks) == 6)
    assert [entry["order_status"] for entry in portal.callbacks] == [1, 2, 100, 3, 9, 10]
    async for sandbox in run_sandbox(Options(state_dir, riders=False), portal):
        await sandbox.dada("addOrder", {**ERRAND, "origin_id": "mp2"})
        goods = {"order_id": "mp2"}
        assert await code(sandbox, "confirm/goods", goods) == wire.TOO_LATE
        for step in ("picked_up", "returning"):
            wish = {"courier": "dada", "origin_id": "mp2", "step": step}
            await sandbox.http.post("/control/couriers", json=wish)
        assert await code(sandbox, "confirm/goods", goods) == 0
        assert await status(sandbox, "mp2") == wire.RETURNED


async def test_lies_have_a_right_checksum(sandbox, portal):
    await sandbox.fault("dada", "forged")
    await sandbox.dada("addOrder", ERRAND)
    await eventually(lambda: len(portal.callbacks) == 3)
    lies = portal.callbacks[:2]  # the third went to an address that is nobody's
    assert [lie["order_status"] for lie in lies] == [wire.DONE, wire.DONE]
    for lie in lies:
        expected = wire.callback_signature(lie["client_id"], lie["order_id"], lie["update_time"])
        assert lie["signature"] == expected
    assert portal.callbacks[2]["order_status"] == wire.WAITING
    state = (await sandbox.http.get("/control/couriers")).json()["couriers"]["dada"]
    assert state["forged"] == {"404": 1, "200": 2}


async def test_nobody_accepts(state_dir, portal):
    async for sandbox in run_sandbox(Options(state_dir, rider_scale=0.01), portal):
        await sandbox.fault("dada", "nobody_accepts", seconds=1)
        await sandbox.dada("addOrder", ERRAND)
        await eventually(lambda: len(portal.callbacks) == 2)
    assert (portal.callbacks[1]["order_status"], portal.callbacks[1]["cancel_from"]) == (wire.CANCELLED, 3)


async def test_a_lost_reply_leaves_the_errand_created(sandbox):
    await sandbox.fault("dada", "lost_reply", path="addOrder")
    with pytest.raises(AssertionError):  # httpx's way to say that an application did not finish its reply
        await sandbox.dada("addOrder", ERRAND)
    assert await status(sandbox) == wire.WAITING
    assert len((await sandbox.ledger())["creates"]) == 1


@pytest.mark.parametrize(("kind", "expected"), [("error500", 500), ("error429", 429), ("garbage", 200)])
async def test_a_spoilt_answer_means_that_nothing_was_done(sandbox, kind, expected):
    await sandbox.fault("dada", kind, order="mp1", seconds=3)
    answer = await sandbox.dada("addOrder", ERRAND)
    assert answer.status_code == expected
    assert answer.headers.get("retry-after") == ("3" if kind == "error429" else None)
    assert (await sandbox.ledger())["creates"] == []
    assert await code(sandbox, "addOrder", ERRAND) == 0


async def test_callbacks_can_be_doubled_and_overtaken(sandbox, portal):
    await sandbox.fault("dada", "shuffled_callbacks", order="mp1")
    await sandbox.dada("addOrder", ERRAND)
    await sandbox.fault("dada", "duplicate_callbacks", order="mp1")
    await sandbox.dada("accept", {"order_id": "mp1"})
    await eventually(lambda: len(portal.callbacks) == 4)
    assert [entry["order_status"] for entry in portal.callbacks] == [2, 2, 2, 1]


async def test_errands_and_creates_survive_a_restart(state_dir, portal):
    options = Options(state_dir, riders=False)
    async for sandbox in run_sandbox(options, portal):
        await sandbox.dada("addOrder", ERRAND)
        await sandbox.dada("accept", {"order_id": "mp1"})
        before = (
            (await sandbox.ledger())["creates"],
            (await sandbox.dada("status/query", {"order_id": "mp1"})).json(),
        )
    async for sandbox in run_sandbox(options, portal):
        after = (
            (await sandbox.ledger())["creates"],
            (await sandbox.dada("status/query", {"order_id": "mp1"})).json(),
        )
    assert after == before


async def test_an_unknown_fault_is_explained(sandbox):
    answer = await sandbox.http.post("/control/faults", json={"target": "dada", "kind": "sulks"})
    assert answer.status_code == 422
    assert "nobody_accepts" in answer.json()["error"]
