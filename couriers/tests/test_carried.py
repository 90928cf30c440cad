"""A courier found a rider: the search ends with that, at once if nobody holds it, and else a moment later."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from couriers import record, seeking
from couriers.models import CarrierSearch, HandOff
from couriers.policy.document import DEFAULT, Policy
from couriers.standing import pieces_of
from couriers.states import HandOffState, Progress
from couriers.summary import summarise
from couriers.tests.factories import NOW, after
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import at_work, courier, policy, ready, search_of, shelved
from couriers.tests.work import all_at_once, run_all
from orders.models import Order, OrderEvent
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def offered(dada: FakeDada) -> Order:
    """Dada has the errand and looks for a rider."""
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    assert search_of(order).state == "offered"
    return order


def accept(order: Order) -> None:
    """A rider takes it."""
    sent = record.load(HandOff.objects.get(order=order).pk)
    assert record.move_and_publish(sent, HandOffState.CONFIRMED, now=after(5), progress=Progress.ASSIGNED)


def steps() -> int:
    return Job.objects.filter(kind="search.step").count()


@contextmanager
def held_by_another(search: CarrierSearch) -> Iterator[None]:
    """Somebody else has the search's row locked meanwhile."""
    holds, enough = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                CarrierSearch.objects.select_for_update().get(pk=search.pk)
                holds.set()
                enough.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(30)
    try:
        yield
    finally:
        enough.set()
        thread.join(30)


def test_who_takes_it_ends_the_search_in_one_change_and_one_event(offered: Order) -> None:
    before = OrderEvent.objects.count()
    accept(offered)
    search = search_of(offered)
    assert (search.state, search.accept_by, search.reason, steps()) == ("carried", None, "", 0)
    assert OrderEvent.objects.count() == before + 1
    offered.refresh_from_db()
    assert offered.delivery["search"]["state"] == "carried"
    assert run_all(after(6)) == 0


def test_who_takes_it_waits_for_nobody_who_holds_the_search(offered: Order) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer, so nobody can hold a row")
    with held_by_another(search_of(offered)):
        accept(offered)
    assert (search_of(offered).state, steps()) == ("offered", 1)
    run_all(after(6))
    assert (search_of(offered).state, search_of(offered).accept_by) == ("carried", None)


def test_a_search_somebody_stopped_is_followed_by_its_job(offered: Order) -> None:
    CarrierSearch.objects.filter(order=offered).update(state="stopped")
    accept(offered)
    assert (search_of(offered).state, steps()) == ("stopped", 1)


@pytest.mark.parametrize("own", [False, True])
def test_a_card_takes_two_reads_whoever_carries_it(dada: FakeDada, own: bool) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    if own:
        at_work(order.store)
    ready(order, NOW)
    with CaptureQueriesContext(connection) as queries:
        assert summarise(pieces_of(order.pk)) is not None
    assert len(queries) == 2


def test_of_two_who_begin_at_once_none_leaves_a_search_for_a_bag_there_is_not() -> None:
    """Somebody gives the order in one piece while the policy begins to look for three riders."""
    whole, policy_of_three = DEFAULT, replace(DEFAULT, cups_per_rider=2)
    for number in range(5):
        order = shelved(cups=6, external_id=f"E-{number}")

        def begin(policy: Policy, bags: int | None, order: Order = order) -> int:
            with transaction.atomic():
                return len(seeking.held(order, policy=policy, now=NOW, bags=bags, begin=bags is None))

        counts = all_at_once(partial(begin, whole, 1), partial(begin, policy_of_three, None))
        rows = CarrierSearch.objects.filter(order=order)
        assert (counts[0], rows.get(bag=1).bags) == (1, 1)
        assert not rows.filter(bag__gt=1).exclude(state="idle").exists()
