"""Celery's side of the outbox: drain a queue, and the sweeper that finds what no nudge reached."""

from celery import shared_task
from django.db.models import Count
from django.utils import timezone

from outbox.idle import idle_at
from outbox.nudge import nudger
from outbox.runner import drain as drain_queue
from outbox.services import due

LINGER = 2.0  # seconds: in a wave the next job comes sooner


@shared_task(ignore_result=True)
def drain(*, queue: str) -> int:
    """Run the due jobs of one queue, or have a thread do so that is here already."""
    return 0 if idle_at(queue).call() else drain_queue(queue=queue, seconds=20, linger=LINGER)


@shared_task(ignore_result=True)
def sweep() -> dict[str, int]:
    """Nudge every queue that has due jobs; returns how many each has."""
    waiting = dict(due(now=timezone.now()).values_list("queue").annotate(jobs=Count("id")))
    for queue in waiting:
        nudger.nudge(queue)
    return waiting
