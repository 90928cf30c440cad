"""The few facts of a delivery that an order's card shows, as JSON-ready values (pure)."""

from collections.abc import Sequence
from typing import Any

from couriers.models import CarrierSearch, HandOff
from couriers.standing import Piece, carrier_key
from couriers.states import HandOffState, Progress, SearchState
from orders.cards import iso
from orders.masks import mask
from stores.sealed import seal

TOLD = 6  # of the failed tries, the latest
# A search that is done comes back to life with its hand-off, when the counter takes "delivered" back.
FOLLOWING = frozenset({SearchState.OFFERED, SearchState.CARRIED, SearchState.DONE})
Facts = dict[str, Any]


def summarise(pieces: Sequence[Piece]) -> Facts | None:
    """Return the card's `delivery`; of several bags the least advanced stands for all.

    Masked, the rider's phone is on it while the hand-off is live.
    """
    if not pieces:
        return None
    shown = min(pieces, key=lambda piece: piece.advance)
    return {
        **_handed(shown),
        "bag": shown.bag,
        "bags": shown.bags,
        "search": _search(shown),
        "suggestion": _suggestion(shown.search),
        "asks": _asks(shown.last),
        "parts": [_part(piece) for piece in pieces] if len(pieces) > 1 else [],
    }


def _handed(piece: Piece) -> Facts:
    last = piece.last
    if last is None or piece.recalled:
        return _nobody_yet(piece.search)
    return {
        "handoff": last.pk,
        "carrier": last.account.provider if last.account else "own",
        "carrier_name": carrier_name(last),
        "carrier_key": carrier_key(last),
        "state": str(last.state),
        "progress": str(last.progress),
        "rider": last.rider_name,
        "rider_phone": mask(last.rider_phone) if last.live else "",
        "eta": iso(last.eta),
        "reason": last.reason,
        "since": iso(last.changed_at),
        "code": last.pickup_code if last.live else "",
        "fee": last.fee,
        "at_store_since": iso(last.arrived_at) if last.progress == Progress.AT_STORE else None,
    }


def _nobody_yet(search: CarrierSearch | None) -> Facts:
    """There is only a search, or what it suggests."""
    texts = ("carrier", "carrier_name", "carrier_key", "state", "progress", "rider", "rider_phone", "code")
    return {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(("handoff", "eta", "fee", "at_store_since")),
        "reason": search.reason if search else "",
        "since": iso(search.changed_at) if search else None,
    }


def _search(piece: Piece) -> Facts | None:
    search = piece.search
    if search is None:
        return None
    state = shown_state(piece)
    return {
        "state": str(state),
        "automatic": search.automatic,
        "accept_by": iso(search.accept_by) if state == SearchState.OFFERED else None,
        "tried": [_tried(handoff) for handoff in _failed(piece)[-TOLD:]],
        "reason": search.reason,
        "next": _next(search),
    }


def _next(search: CarrierSearch | None) -> str:
    """Whom a person wants once the one who has it is called off."""
    return search.wish["name"] if search and search.wish else ""


def shown_state(piece: Piece) -> SearchState:
    """The search's state as its hand-off has it already: the row may follow a moment later."""
    last, state = piece.last, SearchState(piece.search.state if piece.search else SearchState.IDLE)
    if last is None or state not in FOLLOWING:
        return state
    if last.state == HandOffState.DELIVERED:
        return SearchState.DONE
    if last.state == HandOffState.CONFIRMED:
        return SearchState.CARRIED
    return SearchState.OFFERED if last.live else state


def _failed(piece: Piece) -> list[HandOff]:
    return [one for one in piece.handoffs if not one.live and one.state != HandOffState.DELIVERED]


def _tried(handoff: HandOff) -> Facts:
    return {"name": carrier_name(handoff), "reason": handoff.reason, "cause": handoff.end_cause}


def _suggestion(search: CarrierSearch | None) -> Facts | None:
    """What is suggested stands as long as nobody does anything."""
    asked = {SearchState.OFFERED, SearchState.CARRIED, SearchState.DONE}
    return None if search is None or search.state in asked else search.suggestion


def _asks(handoff: HandOff | None) -> Facts | None:
    """What a person is asked about a hand-off nobody can vouch for."""
    if handoff is None or not handoff.live or handoff.human_asked_at is None:
        return None
    return {
        "since": iso(handoff.human_asked_at),
        "sent_at": iso(handoff.asked_at),
        "attempts": handoff.asks,
        "reason": handoff.reason,
        "number": handoff.provider_ref or handoff.origin_id,
    }


def _part(piece: Piece) -> Facts:
    handed = _handed(piece)
    names = (
        "handoff",
        "carrier",
        "carrier_name",
        "carrier_key",
        "state",
        "progress",
        "rider",
        "code",
        "reason",
    )
    return {
        "bag": piece.bag,
        **{name: handed[name] for name in names},
        "search_state": str(shown_state(piece)) if piece.search else "",
        "next": _next(piece.search),
    }


def carrier_name(handoff: HandOff) -> str:
    """The courier's or the rider's name as the counter knows it."""
    return handoff.account.label if handoff.account else str(handoff.rider)


def carrier_facts(handoff: HandOff) -> dict[str, str]:
    """What the platform hears of who brings the order, when the store delivers it; the phone is sealed."""
    return {
        "rider_name": handoff.rider_name,
        "rider_phone": seal(handoff.rider_phone),
        "carrier": handoff.account.provider if handoff.account else "own",
        "reference": handoff.origin_id,
    }
