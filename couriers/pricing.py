"""What an errand costs at a courier that tells nobody when it takes it: its quote, asked for afterwards.

A job of its own, well after the errand was sent, in a queue of its own: it creates nothing, it lets errands
that wait for the account go first, its failures close no door to them, and what comes of it changes nothing
but the fee. Where one has to wait, so have all of the account: one look does for all of them.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from random import uniform

from django.conf import settings
from django.utils import timezone

from couriers import record
from couriers.errands import access_of, account_of, errand_of, provider_of
from couriers.fees import is_wanting
from couriers.models import HandOff, new_origin_id
from couriers.providers.base import Quote
from couriers.quotes import SPARE
from couriers.rests import door_of
from outbox.calling import CallFailed, Refused, Unreachable
from outbox.errors import LaneShut, Later, NotYet
from outbox.guard import Resting
from outbox.models import Job
from outbox.services import put_lane_off

ERRAND = "handoff.create"
ROOM_IN = 3.0, 8.0  # seconds until it is looked again whether all errands are sent: not all accounts at once
TRIES = 4
# Later, what it costs then says too little of what it cost: the report counts it as not known.
GOOD_FOR = timedelta(hours=1)


def learn(job: Job) -> None:
    """The outbox's handler: ask for the price and keep it, unless somebody told a fee meanwhile."""
    now = timezone.now()
    if _errands_wait(job, now):
        raise _all_put_off(job, _room_in(), "errands wait for the account")
    handoff = record.load(job.payload["handoff"])
    if not is_wanting(handoff) or now - handoff.created_at > GOOD_FOR:
        return
    quote = _ask(handoff, job)
    record.learn_fee(handoff.pk, quote.fee if quote else None, now=timezone.now())


def _errands_wait(job: Job, now: datetime) -> bool:
    """Whether there is one to be sent to this account that nobody is sending yet."""
    _, queue = settings.OUTBOX_HANDLERS[ERRAND]
    due = Job.objects.filter(queue=queue, state=Job.State.DUE, due_at__lte=now + timedelta(seconds=1))
    errands = due.filter(kind=ERRAND, lane=job.lane, lease_until=None)
    # In their order, along the index of what is due: without it the whole table is read for the one.
    return bool(errands.order_by("due_at").values_list("pk", flat=True)[:1])


def _all_put_off(job: Job, seconds: float, why: str) -> NotYet:
    """None of the account's prices could have a turn before: one look does for all of them."""
    put_lane_off(job=job, now=timezone.now(), seconds=seconds)
    return NotYet(seconds, why)


def _room_in() -> float:
    return uniform(*ROOM_IN)  # noqa: S311 -- jitter


def _ask(handoff: HandOff, job: Job) -> Quote | None:
    """The price, None if there is none to be had. Asked under a number of its own, so that it can be taken
    neither for the errand nor for the same one again."""
    try:
        access, errand = access_of(account_of(handoff)), errand_of(handoff)
        with door_of(account_of(handoff)).admitted(now=timezone.now(), spare=SPARE, tries=False):
            own = replace(errand, origin_id=new_origin_id())
            return provider_of(handoff).quote(access, own, now=timezone.now())
    except Resting as resting:
        if resting.busy:
            raise LaneShut(resting.wait, str(resting)) from resting
        raise _all_put_off(job, max(resting.wait, _room_in()), str(resting)) from resting
    except Refused:
        return None
    except CallFailed as error:
        if job.attempts >= TRIES:
            return None
        asked_for = error.wait if isinstance(error, Unreachable) else 0.0
        raise Later(max(asked_for, 2.0**job.attempts), str(error)) from error
