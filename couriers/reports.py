"""What a courier's report (a callback, or the answer to a question) changes."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from couriers.calls import ask
from couriers.fees import FOREIGN, in_our_money
from couriers.models import CourierAccount, CourierMessage, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.base import Callback, Forged, Report
from couriers.queries import handoff_of_key
from couriers.record import REASON_LENGTH, find_out, move, move_and_publish, note, rider_facts
from couriers.rider_wishes import let_go
from couriers.states import (
    BEFORE_PICK_UP,
    FINAL,
    EndCause,
    HandOffState,
    Known,
    Outcome,
    Progress,
    Verdict,
    judge,
    state_after,
)

S = HandOffState
KEY_LENGTH = 128
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
        handoff = _locked(handoff_id)
        _check_names(handoff, callback)
        return _take(handoff, callback, callback.key, body, now)


def take_account_callback(*, account: CourierAccount, callback: Callback, body: bytes, now: datetime) -> str:
    """Store a callback that came to an account's own address, and follow it if it names a hand-off of this
    account; returns the outcome.

    One about another errand of the same number there (`provider_ref`) is kept and not followed.
    """
    handoff_id = handoff_of_key(account, callback.errand)
    key = f"{account.pk}:{callback.key}"[:KEY_LENGTH]
    with transaction.atomic():
        handoff = _locked(handoff_id) if handoff_id is not None else None
        if handoff is None or not _names_fit(handoff, callback):
            outcome = "unknown errand" if handoff is None else "another number"
            return outcome if _stored(handoff, key, body, outcome, now) else "repeated"
        return _take(handoff, callback, key, body, now)


def _locked(handoff_id: int) -> HandOff:
    rows = HandOff.objects.select_for_update(of=("self",)).select_related("account")
    return rows.get(pk=handoff_id)


def _take(handoff: HandOff, callback: Callback, key: str, body: bytes, now: datetime) -> str:
    message = _stored(handoff, key, body, "", now)
    if message is None:
        return "repeated"
    message.outcome = _follow_callback(handoff, callback, message, now)
    message.save(update_fields=["outcome"])
    return message.outcome


def _stored(
    handoff: HandOff | None, key: str, body: bytes, outcome: str, now: datetime
) -> CourierMessage | None:
    """Keep what came; None when it was there before."""
    message, fresh = CourierMessage.objects.get_or_create(
        key=key,
        defaults={"handoff": handoff, "body": body.decode(), "outcome": outcome, "received_at": now},
    )
    return message if fresh else None


def _check_names(handoff: HandOff, callback: Callback) -> None:
    """The errand's number must be ours, and the courier's own number the one it used before."""
    if callback.errand.origin_id != handoff.origin_id:
        raise Forged("another order's number")
    if not _names_fit(handoff, callback):
        raise Forged("another number of the courier")


def _names_fit(handoff: HandOff, callback: Callback) -> bool:
    reference = callback.errand.reference
    return not reference or handoff.provider_ref in ("", reference)


def _follow_callback(handoff: HandOff, callback: Callback, message: CourierMessage, now: datetime) -> str:
    report = callback.report
    if report is None:
        return "kept"
    if callback.asks_leave:
        return _take_wish(handoff, callback, message, now)
    if _weak(handoff) and handoff.live and report.status in FINAL:
        ask(handoff.pk, why=f"m{message.pk}", now=now, rumour=report.reason, cause=report.cause)
        return "asked"
    if not handoff.live and report.status is not None and report.status not in FINAL:
        find_out(handoff.pk, why=f"m{message.pk}", now=now, reference=callback.errand.reference)
    if handoff.live and report.status is None and report.reason:
        return "shown" if note(handoff, report.reason, now=now) else "changed"
    outcome = take_report(handoff, report, now=now)
    if outcome == Verdict.CONFLICT:
        ask(handoff.pk, why=f"m{message.pk}", now=now)
    return outcome


def _weak(handoff: HandOff) -> bool:
    return handoff.account is not None and not PROVIDERS[handoff.account.provider].can.strong_callbacks


def _take_wish(handoff: HandOff, callback: Callback, message: CourierMessage, now: datetime) -> str:
    """A rider who wants to give the order back is let go before the pick-up; after that, people decide."""
    if not handoff.live:
        return "ended"
    why = callback.report.reason if callback.report else ""
    shown = gettext_noop("The rider wants to give the order back: %(why)s") % {"why": why or "-"}
    if not note(handoff, shown, now=now):
        return "changed"
    if handoff.progress in BEFORE_PICK_UP:
        let_go(handoff, callback.errand, why=f"m{message.pk}", now=now)
    return "shown"


def take_report(seen: HandOff, report: Report, *, now: datetime) -> str:
    """Follow a report that is believed; returns what became of it.

    "changed" means that the hand-off is no longer as it was `seen`: nothing was written.
    """
    if not seen.live:
        return "ended"
    report = in_our_money(seen, report)
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
    # The fee a report tells is that of a delivery, which is not owed.
    facts = {name: value for name, value in rider_facts(seen, report).items() if name != "fee"}
    if report.kept is not None and _called_off(seen, report):
        facts["fee"] = report.kept
    facts |= {"reason": reason, "end_cause": seen.end_cause or report.cause or EndCause.COURIER}
    moved = move_and_publish(seen, target, now=now, verb="recall", **facts)
    return Verdict.TAKEN if moved else "changed"


def _called_off(seen: HandOff, report: Report) -> bool:
    """Whether it ended because the store wanted it; who gives an errand back by himself keeps nothing."""
    return seen.state == S.CANCELLING or report.cause == EndCause.STORE


def _take_progress(seen: HandOff, report: Report, progress: Progress, *, now: datetime) -> bool:
    """False when the hand-off has changed meanwhile; a report that says nothing new makes no event."""
    target = state_after(seen.state, progress)
    facts = rider_facts(seen, report)
    if report.reason == FOREIGN != seen.reason and progress != Progress.RETURNED:
        facts["reason"] = FOREIGN
    lease = seen.lease_until if target == S.CANCELLING else None
    stamps = _stamps(seen, report, progress, now)
    values = {**facts, "progress": progress, "lease_until": lease, **stamps}
    if target == seen.state and progress == seen.progress and not facts:
        return move(seen, target, now=now, **values) is not None
    return move_and_publish(seen, target, now=now, verb=VERBS.get(progress), **values)


def _stamps(seen: HandOff, report: Report, progress: Progress, now: datetime) -> dict[str, object]:
    stamps: dict[str, object] = {"provider_time": report.at or seen.provider_time}
    if progress == Progress.SEARCHING and seen.progress not in ("", Progress.SEARCHING):
        stamps |= {"rider_name": "", "rider_phone": "", "confirmed_at": None, "arrived_at": None}
    elif progress != seen.progress:
        stamps["reason"] = FOREIGN if report.reason == FOREIGN else ""
    if progress == Progress.AT_STORE and seen.arrived_at is None:
        stamps["arrived_at"] = now
    if progress == Progress.PICKED_UP and seen.picked_up_at is None:
        stamps["picked_up_at"] = now
    if progress == Progress.DELIVERED:
        stamps["delivered_at"] = now
    if progress == Progress.RETURNED:
        stamps["reason"] = gettext_noop("The courier brought the order back.")
        stamps["end_cause"] = EndCause.RETURNED
    return stamps
