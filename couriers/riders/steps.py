"""What a rider does with a bag, by its hand-off: here for it, picked up, delivered, a problem, given back.

Each verb is one conditional UPDATE of a hand-off whose row is held, and one event with the card. Only the
rider who has the bag now can do anything with it. `order_id` is the hand-off's, `at` when the phone was
tapped, which may be long before it found a network. Raises Stale, NotPossible.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from couriers.models import HandOff, Rider, RiderReport
from couriers.opening import stale
from couriers.record import move, publish
from couriers.riders.problems import CARD_WORDS, Problem
from couriers.states import EndCause, HandOffState, Progress
from orders.errors import NotPossible
from orders.services import Stepped, once
from orders.states import OrderState
from stores.actors import Actor

S = HandOffState
TAKEN_BACK = timedelta(minutes=2)  # the phone offers it for seconds; the way here may take longer
MOST_REPORTS = 10  # of a kind, of a hand-off: whoever has the link could otherwise fill the disk with photos
TO_PICK_UP = frozenset({OrderState.READY, OrderState.COLLECTED})
TO_DELIVER = TO_PICK_UP | {OrderState.DELIVERED}
GIVEN_BACK = gettext_noop("The rider gave it back.")


@once
def arrive(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The rider is at the store for the bag, whether it is ready or not."""
    with transaction.atomic():
        seen = _held(handoff_id)
        if seen.progress != Progress.ASSIGNED:
            raise stale(order_id)
        _check_wanted(seen)
        facts: dict[str, Any] = {
            "progress": Progress.AT_STORE,
            "arrived_at": _within(seen.created_at, at, now),
        }
        return _moved(seen, S.CONFIRMED, actor=actor, now=now, command=command, **facts)


