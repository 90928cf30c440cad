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
    """Open stores whose pause has run out, release what was left held, carry out what came early or waited
    for a store that is bound by now."""
    now = timezone.now()
    intake_switch.resume_due(now=now)
    intake_switch.release_forgotten(now=now)
    settle_early(now=now)
    route_bound(now=now)


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
