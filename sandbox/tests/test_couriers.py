"""What all couriers share: riders, misbehaviour, lies, a ledger that survives, and haste."""

import asyncio

import httpx
import pytest
import uvicorn
from starlette.responses import JSONResponse

from sandbox.app import Options, create_app
from sandbox.tests.conftest import eventually
from sandbox.tests.street import Listener, Street, street

NEW = ("peisong", "uber", "doordash")


@pytest.fixture
def portal():
    return Listener()


@pytest.fixture
async def city(tmp_path, portal):
    async with street(tmp_path, portal) as found:
        yield found


async def create(city, courier, number):
    """Create one; its origin is "mp" and the number."""
    if courier == "peisong":
        return await city.job(number)
    return await (city.parcel if courier == "uber" else city.drop)(f"mp{number}")


def state_of(heard):
    """What a callback says, in its courier's word."""
    if "peisong" in heard.path:
        return heard.form["status"]
    return heard.json.get("event_name") or heard.json["status"]


STORIES = {
    ("peisong", "gives_up"): ["0", "20", "0", "20", "30", "50"],
    ("peisong", "abandons"): ["0", "20", "99"],
    ("peisong", "nobody_accepts"): ["0", "99"],
    ("uber", "gives_up"): [
        "pending", "pickup", "pending", "pickup", "pickup",
        "pickup_complete", "dropoff", "dropoff", "delivered",
    ],
    ("uber", "abandons"): ["pending", "pickup", "canceled"],
    ("uber", "nobody_accepts"): ["pending", "canceled"],
    ("doordash", "abandons"): ["DASHER_CONFIRMED", "DELIVERY_CANCELLED"],
    ("doordash", "nobody_accepts"): ["DELIVERY_CANCELLED"],
    ("doordash", "returns"): [
        "DASHER_CONFIRMED", "DASHER_CONFIRMED_PICKUP_ARRIVAL", "DASHER_PICKED_UP",
        "DASHER_CONFIRMED_DROPOFF_ARRIVAL", "DELIVERY_RETURN_INITIALIZED", "DELIVERY_RETURNED",
    ],
}  # fmt: skip


async def test_riders_do_what_a_test_wishes(tmp_path, portal):
    expected = {}
    async with street(tmp_path, portal, riders=True) as city:
        for number, ((courier, kind), story) in enumerate(STORIES.items()):
            await city.fault(courier, kind, order=f"mp{number}", seconds=1)
            await create(city, courier, str(number))
            expected[f"mp{number}"] = story
        await eventually(lambda: len(portal.heard) == sum(map(len, expected.values())))
    told = {origin: [] for origin in expected}
    for heard in portal.heard:
        fields = heard.form if "peisong" in heard.path else heard.json
        origin = fields.get("order_id") or fields.get("external_delivery_id") or fields["data"]["external_id"]
        told[origin].append(state_of(heard))
    assert told == expected


@pytest.mark.parametrize("courier", NEW)
async def test_lies_are_told_beside_the_truth(city, portal, courier):
    def answer(number):
        return JSONResponse({"code": 0}, status_code=number)

    portal.answers = [answer(401) for _ in range(2)] + [answer(404)]
    await city.fault(courier, "forged")
    await create(city, courier, "7")
    if courier == "doordash":
        await city.step(courier, "mp7", "assigned")
    state = await city.told(courier, answers=1)
    assert sum(state["forged"].values()) == len(portal.heard) - 1
    lies, truth = portal.heard[:-1], portal.heard[-1]
    assert {state_of(lie) for lie in lies} <= {"50", "delivered", "DASHER_DROPPED_OFF"}
    assert lies[-1].path == f"/couriers/{courier}/account/tokenx/"
    assert {lie.path for lie in lies[:-1]} == {truth.path}
    assert state_of(truth) in {"0", "pending", "DASHER_CONFIRMED"}
    assert [row["state"] for row in await city.ledger()] != ["delivered"]


async def test_news_can_be_doubled_held_back_or_left_out(city, portal):
    await city.fault("uber", "shuffled_callbacks", order="mp7")
    await city.parcel("mp7")
    await city.fault("uber", "duplicate_callbacks", order="mp7")
    await city.step("uber", "mp7", "assigned")
    await eventually(lambda: len(portal.heard) == 4)
    await city.fault("uber", "no_callbacks", order="mp7")
    await city.step("uber", "mp7", "at_store", "picked_up")
    await eventually(lambda: len(portal.heard) == 5)
    assert [state_of(heard) for heard in portal.heard] == [
        "pickup", "pickup", "pickup", "pending", "pickup_complete",
    ]  # fmt: skip
    assert len({heard.json["id"] for heard in portal.heard}) == 3


async def test_what_is_held_back_comes_at_last(city, portal):
    await city.fault("uber", "shuffled_callbacks", seconds=0.01)
    await city.parcel("mp7")
    await eventually(lambda: len(portal.heard) == 1)