@once
def undo_arrive(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The rider is not at the store after all: a mistaken tap, taken back soon after."""
    with transaction.atomic():
        seen = _held(handoff_id)
        if seen.progress != Progress.AT_STORE:
            raise stale(order_id)
        _check_soon(seen.arrived_at, _within(seen.created_at, at, now))
        facts: dict[str, Any] = {"progress": Progress.ASSIGNED, "arrived_at": None}
        return _moved(seen, S.CONFIRMED, actor=actor, now=now, command=command, **facts)


@once
def pick_up(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The rider has the bag."""
    with transaction.atomic():
        seen = _held(handoff_id)
        if seen.progress not in {Progress.ASSIGNED, Progress.AT_STORE}:
            raise stale(order_id)
        _check(seen, TO_PICK_UP)
        facts = {"progress": Progress.PICKED_UP, "picked_up_at": _within(seen.created_at, at, now)}
        return _moved(seen, S.CONFIRMED, verb="collect", actor=actor, now=now, command=command, **facts)


@once
def undo_pick_up(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The bag is still on the shelf: a mistaken tap, taken back soon after (by the phone's own clock)."""
    with transaction.atomic():
        seen = _held(handoff_id)
        if seen.progress != Progress.PICKED_UP:
            raise stale(order_id)
        _check_soon(seen.picked_up_at, _within(seen.created_at, at, now))
        before = Progress.AT_STORE if seen.arrived_at else Progress.ASSIGNED
        facts = {"progress": before, "picked_up_at": None}
        return _moved(seen, S.CONFIRMED, verb="recall", actor=actor, now=now, command=command, **facts)


@once
def deliver(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The guest has the bag."""
    with transaction.atomic():
        seen = _held(handoff_id)
        _check(seen, TO_DELIVER)
        since = seen.picked_up_at or seen.created_at
        facts = {"progress": Progress.DELIVERED, "delivered_at": _within(since, at, now), "reason": ""}
        return _moved(seen, S.DELIVERED, verb="deliver", actor=actor, now=now, command=command, **facts)


@once
def give_back(
    *, handoff_id: int, order_id: int, at: datetime, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """The rider cannot bring it: somebody else is looked for."""
    with transaction.atomic():
        seen = _held(handoff_id)
        facts = {"end_cause": EndCause.RIDER, "reason": seen.reason or GIVEN_BACK}
        return _moved(seen, S.FAILED, verb="recall", actor=actor, now=now, command=command, **facts)


@once
def report_problem(
    *,
    handoff_id: int,
    order_id: int,
    code: str,
    note: str,
    photo: bytes | None,
    at: datetime,
    actor: Actor,
    now: datetime,
    command: str,
) -> Stepped:
    """Write down what is wrong, and show it on the card; the bag stays with the rider."""
    with transaction.atomic():
        seen = _held(handoff_id)
        told = {"code": code, "note": note, "photo": photo, "at": _within(seen.created_at, at, now)}
        _keep_report(seen, command, RiderReport.Kind.PROBLEM, **told)
        words = CARD_WORDS[Problem(code)]
        return _moved(seen, S.CONFIRMED, actor=actor, now=now, command=command, reason=words)


@once
def prove(
    *,
    handoff_id: int,
    order_id: int,
    photo: bytes,
    at: datetime,
    actor: Actor,
    now: datetime,
    command: str,
) -> Stepped:
    """Keep a photo of where the rider leaves the bag, or left it: it may come long after the delivery."""
    with transaction.atomic():
        seen = HandOff.objects.select_for_update(of=("self",)).get(pk=handoff_id)
        if seen.rider_id is None or seen.state not in {S.CONFIRMED, S.DELIVERED} or not seen.picked_up_at:
            raise stale(order_id)
        told = {"photo": photo, "at": _within(seen.picked_up_at, at, now)}
        _keep_report(seen, command, RiderReport.Kind.PROOF, **told)
        return publish(seen, actor=actor, now=now, command=command)


def put_back(*, handoff_id: int, actor: Actor, now: datetime, reason: str) -> Stepped:
    """The rider goes home: the bag is back on the shelf, and the store's search goes on."""
    with transaction.atomic():
        facts = {"end_cause": EndCause.RIDER, "reason": reason}
        return _moved(_held(handoff_id), S.CANCELLED, verb="recall", actor=actor, now=now, **facts)


def _held(handoff_id: int) -> HandOff:
    """The hand-off, locked, if it is still an own rider's to do something with."""
    rows = HandOff.objects.select_for_update(of=("self",)).select_related("order")
    seen = rows.get(pk=handoff_id)
    if seen.state != S.CONFIRMED or seen.rider_id is None:
        raise stale(seen.order_id)
    return seen


def _keep_report(seen: HandOff, command: str, kind: RiderReport.Kind, **told: Any) -> None:
    """Write a report down; the hand-off's row is held."""
    if RiderReport.objects.filter(handoff=seen, kind=kind).count() >= MOST_REPORTS:
        raise NotPossible(_("The store has enough reports about this order: ring there."))
    rider = Rider.objects.get(handoffs=seen)
    RiderReport.objects.create(handoff=seen, rider=rider, command=command, kind=kind, **told)


def _check_soon(done_at: datetime | None, at: datetime) -> None:
    """What is taken back must have been done a moment ago."""
    if done_at is None or at - done_at > TAKEN_BACK:
        raise NotPossible(_("This step can no longer be undone."))


def _check_wanted(seen: HandOff) -> None:
    if seen.order.state in {OrderState.CANCELLED, OrderState.REJECTED}:
        raise NotPossible(_("The order was cancelled: bring it back to the store."))


def _check(seen: HandOff, states: frozenset[OrderState]) -> None:
    _check_wanted(seen)
    if seen.order.state not in states:
        raise NotPossible(_("The order is not ready yet."))


def _moved(
    seen: HandOff,
    target: HandOffState,
    *,
    actor: Actor,
    now: datetime,
    verb: str | None = None,
    command: str | None = None,
    **facts: Any,
) -> Stepped:
    moved = move(seen, target, now=now, **facts)
    if moved is None:
        raise stale(seen.order_id)
    return publish(moved, actor=actor, now=now, verb=verb, command=command)


def _within(earliest: datetime, at: datetime, now: datetime) -> datetime:
    """A phone's clock may be wrong: nothing happens before it could, or later than now."""
    return max(min(at, now), min(earliest, now))
