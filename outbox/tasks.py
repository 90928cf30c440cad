"""Celery's side of the outbox: drain a queue, and the sweeper that finds what no nudge reached."""

from celery import shared_task
from django.db.models import Count
from django.utils import timezone

from outbox.nudge import nudger
from outbox.runner import drain as drain_queue
from outbox.services import due

LINGER = 2.0  # seconds: in a wave the next job comes sooner


@shared_task(ignore_result=True)
def drain(*, queue: str) -> int:
    """Run the due jobs of one queue."""
    return drain_queue(queue=queue, seconds=20, linger=LINGER)


@shared_task(ignore_result=True)
def sweep() -> dict[str, int]:
    """Send for every queue that has due jobs; returns how many each has."""
    waiting = dict(due(now=timezone.now()).values_list("queue").annotate(jobs=Count("id")))
    for queue in waiting:
        nudger.send(queue)
    return waiting
