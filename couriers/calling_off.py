"""How a person calls a hand-off off: at once, or once its courier confirms it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from couriers.calls import call_off
from couriers.models import HandOff
from couriers.opening import FIRST, stale
from couriers.record import REASON_LENGTH, move
from couriers.states import BEFORE_PICK_UP, LIVE, EndCause, HandOffState
from orders.errors import NotPossible, Stale
from outbox.services import withdraw

S = HandOffState
# Why the search calls a hand-off off by itself.
ENGINES = frozenset({EndCause.NO_RIDER, EndCause.RIDER, EndCause.UNDONE})


def live_handoffs(order_id: int, bag: int | None) -> list[HandOff]:
    """The live hand-offs, locked: a courier's news of this moment must not turn a person away."""
    rows = HandOff.objects.select_for_update(of=("self",)).select_related("order", "rider", "account")
    live = rows.filter(order_id=order_id, state__in=LIVE).order_by("pk")
    return list(live if bag is None else live.filter(bag=bag))


def cancel(seen: HandOff, reason: str, now: datetime) -> HandOff:
    """Call one off whose row is locked; returns it as it is then. Raises NotPossible, Stale."""
    target = _cancel_target(seen)
    facts = {"reason": reason[:REASON_LENGTH], "end_cause": EndCause.STORE}
    moved = moved_to(seen, target, now, **facts)
    if target == S.CANCELLING and seen.state != S.CANCELLING:
        call_off(seen.pk, why=now.isoformat(), now=now)
    elif seen.state == S.PENDING:
        withdraw(kind="handoff.create", key=f"{seen.pk}/{FIRST}")
    return moved


def that_can_end(live: Sequence[HandOff]) -> list[HandOff]:
    """Of several bags' those that can be called off."""
    return [seen for seen in live if hindrance(seen) is None]


def _cancel_target(seen: HandOff) -> HandOffState:
    if (refusal := hindrance(seen)) is not None:
        raise refusal
    at_once = seen.carrier == HandOff.Carrier.OWN or seen.state == S.PENDING
    return S.CANCELLED if at_once else S.CANCELLING


def hindrance(seen: HandOff) -> Stale | NotPossible | None:
    """Why a person cannot call it off: somebody did, or the courier no longer cancels."""
    if seen.state == S.CANCELLING:
        return None if seen.end_cause in ENGINES else stale(seen.order_id)
    if seen.carrier == HandOff.Carrier.PROVIDER and seen.progress not in BEFORE_PICK_UP:
        return NotPossible(_("The rider has picked the order up: the courier no longer cancels."))
    return None


def moved_to(seen: HandOff, target: HandOffState, now: datetime, **values: Any) -> HandOff:
    """`couriers.record.move`; raises Stale when the row is no longer as it was `seen`."""
    moved = move(seen, target, now=now, **values)
    if moved is None:
        raise stale(seen.order_id)
    return moved
