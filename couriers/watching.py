"""Looking after live hand-offs: those whose order has ended, and those nobody has heard of."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value, Window
from django.db.models.functions import Cast, Concat, RowNumber

from couriers import calls, record
from couriers.models import HandOff
from couriers.states import BEFORE_PICK_UP, LIVE, EndCause, HandOffState, Progress
from orders.states import ENDED, OrderState
from outbox.models import Job
from stores.actors import Actor

S = HandOffState
PORTAL = Actor("portal")
BATCH = 200
LOOKS = ["handoff.create", "handoff.cancel", "handoff.query"]
# How long without news until somebody looks: a dead worker, a lost job, a callback that never came.
PATIENCE = {
    S.PENDING: timedelta(seconds=90),
    S.UNKNOWN: timedelta(seconds=15),
    S.SENT: timedelta(seconds=60),
    S.CONFIRMED: timedelta(minutes=3),
    S.CANCELLING: timedelta(seconds=60),
}


def watch(*, now: datetime) -> dict[str, int]:
    """One round; returns how many hand-offs were ended, expired and asked after."""
    return {
        "ended": sum(_end(handoff, now) for handoff in _of_ended_orders()),
        "expired": sum(record.expire(handoff, now=now) for handoff in _leases_run_out(now)),
        "asked": sum(_look_after(handoff, now) for handoff in _silent(now)),
    }


def _rows() -> QuerySet[HandOff]:
    return (
        HandOff.objects.select_related("order", "rider", "account")
        .filter(state__in=LIVE)
        .order_by("heard_at")
    )


def _of_ended_orders() -> QuerySet[HandOff]:
    """Own riders' hand-offs of ended orders, and couriers' that can still be called off."""
    wanted = Q(carrier=HandOff.Carrier.OWN) | (
        Q(progress__in=BEFORE_PICK_UP) & ~Q(order__state=OrderState.DELIVERED)
    )
    under_way = [S.CANCELLING, S.CLAIMED]
    return _rows().filter(wanted, order__state__in=ENDED).exclude(state__in=under_way)[:BATCH]


def _leases_run_out(now: datetime) -> QuerySet[HandOff]:
    return _rows().filter(state=S.CLAIMED, lease_until__lte=now)[:BATCH]


def _silent(now: datetime) -> QuerySet[HandOff]:
    """Those not looked after in this minute, each account in turn: a dead one keeps nobody waiting."""
    late = Q()
    for state, patience in PATIENCE.items():
        late |= Q(state=state, heard_at__lte=now - patience)
    key = Concat(Cast(OuterRef("pk"), CharField()), Value(f"/{_minute(now)}"))
    looked_after = Job.objects.filter(kind__in=LOOKS, key=key)
    turn = Window(RowNumber(), partition_by=F("account"), order_by=F("heard_at").asc())
    rows = _rows().filter(late, ~Exists(looked_after), carrier=HandOff.Carrier.PROVIDER)
    return rows.annotate(turn=turn).order_by("turn", "heard_at")[:BATCH]


def _end(handoff: HandOff, now: datetime) -> bool:
    """Cancel what nobody needs any more; close what the counter closed by hand."""
    reason = handoff.order.end_reason
    if handoff.carrier == HandOff.Carrier.OWN:
        return _close(handoff, reason, now)
    ended = {"reason": reason, "end_cause": EndCause.GUEST}
    if handoff.state == S.PENDING:
        return record.move_and_publish(handoff, S.CANCELLED, now=now, actor=PORTAL, **ended)
    with transaction.atomic():
        moved = record.move_and_publish(handoff, S.CANCELLING, now=now, actor=PORTAL, **ended)
        if moved:
            calls.call_off(handoff.pk, why=now.isoformat(), now=now)
    return moved


def _close(handoff: HandOff, reason: str, now: datetime) -> bool:
    """An own rider's: delivered with its order, or called back."""
    if handoff.order.state == OrderState.DELIVERED:
        at = handoff.order.delivered_at
        return record.move_and_publish(
            handoff, S.DELIVERED, now=now, actor=PORTAL, progress=Progress.DELIVERED, delivered_at=at
        )
    return record.move_and_publish(
        handoff, S.CANCELLED, now=now, actor=PORTAL, reason=reason, end_cause=EndCause.GUEST
    )


def _look_after(handoff: HandOff, now: datetime) -> bool:
    """One job a minute at most; each finds out for itself whether there is still something to do."""
    why = _minute(now)
    if handoff.state == S.PENDING:
        calls.send(handoff.pk, why=why, now=now)
    elif handoff.state == S.CANCELLING:
        calls.call_off(handoff.pk, why=why, now=now)
    else:
        calls.ask(handoff.pk, why=why, now=now)
    return True


def _minute(now: datetime) -> str:
    """What the key of a look's job ends in."""
    return f"w{int(now.timestamp()) // 60}"
