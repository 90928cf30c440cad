"""A courier that hangs, breaks, pushes back or talks nonsense holds up no other courier and no store."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import pytest
import time_machine
from django.db import connection

from couriers.models import CourierAccount, CourierRest, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.dada import Dada
from couriers.services import hand_to_courier
from couriers.tests import fake_peisong
from couriers.tests.couriers import make_courier_account
from couriers.tests.factories import MEI, NOW, after, make_account, make_order, make_store
from couriers.tests.fake_dada import FakeDada
from couriers.tests.fake_peisong import FakePeisong
from outbox.doors import FAULTS_IN_A_ROW, REST
from outbox.lanes import MOST_IN_LANE
from outbox.line import Line
from outbox.runner import drain
from stores.models import Store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def others() -> Iterator[Callable[[Store], list[int]]]:
    """Gives two orders of a store to Peisong, and two of another store to another account with Dada."""
    peisong, dada = FakePeisong(), FakeDada()

    def give(store: Store) -> list[int]:
        elsewhere = make_store()
        account = make_courier_account(store, "peisong", peisong.url, **fake_peisong.CREDENTIALS)
        return hand(store, account, 2) + hand(elsewhere, make_account(elsewhere, dada.url), 2)

    yield give
    peisong.stop()
    dada.stop()


def hand(store: Store, account: CourierAccount, orders: int) -> list[int]:
    """Orders of the store given to the courier; their hand-offs."""
    made = [make_order(store) for _ in range(orders)]
    for order in made:
        hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return list(HandOff.objects.filter(order__in=made).order_by("pk").values_list("pk", flat=True))


def states(handoffs: list[int]) -> list[str]:
    return list(HandOff.objects.filter(pk__in=handoffs).order_by("pk").values_list("state", flat=True))


def work(at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        drain(queue="couriers", seconds=30)


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        ("500", (FAULTS_IN_A_ROW, "unknown", REST)),
        ("garbage", (FAULTS_IN_A_ROW, "unknown", REST)),
        ("429", (1, "pending", 7)),
    ],
)
def test_a_courier_in_trouble_is_left_alone_for_a_while_and_others_are_served(
    dada: FakeDada, others: Callable[[Store], list[int]], trouble: str, outcome: tuple[int, str, float]
) -> None:
    calls, state, wait = outcome
    store = make_store()
    sick = make_account(store, dada.url)
    dada.script["addOrder"].extend([trouble] * 20)
    in_trouble, fine = hand(store, sick, FAULTS_IN_A_ROW + 2), others(store)

    work(NOW)

    assert states(fine) == ["sent"] * 4
    assert states(in_trouble) == [state] * calls + ["pending"] * (FAULTS_IN_A_ROW + 2 - calls)
    assert [call for call, _ in dada.calls] == ["addOrder"] * calls
    rest = CourierRest.objects.get()
    assert (rest.account, rest.faults, rest.until - rest.began_at) == (sick, calls, timedelta(seconds=wait))


def test_after_its_rest_a_courier_is_tried_once_and_then_served(dada: FakeDada) -> None:
    store = make_store()
    handoffs = hand(store, make_account(store, dada.url), FAULTS_IN_A_ROW + 2)
    for call in ("addOrder", "query"):
        dada.script[call].extend(["500"] * FAULTS_IN_A_ROW)
    work(NOW)
    work(after(REST + 10))
    assert len(dada.calls) == FAULTS_IN_A_ROW + 1
    assert CourierRest.objects.get().faults == FAULTS_IN_A_ROW + 1
    dada.script.clear()
    for seconds in (60, 70, 80, 90, 100):
        work(after(seconds))
    assert sorted(states(handoffs)) == ["sent"] * len(handoffs)
    assert len(dada.ledger) == len(set(dada.ledger)) == len(handoffs)


@contextmanager
def workers(number: int) -> Iterator[None]:
    """So many threads at the couriers' queue; in the end, their last job is done."""

    def run() -> None:
        try:
            drain(queue="couriers", seconds=60)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def eventually(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def test_a_courier_that_hangs_keeps_neither_other_couriers_nor_other_stores_waiting(
    dada: FakeDada, others: Callable[[Store], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs until all others are served, however long that takes here."""
    monkeypatch.setitem(PROVIDERS, "dada", Dada(Line(httpx.Timeout(60), total_seconds=60)))
    store, released = make_store(), threading.Event()
    dada.before_call = lambda: released.wait(60)
    hanging, fine = hand(store, make_account(store, dada.url), MOST_IN_LANE + 2), others(store)

    with time_machine.travel(NOW, tick=False), workers(MOST_IN_LANE + 2):
        served = eventually(lambda: states(fine) == ["sent"] * 4)
        meanwhile = states(hanging)
        released.set()

    assert served
    assert meanwhile == ["claimed"] * MOST_IN_LANE + ["pending"] * 2
    assert states(hanging) == ["sent"] * len(hanging)
