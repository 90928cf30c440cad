"""A person decides what nobody could find out: whether the courier has an errand or not.

Each verb is one conditional UPDATE and one event. Raises orders.errors.Stale when nothing is asked.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from couriers.calling_off import live_handoffs
from couriers.calls import ask, call_off
from couriers.jobs import SAME_FOR, can_ask
from couriers.models import HandOff
from couriers.opening import stale
from couriers.record import move, publish
from couriers.states import EndCause, HandOffState, Progress
from orders.errors import NotPossible
from orders.services import Stepped, once
from stores.actors import Actor

S = HandOffState
NOT_THERE = gettext_noop("A person says that the courier does not have it.")


@once
def settle(
    *,
    order_id: int,
    has: bool,
    actor: Actor,
    now: datetime,
    command: str | None = None,
    bag: int | None = None,
) -> Stepped:
    """A person found out, by telephone for instance, whether the courier has the errand.

    If it has, the hand-off goes on. If not, it ends, and the next carrier may be asked; a courier that turns
    out to have it nevertheless is called off.
    """
    with transaction.atomic():
        seen = _asked_about(order_id, bag)
        moved = _goes_on(seen, now) if has else _ends(seen, now)
        if moved is None:
            raise stale(order_id)
        return publish(moved, actor=actor, now=now, verb=None if has else "recall", command=command)


@once
def ask_again(
    *, order_id: int, actor: Actor, now: datetime, command: str | None = None, bag: int | None = None
) -> Stepped:
    """Have the courier asked once more, at once. Raises NotPossible when that can tell nothing any more."""
    with transaction.atomic():
        seen = _asked_about(order_id, bag)
        if not can_ask(seen) and now - seen.created_at >= SAME_FOR:
            raise NotPossible(_("It was sent too long ago to ask by itself. Please call the courier."))
        again = call_off if seen.state == S.CANCELLING else ask
        again(seen.pk, why=f"p{now.timestamp()}", now=now)
        return publish(seen, actor=actor, now=now, command=command)


def _asked_about(order_id: int, bag: int | None) -> HandOff:
    """The hand-off somebody is asked about, locked."""
    for seen in live_handoffs(order_id, bag):
        if seen.human_asked_at is not None and seen.state in {S.UNKNOWN, S.CANCELLING}:
            return seen
    raise stale(order_id)


def _goes_on(seen: HandOff, now: datetime) -> HandOff | None:
    progress = Progress(seen.progress or Progress.SEARCHING)
    target = S.SENT if progress == Progress.SEARCHING else S.CONFIRMED
    moved = move(seen, target, now=now, progress=progress, reason="")
    if moved is not None:
        ask(moved.pk, why=f"p{now.timestamp()}", now=now)
    return moved


def _ends(seen: HandOff, now: datetime) -> HandOff | None:
    target = S.CANCELLED if seen.state == S.CANCELLING else S.FAILED
    cause = seen.end_cause or EndCause.PERSON
    moved = move(seen, target, now=now, reason=NOT_THERE, end_cause=cause)
    if moved is not None:
        call_off(moved.pk, why=f"p{now.timestamp()}", now=now)
    return moved
