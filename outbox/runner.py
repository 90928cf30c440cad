"""Running claimed jobs: call the handler, write the outcome back."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from outbox.errors import Hopeless, Later, NotYet
from outbox.models import Job
from outbox.services import bury, claim, finish, give_back, put_off

logger = logging.getLogger(__name__)
Handler = Callable[[Job], None]
MOST_AT_ONCE = 3  # of the eleven threads of the default worker, which serves three such queues and its own


@cache
def _places(queue: str) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(MOST_AT_ONCE)


def drain(*, queue: str, seconds: float) -> int:
    """Run due jobs of `queue` one after the other until none is left or `seconds` have passed.

    At most `MOST_AT_ONCE` threads of a process do so: platforms or couriers that hang must not hold all
    of them. Who finds no place leaves the jobs to those at work, and to the sweeper. Returns how many
    were run.
    """
    places = _places(queue)
    if not places.acquire(blocking=False):
        return 0
    try:
        return _drain(queue, seconds)
    finally:
        places.release()


def _drain(queue: str, seconds: float) -> int:
    until = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until and (job := claim(queue=queue, now=timezone.now())):
        run(job)
        done += 1
    return done


def run(job: Job) -> None:
    """Run one claimed job; whatever it raises ends up on its row."""
    path, _ = settings.OUTBOX_HANDLERS[job.kind]
    handler: Handler = import_string(path)
    try:
        handler(job)
    except NotYet as not_yet:
        give_back(job=job, reason=str(not_yet), seconds=not_yet.seconds, now=timezone.now())
    except Later as later:
        put_off(job=job, reason=str(later), seconds=later.seconds, now=timezone.now())
    except Hopeless as hopeless:
        bury(job=job, reason=str(hopeless), now=timezone.now())
    except Exception as error:
        logger.exception("job %s failed", job)
        put_off(job=job, reason=f"{type(error).__name__}: {error}", now=timezone.now())
    else:
        finish(job=job, now=timezone.now())
