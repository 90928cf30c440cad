"""Personal data, raw messages and events are forgotten in time; numbers and amounts stay."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import services
from orders.models import (
    Conflict,
    IncomingMessage,
    Order,
    OrderEvent,
    OrderLine,
    Reconciliation,
    RefusedMessage,
    Tally,
)
from orders.retention import purge
from orders.tasks import purge as purge_task
from orders.tests.factories import place_order
from outbox import retention
from outbox.models import Job
from stores.actors import Actor
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PERSONAL = (
    "customer_name",
    "customer_phone",
    "phone_mask",
    "address",
    "latitude",
    "longitude",
    "note",
    "delivery",
)
NOTHING = ("", "", "", "", None, None, "", None)


@pytest.fixture
def late(now, settings):
    """When that which happened at `now` is to be forgotten."""
    return now + timedelta(days=settings.RETENTION_DAYS, seconds=1)


def test_what_is_old_is_forgotten_wherever_its_card_is(now, late):
    channel = StoreChannelFactory()
    gone = place_order(channel, now=now, order_id="gone")
    services.step(order_id=gone.pk, verb="reject", actor=Actor("Lin"), now=now)
    place_order(channel, now=now, order_id="left on the board")
    Order.objects.update(note="Ring at Wang's", delivery={"rider": "Zhao"})
    OrderLine.objects.update(note="For Lin")
    place_order(channel, now=late, order_id="new")

    assert purge(now=late) == {
        "orders": 2, "messages": 2, "conflicts": 0, "events": 3,
        "refused": 0, "tallies": 0, "reconciliations": 0,
    }  # fmt: skip

    assert list(Order.objects.order_by("pk").values_list(*PERSONAL)[:2]) == [NOTHING] * 2
    assert set(OrderLine.objects.filter(order__forgotten_at=late).values_list("note", flat=True)) == {""}
    gone.refresh_from_db()
    assert (gone.goods, gone.daily_number, gone.received_at) == (3000, "17", now)
    assert Order.objects.get(external_id="new").customer_phone == "13812345678"
    assert purge(now=late)["orders"] == 0


def test_contradictions_and_cancellations_without_an_order_are_forgotten(now, late):
    account = StoreChannelFactory().account
    for number, at in enumerate((now, late)):
        facts = {"delivery_id": str(number), "body": "{}", "body_hash": "x"}
        Conflict.objects.create(account=account, received_at=at, **facts)
        RefusedMessage.objects.create(account=account, at=at, status=401, reason=str(number))
        Tally.objects.create(account=account, hour=at, what="stored", count=number)
        Reconciliation.objects.create(account=account, started_at=at, asked=number)

    touched = purge(now=late)

    kinds = ("conflicts", "refused", "tallies", "reconciliations")
    assert [touched[kind] for kind in kinds] == [1, 1, 1, 1]
    assert list(Conflict.objects.values_list("delivery_id", flat=True)) == ["1"]
    assert list(RefusedMessage.objects.values_list("reason", flat=True)) == ["1"]
    assert [Tally.objects.get().count, Reconciliation.objects.get().asked] == [1, 1]


def test_runs_that_found_nothing_are_forgotten_after_a_day_but_for_the_last_one(now):
    quiet, busy = (StoreChannelFactory().account for _ in range(2))
    day, second = timedelta(days=1), timedelta(seconds=1)
    for account, at, error, recovered in (
        (quiet, now, "", 0),
        (quiet, now, "no connection", 0),
        (quiet, now + second, "the last one", 0),
        (busy, now, "", 1),
        (busy, now, "", 0),
        (busy, now + second, "", 0),
        (busy, now + day, "", 0),
    ):
        Reconciliation.objects.create(account=account, started_at=at, error=error, recovered=recovered)

    assert purge(now=now + day + second)["reconciliations"] == 3

    kept = Reconciliation.objects.order_by("pk").values_list("account", "started_at", "recovered")
    assert list(kept) == [
        (quiet.pk, now + second, 0),
        (busy.pk, now, 1),
        (busy.pk, now + second, 0),
        (busy.pk, now + day, 0),
    ]


def test_no_statement_touches_more_than_a_slice(now, late, monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 2)
    channel = StoreChannelFactory()
    for number in range(5):
        place_order(channel, now=now, order_id=str(number))

    with CaptureQueriesContext(connection) as statements:
        assert purge(now=late)["orders"] == 5

    writes = [entry["sql"] for entry in statements if entry["sql"].startswith(("UPDATE", "DELETE"))]
    tables = [sql.split('"')[1] for sql in writes]
    assert {table: tables.count(table) for table in tables} == {
        "orders_orderline": 3,
        "orders_order": 3,
        "orders_incomingmessage": 3,
        "orders_orderevent": 3,
    }
    assert not IncomingMessage.objects.exists()
    assert not OrderEvent.objects.exists()


def test_an_order_that_was_young_for_a_moment_longer_is_not_skipped(now, late):
    channel = StoreChannelFactory()
    second = timedelta(seconds=1)
    for name, at in (("slow", now + second), ("fast", now)):
        place_order(channel, now=at, order_id=name)

    assert [purge(now=late + wait)["orders"] for wait in (second * 0, second)] == [1, 1]


def test_the_purge_deletes_done_jobs_too(now):
    Job.objects.create(
        kind="note", key="k", queue="tests", state="done", due_at=now, created_at=now, finished_at=now
    )
    purge_task()
    assert not Job.objects.exists()
