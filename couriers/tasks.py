"""Celery's side of couriers: the regular look at live hand-offs and searches, and forgetting."""

from celery import shared_task
from django.utils import timezone

from couriers import retention, seeking_watch, watching


@shared_task(ignore_result=True)
def watch() -> dict[str, int]:
    """One round of `couriers.watching.watch` and `couriers.seeking_watch.watch`."""
    now = timezone.now()
    return watching.watch(now=now) | seeking_watch.watch(now=now)


@shared_task(ignore_result=True)
def purge() -> dict[str, int]:
    """One round of `couriers.retention.purge`."""
    return retention.purge(now=timezone.now())
