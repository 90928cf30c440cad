"""Order states and the one table of transitions (pure)."""

from dataclasses import dataclass

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
}


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


def on_board(*, state: str, fulfilment: str, dismissed: bool) -> bool:
    """Whether a card stands in a column: until the guest has it, or a cancellation was seen."""
    if state == S.CANCELLED:
        return not dismissed
    if state == S.COLLECTED:
        return fulfilment == Fulfilment.STORE_COURIER
    return state not in ENDED
