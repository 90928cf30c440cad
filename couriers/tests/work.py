"""Helpers of the tests: running due jobs at a moment, several people acting at once, calling back."""

import threading

import time_machine
from django.db import connection
from django.test import Client

from couriers.models import HandOff
from couriers.services import hand_to_courier
from couriers.tests.factories import MEI, NOW, make_account, make_order
from outbox.runner import drain


def run_jobs(at):
    """Run what is due for couriers at `at`; the clock stands still."""
    with time_machine.travel(at, tick=False):
        return drain(queue="couriers", seconds=30)


def handed_to(dada, **values):
    """An order that Mei just gave to the pretend Dada; nothing is sent yet."""
    order = make_order(**values)
    account = make_account(order.store, dada.url)
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return HandOff.objects.select_related("order").get(order=order)


def call_back(handoff, body, token=None):
    """POST a callback as the courier would."""
    address = f"/couriers/dada/callback/{token or handoff.callback_token}/"
    return Client().post(address, data=body, content_type="application/json")


def facts(handoff):
    """State, progress and reason of the hand-off, and the state of its order, as stored."""
    handoff.refresh_from_db()
    handoff.order.refresh_from_db()
    return (handoff.state, handoff.progress, handoff.reason, handoff.order.state)


def all_at_once(*acts):
    """Run `acts` in threads that start together; returns results or exceptions in the same order."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[object] = [None] * len(acts)

    def run(index, act):
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
