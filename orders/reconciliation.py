"""When platforms are asked for what they did not tell: a job per account and period, a row for each run.

What does not fit into a run, or could not be asked, is a job of its own. `orders.comparison` does the asking.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction

from orders.channels.registry import PULLS
from orders.comparison import BEGINNING, DAY, Comparison, Mark, Outcome, period
from orders.models import Order, Reconciliation
from orders.pulling import Found
from outbox.models import Job
from outbox.services import enqueue
from stores.models import ChannelAccount

WHOLE_EVERY = 10  # runs; the day's whole list finds what the short one cannot, but costs a call per 50 orders
ERROR_LENGTH = 200


def reconcile(
    account: ChannelAccount,
    now: datetime,
    *,
    mark: Mark = BEGINNING,
    whole: bool | None = None,
    levels: bool | None = None,
) -> Reconciliation:
    """Compare and heal once; returns the run's row, which is also written if it raises.

    `mark` is where another run left off. `whole` lists the whole day: by default in every tenth period, and
    at an hour's first run; `levels` compares whether stores take orders there: by default in the same runs.
    """
    begun = time.monotonic()
    whole = _is_whole(account, now) if whole is None else whole
    levels = whole if levels is None else levels
    comparison = Comparison(account, mark=mark, whole=whole, levels=levels, now=now)
    try:
        outcome = comparison.run()
    except Exception as error:
        comparison.found.note(str(error) or type(error).__name__)
        _row(account, comparison.found, now=now).save()
        raise
    row, ended = _row(account, comparison.found, now=now), now + timedelta(seconds=time.monotonic() - begun)
    row.finished_at = None if outcome.broken else ended
    with transaction.atomic():
        row.save()
        _go_on(account, outcome, whole=whole, levels=levels, now=ended)
    return row


def enqueue_runs(*, now: datetime) -> int:
    """Write a job for each account that can be asked and is not being asked; returns how many.

    Its key is the period: two schedulers are one. An account whose platform is down has one job at a time.
    """
    accounts = ChannelAccount.objects.filter(active=True, channel__in=list(PULLS)).exclude(callback_url="")
    waiting = Job.objects.filter(queue="reconciliation", kind="channel.reconcile", state=Job.State.DUE)
    busy = {key.partition(":")[0] for key in waiting.values_list("key", flat=True)}
    idle = [pk for pk in accounts.values_list("pk", flat=True) if str(pk) not in busy]
    for pk in idle:
        enqueue(kind="channel.reconcile", key=f"{pk}:{period(now)}", payload={"account": pk}, now=now)
    return len(idle)


def _is_whole(account: ChannelAccount, now: datetime) -> bool:
    hour = now.replace(minute=0, second=0, microsecond=0)
    finished = Reconciliation.objects.filter(account=account, started_at__gte=hour, finished_at__isnull=False)
    return period(now) % WHOLE_EVERY == 0 or not finished.exists()


def _row(account: ChannelAccount, found: Found, *, now: datetime) -> Reconciliation:
    disagreeing = Order.objects.filter(account=account, placed_at__gte=now - DAY).exclude(conflict="")
    return Reconciliation(
        account=account,
        started_at=now,
        asked=found.asked,
        recovered=found.recovered,
        completed=found.completed,
        changed=found.changed,
        conflicts=disagreeing.count(),
        error=found.problem[:ERROR_LENGTH],
    )


def _go_on(account: ChannelAccount, outcome: Outcome, *, whole: bool, levels: bool, now: datetime) -> None:
    if outcome.rest is None:
        return
    mark = asdict(outcome.rest)
    payload = {"account": account.pk, "mark": mark, "whole": whole, "levels": levels}
    key = f"{account.pk}:{now:%Y%m%d%H%M%S%f}:{':'.join(mark.values())}"[:100]
    due_at = now + timedelta(seconds=outcome.wait)
    enqueue(kind="channel.reconcile", key=key, payload=payload, now=now, due_at=due_at)
