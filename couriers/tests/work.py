"""Helpers of the tests: running due jobs at a moment, several people acting at once, calling back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import time_machine
from django.db import connection
from django.test import Client

from couriers.models import HandOff
from couriers.services import hand_to_courier
from couriers.tests.factories import MEI, NOW, make_account, make_order
from couriers.tests.fake_dada import FakeDada
from orders.tests.boards import watched
from outbox.runner import drain
from stores.models import Store

QUEUES = ("searches", "couriers", "prices")
Facts = tuple[str, str, str, str]


def run_jobs(at: datetime) -> int:
    """Run what is due for couriers at `at`; the clock stands still, and the boards follow."""
    with time_machine.travel(at, tick=False), boards_follow(at):
        return drain(queue="couriers", seconds=30)


def run_all(at: datetime) -> int:
    """Run what is due at `at` until nothing is, for couriers, their searches and their prices."""
    with time_machine.travel(at, tick=False), boards_follow(at):
        total = 0
        while done := sum(drain(queue=queue, seconds=30) for queue in QUEUES):
            total += done
        return total


@contextmanager
def boards_follow(at: datetime) -> Iterator[None]:
    """Assert that boards that saw the events of `at` live show what fresh boards show."""
    with ExitStack() as stack:
        for store in Store.objects.all():
            stack.enter_context(watched(store, now=at))
        yield


def handed_to(dada: FakeDada, **values: Any) -> HandOff:
    """An order that Mei just gave to the pretend Dada; nothing is sent yet."""
    order = make_order(**values)
    account = make_account(order.store, dada.url)
    with boards_follow(NOW):
        hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return HandOff.objects.select_related("order").get(order=order)


def call_back(handoff: HandOff, body: bytes, token: str | None = None) -> Any:
    """POST a callback as the courier would."""
    address = f"/couriers/dada/callback/{token or handoff.callback_token}/"
    return Client().post(address, data=body, content_type="application/json")


def facts(handoff: HandOff) -> Facts:
    """State, progress and reason of the hand-off, and the state of its order, as stored."""
    handoff.refresh_from_db()
    handoff.order.refresh_from_db()
    return (handoff.state, handoff.progress, handoff.reason, handoff.order.state)


def all_at_once(*acts: Callable[[], object]) -> list[Any]:
    """Run `acts` in threads that start together; returns results or exceptions in the same order."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[Any] = [None] * len(acts)

    def run(index: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            outcomes[index] = act()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=entry) for entry in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
