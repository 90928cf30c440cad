"""The outbox's handlers: send an errand to its courier, call it off, ask how it stands.

Each may be run again at any time. A hand-off is claimed and committed before its courier is called;
what happened to a call nobody can vouch for is found out by asking, under our own id.
"""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from django.utils import timezone
from django.utils.translation import gettext_noop

from couriers import fees, record
from couriers.errands import access_of, account_of, errand_of, key_of, provider_of
from couriers.models import HandOff
from couriers.providers.base import Kept, Key, Report
from couriers.reports import take_report
from couriers.rests import counted, door_of, guarded
from couriers.states import FINAL, EndCause, HandOffState
from orders.states import ENDED
from outbox.calling import CallFailed, Refused, Uncertain, Unreachable, beginning_within
from outbox.errors import Hopeless, Later, NotYet
from outbox.guard import Guard, Resting
from outbox.line import TOTAL_SECONDS
from outbox.models import Job

S = HandOffState
MOST_ASKS = 5
SHORT_WAIT, SHORT_WAITS = 0.2, 4  # seconds, and how often
# How long an errand waits for a courier that is resting.
WAIT_OUTSIDE = timedelta(seconds=60)
# How long a create that got no answer may still be under way inside the courier: before that,
# "unknown order" proves nothing.
SETTLE = timedelta(seconds=10)
# Some couriers take several requests to be sent an errand: the last one begins early enough for its answer to
# come within the lease.
BEGIN = record.LEASE - timedelta(seconds=TOTAL_SECONDS)
QUOTE_MARGIN = timedelta(seconds=5)
# Of an errand that ended without its courier's number: how often it is looked for.
LOOKS = 4
NOT_CALLED_OFF = gettext_noop(
    "The courier may have this order nevertheless. Its number there is not known: please call the courier."
)
KEPT_NEVERTHELESS = gettext_noop(
    "The courier has this order nevertheless and does not cancel it. Please call the courier."
)
CHANGED = "the hand-off changed during the call"
# How long couriers surely remember under which number an errand was sent (Uber: an hour). Later, sending it
# again might make a second one.
SAME_FOR = timedelta(minutes=45)
AGAIN_AFTER, AGAIN_AT_MOST = 2.0, 60.0  # seconds until it is tried to learn more of an errand in doubt


def create(job: Job) -> None:
    """Send the errand, unless somebody did or is doing it."""
    handoff = record.load(job.payload["handoff"])
    now = timezone.now()
    if handoff.state == S.CLAIMED:
        _wait_for_lease(handoff, now)
        record.expire(handoff, now=now)
    if handoff.state != S.PENDING:
        return
    if handoff.order.state in ENDED:
        record.move_and_publish(handoff, S.CANCELLED, now=now, end_cause=EndCause.GUEST)
        return
    try:
        with ExitStack() as stack:
            _go_in(stack, door_of(account_of(handoff)))
            claimed = record.claim(handoff.pk, now=timezone.now(), seen=handoff)
            if claimed is not None:
                _send(claimed)
    except Resting as resting:
        _wait_outside(handoff, job, resting)


def _go_in(stack: ExitStack, door: Guard) -> None:
    """Through the account's door. Whose turn is a moment away waits here, for the way back to the table is
    longer. Raises Resting."""
    for _ in range(SHORT_WAITS):
        try:
            stack.enter_context(door.admitted(now=timezone.now()))
        except Resting as resting:
            if not resting.busy or resting.wait > SHORT_WAIT:
                raise
            time.sleep(resting.wait)
        else:
            return
    stack.enter_context(door.admitted(now=timezone.now()))


