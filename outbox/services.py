"""The verbs of a job: enqueue, withdraw, claim, finish, put off, bury, retry."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from outbox.models import Job
from outbox.nudge import nudger

LEASE = timedelta(seconds=30)  # longer than any call; until then nobody takes over from a dead worker
MAX_ATTEMPTS = 8
ERROR_LENGTH = 2_000


def job_row(
    *, kind: str, key: str, payload: dict[str, Any], now: datetime, due_at: datetime | None = None
) -> dict[str, Any]:
    """The columns of a new job; also used by intake, which writes many at once."""
    _, queue = settings.OUTBOX_HANDLERS[kind]
    return {
        "kind": kind,
        "key": key,
        "queue": queue,
        "payload": payload,
        "due_at": due_at or now,
        "created_at": now,
    }


def enqueue(
    *,
    kind: str,
    key: str,
    payload: dict[str, Any],
    now: datetime,
    due_at: datetime | None = None,
    lane: str = "",
) -> None:
    """Write a job in the caller's transaction and nudge the workers once it is committed.

    A job of the same kind and key that exists already is left as it is.
    """
    row = job_row(kind=kind, key=key, payload=payload, now=now, due_at=due_at)
    Job.objects.bulk_create([Job(**row, lane=lane)], ignore_conflicts=True)
    if row["due_at"] <= now:
        transaction.on_commit(partial(nudger.nudge, row["queue"]))


def withdraw(*, kind: str, key: str) -> bool:
    """Take back a job nobody has begun; False when it is too late or was never there."""
    deleted, _ = Job.objects.filter(kind=kind, key=key, state=Job.State.DUE, attempts=0).delete()
    return deleted == 1


def due(*, now: datetime) -> QuerySet[Job]:
    """Jobs that may be claimed at `now`."""
    unleased = Q(lease_until=None) | Q(lease_until__lt=now)
    return Job.objects.filter(unleased, state=Job.State.DUE, due_at__lte=now)


def claim(*, queue: str, now: datetime, shut: Iterable[str] = ()) -> Job | None:
    """Lease the oldest due job of `queue`, counting the attempt before it is made.

    Not one of a lane in `shut`, nor of a group there: one that ends in a slash.

    A job that has used up its attempts without saying why (its handler killed the process) is
    buried here instead.
    """
    jobs = _open(due(now=now), shut).filter(queue=queue)
    if connection.vendor == "sqlite" and not jobs.exists():
        return None  # an UPDATE takes the one writer's lock, also if it finds nothing
    job = _lease_next(jobs, until=now + LEASE)
    if job is None:
        return None
    if job.attempts > MAX_ATTEMPTS:
        bury(job=job, reason=job.last_error or "The worker died at every attempt.", now=now)
        return claim(queue=queue, now=now, shut=shut)
    return job


def _lease_next(jobs: QuerySet[Job], *, until: datetime) -> Job | None:
    """One statement finds, locks and leases it: who looks at the same moment gets the one after."""
    chosen, values = jobs.order_by("due_at", "id").values("pk")[:1].query.sql_with_params()
    if connection.features.has_select_for_update_skip_locked:
        chosen += " FOR UPDATE SKIP LOCKED"
    counted = "fence = fence + 1, attempts = attempts + 1, lease_until = %s"
    table = Job._meta.db_table
    # Named: of "*" a prepared statement breaks when a migration adds a column.
    columns = ", ".join(str(field.column) for field in Job._meta.concrete_fields)
    statement = f"UPDATE {table} SET {counted} WHERE id = ({chosen}) RETURNING {columns}"  # noqa: S608 -- our own
    leased = connection.ops.adapt_datetimefield_value(until)
    return next(iter(Job.objects.raw(statement, [leased, *values])), None)


def _open(jobs: QuerySet[Job], shut: Iterable[str]) -> QuerySet[Job]:
    for lane in shut:
        jobs = jobs.exclude(lane__startswith=lane) if lane.endswith("/") else jobs.exclude(lane=lane)
    return jobs


def finish(*, job: Job, now: datetime) -> bool:
    """Record success; False when somebody else holds the job by now."""
    return _write_back(job, state=Job.State.DONE, finished_at=now, last_error="")


def put_off(*, job: Job, reason: str, now: datetime, seconds: float | None = None) -> bool:
    """Record a failed attempt: due again after `seconds` (default: 2, 4, 8 … 300, with jitter)."""
    if job.attempts >= MAX_ATTEMPTS:
        return bury(job=job, reason=reason, now=now)
    wait = min(300.0, 2.0**job.attempts) * random.uniform(0.8, 1.2) if seconds is None else seconds  # noqa: S311 -- jitter
    return _write_back(job, due_at=now + timedelta(seconds=wait), last_error=reason[:ERROR_LENGTH])


def give_back(*, job: Job, reason: str, now: datetime, seconds: float) -> bool:
    """Put a job back that was claimed but not begun: due again in `seconds`, with as many attempts left."""
    due_at = now + timedelta(seconds=seconds)
    return _write_back(job, due_at=due_at, attempts=job.attempts - 1, last_error=reason[:ERROR_LENGTH])


def put_lane_off(*, job: Job, now: datetime, seconds: float) -> None:
    """Of the job's kind and lane, all that nobody runs: none of them could have a turn before.

    One statement for thousands, which are in nobody's way until then.
    """
    until = now + timedelta(seconds=seconds)
    alike = Job.objects.filter(queue=job.queue, kind=job.kind, lane=job.lane, state=Job.State.DUE)
    waiting = alike.filter(due_at__lt=until, lease_until=None).select_for_update(skip_locked=True)
    with transaction.atomic():
        Job.objects.filter(pk__in=waiting.values("pk")).update(due_at=until)


def bury(*, job: Job, reason: str, now: datetime) -> bool:
    """Make it a dead letter, which the admin shows."""
    return _write_back(job, state=Job.State.DEAD, finished_at=now, last_error=reason[:ERROR_LENGTH])


def retry(*, job_id: int, now: datetime) -> bool:
    """Give a dead letter all its attempts again; False when it is not dead."""
    dead = Job.objects.filter(pk=job_id, state=Job.State.DEAD)
    changed = dead.update(state=Job.State.DUE, attempts=0, due_at=now, lease_until=None, finished_at=None)
    if changed:
        queue = Job.objects.values_list("queue", flat=True).get(pk=job_id)
        transaction.on_commit(partial(nudger.nudge, queue))
    return changed == 1


def _write_back(job: Job, **values: Any) -> bool:
    """Only the holder of the latest fence may say how it ended."""
    mine = Job.objects.filter(pk=job.pk, fence=job.fence, state=Job.State.DUE)
    return mine.update(lease_until=None, **values) == 1
