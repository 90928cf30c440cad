"""A process that stands still in the middle of a transaction must not make others stand still with it."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone
from psycopg_pool import PoolTimeout

from outbox import runner
from outbox.connections import lend_connection
from outbox.models import Job
from outbox.services import enqueue

FAR = 60.0  # seconds; a test that needs them has failed
woken = threading.Event()
holds = threading.Event()


@pytest.fixture
def postgresql(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("a lock of SQLite ends with its process alone")


def test_every_connection_tells_the_server_how_long_a_transaction_may_stand_still(postgresql):
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10s",)


def test_a_frozen_job_loses_its_locks_and_is_tried_again(postgresql, settings):
    settings.OUTBOX_HANDLERS = {"frozen.test": ("outbox.tests.test_frozen.freeze", "frozen")}
    settings.OUTBOX_PLACES = {"frozen": 1}
    woken.clear()
    holds.clear()
    Group.objects.create(name="Cloud Tea")
    enqueue(kind="frozen.test", key="1", payload={}, now=timezone.now())
    worker = threading.Thread(target=work)
    worker.start()
    assert holds.wait(FAR)

    Group.objects.update(name="Jade Tea")  # waits until the server has ended the other's transaction
    woken.set()
    worker.join(FAR)

    job = Job.objects.get()
    assert (job.state, job.attempts, job.lease_until) == (Job.State.DUE, 1, None)
    assert "idle-in-transaction" in job.last_error
    assert Group.objects.get().name == "Jade Tea"


def test_a_job_that_finds_all_connections_in_use_loses_no_attempt(postgresql, settings, monkeypatch):
    settings.OUTBOX_HANDLERS = {"crowded.test": ("outbox.tests.test_frozen.crowd", "frozen")}
    settings.OUTBOX_PLACES = {"frozen": 1}
    monkeypatch.setattr(connection.pool, "timeout", 0.2)
    enqueue(kind="crowded.test", key="1", payload={}, now=timezone.now())
    before = timezone.now()
    assert runner.drain(queue="frozen", seconds=1) == 1
    job = Job.objects.get()
    assert (job.state, job.attempts, job.lease_until) == (Job.State.DUE, 0, None)
    assert job.due_at >= before + timedelta(seconds=runner.CROWDED)
    assert "couldn't get a connection" in job.last_error


def crowd(job):
    """Take every connection of the pool, and want one."""
    lend_connection()
    pool, taken = connection.pool, []
    largest = pool.max_size
    pool.resize(min_size=1, max_size=2)
    try:
        with suppress(PoolTimeout):
            while True:
                taken.append(pool.getconn(timeout=0.2))
        Group.objects.count()
    finally:
        pool.resize(min_size=1, max_size=largest)
        for one in taken:
            pool.putconn(one)


def work():
    try:
        runner.drain(queue="frozen", seconds=FAR)
    finally:
        connection.close()


def freeze(job):
    """Hold a lock and stand still, with less patience of the server's than in life."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        group = Group.objects.select_for_update().get()
        holds.set()
        assert woken.wait(FAR)
        group.name = "Frozen Tea"
        group.save()
