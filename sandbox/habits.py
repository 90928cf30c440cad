"""What a pretend person behind the counter does next (pure): a list of button presses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Card = dict[str, Any]
HANDS = 8  # orders being made at the same time
ACCEPT_AFTER, DISMISS_AFTER = 3.0, 8.0  # seconds
GUEST_COMES, COURIER_COMES, RIDER_LEAVES, RIDER_ARRIVES = 12.0, 8.0, 5.0, 25.0
AGAIN_AFTER = 20.0
NOBODYS = {"", "failed", "cancelled"}  # states of a delivery that is in nobody's hands
LOOKED_FOR, IN_VAIN = {"seeking", "offered", "carried"}, {"nobody", "stopped"}  # states of a search
FULL, EMPTY = 150.0, 40.0  # seconds of work waiting: pause intake above, resume below


@dataclass(frozen=True, slots=True)
class Press:
    """One button: the verb of the card's API, or "handoff"."""

    order_id: int
    verb: str


def cups_waiting(cards: Iterable[Card]) -> int:
    """Return the cups still to be made."""
    return sum(card["cups"] for card in cards if card["state"] in {"placed", "accepted", "making"})


def presses(cards: Iterable[Card], credit: float, now: datetime) -> tuple[list[Press], float]:
    """Return what to press now, oldest order first, and the cups left of `credit`.

    `credit` is how many cups the counter had time to make since it last finished one.
    """
    found: list[Press] = []
    making = 0
    for card in sorted(cards, key=lambda card: (card["placed_at"], card["id"])):
        if card["state"] == "making":
            making += 1
            if card["cups"] <= credit:
                credit -= card["cups"]
                making -= 1
                found.append(Press(card["id"], "ready"))
            continue
        if card["state"] == "accepted" and making < HANDS:
            making += 1
            found.append(Press(card["id"], "start"))
        elif press := _simple(card, now):
            found.append(press)
    return found, credit


def _simple(card: Card, now: datetime) -> Press | None:
    """Return the press a card is due for by its age alone."""
    match card["state"]:
        case "placed" if _age(card["received_at"], now) > ACCEPT_AFTER:
            return Press(card["id"], "accept")
        case "cancelled" if _age(card["ended_at"], now) > DISMISS_AFTER:
            return Press(card["id"], "dismiss")
        case "ready":
            return _from_shelf(card, now)
        case "collected" if _own(card, "picked_up") and _age(card["delivery"]["since"], now) > RIDER_ARRIVES:
            return Press(card["id"], "handoff/delivered")
    return None


def _from_shelf(card: Card, now: datetime) -> Press | None:
    if card["fulfilment"] == "store_courier":
        return _hand_off(card, now)
    wait = GUEST_COMES if card["fulfilment"] == "pickup" else COURIER_COMES
    return Press(card["id"], "collect") if _age(card["ready_at"], now) > wait else None


def _hand_off(card: Card, now: datetime) -> Press | None:
    """Have a carrier found, unless the portal is at it; when nobody was, try again after a while."""
    delivery = card["delivery"]
    if delivery is None:
        return Press(card["id"], "handoff")
    if delivery["state"] in NOBODYS:
        search = (delivery.get("search") or {}).get("state", "")
        waits = search in LOOKED_FOR or (search in IN_VAIN and _age(delivery["since"], now) < AGAIN_AFTER)
        return None if waits else Press(card["id"], "handoff")
    if delivery["carrier"] == "own" and delivery["progress"] in {"", "assigned", "at_store"}:
        leaves = _age(delivery["since"], now) > RIDER_LEAVES
        return Press(card["id"], "handoff/picked-up") if leaves else None
    return None


def _own(card: Card, progress: str) -> bool:
    delivery = card["delivery"]
    return bool(delivery and delivery["carrier"] == "own" and delivery["progress"] == progress)


def intake_wish(level: str, waiting_cups: int, cups_per_second: float) -> str:
    """Return the intake level a careful counter wants: pause when full, open when nearly done."""
    seconds = waiting_cups / cups_per_second
    if level == "open" and seconds > FULL:
        return "paused"
    return "open" if level == "paused" and seconds < EMPTY else level


def take_offer(offers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a hand-off: the cheapest courier at its price, or whom the portal chooses."""
    priced = [offer for offer in offers if offer["kind"] == "courier" and offer["fee"] is not None]
    if not priced:
        return {"auto": True}
    best = min(priced, key=lambda offer: offer["fee"])
    return {"courier": best["id"], "quote": best["quote"]}


def _age(then: str | None, now: datetime) -> float:
    return (now - datetime.fromisoformat(then)).total_seconds() if then else 0.0
