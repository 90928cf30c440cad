"""Helpers of the tests of searches: policies, carriers, and time that passes."""

import json
from datetime import datetime
from typing import Any

import time_machine

from couriers.models import CarrierPolicy, CarrierSearch, CourierAccount, CourierStore, HandOff, Rider, Shift
from couriers.policy.document import DEFAULT, write
from couriers.seeking_watch import watch as watch_searches
from couriers.tests.factories import CREDENTIALS, MEI, NOW, after, make_order, make_rider
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.fake_uber import FakeUber
from couriers.tests.work import call_back, run_all
from couriers.watching import watch
from orders.models import Order
from orders.services import step
from stores.models import Store


def policy(store: Store, *, automatic: bool = True, **values: Any) -> None:
    """How the store finds carriers: by itself, unless said otherwise."""
    document = write(DEFAULT) | {"automatic": automatic} | values
    CarrierPolicy.objects.create(
        store=store, automatic=automatic, document=document, version=1, changed_at=NOW
    )


def courier(store: Store, server: FakeDada | FakeUber, label: str = "Dada") -> CourierAccount:
    """An account with a pretend courier that serves the store."""
    is_uber = isinstance(server, FakeUber)
    account = CourierAccount.objects.create(
        franchise=store.franchise,
        provider="uber" if is_uber else "dada",
        label=label,
        base_url=f"{server.url}/v1" if is_uber else server.url,
        credentials=json.dumps(server.credentials if is_uber else CREDENTIALS),
    )
    CourierStore.objects.create(account=account, store=store, shop_no="11047059")
    return account


def at_work(store: Store, name: str = "Old Wang") -> Rider:
    """An own rider on an open shift whose phone shows their page all day."""
    rider = make_rider(store, name)
    end = after(36_000)
    Shift.objects.create(rider=rider, started_at=after(-3600), ends_at=end, seen_at=end)
    return rider


def shelved(**values: Any) -> Order:
    """An order that is being made, at a store without carriers yet; `ready` puts it on the shelf."""
    return make_order(state="making", ready_at=None, **values)


def ready(order: Order, at: datetime = NOW) -> None:
    step(order_id=order.pk, verb="ready", actor=MEI, now=at)
    run_all(at)


def pass_time(at: datetime) -> None:
    """What beat and the workers do at a moment."""
    watch(now=at)
    watch_searches(now=at)
    run_all(at)


def news(handoff: HandOff, status: int, at: datetime) -> None:
    """Dada tells that its errand stands at `status` from a moment on, and what follows from that happens."""
    body = callback_body(handoff.origin_id, status, update_time=int(at.timestamp()))
    with time_machine.travel(at, tick=False):
        assert call_back(handoff, body).status_code == 200
    run_all(at)


def search_of(order: Order, bag: int = 1) -> CarrierSearch:
    return CarrierSearch.objects.get(order=order, bag=bag)


def tried(order: Order) -> list[tuple[str, str, str]]:
    """Who was asked so far, in turn: name, state and why it ended."""
    rows = HandOff.objects.filter(order=order).select_related("account", "rider").order_by("pk")
    return [(str((one.account and one.account.label) or one.rider), one.state, one.end_cause) for one in rows]
