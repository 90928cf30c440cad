"""The ledger of what couriers cost: entries are only added, and add up to what is owed."""

from dataclasses import replace

from django.db.models import Count, Sum
from django.utils.translation import gettext_noop

from couriers.models import Fee, HandOff
from couriers.providers.base import Kept, Report
from couriers.standing import PICKED_UP
from couriers.states import HandOffState

ENDED_UNDELIVERED = frozenset({HandOffState.CANCELLED, HandOffState.FAILED})
FOREIGN = gettext_noop("The courier tells a fee in another currency: it is not counted.")


def in_our_money(handoff: HandOff, report: Report) -> Report:
    """The report without amounts in another currency than the order's; that it told some is its reason."""
    told = report.fee is not None or report.kept is not None
    if not told or _is_ours(handoff, report.currency):
        return report
    return replace(report, fee=None, kept=None, reason=report.reason or FOREIGN)


def ours(handoff: HandOff, kept: Kept | None) -> int | None:
    """What the courier keeps, if it told that in the order's currency."""
    return kept.amount if kept and _is_ours(handoff, kept.currency) else None


def _is_ours(handoff: HandOff, currency: str) -> bool:
    return not currency or currency == handoff.order.currency


def book(handoff: HandOff, *, told: int | None) -> None:
    """Follow a change of a hand-off into the ledger, in its transaction; `told` is the fee it brought.

    Nothing is owed for what never left the store, but for what the courier keeps.
    """
    if handoff.account_id is None:
        return
    if _never_left(handoff):
        _add_up_to(handoff, 0)
        if told:
            keep(handoff, told)
    elif told is not None:
        _add_up_to(handoff, told)


def keep(handoff: HandOff, amount: int) -> None:
    """What the courier keeps of a cancelled errand; once."""
    Fee.objects.bulk_create([_entry(handoff, Fee.Kind.CANCEL, "cancel", amount)], ignore_conflicts=True)


def keep_late(handoff: HandOff, amount: int) -> None:
    """What the courier keeps of an errand whose hand-off had ended when it said so."""
    if amount and handoff.account_id is not None and _never_left(handoff):
        keep(handoff, amount)


def is_wanting(handoff: HandOff) -> bool:
    """Whether a courier is owed a fee that nobody has told so far."""
    return handoff.account_id is not None and handoff.fee is None and not _never_left(handoff)


def _never_left(handoff: HandOff) -> bool:
    return handoff.state in ENDED_UNDELIVERED and handoff.progress not in PICKED_UP


def _add_up_to(handoff: HandOff, amount: int) -> None:
    """Bring the delivery's entries to `amount`; the hand-off's row is locked by its own change."""
    entries = Fee.objects.filter(handoff=handoff).exclude(kind__in=[Fee.Kind.CANCEL, Fee.Kind.TIP])
    total, count = entries.aggregate(total=Sum("amount"), count=Count("pk")).values()
    missing = amount - (total or 0)
    if missing:
        kind = Fee.Kind.DELIVERY if total is None else Fee.Kind.CORRECTION
        _entry(handoff, kind, f"delivery{count}", missing).save(force_insert=True)


def _entry(handoff: HandOff, kind: Fee.Kind, key: str, amount: int) -> Fee:
    return Fee(
        handoff=handoff,
        account=handoff.account,
        store_id=handoff.store_id,
        kind=kind,
        key=key,
        amount=amount,
        currency=handoff.order.currency,
        at=handoff.heard_at,
    )
