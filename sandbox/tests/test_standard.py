"""The pretend platform: pushes until acknowledged, verifies calls, obeys a pause slowly."""

import json
import time

import pytest
from starlette.responses import PlainTextResponse

from sandbox import standard, webhooks
from sandbox.app import Options
from sandbox.gate import LEAKS_FOR, Gate
from sandbox.standard import pause_before
from sandbox.tests.conftest import SECRET, eventually, run_sandbox


async def place(sandbox, **wish):
    return await sandbox.http.post("/control/orders", json={"store_code": "SH-01", **wish})


async def call(sandbox, kind, data, *, secret=SECRET, message_id="job_1"):
    body = json.dumps({"type": kind, "timestamp": "2026-02-06T04:00:00Z", "data": data}).encode()
    headers = webhooks.headers(secret, message_id, int(time.time()), body)
    return await sandbox.http.post("/platform/standard/tea/calls", content=body, headers=headers)


async def test_an_order_is_pushed_signed_and_acknowledged(sandbox, portal):
    placed = (await place(sandbox, funding="free")).json()["orders"]
    headers, body = portal.pushes[0]
    assert webhooks.verify(SECRET, headers, body, time.time())
    event = json.loads(body)
    assert event["type"] == "order.created"
    assert (event["data"]["order_id"], event["data"]["store_code"]) == (placed[0]["order_id"], "SH-01")
    assert [(entry["acknowledged"], entry["status"], entry["attempts"]) for entry in placed] == [
        (True, 200, 1)
    ]


async def test_anything_but_2xx_is_pushed_again_with_the_same_id_and_body(sandbox, portal, monkeypatch):
    monkeypatch.setattr(standard, "FIRST_PAUSE", 0.01)
    portal.answers += [PlainTextResponse("", 503), PlainTextResponse("", 302), PlainTextResponse("", 500)]
    placed = (await place(sandbox)).json()["orders"]
    assert len(portal.pushes) == 4
    assert len({(headers["webhook-id"], body) for headers, body in portal.pushes}) == 1
    assert placed[0]["attempts"] == 4


async def test_a_message_the_portal_calls_wrong_is_given_up(sandbox, portal, monkeypatch):
    monkeypatch.setattr(standard, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr("sandbox.control.ACK_WITHIN", 0.5)
    portal.answers += [PlainTextResponse("", 400) for _ in range(9)]
    await place(sandbox)
    assert len(portal.pushes) == standard.CLIENT_ERROR_ATTEMPTS


async def test_what_was_not_acknowledged_is_pushed_after_a_restart(state_dir, portal, monkeypatch):
    monkeypatch.setattr("sandbox.control.ACK_WITHIN", 0.1)
    portal.answers.append(PlainTextResponse("", 503, headers={"Retry-After": "60"}))
    async for sandbox in run_sandbox(Options(state_dir), portal):
        before = (await place(sandbox)).json()["orders"][0]
    async for sandbox in run_sandbox(Options(state_dir), portal):
        await eventually(lambda: len(portal.pushes) == 2)
        await eventually(lambda: portal.pushes)
        after = (await sandbox.ledger())["sent"][0]
    first, second = portal.pushes
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])
    assert before["acknowledged"] is False
    assert after["id"] == before["id"]


async def test_a_verified_call_is_recorded_once_however_often_it_comes(sandbox):
    for _ in range(2):
        answer = await call(sandbox, "order.accepted", {"order_id": "7", "store_code": "SH-01", "reason": ""})
        assert answer.status_code == 200
    calls = (await sandbox.ledger())["calls"]
    assert [(entry["type"], entry["data"]["order_id"], entry["times"]) for entry in calls] == [
        ("order.accepted", "7", 2)
    ]


async def test_a_forged_call_is_refused_and_not_recorded(sandbox):
    forged = await call(sandbox, "order.accepted", {"order_id": "7"}, secret="whsec_AAAA")
    unknown = await sandbox.http.post("/platform/standard/other/calls")
    assert (forged.status_code, unknown.status_code) == (401, 404)
    assert (await sandbox.ledger())["calls"] == []


async def test_a_pause_is_answered_with_the_level(sandbox):
    data = {"store_code": "SH-01", "level": "paused", "version": 2, "resumes_at": None}
    assert (await call(sandbox, "store.intake", data)).json() == {"level": "paused"}
    older = {**data, "level": "open", "version": 1}
    assert (await call(sandbox, "store.intake", older, message_id="job_2")).json() == {"level": "paused"}


async def test_a_deaf_platform_stays_open(sandbox):
    await sandbox.fault("standard", "deaf")
    data = {"store_code": "SH-01", "level": "paused", "version": 1, "resumes_at": None}
    assert (await call(sandbox, "store.intake", data)).json() == {"level": "open"}
    assert (await call(sandbox, "store.intake", data, message_id="job_2")).json() == {"level": "paused"}


def test_a_pause_takes_hold_slowly_and_leaks_for_a_while():
    gate = Gate()
    gate.set("paused", 1, now=100.0, delay=3.0)
    assert gate.lets_through(102.9, draw=0.99)
    assert gate.lets_through(103.0, draw=0.0)
    assert not gate.lets_through(103.0, draw=0.99)
    assert not gate.lets_through(103.0 + LEAKS_FOR, draw=0.0)
    gate.set("open", 2, now=200.0, delay=3.0)
    assert gate.lets_through(200.0, draw=0.99)


@pytest.mark.parametrize(
    ("attempt", "retry_after", "seconds"),
    [
        (1, "", 0.5),
        (2, "", 1.0),
        (4, "", 4.0),
        (20, "", 15.0),
        (1, "7", 7.0),
        (5, "1", 8.0),
        (1, "soon", 0.5),
    ],
)
def test_pauses_double_up_to_a_limit_and_never_undercut_retry_after(attempt, retry_after, seconds):
    assert pause_before(attempt, 0.5, retry_after) == seconds


async def test_what_the_platform_believes_follows_calls_and_messages(sandbox):
    orders = (await place(sandbox, count=2)).json()["orders"]
    first, second = (order["order_id"] for order in orders)
    await sandbox.fault("standard", "lost_reply", path="order.accepted")
    with pytest.raises(AssertionError):  # httpx's way to say that an application did not finish its reply
        await call(sandbox, "order.accepted", {"order_id": first, "store_code": "SH-01", "reason": ""})
    cancel = {"type": "order.cancelled", "order_id": second, "store_code": "SH-01"}
    await sandbox.http.post("/control/messages", json=cancel)
    believed = (await sandbox.ledger())["orders"]
    shown = ("account", "channel", "order_id", "store_code", "state", "acknowledged", "pushed")
    assert [tuple(order[name] for name in shown) for order in believed] == [
        ("tea", "standard", first, "SH-01", "accepted", True, True),
        ("tea", "standard", second, "SH-01", "cancelled", True, True),
    ]
