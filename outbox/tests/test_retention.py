"""Done jobs are deleted after a week; what is due or dead stays."""

from datetime import timedelta

import pytest

from outbox import retention
from outbox.models import Job
from outbox.retention import purge

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
WEEK = timedelta(days=7)


def make_job(key, *, state, at, finished_at=None):
    times = {"due_at": at, "created_at": at, "finished_at": finished_at}
    Job.objects.create(kind="note", key=key, queue="tests", state=state, **times)


def test_only_what_was_done_a_week_ago_is_deleted(now, monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 2)
    second = timedelta(seconds=1)
    make_job("dead", state="dead", at=now, finished_at=now)
    make_job("due", state="due", at=now)
    for key in ("done", "done too", "done as well"):
        make_job(key, state="done", at=now, finished_at=now)
    make_job("done late", state="done", at=now, finished_at=now + WEEK)
    make_job("young", state="done", at=now + WEEK, finished_at=now + WEEK)

    assert purge(now=now + WEEK) == 0
    assert purge(now=now + WEEK + second) == 3
    assert list(Job.objects.order_by("pk").values_list("key", flat=True)) == [
        "dead",
        "due",
        "done late",
        "young",
    ]