def _wait_outside(handoff: HandOff, job: Job, resting: Resting) -> None:
    """The courier is resting: not sent, so the order can go back on the shelf when it takes too long.

    A busy one is no trouble: the errand waits its turn.
    """
    if resting.busy:
        raise NotYet(resting.wait, str(resting)) from resting
    now = timezone.now()
    if now - handoff.created_at >= WAIT_OUTSIDE:
        record.fail(handoff, gettext_noop("The courier cannot be reached."), now=now)
        return
    record.note(handoff, gettext_noop("The courier cannot be reached; trying again."), now=now)
    raise Later(max(resting.wait, min(15.0, 2.0**job.attempts)), str(resting)) from resting


def _send(claimed: HandOff) -> None:
    try:
        errand, access = errand_of(claimed), access_of(account_of(claimed))
        left = _time_to_begin(claimed)
        with counted(account_of(claimed), now=timezone.now()), beginning_within(left):
            created = provider_of(claimed).create(
                access, errand, quote_ref=_good_quote(claimed), now=timezone.now()
            )
    except Refused as refusal:
        _take_refusal(claimed, refusal)
    except Unreachable as error:
        _put_off(claimed, error)
    except Uncertain:
        reason = gettext_noop("The courier did not answer; asking whether it has the order.")
        record.record_unknown(claimed, reason, now=timezone.now())
    else:
        if not record.record_sent(claimed, created, now=timezone.now()):
            why, now = f"late{claimed.fence}", timezone.now()
            record.find_out(claimed.pk, why=why, now=now, reference=created.reference, fee=created.fee)


def _good_quote(claimed: HandOff) -> str:
    """The number of the quote, unless its time is as good as up."""
    until = claimed.quote_until
    return claimed.quote_ref if until is None or timezone.now() + QUOTE_MARGIN < until else ""


def _time_to_begin(claimed: HandOff) -> float:
    """The seconds in which the last request may begin, so that its answer comes within the lease.

    A process that was frozen since its claim must not call: others act on its silence by now.
    """
    if claimed.lease_until is None:
        return BEGIN.total_seconds()
    left = (claimed.lease_until - timezone.now()).total_seconds() - TOTAL_SECONDS
    if left < 0:
        raise Later(1, "woke up after the lease had run out")
    return left


def _take_refusal(claimed: HandOff, refusal: Refused) -> None:
    """A second sending may be refused because the first one arrived after all: then ask first."""
    if is_open(claimed):
        _stay_in_doubt(claimed, str(refusal))
        return
    report = None
    if claimed.asks > 1 and can_ask(claimed):
        try:
            with counted(account_of(claimed), now=timezone.now()):
                report = provider_of(claimed).query(
                    access_of(account_of(claimed)), key_of(claimed), now=timezone.now()
                )
        except CallFailed:
            record.record_unknown(claimed, str(refusal), now=timezone.now())
            return
    if report is None:
        record.record_refused(claimed, str(refusal), now=timezone.now())
    else:
        take_report(claimed, report, now=timezone.now())


def _put_off(claimed: HandOff, error: Unreachable) -> None:
    """Surely not sent: again in a while, but not for ever; drinks get warm."""
    if is_open(claimed):
        _stay_in_doubt(claimed, str(error))
        return
    if claimed.asks >= MOST_ASKS:
        reason, cause = gettext_noop("The courier cannot be reached."), EndCause.UNREACHABLE
        record.record_refused(claimed, reason, now=timezone.now(), cause=cause)
    elif record.release(
        claimed, gettext_noop("The courier cannot be reached; trying again."), now=timezone.now()
    ):
        raise Later(max(error.wait, 2.0**claimed.asks), str(error))


def is_open(handoff: HandOff) -> bool:
    """Whether an earlier sending may have worked and nothing but its own success can tell.

    What is answered to the same errand sent once more (busy, no rider, not now) says nothing of the first.
    """
    return handoff.doubted and not can_ask(handoff)


def _stay_in_doubt(claimed: HandOff, reason: str) -> None:
    wait = min(AGAIN_AT_MOST, AGAIN_AFTER**claimed.asks)
    record.record_unknown(claimed, reason, now=timezone.now(), ask_in=wait)


