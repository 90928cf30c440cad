"""Order states and the one table of transitions (pure)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OrderState(TextChoices):
    """Where an order stands. `HELD` is the limiter's waiting room, before acceptance."""

    HELD = "held", _("Held")
    PLACED = "placed", _("Placed")
    ACCEPTED = "accepted", _("Accepted")
    MAKING = "making", _("Making")
    READY = "ready", _("Ready")
    COLLECTED = "collected", _("Collected")
    DELIVERED = "delivered", _("Delivered")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")


S = OrderState
WAITING = frozenset({S.HELD, S.PLACED, S.ACCEPTED})
TO_MAKE = WAITING | {S.MAKING}
ENDED = frozenset({S.DELIVERED, S.REJECTED, S.CANCELLED})


class Fulfilment(TextChoices):
    """Who brings the order to the guest."""

    PLATFORM_COURIER = "platform_courier", _("Platform courier")
    STORE_COURIER = "store_courier", _("Delivery by the store")
    PICKUP = "pickup", _("Pick-up")


class FundedBy(TextChoices):
    """Free: the guest paid nothing that counts; subsidised: somebody paid a part for the guest."""

    PAID = "paid", _("Paid")
    SUBSIDISED = "subsidised", _("Subsidised")
    FREE = "free", _("Free")


class PlatformState(TextChoices):
    """Where an order stands at the platform, as far as it told us; in the order of their ranks."""

    PLACED = "placed", _("Placed")
    ACCEPTED = "accepted", _("Accepted")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Disagreement(TextChoices):
    """What a platform believes that cannot be true together with what the store did."""

    ACCEPTED = "accepted", _("The platform says it is accepted")
    COMPLETED = "completed", _("The platform says it is completed")
    OPEN = "open", _("The platform still waits for acceptance")
    UNCANCELLED = "uncancelled", _("The platform did not take the cancellation")
    MISSING = "missing", _("The platform does not know it")


@dataclass(frozen=True, slots=True)
class Transition:
    """A verb: the states it may start from, where it leads, the row's time stamp it sets.

    `undoable`: it can be taken back for a few seconds, to the state it came from.
    """

    sources: frozenset[OrderState]
    target: OrderState
    stamp: str
    undoable: bool = False


TRANSITIONS: dict[str, Transition] = {
    "release": Transition(frozenset({S.HELD}), S.PLACED, "released_at"),
    "accept": Transition(frozenset({S.HELD, S.PLACED}), S.ACCEPTED, "accepted_at", undoable=True),
    "start": Transition(frozenset({S.ACCEPTED}), S.MAKING, "started_at", undoable=True),
    "ready": Transition(frozenset({S.MAKING}), S.READY, "ready_at", undoable=True),
    "collect": Transition(frozenset({S.READY}), S.COLLECTED, "collected_at", undoable=True),
    "deliver": Transition(frozenset({S.READY, S.COLLECTED}), S.DELIVERED, "delivered_at"),
    "reject": Transition(frozenset({S.HELD, S.PLACED}), S.REJECTED, "ended_at"),
    "cancel": Transition(frozenset(S) - ENDED, S.CANCELLED, "ended_at"),
    "recall": Transition(frozenset({S.COLLECTED, S.DELIVERED}), S.READY, "recalled_at"),
    # What only platforms do: their rider has it, whatever the counter pressed; it is done with; it is off
    # although the guest had it.
    "fetch": Transition(TO_MAKE | {S.READY}, S.COLLECTED, "collected_at"),
    "complete": Transition(frozenset(S) - ENDED, S.DELIVERED, "delivered_at"),
    "revoke": Transition(frozenset({S.DELIVERED}), S.CANCELLED, "ended_at"),
}
# The kind of event each verb is.
KINDS = {
    "release": "order.released",
    "accept": "order.accepted",
    "start": "order.started",
    "ready": "order.ready",
    "collect": "order.collected",
    "deliver": "order.delivered",
    "reject": "order.rejected",
    "cancel": "order.cancelled",
    "recall": "order.recalled",
    "fetch": "order.collected",
    "complete": "order.delivered",
    "revoke": "order.cancelled",
}
PLATFORM_RANK = {state: rank for rank, state in enumerate(PlatformState)}


def funded_by(*, customer_paid: int, platform_subsidy: int, shop_subsidy: int) -> FundedBy:
    """Say who carried the price; amounts in minor units.

    >>> funded_by(customer_paid=1, platform_subsidy=1499, shop_subsidy=0)
    FundedBy.FREE
    """
    if customer_paid <= 1:
        return FundedBy.FREE
    if platform_subsidy > 0 or shop_subsidy > 0:
        return FundedBy.SUBSIDISED
    return FundedBy.PAID


def disagreement(state: str, platform_state: str) -> str:
    """Where the two cannot both be true for long: the platform goes on with what the store called off."""
    if state == S.REJECTED and platform_state in {PlatformState.ACCEPTED, PlatformState.COMPLETED}:
        return Disagreement(platform_state)
    if state == S.CANCELLED and platform_state == PlatformState.COMPLETED:
        return Disagreement.COMPLETED
    return ""


def on_board(*, state: str, fulfilment: str, dismissed: bool) -> bool:
    """Whether a card stands in a column: until the guest has it, or a cancellation was seen."""
    if state == S.CANCELLED:
        return not dismissed
    if state == S.COLLECTED:
        return fulfilment == Fulfilment.STORE_COURIER
    return state not in ENDED


def stepped(*, verb: str, fulfilment: str, now: datetime, reason: str, by: str) -> dict[str, Any]:
    """The columns that `verb` writes, but for what lets it be undone."""
    transition = TRANSITIONS[verb]
    values: dict[str, Any] = {
        "state": transition.target,
        "on_board": on_board(state=transition.target, fulfilment=fulfilment, dismissed=False),
        transition.stamp: now,
        "previous_state": "",
        "stepped_at": None,
    }
    if transition.target in ENDED - {OrderState.DELIVERED}:
        values |= {"end_reason": reason[:200], "ended_by": by[:150]}
    return values
