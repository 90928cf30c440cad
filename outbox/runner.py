"""Running claimed jobs: call the handler, write the outcome back."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from outbox.connections import had_none, lend_connection
from outbox.errors import Hopeless, LaneShut, Later, NotYet
from outbox.idle import idle_at
from outbox.lanes import Lanes
from outbox.models import Job
from outbox.nudge import nudger
from outbox.services import bury, claim, finish, give_back, put_off

logger = logging.getLogger(__name__)
Handler = Callable[[Job], None]
# A job that nobody took for so long says that more hands are needed. Not sooner: a message costs a worker as
# much as a job, and who is idle elsewhere looks by then.
LATE = timedelta(seconds=0.12)
# Until a job comes back that found all connections in use: who holds them may wait for somebody who is
# frozen, and loses its locks after ten seconds.
CROWDED = 5.0


@cache
def _places(queue: str) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(settings.OUTBOX_PLACES[queue])


@cache
def _lanes(queue: str) -> Lanes:
    return Lanes()


def drain(*, queue: str, seconds: float, linger: float = 0.0) -> int:
    """Run due jobs of `queue` one after the other until none is left or `seconds` have passed.

    Who finds none left stays for `linger` seconds, in case that there is more (`outbox.idle`). At most
    `OUTBOX_PLACES` threads of a process do so. Who finds no place leaves the jobs to those at work, and to
    the sweeper. Who finds a late one calls for one more to help, who does the same: so a wave finds as many
    as it needs within a moment. Returns how many were run.
    """
    places = _places(queue)
    if not places.acquire(blocking=False):
        return 0
    try:
        return _drain(queue, seconds, linger)
    finally:
        places.release()


def _drain(queue: str, seconds: float, linger: float) -> int:
    until, stays = time.monotonic() + seconds, time.monotonic() + linger
    done = 0
    while True:
        if _run_next(queue):
            done, stays = done + 1, time.monotonic() + linger
            if time.monotonic() >= until:
                nudger.call(queue)
                return done
        # Who is called looks once more, however late it is: nobody else was told.
        elif not idle_at(queue).wait(min(stays, until) - time.monotonic()):
            return done


def _run_next(queue: str) -> bool:
    """False when there is nothing to do."""
    lanes = _lanes(queue)
    job = _enter(queue, lanes)
    if job is None:
        lend_connection()
        return False
    try:
        if timezone.now() - job.due_at > LATE:
            _call_for_help(queue)
        run(job)
    finally:
        lanes.leave(job.lane)
    return True


def _call_for_help(queue: str) -> None:
    """One more thread at once, if this process has a place and nobody idle. Else others are reminded now and
    then: who is idle here may not be let in where the job goes."""
    if is_alone() or idle_at(queue).anybody() or not _has_place(queue):
        nudger.remind(queue)
    else:
        nudger.call(queue)


def _has_place(queue: str) -> bool:
    places = _places(queue)
    if found := places.acquire(blocking=False):
        places.release()
    return found


def is_alone() -> bool:
    """Whether this is all of a process that works off jobs: Celery runs them in a child's main thread."""
    return threading.current_thread() is threading.main_thread()


def _enter(queue: str, lanes: Lanes) -> Job | None:
    """Claim the next job whose lane has room; who waits for its turn must not hold what the other needs."""
    lend_connection()
    with lanes.claiming:
        now = timezone.now()
        job = claim(queue=queue, now=now, shut=lanes.shut(now))
        if job is not None:
            lanes.enter(job.lane)
    return job


def run(job: Job) -> None:
    """Run one claimed job; whatever it raises ends up on its row."""
    path, _ = settings.OUTBOX_HANDLERS[job.kind]
    handler: Handler = import_string(path)
    try:
        handler(job)
    except NotYet as not_yet:
        now = timezone.now()
        if isinstance(not_yet, LaneShut):
            _lanes(job.queue).close(job.lane, until=now + timedelta(seconds=not_yet.seconds))
        give_back(job=job, reason=str(not_yet), seconds=not_yet.seconds, now=now)
    except Later as later:
        put_off(job=job, reason=str(later), seconds=later.seconds, now=timezone.now())
    except Hopeless as hopeless:
        bury(job=job, reason=str(hopeless), now=timezone.now())
    except Exception as error:
        logger.exception("job %s failed", job)
        lend_connection()  # it may be what failed: what is written now goes through another
        reason, now = f"{type(error).__name__}: {error}", timezone.now()
        if had_none(error):  # no fault of the job
            give_back(job=job, reason=reason, seconds=CROWDED, now=now)
        else:
            put_off(job=job, reason=reason, now=now)
    else:
        finish(job=job, now=timezone.now())
