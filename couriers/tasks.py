"""Celery's side of couriers: the regular look at what is under way, and forgetting."""

from celery import shared_task
from django.utils import timezone

from couriers import bulk, retention, seeking_suggestions, seeking_watch, watching


@shared_task(ignore_result=True)
def watch() -> dict[str, int]:
    """One round of looking after hand-offs, searches, proposals and bulk hand-offs."""
    now = timezone.now()
    looked_after = watching.watch(now=now) | seeking_watch.watch(now=now)
    return looked_after | {"renewed": seeking_suggestions.renew(now=now), "taken_up": bulk.take_up(now=now)}


@shared_task(ignore_result=True)
def purge() -> dict[str, int]:
    """One round of `couriers.retention.purge`."""
    return retention.purge(now=timezone.now())
