"""Celery's side of couriers: the regular look at live hand-offs, and forgetting."""

from celery import shared_task
from django.utils import timezone

from couriers import retention, watching


@shared_task(ignore_result=True)
def watch() -> dict[str, int]:
    """One round of `couriers.watching.watch`."""
    return watching.watch(now=timezone.now())


@shared_task(ignore_result=True)
def purge() -> dict[str, int]:
    """One round of `couriers.retention.purge`."""
    return retention.purge(now=timezone.now())