def cancel(job: Job) -> None:
    """Call the errand off at the courier, and believe it only when the courier says so.

    Also for a hand-off that has ended, when the courier turned out to have it nevertheless.
    """
    handoff = record.load(job.payload["handoff"])
    if handoff.account is None or handoff.state not in {S.CANCELLING, S.CANCELLED, S.FAILED}:
        return
    _wait_for_lease(handoff, timezone.now())
    if not can_ask(handoff) and not _may_learn(handoff):
        return
    try:
        with guarded(account_of(handoff), now=timezone.now()):
            fee = provider_of(handoff).cancel(
                access_of(account_of(handoff)),
                _learn_key(handoff),
                reason=handoff.reason,
                now=timezone.now(),
            )
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting
    except Refused as refusal:
        if is_open(handoff):
            _look_again(handoff, job, refusal)
        follow = _after_refused_cancel if handoff.live else _after_refused_end
        follow(handoff, refusal, job)
    except (Unreachable, Uncertain) as error:
        if is_open(handoff) and not handoff.live:
            _look_again(handoff, job, error)
        raise Later(_backoff(job, error), str(error)) from error
    else:
        _take_cancelled(handoff, fee)


def can_ask(handoff: HandOff) -> bool:
    """Whether the courier can be asked about the errand; some know it only by a number of their own."""
    return bool(handoff.provider_ref) or provider_of(handoff).can.traceable


def _may_learn(handoff: HandOff) -> bool:
    """Whether the courier's number is to be found out, so that the errand can be called off.

    Not for what surely never arrived: it is called off with that. Nor for what is live and was sent so long
    ago that it might be sent anew: a person is asked. What has ended is not sent again, only looked for.
    """
    if not handoff.doubted:
        if handoff.live:
            record.record_cancelled(handoff, fee=None, now=timezone.now())
        return False
    return not handoff.live or timezone.now() - handoff.created_at < SAME_FOR


def _look_again(handoff: HandOff, job: Job, error: CallFailed, told: str = NOT_CALLED_OFF) -> NoReturn:
    """It could not be called off: later; what has ended, a few times, then people must be `told`."""
    if handoff.live:
        raise NotYet(AGAIN_AT_MOST, str(error)) from error
    if job.attempts >= LOOKS:
        raise Hopeless(told) from error
    raise Later(_backoff(job, error), str(error)) from error


def _learn_key(handoff: HandOff) -> Key:
    """How the courier knows the errand; one that must be told its own number tells it when the same errand is
    sent again. Raises what `create` raises."""
    if handoff.live and not can_ask(handoff):
        errand, now = errand_of(handoff), timezone.now()
        with beginning_within(BEGIN.total_seconds()):
            created = provider_of(handoff).create(access_of(account_of(handoff)), errand, now=now)
        record.learn_reference(handoff, created.reference)
    return key_of(handoff)


def _take_cancelled(handoff: HandOff, kept: Kept | None) -> None:
    """A callback may have been faster than the reply, which alone may say what the courier keeps."""
    fee = fees.ours(handoff, kept)
    if handoff.live and record.record_cancelled(handoff, fee=fee, now=timezone.now()):
        return
    ended = record.load(handoff.pk)
    if ended.live:
        raise Later(1, CHANGED)
    fees.keep_late(ended, fee or 0)


def _after_refused_cancel(handoff: HandOff, refusal: Refused, job: Job) -> None:
    """It may be cancelled already, picked up, delivered, or have never been there."""
    report = _query(handoff, job) if can_ask(handoff) else None
    now = timezone.now()
    if report is None:
        _wait_to_settle(handoff, now)
        record.record_cancelled(handoff, fee=None, now=now)
    else:
        if take_report(handoff, report, now=now) == "changed":
            raise Later(1, CHANGED)
        if report.status not in FINAL:
            _go_on(record.load(handoff.pk), str(refusal), now)


