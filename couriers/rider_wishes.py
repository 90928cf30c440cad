"""A courier's rider who asks to give an errand back: our consent, sent by the outbox."""

from datetime import datetime

from django.utils import timezone

from couriers import calls, record
from couriers.errands import access_of, account_of, provider_of
from couriers.models import HandOff
from couriers.providers.base import Key
from couriers.providers.dada import Dada
from couriers.rests import guarded
from couriers.states import BEFORE_PICK_UP, EndCause
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.errors import Later, NotYet
from outbox.guard import Resting
from outbox.models import Job
from outbox.services import enqueue


def let_go(handoff: HandOff, key: Key, *, why: str, now: datetime) -> None:
    """Have the courier told that its rider may give the errand back; `why` makes the job unique."""
    payload = {"handoff": handoff.pk, "reference": key.reference}
    enqueue(
        kind="handoff.confirm_rider_cancel",
        key=f"{handoff.pk}/{why}",
        payload=payload,
        now=now,
        lane=f"{account_of(handoff).provider}/{handoff.account_id}",
    )


def consent(job: Job) -> None:
    """Tell the courier, then ask how the errand stands. Only Dada asks for consent."""
    handoff = record.load(job.payload["handoff"])
    if not handoff.live or handoff.account is None or handoff.progress not in BEFORE_PICK_UP:
        return
    provider = provider_of(handoff)
    if not isinstance(provider, Dada):
        return
    key = Key(handoff.origin_id, job.payload["reference"])
    try:
        with guarded(account_of(handoff), now=timezone.now()):
            provider.let_rider_cancel(access_of(account_of(handoff)), key, now=timezone.now())
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting
    except (Unreachable, Uncertain) as error:
        raise Later(min(30.0, 2.0**job.attempts), str(error)) from error
    except Refused:
        pass  # answered already, or the rider thought better of it: the question below tells
    calls.ask(handoff.pk, why=f"w{job.pk}", now=timezone.now(), cause=EndCause.RIDER)
