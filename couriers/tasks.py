"""Celery's side of couriers: the regular look at live hand-offs."""

from celery import shared_task
from django.utils import timezone

from couriers import watching


@shared_task(ignore_result=True)
def watch() -> dict[str, int]:
    """One round of `couriers.watching.watch`."""
    return watching.watch(now=timezone.now())
