"""A search that ended with nobody goes on by itself when somebody can carry it after all, and only then."""

from typing import Any

import pytest

from couriers import seeking_again
from couriers.calls import step_search
from couriers.models import CarrierPolicy, CourierAccount, CourierRest, HandOff, Shift
from couriers.seeking_again import NOT_REACHED
from couriers.services import cancel_hand_off, hand_to_rider, rider_delivered
from couriers.tests.factories import MEI, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import (
    at_work,
    courier,
    news,
    pass_time,
    policy,
    ready,
    search_of,
    shelved,
    tried,
)
from couriers.tests.work import all_at_once, run_all
from orders.models import Order
from orders.services import undo
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
WHILE = NOT_REACHED.total_seconds()


def left(**values: Any) -> Order:
    """A ready order in an automatic store that has nobody to ask."""
    order = shelved()
    policy(order.store, **values)
    ready(order)
    assert alarmed(order)
    return order


def refused(dada: FakeDada) -> Order:
    """A ready order in an automatic store, that its only courier refused."""
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    dada.script["addOrder"].append("no riders today")
    ready(order)
    assert (tried(order), alarmed(order)) == ([("Dada", "failed", "refused")], True)
    return order


def not_reached(dada: FakeDada) -> tuple[Order, CourierAccount]:
    """A ready order in an automatic store, whose only courier could not be reached, and can be by now."""
    order = shelved()
    policy(order.store)
    account = courier(order.store, dada)
    reach(account, "http://127.0.0.1:9/dada")
    ready(order)
    for seconds in (3, 10, 20, 40, 60):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order)) == ([("Dada", "failed", "unreachable")], True)
    reach(account, dada.url)
    CourierRest.objects.all().delete()
    return order, account


def reach(account: CourierAccount, address: str) -> None:
    CourierAccount.objects.filter(pk=account.pk).update(base_url=address)


def alarmed(order: Order) -> bool:
    """Whether the card says that nobody carries it."""
    order.refresh_from_db()
    assert order.delivery is not None
    return bool(order.delivery["search"]["state"] == "nobody")


def step_anyway(order: Order, seconds: float) -> None:
    """A job that came late, or twice."""
    step_search(search_of(order).pk, why=f"late{seconds}", now=after(seconds))
    run_all(after(seconds))


def jobs() -> int:
    return Job.objects.filter(kind="search.step", key__contains="/again").count()


def test_whoever_begins_a_shift_is_asked_and_the_alarm_ends() -> None:
    order = left()
    pass_time(after(30))
    assert (tried(order), alarmed(order), jobs()) == ([], True, 0)
    at_work(order.store)
    pass_time(after(32))
    assert (tried(order), alarmed(order), search_of(order).reason) == (
        [("Old Wang", "confirmed", "")], False, "",
    )  # fmt: skip
    for seconds in (34, 100, 200):
        pass_time(after(seconds))
    assert (len(tried(order)), jobs()) == (1, 1)


def test_whoever_brought_their_orders_is_asked_for_the_next() -> None:
    busy = make_order()
    policy(busy.store, own_most=1)
    rider = at_work(busy.store)
    hand_to_rider(order_id=busy.pk, rider=rider, actor=MEI, now=after(-60))
    order = shelved(store=busy.store)
    ready(order)
    pass_time(after(60))
    assert (tried(order), alarmed(order)) == ([], True)
    rider_delivered(order_id=busy.pk, actor=MEI, now=after(70))
    pass_time(after(72))
    assert (tried(order), alarmed(order)) == ([("Old Wang", "confirmed", "")], False)


def test_whoever_failed_stays_out_of_it_for_good(dada: FakeDada) -> None:
    order = refused(dada)
    for seconds in (30, WHILE + 30, 7200):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order), jobs()) == ([("Dada", "failed", "refused")], True, 0)
    at_work(order.store)
    pass_time(after(7300))
    assert tried(order) == [("Dada", "failed", "refused"), ("Old Wang", "confirmed", "")]
    assert len(search_of(order).excluded) == 1


def test_a_courier_whose_rest_is_over_is_asked_and_not_before(dada: FakeDada) -> None:
    order = left()
    account = courier(order.store, dada)
    CourierRest.objects.create(account=account, began_at=after(1), until=after(300), faults=5, reason="x")
    for seconds in (30, 90, 299):
        pass_time(after(seconds))
        step_anyway(order, seconds)
    assert (tried(order), alarmed(order), jobs()) == ([], True, 0)
    pass_time(after(301))
    assert (tried(order), alarmed(order)) == ([("Dada", "sent", "")], False)


