"""Hand-off states, the one table of moves between them, and the rules for a courier's reports (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class HandOffState(TextChoices):
    """Where a hand-off stands between us and whoever carries the order.

    CLAIMED is committed, with a lease and a fence, before the courier is called. UNKNOWN means that
    the call may or may not have worked: it is queried by our own id and never blindly sent again.
    SENT means that the courier acknowledged it, CONFIRMED that a rider took it.
    """

    PENDING = "pending", _("Waiting to be sent")
    CLAIMED = "claimed", _("Being sent")
    SENT = "sent", _("Looking for a rider")
    UNKNOWN = "unknown", _("Checking with the courier")
    CONFIRMED = "confirmed", _("Rider found")
    CANCELLING = "cancelling", _("Being cancelled")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")
    DELIVERED = "delivered", _("Delivered")


S = HandOffState
LIVE = frozenset({S.PENDING, S.CLAIMED, S.SENT, S.UNKNOWN, S.CONFIRMED, S.CANCELLING})

# From where to where. CANCELLING is still live: the next courier waits until it is confirmed. PENDING
# may turn out to be known to the courier when it waits to be sent a second time. UNKNOWN is claimed again
# where a courier can be asked only by repeating the errand under its number.
NEXT: dict[str, frozenset[HandOffState]] = {
    S.PENDING: frozenset({S.CLAIMED, S.SENT, S.CONFIRMED, S.CANCELLED, S.FAILED, S.DELIVERED}),
    S.CLAIMED: frozenset({S.PENDING, S.SENT, S.UNKNOWN, S.CONFIRMED, S.CANCELLING, S.FAILED, S.DELIVERED}),
    S.UNKNOWN: frozenset({S.PENDING, S.CLAIMED, S.SENT, S.CONFIRMED, S.CANCELLING, S.FAILED, S.DELIVERED}),
    S.SENT: frozenset({S.CONFIRMED, S.CANCELLING, S.FAILED, S.DELIVERED}),
    S.CONFIRMED: frozenset({S.SENT, S.CANCELLING, S.CANCELLED, S.FAILED, S.DELIVERED}),
    S.CANCELLING: frozenset({S.SENT, S.CONFIRMED, S.CANCELLED, S.DELIVERED}),
    S.CANCELLED: frozenset(),
    S.FAILED: frozenset(),
    S.DELIVERED: frozenset(),
}


class Progress(TextChoices):
    """How far the rider is, in the order of their way; couriers' own codes are mapped to these."""

    SEARCHING = "searching", _("Looking for a rider")
    ASSIGNED = "assigned", _("On the way to the store")
    AT_STORE = "at_store", _("At the store")
    PICKED_UP = "picked_up", _("On the way to the guest")
    DELIVERED = "delivered", _("Delivered")
    RETURNING = "returning", _("Bringing it back")
    RETURNED = "returned", _("Brought back")


RANK = {progress: rank for rank, progress in enumerate(Progress, start=1)}
BEFORE_PICK_UP = frozenset({"", Progress.SEARCHING, Progress.ASSIGNED, Progress.AT_STORE})


class SearchState(TextChoices):
    """Where the search for a carrier stands.

    IDLE: nobody is asked, the card may propose somebody. SEEKING: the next one is being chosen. OFFERED: one
    was asked and has not found a rider yet. CARRIED: a rider has it or is coming. NOBODY: all were asked in
    vain, the order is back on the shelf and somebody must look. STOPPED: a person took it into their hands.
    DONE: delivered, or its order has ended.
    """

    IDLE = "idle", _("Nobody asked yet")
    SEEKING = "seeking", _("Choosing a carrier")
    OFFERED = "offered", _("Waiting for a rider")
    CARRIED = "carried", _("Carried")
    NOBODY = "nobody", _("Nobody carries it")
    STOPPED = "stopped", _("Taken over by hand")
    DONE = "done", _("Done")


class EndCause(TextChoices):
    """Why a hand-off ended without a delivery."""

    STORE = "store", _("Called off by the store")
    GUEST = "guest", _("The order was cancelled")
    NO_RIDER = "no_rider", _("No rider in time")
    RIDER = "rider", _("The rider gave up")
    COURIER = "courier", _("The courier gave it back")
    REFUSED = "refused", _("The courier refused it")
    UNREACHABLE = "unreachable", _("The courier could not be reached")
    RETURNED = "returned", _("Brought back")
    PERSON = "person", _("Decided by a person")
    UNDONE = "undone", _("Not ready after all")


class Outcome(StrEnum):
    """What a courier may report besides progress: it will not be carried."""

    CANCELLED = "cancelled"
    FAILED = "failed"


# A courier with weak callbacks is asked again before one of these is believed.
FINAL = frozenset({Progress.DELIVERED, Progress.RETURNED, Outcome.CANCELLED, Outcome.FAILED})


class Verdict(StrEnum):
    """What becomes of a report of progress."""

    TAKEN = "taken"
    REPEATED = "repeated"
    OLDER = "older"
    BACKWARD = "backward"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Known:
    """The progress a hand-off has, and the courier's time of it (None: never told)."""

    progress: str
    at: datetime | None


def judge(known: Known, progress: Progress, at: datetime | None) -> Verdict:
    """Say whether a report may change what is known; `at` is the courier's time, None if it gave none.

    Couriers repeat themselves, overtake themselves, and tell the time in whole seconds: what is
    older is dropped, a later step in the same second is taken, an earlier one is a conflict. The only
    legal way back is the rider who gives up before the pick-up.
    """
    if at and known.at and at < known.at:
        return Verdict.OLDER
    if progress == known.progress:
        return Verdict.REPEATED
    if known.progress == "" or RANK[progress] > RANK[Progress(known.progress)]:
        return Verdict.TAKEN
    if at and at == known.at:
        return Verdict.CONFLICT
    if progress == Progress.SEARCHING and known.progress in BEFORE_PICK_UP:
        return Verdict.TAKEN
    return Verdict.BACKWARD


def state_after(state: str, report: Progress | Outcome) -> HandOffState:
    """The state a live hand-off has after a report that is believed."""
    if report == Progress.DELIVERED:
        return S.DELIVERED
    if report in FINAL:
        return S.CANCELLED if state == S.CANCELLING else S.FAILED
    if state == S.CANCELLING:
        return S.CANCELLING
    return S.SENT if report == Progress.SEARCHING else S.CONFIRMED