async def test_some_news_changes_nothing(tmp_path, portal):
    async with street(tmp_path, portal, riders=True) as city:
        for courier in NEW:
            await city.fault(courier, "chatter")
            await create(city, courier, "7")
        await eventually(lambda: len(portal.heard) == 5 + 8 + 6)
    shops = [heard.form for heard in portal.heard if "peisong" in heard.path and "shop_id" in heard.form]
    assert [(shop["shop_id"], shop["status"]) for shop in shops] == [("QHSH01", "40")]
    kinds = [heard.json["kind"] for heard in portal.heard if "uber" in heard.path]
    assert kinds.count("event.courier_update") == 1
    events = [heard.json["event_name"] for heard in portal.heard if "doordash" in heard.path]
    assert events.count("DELIVERY_BATCHED") == 1


async def test_an_account_can_be_singled_out_and_a_share_of_calls(city):
    await city.fault("doordash", "error500", path="test_developer/", share=0.5, times=-1)
    await city.fault("doordash", "error500", path="another_developer/", times=-1)
    answers = [(await city.drop(f"mp{number}")).status_code for number in range(40)]
    assert set(answers) == {200, 500}
    assert len(await city.ledger()) == answers.count(200)


async def test_the_ledger_tells_when_each_errand_was_live(city):
    await city.job("7")
    await city.parcel("mp8")
    await city.step("uber", "mp8", "assigned", "cancelled")
    await city.drop("mp9")
    live, ended, other = await city.ledger()
    assert (live["origin_id"], live["state"], live["ended_at"]) == ("mp7", "searching", None)
    assert (ended["courier"], ended["account"], ended["state"]) == ("uber", "test_customer", "cancelled")
    assert ended["created_at"] <= ended["ended_at"]
    pages, after = [], ""
    for _ in range(3):
        page = {"couriers": 1, "limit": 1, "after": after}
        found = (await city.http.get("/control/ledger", params=page)).json()
        pages += found["errands"]
        after = found["next"]
    assert (len(pages), after) == (3, "")
    assert [row[2] for row in pages] == ["mp7", "mp8", "mp9"]
    shown = (await city.http.get("/control/couriers", params={"origin_id": "mp9"})).json()["errands"]
    assert [(errand["courier"], errand["number"]) for errand in shown] == [("doordash", other["number"])]
    creates = (await city.http.get("/control/ledger")).json()["creates"]
    assert [(entry["courier"], entry["origin_id"], entry["new"]) for entry in creates] == [
        ("peisong", "mp7", True),
        ("uber", "mp8", True),
        ("doordash", "mp9", True),
    ]


@pytest.mark.parametrize(
    "wish", [{"courier": "sf"}, {"courier": "uber", "origin_id": "mp7", "step": "delivered"}]
)
async def test_what_a_courier_cannot_do_is_explained(city, wish):
    answer = await city.http.post("/control/couriers", json=wish)
    assert answer.status_code == 422
    assert answer.json()["error"]


async def test_errands_go_on_after_a_kill(tmp_path, portal):
    async with street(tmp_path, portal) as city:
        for courier in NEW:
            await create(city, courier, "7")
            await city.step(courier, "mp7", "assigned")
        await city.parcel("mp7")
        before = await city.ledger()
        creates = (await city.http.get("/control/ledger")).json()["creates"]
    async with street(tmp_path, portal) as city:
        assert await city.ledger() == before
        assert (await city.http.get("/control/ledger")).json()["creates"] == creates
        assert [entry["new"] for entry in creates] == [True, True, True, False]
        assert (await city.parcel("mp7")).json()["status"] == "pickup"
        assert (await city.drop("mp7")).status_code == 409
    async with street(tmp_path, portal, riders=True) as city:
        await eventually(lambda: "DASHER_DROPPED_OFF" in [state_of(heard) for heard in portal.heard])


async def test_in_haste_only_the_end_is_told(tmp_path, portal):
    async with street(tmp_path, portal, riders=True, rider_scale=0) as city:
        for number in range(30):
            await create(city, NEW[number % 3], str(number))
        await eventually(lambda: len(portal.heard) == 30)
        ledger = await city.ledger()
    assert {row["state"] for row in ledger} == {"delivered"}
    assert {state_of(heard) for heard in portal.heard} == {"50", "delivered", "DASHER_DROPPED_OFF"}


FAILURES = {
    "lost_request": httpx.RemoteProtocolError,
    "lost_reply": httpx.RemoteProtocolError,
    "hang": httpx.ReadTimeout,
    "slow": httpx.ReadTimeout,
}


async def test_over_a_real_line_replies_and_requests_are_lost_and_calls_are_slow(tmp_path):
    app = create_app(Options(tmp_path, riders=False))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=0.5) as http:
        city = Street(http, Listener())
        for kind, error in FAILURES.items():
            await city.fault("doordash", kind, path="create", seconds=1)
            with pytest.raises(error):
                await city.drop(kind)
        created = {}
        while len(created) < 2:
            created = {row["origin_id"] for row in await city.ledger()}
            await asyncio.sleep(0.01)
    server.should_exit = True
    await serving
    assert created == {"lost_reply", "slow"}, "the others never reached it"