def test_a_courier_that_was_not_reached_is_tried_anew_after_a_good_while(dada: FakeDada) -> None:
    order, account = not_reached(dada)
    ended = (HandOff.objects.get(order=order).ended_at or after(0)).timestamp() - after(0).timestamp()
    pass_time(after(ended + WHILE - 1))
    assert (len(tried(order)), alarmed(order), jobs()) == (1, True, 0)
    CourierRest.objects.create(
        account=account, began_at=after(1), until=after(ended + WHILE + 60), faults=5, reason="x"
    )
    pass_time(after(ended + WHILE + 1))
    assert (len(tried(order)), alarmed(order)) == (1, True)
    pass_time(after(ended + WHILE + 61))
    assert (tried(order), alarmed(order)) == (
        [("Dada", "failed", "unreachable"), ("Dada", "sent", "")], False,
    )  # fmt: skip


def test_who_is_still_not_reached_is_left_alone_as_long_again(dada: FakeDada) -> None:
    order, account = not_reached(dada)
    reach(account, "http://127.0.0.1:9/dada")
    for seconds in range(60, int(WHILE) + 150, 10):
        pass_time(after(seconds))
        CourierRest.objects.all().delete()
    assert tried(order) == [("Dada", "failed", "unreachable")] * 2
    for seconds in range(int(WHILE) + 150, 2 * int(WHILE), 10):
        pass_time(after(seconds))
    assert (len(tried(order)), alarmed(order)) == (2, True)


def test_who_was_reached_the_last_time_and_refused_is_not_tried_anew(dada: FakeDada) -> None:
    order, _ = not_reached(dada)
    dada.script["addOrder"].append("no riders today")
    pass_time(after(WHILE + 120))
    assert tried(order) == [("Dada", "failed", "unreachable"), ("Dada", "failed", "refused")]
    pass_time(after(3 * WHILE))
    assert (len(tried(order)), alarmed(order)) == (2, True)


def test_a_rider_whose_phone_did_not_show_it_is_tried_anew_when_it_is_back() -> None:
    order = shelved()
    policy(order.store)
    shifts = Shift.objects.filter(rider=at_work(order.store))
    shifts.update(seen_at=after(-10))
    ready(order)
    pass_time(after(130))
    missed = ("Old Wang", "cancelled", "no_rider")
    assert (tried(order), alarmed(order)) == ([missed], True)
    shifts.update(seen_at=after(WHILE + 120))
    pass_time(after(WHILE + 125))
    assert (tried(order), alarmed(order), jobs()) == ([missed], True, 0)
    pass_time(after(WHILE + 131))
    assert (tried(order), alarmed(order)) == ([missed, ("Old Wang", "confirmed", "")], False)

    shifts.update(seen_at=after(9 * WHILE))
    live = HandOff.objects.filter(state="confirmed")
    live.update(state="cancelled", end_cause="rider", ended_at=after(WHILE + 140))
    for seconds in (WHILE + 170, 3 * WHILE, 4 * WHILE):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order)) == ([missed, ("Old Wang", "cancelled", "rider")], True)


def test_a_rider_whose_phone_is_not_back_is_not_tried_anew() -> None:
    order = shelved()
    policy(order.store)
    Shift.objects.filter(rider=at_work(order.store)).update(seen_at=after(-10))
    ready(order)
    for seconds in (130, WHILE + 200, 3 * WHILE):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order), jobs()) == ([("Old Wang", "cancelled", "no_rider")], True, 0)


def test_a_courier_that_found_no_rider_is_not_tried_anew(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    for seconds in (120, WHILE + 200, 3 * WHILE):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order), jobs()) == ([("Dada", "cancelled", "no_rider")], True, 0)


def test_a_rider_who_gave_it_back_is_not_tried_anew() -> None:
    order = shelved()
    policy(order.store)
    at_work(order.store)
    ready(order)
    HandOff.objects.update(state="cancelled", end_cause="rider", ended_at=after(10))
    for seconds in (40, WHILE + 200, 3 * WHILE):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order), jobs()) == ([("Old Wang", "cancelled", "rider")], True, 0)


