"""Forgetting: the walk over a table's old rows, a slice at a time, and the jobs that are done."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from outbox.models import Job

SLICE = 1_000  # rows a statement may touch, so that no writer waits long behind it
KEPT = timedelta(days=7)  # a done job's key still turns repetitions away


def old_rows(rows: QuerySet[Any], *, clock: str, before: datetime) -> Iterator[list[int]]:
    """Primary keys of the rows whose column `clock` is before `before`, at most `SLICE` at a time.

    Rows are numbered in the order of their time, nearly: the walk needs no index but the primary key's,
    and ends with the first slice that has no old row.
    """
    last = 0
    while found := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", clock)[:SLICE]):
        old = [pk for pk, at in found if at < before]
        if not old:
            return
        yield old
        last = found[-1][0]


def purge(*, now: datetime) -> int:
    """Delete the jobs that have been done for a week; returns how many. Dead ones wait for a person."""
    before = now - KEPT
    done = Job.objects.filter(state=Job.State.DONE, finished_at__lt=before)
    slices = old_rows(Job.objects.all(), clock="created_at", before=before)
    return sum(done.filter(pk__in=old).delete()[0] for old in slices)
