"""The row is the job: claimed once, written back by its holder only, never lost, never for ever."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from outbox.errors import Hopeless, Later
from outbox.models import Job
from outbox.runner import run
from outbox.services import LEASE, MAX_ATTEMPTS, claim, enqueue, finish, put_off, retry, withdraw

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

calls = []


def note(job):
    """A handler that works."""
    calls.append(job.payload)


def later(job):
    """A handler that asks for time."""
    raise Later(30, "not yet")


def hopeless(job):
    """A handler that gives up."""
    raise Hopeless("never")


def broken(job):
    """A handler with a fault."""
    raise RuntimeError("oops")


@pytest.fixture(autouse=True)
def handlers(settings):
    calls.clear()
    settings.OUTBOX_HANDLERS = {
        name: (f"outbox.tests.test_outbox.{name}", "tests")
        for name in ("note", "later", "hopeless", "broken")
    }


def due_job(now, *, kind="note", key="k"):
    enqueue(kind=kind, key=key, payload={"n": 1}, now=now)
    return Job.objects.get(kind=kind, key=key)


def test_a_key_is_one_job_however_often_it_is_enqueued(now):
    due_job(now)
    due_job(now + timedelta(minutes=1))

    assert Job.objects.get().due_at == now


def test_a_job_runs_once(now):
    due_job(now)

    job = claim(queue="tests", now=now)
    run(job)

    assert calls == [{"n": 1}]
    assert claim(queue="tests", now=now) is None
    job.refresh_from_db()
    assert (job.state, job.attempts, job.fence, job.lease_until) == ("done", 1, 1, None)


def test_a_job_is_not_run_before_its_time(now):
    enqueue(kind="note", key="k", payload={}, now=now, due_at=now + timedelta(seconds=10))

    assert claim(queue="tests", now=now + timedelta(seconds=9)) is None
    assert claim(queue="tests", now=now + timedelta(seconds=10)) is not None


def test_a_leased_job_is_left_alone_until_the_lease_ends(now):
    due_job(now)
    first = claim(queue="tests", now=now)

    assert claim(queue="tests", now=now + LEASE) is None
    second = claim(queue="tests", now=now + LEASE + timedelta(seconds=1))
    assert (second.pk, second.fence, second.attempts) == (first.pk, 2, 2)


def test_who_was_frozen_past_the_lease_cannot_write_back(now):
    due_job(now)
    frozen = claim(queue="tests", now=now)
    holder = claim(queue="tests", now=now + LEASE + timedelta(seconds=1))

    assert not finish(job=frozen, now=now)
    assert not put_off(job=frozen, reason="late", now=now)
    assert finish(job=holder, now=now)
    assert Job.objects.get().last_error == ""


@pytest.mark.parametrize(
    ("kind", "state", "error"),
    [("later", "due", "not yet"), ("hopeless", "dead", "never"), ("broken", "due", "RuntimeError: oops")],
)
def test_what_a_handler_raises_ends_up_on_the_row(now, kind, state, error):
    due_job(now, kind=kind)

    run(claim(queue="tests", now=now))

    job = Job.objects.get()
    assert (job.state, job.last_error, job.lease_until) == (state, error, None)


def test_after_its_last_attempt_a_job_is_a_dead_letter(now):
    job = due_job(now, kind="broken")
    for _ in range(MAX_ATTEMPTS):
        Job.objects.update(due_at=now)
        run(claim(queue="tests", now=now))

    job.refresh_from_db()
    assert (job.state, job.attempts, job.last_error) == ("dead", MAX_ATTEMPTS, "RuntimeError: oops")


def test_a_job_that_kills_its_worker_every_time_is_buried_and_others_run(now):
    due_job(now, key="poison")
    due_job(now + timedelta(seconds=1), key="good")
    later_on = now
    for _ in range(MAX_ATTEMPTS):
        assert claim(queue="tests", now=later_on).key == "poison"
        Job.objects.filter(key="good").update(due_at=later_on + timedelta(seconds=1))
        later_on += LEASE + timedelta(seconds=1)
        Job.objects.filter(key="good").update(due_at=later_on)

    assert claim(queue="tests", now=later_on).key == "good"
    assert Job.objects.get(key="poison").state == "dead"


def test_a_dead_letter_can_be_given_all_its_attempts_again(now):
    job = due_job(now, kind="hopeless")
    run(claim(queue="tests", now=now))

    assert retry(job_id=job.pk, now=now)
    assert not retry(job_id=job.pk, now=now)
    assert claim(queue="tests", now=now).attempts == 1


def test_only_a_job_nobody_has_begun_can_be_withdrawn(now):
    due_job(now, key="a")
    assert withdraw(kind="note", key="a")
    due_job(now, key="b")
    claim(queue="tests", now=now)
    assert not withdraw(kind="note", key="b")
    assert not withdraw(kind="note", key="never")


@pytest.mark.django_db(transaction=True)
def test_eight_workers_share_the_jobs_and_none_twice(now):
    for number in range(40):
        due_job(now, key=f"k{number}")
    claimed = []

    def work():
        while job := claim(queue="tests", now=now):
            claimed.append(job.pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claimed) == sorted(Job.objects.values_list("pk", flat=True))
