"""What the platforms share: stores on several of them, numbers, faults for a share, what is remembered."""

import asyncio
import json
from collections import Counter
from random import Random

import pytest

from sandbox.brand import BadBrand, read_brand
from sandbox.faults import Faults, UnknownFault
from sandbox.gcj02 import to_gcj02
from sandbox.order_book import Order, OrderBook
from sandbox.tests.conftest import BRAND
from sandbox.tests.receiver import Receiver, on_loopback, running, three_platforms


@pytest.fixture
async def portal():
    receiver = Receiver()
    async with on_loopback(receiver):
        yield receiver


def write(folder, brand):
    path = folder / "brand.json"
    path.write_text(json.dumps(brand))
    return path


def test_an_old_brand_file_is_still_read(tmp_path):
    (account,) = read_brand(write(tmp_path, BRAND)).accounts
    assert (account.channel, account.app_id, account.tries, account.token) == ("standard", "", 3, "")
    assert account.stores[0].key == "SH-01"


@pytest.mark.parametrize(
    ("place", "changes"), [(1, {"app_id": "key"}), (2, {"app_id": ""}), (0, {"channel": "x"})]
)
def test_what_no_platform_could_use_is_refused(tmp_path, place, changes):
    brand = three_platforms("http://portal")
    brand["accounts"][place] = {**brand["accounts"][place], **changes}
    with pytest.raises(BadBrand):
        read_brand(write(tmp_path, brand))


async def test_a_store_is_found_by_its_codes_and_narrowed_by_the_account(tmp_path, portal):
    async with running(tmp_path, portal) as world:
        orders = {}
        for wish in ({"store_code": "720032"}, {"store_code": "SH-01", "account": "tea-mt"}):
            answer = await world.http.post("/control/orders", json=wish)
            orders[answer.json()["orders"][0]["account"]] = answer.json()["orders"][0]["order_id"]
        assert set(orders) == {"tea-ele", "tea-mt"}
        cancel = {"store_code": "SH-01", "type": "order.cancelled", "order_id": orders["tea-mt"]}
        assert (await world.http.post("/control/messages", json=cancel)).json()["type"] == "cancelled"
        wrong = {"store_code": "720032", "account": "tea-mt"}
        assert (await world.http.post("/control/orders", json=wrong)).status_code == 404
        unknown = {"store_code": "poi_1", "type": "order.danced", "order_id": orders["tea-mt"]}
        assert (await world.http.post("/control/messages", json=unknown)).status_code == 409


async def test_guests_spread_over_the_platforms(tmp_path, portal):
    async with running(tmp_path, portal) as world:
        wish = {"running": True, "time": "12:00", "intensity": 400, "speed": 1}
        await world.http.post("/control/wave", json=wish)
        counts = Counter()
        while sum(counts.values()) < 100:
            await asyncio.sleep(0.05)
            orders = (await world.ledger())["orders"]
            counts = Counter(order["channel"] for order in orders)
        await world.http.post("/control/wave", json={"running": False})
    assert counts["meituan"] > counts["standard"] > 0 < counts["eleme"]


async def test_numbers_and_states_are_remembered(tmp_path, portal):
    async with running(tmp_path, portal) as world:
        first = await world.place("tea-mt")
        await world.happen("tea-mt", "order.accepted_elsewhere", first["order_id"])
        before = (await world.ledger("tea-mt"))["orders"]
    async with running(tmp_path, portal) as world:
        assert (await world.ledger("tea-mt"))["orders"] == before
        await world.place("tea-mt")
        orders = (await world.ledger("tea-mt"))["orders"]
    shown = ("account", "channel", "store_code", "state", "acknowledged", "pushed", "number")
    assert [tuple(order[name] for name in shown) for order in orders] == [
        ("tea-mt", "meituan", "poi_1", "accepted", True, True, 1),
        ("tea-mt", "meituan", "poi_1", "placed", True, True, 2),
    ]


def make_order(number, day="2026-02-06", state="placed"):
    return Order("tea", "standard", f"o{number}", "SH-01", number, day, {}, state)


def test_numbers_begin_anew_every_day_and_outlive_a_full_file(tmp_path, monkeypatch):
    book = OrderBook(tmp_path)
    book.add(make_order(998))
    assert book.next_number("tea", "SH-01", "2026-02-06", most=999) == 999
    book.add(make_order(999, state="completed"))
    assert book.next_number("tea", "SH-01", "2026-02-06", most=999) == 1
    assert book.next_number("tea", "SH-01", "2026-02-07", most=999) == 1
    book.keep_token("tea", {"access_token": "t"})
    book.close()
    monkeypatch.setattr("sandbox.order_book.FILE_LIMIT", 10)
    OrderBook(tmp_path).close()
    again = OrderBook(tmp_path)
    assert again.last_number("tea", "SH-01", "2026-02-06") == 999
    assert again.public() == book.public()
    assert again.tokens == {"tea": {"access_token": "t"}}
    again.close()


def test_orders_that_ended_are_forgotten_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.order_book.KEPT_ORDERS", 2)
    book = OrderBook(tmp_path)
    for number in (1, 2, 3):
        book.add(make_order(number, state="completed"))
    assert [order["order_id"] for order in book.public()] == ["o2", "o3"]
    assert [order.order_id for order in book.of_store("tea", "SH-01")] == ["o2", "o3"]
    book.close()


def test_a_fault_may_strike_a_share_only():
    faults = Faults()
    faults.dice = Random(6)
    faults.add({"target": "eleme", "kind": "drop", "times": -1, "share": 0.05})
    struck = sum(faults.take("eleme", {"drop"}) is not None for _ in range(2000))
    assert 60 < struck < 140
    with pytest.raises(UnknownFault):
        faults.add({"target": "standard", "kind": "drop"})


def test_positions_are_shifted_to_the_datum_of_chinese_maps():
    assert to_gcj02(31.2335, 121.4755) == (31.231554, 121.480017)
