"""Celery's side of orders: pauses that run out, orders that wait, questions to platforms, and the purge."""

from celery import shared_task
from django.utils import timezone

from orders import intake_switch, reconciliation, tokens
from orders.intake.changes import settle_early
from orders.intake.routing import route_bound
from orders.retention import purge as purge_orders
from outbox.retention import purge as purge_jobs


@shared_task(ignore_result=True)
def resume_due() -> None:
    """Open stores whose pause has run out, and release what was left held."""
    now = timezone.now()
    intake_switch.resume_due(now=now)
    intake_switch.release_forgotten(now=now)


@shared_task(ignore_result=True)
def settle() -> None:
    """Carry out messages that came before their order."""
    settle_early(now=timezone.now())


@shared_task(ignore_result=True)
def route() -> None:
    """Give orders that waited for a store to those whose code is bound by now."""
    route_bound(now=timezone.now())


@shared_task(ignore_result=True)
def reconcile() -> None:
    """Have every platform asked for what it did not tell."""
    reconciliation.enqueue_runs(now=timezone.now())


@shared_task(ignore_result=True)
def renew_tokens() -> None:
    """Have the tokens renewed that expire soon."""
    tokens.enqueue_renewals(now=timezone.now())


@shared_task(ignore_result=True)
def purge() -> None:
    """Forget personal data, events and done jobs past their time."""
    now = timezone.now()
    purge_orders(now=now)
    purge_jobs(now=now)