def _after_refused_end(handoff: HandOff, refusal: Refused, job: Job) -> None:
    """The hand-off has ended, the errand perhaps not: then two may be under way with the order."""
    report = _query(handoff, job)
    if report is not None and report.status not in FINAL:
        _look_again(handoff, job, refusal, told=KEPT_NEVERTHELESS)


def _go_on(handoff: HandOff, refusal: str, now: datetime) -> None:
    """The courier will not cancel, so it goes on; but it may have moved again since it said so."""
    if handoff.state == S.CANCELLING and not record.keep(handoff, refusal, now=now):
        raise Later(1, CHANGED)


def query(job: Job) -> None:
    """Ask the courier how the errand stands, and follow the answer."""
    handoff = record.load(job.payload["handoff"])
    now = timezone.now()
    if handoff.state == S.CLAIMED:
        _wait_for_lease(handoff, now)
        record.expire(handoff, now=now)
        return
    if not handoff.live or handoff.state == S.PENDING or handoff.account is None:
        return
    if not can_ask(handoff):
        _send_same_again(handoff)
        return
    report = _query(handoff, job)
    if report is not None:
        report = _with_rumour(report, job)
        if take_report(handoff, report, now=timezone.now()) == "changed":
            raise Later(1, CHANGED)
    elif handoff.state == S.UNKNOWN:
        _take_absence(handoff)
    elif handoff.state != S.CANCELLING:
        record.note(handoff, gettext_noop("The courier does not know this order."), now=timezone.now())


def _send_same_again(handoff: HandOff) -> None:
    """The only way to ask: the same errand under the same number stays one errand, as long as that is
    remembered. Later only a person can find out."""
    if timezone.now() - handoff.created_at >= SAME_FOR:
        return
    try:
        with door_of(account_of(handoff)).admitted(now=timezone.now()):
            claimed = record.claim(handoff.pk, now=timezone.now(), of=S.UNKNOWN)
            if claimed is not None:
                _send(claimed)
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting


def _with_rumour(report: Report, job: Job) -> Report:
    """A callback may have said more of the reason than the answer to a question does."""
    cause = EndCause(job.payload["cause"]) if job.payload.get("cause") else report.cause
    return replace(report, reason=job.payload.get("rumour") or report.reason, cause=cause)


def _take_absence(handoff: HandOff) -> None:
    """The courier never got it: send it again under the same id, or give up with the last reason."""
    now = timezone.now()
    _wait_to_settle(handoff, now)
    if handoff.asks < MOST_ASKS and handoff.order.state not in ENDED:
        record.send_again(handoff, now=now)
    else:
        record.fail(handoff, gettext_noop("The courier never got the order."), now=now)


def _query(handoff: HandOff, job: Job) -> Report | None:
    try:
        with guarded(account_of(handoff), now=timezone.now()):
            return provider_of(handoff).query(
                access_of(account_of(handoff)), key_of(handoff), now=timezone.now()
            )
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting
    except CallFailed as error:
        raise Later(_backoff(job, error), str(error)) from error


def _backoff(job: Job, error: CallFailed) -> float:
    asked_for = error.wait if isinstance(error, Unreachable) else 0
    return max(asked_for, min(30.0, 2.0**job.attempts))


def _wait_for_lease(handoff: HandOff, now: datetime) -> None:
    """A call is under way: come back when it has ended or its lease has."""
    if handoff.lease_until is not None and handoff.lease_until > now:
        raise Later((handoff.lease_until - now).total_seconds() + 0.1, "a call is under way")


def _wait_to_settle(handoff: HandOff, now: datetime) -> None:
    """A request may begin as late as `BEGIN` after its claim, and be under way for a while."""
    settled = handoff.asked_at + BEGIN + SETTLE if handoff.asked_at else now
    if settled > now:
        raise Later((settled - now).total_seconds() + 0.1, "the courier may not have seen it yet")