def test_who_refused_stays_out_of_it_when_another_is_tried_anew(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store, otherwise={"by": "order", "carriers": []} | {"by": "reliable"})
    courier(order.store, dada, "A")
    away = courier(order.store, dada, "B")
    reach(away, "http://127.0.0.1:9/dada")
    dada.script["addOrder"].append("no riders today")
    ready(order)
    for seconds in (3, 10, 20, 40, 60):
        pass_time(after(seconds))
    failed = [("A", "failed", "refused"), ("B", "failed", "unreachable")]
    assert (tried(order), alarmed(order)) == (failed, True)
    reach(away, dada.url)
    CourierRest.objects.all().delete()
    pass_time(after(WHILE + 120))
    assert tried(order) == [*failed, ("B", "sent", "")]


def test_somebody_new_comes_before_who_was_not_reached(dada: FakeDada) -> None:
    order, _ = not_reached(dada)
    at_work(order.store)
    policies = CarrierPolicy.objects.filter(store=order.store)
    policies.update(document={"automatic": True, "own_first": False})
    pass_time(after(WHILE + 120))
    assert tried(order) == [("Dada", "failed", "unreachable"), ("Old Wang", "confirmed", "")]


@pytest.mark.parametrize("values", [{"automatic": False}, {"rescue": False}])
def test_elsewhere_it_is_left_to_people(dada: FakeDada, values: dict[str, bool]) -> None:
    order = refused(dada)
    document = {"automatic": True, "rescue": True} | values
    CarrierPolicy.objects.filter(store=order.store).update(document=document, automatic=document["automatic"])
    at_work(order.store)
    pass_time(after(60))
    assert (tried(order), alarmed(order)) == ([("Dada", "failed", "refused")], True)


def test_what_a_person_stopped_stays_stopped(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(10))
    at_work(order.store)
    for seconds in (11, 90, 300):
        pass_time(after(seconds))
    assert (tried(order), search_of(order).state) == ([("Dada", "cancelled", "store")], "stopped")


def test_what_had_left_the_store_waits_for_a_person(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    handoff = HandOff.objects.get(order=order)
    for status, seconds in ((3, 10), (10, 900)):
        dada.statuses[handoff.origin_id] = status
        news(handoff, status, after(seconds))
    at_work(order.store)
    pass_time(after(1000))
    step_anyway(order, 1000)
    assert (tried(order), alarmed(order), jobs()) == ([("Dada", "failed", "returned")], True, 0)


def test_what_is_not_ready_after_all_is_sought_for_nobody() -> None:
    order = left()
    undo(order_id=order.pk, actor=MEI, now=after(3))
    at_work(order.store)
    pass_time(after(30))
    assert (tried(order), search_of(order).state) == ([], "idle")


def test_whom_the_policy_does_not_name_does_not_end_the_alarm(dada: FakeDada) -> None:
    order = shelved()
    account = courier(order.store, dada)
    policy(order.store, own_first=False, otherwise={"by": "order", "carriers": [f"courier:{account.pk}"]})
    dada.script["addOrder"].append("no riders today")
    ready(order)
    at_work(order.store)
    for seconds in range(0, 60, 5):
        pass_time(after(seconds))
    assert (tried(order), alarmed(order), jobs()) == ([("Dada", "failed", "refused")], True, 0)


def test_several_who_look_at_once_have_it_asked_once() -> None:
    order = left()
    at_work(order.store)
    at_work(order.store, "Xiao Li")
    search = search_of(order)
    rows = [
        Job(
            kind="search.step", key=f"{search.pk}/again{number}", queue="searches",
            payload={"search": search.pk}, due_at=after(30), created_at=after(30),
        )
        for number in range(3)
    ]  # fmt: skip
    Job.objects.bulk_create(rows)
    all_at_once(*[lambda: run_all(after(30))] * 3)
    run_all(after(35))
    assert (len(tried(order)), search_of(order).state) == (1, "carried")


@pytest.mark.parametrize("orders", [1, 3])
def test_a_full_store_reads_its_carriers_once(django_assert_num_queries: Any, orders: int) -> None:
    first = left()
    for _ in range(orders - 1):
        ready(shelved(store=first.store))
    at_work(first.store)
    with django_assert_num_queries(7 + 3 * orders):  # three to write a job
        assert seeking_again.look(now=after(30)) == orders
