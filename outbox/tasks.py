"""Celery's side of the outbox: drain a queue, and the sweeper that finds what no nudge reached."""

import random

from celery import shared_task
from django.db.models import Count
from django.utils import timezone

from outbox.nudge import nudger
from outbox.runner import drain as drain_queue
from outbox.runner import is_alone
from outbox.services import due

LINGER = 2.0  # seconds: in a wave the next job comes sooner
# Seconds at one queue: threads that came together shall not leave together, and who is all of a process shall
# look after its other queues soon.
TURN, TURN_ALONE = (10.0, 30.0), (2.0, 4.0)


@shared_task(ignore_result=True)
def drain(*, queue: str) -> int:
    """Run the due jobs of one queue."""
    turn, linger = (TURN_ALONE, 0.0) if is_alone() else (TURN, LINGER)
    return drain_queue(queue=queue, seconds=random.uniform(*turn), linger=linger)  # noqa: S311 -- jitter


@shared_task(ignore_result=True)
def sweep() -> dict[str, int]:
    """Send for every queue that has due jobs; returns how many each has."""
    waiting = dict(due(now=timezone.now()).values_list("queue").annotate(jobs=Count("id")))
    for queue in waiting:
        nudger.call(queue)
    return waiting
