"""Celery's side of orders: pauses that run out, held orders, and the purge."""

from celery import shared_task
from django.utils import timezone

from orders import intake_switch
from orders.retention import purge as purge_now


@shared_task(ignore_result=True)
def resume_due() -> None:
    """Open stores whose pause has run out, and release what was left held."""
    now = timezone.now()
    intake_switch.resume_due(now=now)
    intake_switch.release_forgotten(now=now)


@shared_task(ignore_result=True)
def purge() -> None:
    """Forget personal data and events past their time."""
    purge_now(now=timezone.now())
