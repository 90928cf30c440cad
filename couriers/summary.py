"""The few facts of a hand-off that an order's card shows, as JSON-ready values (pure)."""

from typing import Any

from couriers.models import HandOff
from orders.cards import iso
from orders.masks import mask
from stores.sealed import seal


def summarise(handoff: HandOff) -> dict[str, Any]:
    """Return the card's `delivery`; masked, the rider's phone is on it while the hand-off is live."""
    return {
        "handoff": handoff.pk,
        "carrier": handoff.account.provider if handoff.account else "own",
        "carrier_name": handoff.account.label if handoff.account else str(handoff.rider),
        "state": str(handoff.state),
        "progress": str(handoff.progress),
        "rider": handoff.rider_name,
        "rider_phone": mask(handoff.rider_phone) if handoff.live else "",
        "eta": iso(handoff.eta),
        "reason": handoff.reason,
        "since": iso(handoff.changed_at),
    }


def carrier_facts(handoff: HandOff) -> dict[str, str]:
    """What the platform hears of who brings the order, when the store delivers it; the phone is sealed."""
    return {
        "rider_name": handoff.rider_name,
        "rider_phone": seal(handoff.rider_phone),
        "carrier": handoff.account.provider if handoff.account else "own",
        "reference": handoff.origin_id,
    }
