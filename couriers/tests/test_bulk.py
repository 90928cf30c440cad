"""Bulk hand-off: one tap, many orders, each with its own result, whatever dies in between."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from couriers import bulk
from couriers.models import BulkHandOff, BulkItem, CarrierSearch, HandOff
from couriers.tests.factories import NOW, make_account, make_order, make_rider, make_staff, make_store
from couriers.tests.test_killed import start_worker
from couriers.tests.work import run_jobs
from orders.models import Order
from orders.states import OrderState
from outbox.models import Job
from stores.models import Store

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "0a7c1f0e-6f0e-4a53-9d0a-0f6f0a9a2c11"}


class Counter:
    """A store, somebody of its staff signed in, and how they tap."""

    def __init__(self) -> None:
        self.store = make_store()
        self.rider = make_rider(self.store)
        self.client = Client()
        self.client.force_login(make_staff(self.store))

    def tap(self, orders: list[int], target: str | None = None, **more: str) -> Any:
        address = f"/api/v1/stores/{self.store.pk}/handoffs"
        body = {"orders": orders, "target": target or f"rider:{self.rider.pk}"}
        return self.client.post(address, data=body, content_type="application/json", headers=KEY | more)

    def progress(self, number: int) -> Any:
        return self.client.get(f"/api/v1/stores/{self.store.pk}/handoffs/{number}").json()


class Trouble:
    """A database that gives up the second hand-off that is written, as after a deadlock."""

    def __init__(self) -> None:
        self.written = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.written += sql.startswith('INSERT INTO "couriers_handoff"')
        if sql.startswith('INSERT INTO "couriers_handoff"') and self.written == 2:
            raise OperationalError("deadlock detected")
        return execute(sql, params, many, context)


@pytest.fixture
def counter() -> Counter:
    return Counter()


def make_orders(store: Store, count: int, **values: Any) -> list[int]:
    return [make_order(store, **values).pk for _ in range(count)]


def test_each_order_of_a_tap_is_handed_off_and_has_its_result(counter: Counter) -> None:
    good = make_orders(counter.store, 2)
    fetched = make_order(counter.store, fulfilment="pickup")
    reply = counter.tap([*good, fetched.pk])
    assert (reply.status_code, reply.json()["total"]) == (202, 3)
    number = reply.json()["id"]
    assert (counter.progress(number)["waiting"], HandOff.objects.count()) == (3, 0)

    run_jobs(timezone.now())

    told = counter.progress(number)
    numbers = dict(Order.objects.values_list("pk", "daily_number"))
    reason = "Only orders that the store delivers are handed off."
    assert told == {
        "total": 3,
        "done": 2,
        "refused": 1,
        "waiting": 0,
        "items": [
            {"order": fetched.pk, "number": numbers[fetched.pk], "outcome": "refused", "detail": reason},
            *({"order": order, "number": numbers[order], "outcome": "done", "detail": ""} for order in good),
        ],
    }
    assert sorted(HandOff.objects.values_list("order", "rider")) == [(o, counter.rider.pk) for o in good]


def test_a_courier_gets_many_orders_with_one_tap(counter: Counter) -> None:
    account = make_account(counter.store)
    order = make_order(counter.store)
    counter.tap([order.pk], f"courier:{account.pk}")
    run_jobs(timezone.now())
    assert list(HandOff.objects.values_list("order", "account")) == [(order.pk, account.pk)]


def test_whom_the_policy_asks_first_is_found_for_each_order(counter: Counter) -> None:
    orders = make_orders(counter.store, 2)
    number = counter.tap(orders, "auto").json()["id"]
    run_jobs(timezone.now())
    assert counter.progress(number)["done"] == 2
    assert list(CarrierSearch.objects.order_by("order").values_list("order", "state")) == [
        (order, "seeking") for order in orders
    ]


def test_the_same_tap_twice_is_one(counter: Counter) -> None:
    orders = make_orders(counter.store, 2)
    first, second = (counter.tap(orders).json() for _ in range(2))
    run_jobs(timezone.now())
    assert first == second
    assert (BulkHandOff.objects.count(), HandOff.objects.count()) == (1, 2)


def test_a_chunk_done_again_does_nothing_twice(counter: Counter) -> None:
    """As after a kill between the hand-off and the note that it was done."""
    orders = make_orders(counter.store, 2)
    number = counter.tap(orders).json()["id"]
    run_jobs(timezone.now())
    BulkItem.objects.update(outcome="")
    Job.objects.filter(kind="handoff.bulk").update(state=Job.State.DUE, attempts=0)

    run_jobs(timezone.now())

    told = counter.progress(number)
    assert (told["done"], told["refused"], HandOff.objects.count()) == (2, 0, 2)


def test_a_long_list_is_worked_off_chunk_by_chunk(counter: Counter) -> None:
    orders = make_orders(counter.store, bulk.CHUNK + 1)
    number = counter.tap(orders).json()["id"]
    run_jobs(timezone.now())
    assert counter.progress(number)["done"] == bulk.CHUNK + 1
    assert Job.objects.filter(kind="handoff.bulk", state=Job.State.DONE).count() == 2


def test_who_was_faster_is_a_result_of_the_order(counter: Counter) -> None:
    order = make_order(counter.store)
    counter.tap([order.pk])
    run_jobs(timezone.now())
    again = counter.tap([order.pk], None, **{"Idempotency-Key": "another"}).json()["id"]
    run_jobs(timezone.now())
    assert counter.progress(again)["items"][0]["detail"] == "The order has been handed off already."


def test_an_order_that_moved_on_to_another_store_is_not_given_away(counter: Counter) -> None:
    order = make_order(counter.store)
    number = counter.tap([order.pk]).json()["id"]
    Order.objects.filter(pk=order.pk).update(store=make_store(counter.store.franchise))
    run_jobs(timezone.now())
    assert counter.progress(number)["items"][0]["detail"] == "Another store makes it now."
    assert not HandOff.objects.exists()


def test_reasons_come_in_the_language_of_whoever_tapped(counter: Counter) -> None:
    order = make_order(counter.store, fulfilment="pickup")
    number = counter.tap([order.pk], None, **{"Accept-Language": "de"}).json()["id"]
    run_jobs(timezone.now())
    assert counter.progress(number)["items"][0]["detail"].startswith("Nur ")


def test_an_order_that_fails_unexpectedly_holds_up_none_behind_it(counter: Counter) -> None:
    orders = make_orders(counter.store, 3)
    number = counter.tap(orders).json()["id"]
    with connection.execute_wrapper(Trouble()):
        run_jobs(timezone.now())
    told = counter.progress(number)
    assert (told["done"], told["refused"], told["waiting"]) == (2, 1, 0)
    assert told["items"][0]["detail"] == "This did not work. Try again."
    assert list(HandOff.objects.order_by("order").values_list("order", flat=True)) == [orders[0], orders[2]]


def test_what_waits_behind_a_job_that_was_given_up_is_taken_up_again(counter: Counter) -> None:
    number = counter.tap(make_orders(counter.store, 2), None, **{"Accept-Language": "de"}).json()["id"]
    assert bulk.take_up(now=timezone.now()) == 0  # its job is only late
    Job.objects.update(state=Job.State.DEAD)

    assert bulk.take_up(now=timezone.now() + timedelta(hours=2)) == 0
    assert bulk.take_up(now=timezone.now()) == 1
    assert bulk.take_up(now=timezone.now()) == 0

    run_jobs(timezone.now())
    assert counter.progress(number)["done"] == 2
    assert Job.objects.filter(kind="handoff.bulk", state=Job.State.DONE).get().payload["language"] == "de"


def test_orders_of_other_stores_are_left_out(counter: Counter) -> None:
    foreign = make_order()
    own = make_order(counter.store)
    assert counter.tap([foreign.pk, own.pk, own.pk]).json()["total"] == 1
    run_jobs(timezone.now())
    assert list(HandOff.objects.values_list("order", flat=True)) == [own.pk]


@pytest.mark.parametrize(
    ("orders", "target"),
    [
        ([], "auto"),
        ([1] * 1_001, "auto"),
        ([10**30], "auto"),
        ([2**63], "auto"),
        ([0], "auto"),
        ([1], "rider:x"),
        ([1], "rider:999"),
        ([1], "courier:999"),
        ([1], ""),
    ],
)
def test_what_cannot_be_is_refused_and_begins_nothing(
    counter: Counter, orders: list[int], target: str
) -> None:
    address = f"/api/v1/stores/{counter.store.pk}/handoffs"
    body = {"orders": orders, "target": target}
    assert counter.client.post(address, data=body, content_type="application/json").status_code == 422
    assert not BulkHandOff.objects.exists()


def test_a_foreign_carrier_is_not_there(counter: Counter) -> None:
    elsewhere = make_store()
    targets = (f"rider:{make_rider(elsewhere).pk}", f"courier:{make_account(elsewhere).pk}")
    order = make_order(counter.store)
    assert [counter.tap([order.pk], target).status_code for target in targets] == [422, 422]


def test_the_progress_costs_the_same_queries_for_one_and_for_many(
    counter: Counter, django_assert_num_queries: Any
) -> None:
    number = counter.tap(make_orders(counter.store, 5)).json()["id"]
    with django_assert_num_queries(6):
        counter.progress(number)


def test_a_foreign_bulk_hand_off_is_not_there(counter: Counter) -> None:
    number = counter.tap([make_order(counter.store).pk]).json()["id"]
    other = Counter()
    assert other.client.get(f"/api/v1/stores/{other.store.pk}/handoffs/{number}").status_code == 404
    assert other.client.get(f"/api/v1/stores/{counter.store.pk}/handoffs/{number}").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_worker_killed_amid_a_chunk_leaves_nothing_undone_and_nothing_done_twice(counter: Counter) -> None:
    orders = make_orders(counter.store, bulk.CHUNK)
    number = counter.tap(orders).json()["id"]
    worker = start_worker()
    while not HandOff.objects.exists():
        assert worker.poll() is None
    worker.kill()
    worker.wait()
    Job.objects.filter(kind="handoff.bulk").update(lease_until=None)

    run_jobs(timezone.now())

    told = counter.progress(number)
    assert (told["done"], told["refused"], HandOff.objects.count()) == (bulk.CHUNK, 0, bulk.CHUNK)


def test_a_pick_up_code_finds_its_bag(counter: Counter) -> None:
    order = make_order(counter.store, state=OrderState.MAKING)
    counter.tap([order.pk])
    run_jobs(timezone.now())
    HandOff.objects.update(pickup_code="0427", bag=2, bags=3, arrived_at=NOW)
    address = f"/api/v1/stores/{counter.store.pk}/pickup"
    assert counter.client.get(f"{address}/0427").json()["bags"] == [
        {
            "order": order.pk,
            "number": order.daily_number,
            "channel": "standard",
            "account": order.account.slug,
            "bag": 2,
            "bags": 3,
            "state": "making",
            "ready": False,
            "picked_up": False,
            "carrier_name": "Old Wang",
            "rider": "Old Wang",
            "here": "2026-02-06T04:00:00.000Z",
        }
    ]
    assert counter.client.get(f"{address}/0428").json() == {"bags": []}
    assert counter.client.get(f"{address}/x").status_code == 422
    other = Counter()
    assert other.client.get(f"/api/v1/stores/{other.store.pk}/pickup/0427").json() == {"bags": []}
    assert other.client.get(f"{address}/0427").status_code == 404
