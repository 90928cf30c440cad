"""What tests may ask of the sandbox."""

from sandbox.tests.conftest import eventually


async def test_the_wave_is_started_set_and_stopped(sandbox, portal):
    wish = {"running": True, "time": "12:00", "intensity": 200}
    state = (await sandbox.http.post("/control/wave", json=wish)).json()
    assert (state["running"], state["time"], state["intensity"]) == (True, "12:00", 200.0)
    await eventually(lambda: len(portal.pushes) > 5)
    await sandbox.http.post("/control/wave", json={"running": False})
    assert (await sandbox.http.get("/control/wave")).json()["orders_per_minute"] == 0


async def test_nonsense_about_the_wave_is_refused(sandbox):
    assert (await sandbox.http.post("/control/wave", json={"time": "noon"})).status_code == 422


async def test_orders_and_messages_are_pushed_on_demand(sandbox, portal):
    wish = {"store_code": "SH-01", "count": 3, "funding": "paid", "fulfilment": "pickup"}
    orders = (await sandbox.http.post("/control/orders", json=wish)).json()["orders"]
    assert [order["acknowledged"] for order in orders] == [True, True, True]
    cancel = {
        "type": "order.cancelled",
        "order_id": orders[0]["order_id"],
        "store_code": "SH-01",
        "by": "customer",
    }
    assert (await sandbox.http.post("/control/messages", json=cancel)).json()["acknowledged"]
    assert len(portal.pushes) == 4
    assert (await sandbox.http.post("/control/orders", json={"store_code": "X"})).status_code == 404


async def test_faults_are_listed_until_they_are_used_or_cleared(sandbox):
    await sandbox.fault("dada", "garbage", times=2)
    assert [fault["times"] for fault in (await sandbox.http.get("/control/faults")).json()["faults"]] == [2]
    assert (await sandbox.http.delete("/control/faults")).json() == {"faults": []}


async def test_riders_and_crew_are_switched(sandbox):
    riders = (await sandbox.http.post("/control/riders", json={"automatic": True, "scale": 0.5})).json()
    crew = (await sandbox.http.post("/control/crew", json={"working": False})).json()
    assert (riders, crew) == ({"automatic": True, "scale": 0.5}, {"working": False})
