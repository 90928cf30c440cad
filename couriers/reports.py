"""What a courier's report (a callback, or the answer to a question) changes."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from couriers.models import CourierMessage, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.base import Callback, Forged, Report
from couriers.record import REASON_LENGTH, ask, find_out, move, move_and_publish, note, rider_facts
from couriers.states import (
    BEFORE_PICK_UP,
    FINAL,
    HandOffState,
    Known,
    Outcome,
    Progress,
    Verdict,
    judge,
    state_after,
)

S = HandOffState
VERBS: dict[str, str] = {
    Progress.PICKED_UP: "collect",
    Progress.DELIVERED: "deliver",
    Progress.RETURNED: "recall",
}


def take_callback(*, handoff_id: int, callback: Callback, body: bytes, now: datetime) -> str:
    """Store a callback and follow it; returns the outcome. Raises Forged when its names do not fit.

    A courier whose callbacks anybody could write is asked before a final state is believed.
    """
    with transaction.atomic():
        handoff = HandOff.objects.select_for_update(of=("self",)).select_related("account").get(pk=handoff_id)
        _check_names(handoff, callback)
        message, fresh = CourierMessage.objects.get_or_create(
            key=callback.key,
            defaults={"handoff": handoff, "body": body.decode(), "outcome": "", "received_at": now},
        )
        if not fresh:
            return "repeated"
        message.outcome = (
            _follow_callback(handoff, callback.report, message, now) if callback.report else "kept"
        )
        message.save(update_fields=["outcome"])
    return message.outcome


def _check_names(handoff: HandOff, callback: Callback) -> None:
    """The errand's number must be ours, and the courier's own number the one it used before."""
    if callback.errand.origin_id != handoff.origin_id:
        raise Forged("another order's number")
    if callback.errand.reference and handoff.provider_ref not in ("", callback.errand.reference):
        raise Forged("another number of the courier")


def _follow_callback(handoff: HandOff, report: Report, message: CourierMessage, now: datetime) -> str:
    weak = handoff.account is not None and not PROVIDERS[handoff.account.provider].can.strong_callbacks
    if handoff.live and weak and report.status in FINAL:
        ask(handoff.pk, why=f"m{message.pk}", now=now, rumour=report.reason)
        return "asked"
    if not handoff.live and report.status in BEFORE_PICK_UP:
        find_out(handoff.pk, why=f"m{message.pk}", now=now)
    outcome = take_report(handoff, report, now=now)
    if outcome == Verdict.CONFLICT:
        ask(handoff.pk, why=f"m{message.pk}", now=now)
    return outcome


def take_report(seen: HandOff, report: Report, *, now: datetime) -> str:
    """Follow a report that is believed; returns what became of it.

    "changed" means that the hand-off is no longer as it was `seen`: nothing was written.
    """
    if not seen.live:
        return "ended"
    if report.status is None:
        shown = gettext_noop("The courier reports status %(code)s.") % {"code": report.code[:40]}
        return "unknown code" if note(seen, shown, now=now) else "changed"
    if isinstance(report.status, Outcome):
        return _take_outcome(seen, report, report.status, now=now)
    verdict = judge(Known(seen.progress, seen.provider_time), report.status, report.at)
    if verdict in {Verdict.TAKEN, Verdict.REPEATED}:
        return verdict if _take_progress(seen, report, report.status, now=now) else "changed"
    return verdict


def _take_outcome(seen: HandOff, report: Report, status: Outcome, *, now: datetime) -> str:
    """It will not be carried: the order goes back on the shelf."""
    reason = (report.reason or gettext_noop("The courier gave the order back."))[:REASON_LENGTH]
    target = state_after(seen.state, status)
    facts = rider_facts(seen, report)
    moved = move_and_publish(seen, target, now=now, verb="recall", **facts, reason=reason)
    return Verdict.TAKEN if moved else "changed"


def _take_progress(seen: HandOff, report: Report, progress: Progress, *, now: datetime) -> bool:
    """False when the hand-off has changed meanwhile; a report that says nothing new makes no event."""
    target = state_after(seen.state, progress)
    facts = rider_facts(seen, report)
    lease = seen.lease_until if target == S.CANCELLING else None
    values = {**facts, "progress": progress, "lease_until": lease, **_stamps(seen, report, progress, now)}
    if target == seen.state and progress == seen.progress and not facts:
        return move(seen, target, now=now, **values) is not None
    return move_and_publish(seen, target, now=now, verb=VERBS.get(progress), **values)


def _stamps(seen: HandOff, report: Report, progress: Progress, now: datetime) -> dict[str, object]:
    stamps: dict[str, object] = {"provider_time": report.at or seen.provider_time}
    if progress == Progress.SEARCHING and seen.progress not in ("", Progress.SEARCHING):
        stamps |= {"rider_name": "", "rider_phone": "", "confirmed_at": None}
    elif progress != seen.progress:
        stamps["reason"] = ""
    if progress == Progress.PICKED_UP and seen.picked_up_at is None:
        stamps["picked_up_at"] = now
    if progress == Progress.DELIVERED:
        stamps["delivered_at"] = now
    if progress == Progress.RETURNED:
        stamps["reason"] = gettext_noop("The courier brought the order back.")
    return stamps
