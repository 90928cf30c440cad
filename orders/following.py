"""What a platform's message makes of an order it is about (pure): old columns in, changed columns out.

The same messages lead to the same order whatever the order they come in: states only move forward, and of two
words about one thing the one that is later by the platform's clock counts, or at the same second the one that
ranks higher. Only when it happened by our clock, and whose word ended it, depend on who was first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orders.cards import iso
from orders.channels.incoming import Asked, Carried, Change, Standing, Urged
from orders.masks import mask
from orders.states import (
    ENDED,
    KINDS,
    PLATFORM_RANK,
    TRANSITIONS,
    Fulfilment,
    OrderState,
    disagreement,
    on_board,
    stepped,
)

Row = dict[str, Any]

# The columns `follow` reads and may change.
FOLLOWED = (
    "state", "fulfilment", "on_board", "platform_state", "conflict", "request", "delivery", "urges",
    "urged_at", "urge_ref", "urge_answered_at", "accepted_at", "collected_at", "delivered_at", "ended_at",
    "end_reason", "ended_by", "dismissed_at", "previous_state", "stepped_at",
)  # fmt: skip
VERBS = {"accepted": ("accept",), "completed": ("complete",), "cancelled": ("cancel", "revoke")}
STEPS = ("applied", "withdrawn", "refused", "agreed", "appealed", "overruled", "upheld")
OPEN_STEPS = frozenset({"applied", "appealed"})
ANSWERED_STEPS = frozenset({"refused", "agreed"})
PROGRESS = ("searching", "assigned", "at_store", "picked_up", "delivered", "failed", "cancelled", "store")
VERB_OF_PROGRESS = {"picked_up": "fetch", "delivered": "complete"}
# How the card's `delivery.state` says it; what a courier of ours goes through has more steps.
STATE_OF_PROGRESS = {"delivered": "delivered", "failed": "failed", "cancelled": "cancelled"}
ANSWER_WITHIN = timedelta(minutes=15)
"""After that a platform agrees to a cancellation by itself (Ele.me says so; others are taken to be alike)."""


def follow(order: Mapping[str, Any], change: Change, *, now: datetime) -> tuple[Row, str]:
    """Return what `change` changes of the columns of `FOLLOWED`, and the kind of the event, "" for none."""
    match change:
        case Standing():
            values, kind = _stand(order, change, now)
        case Urged():
            values, kind = _urge(order, change, now)
        case Asked():
            values, kind = _ask(order, change)
        case Carried():
            values, kind = _carry(order, change, now)
    values["on_board"] = shown({**order, **values})
    changed = {name: value for name, value in values.items() if order[name] != value}
    return (changed, kind) if changed else ({}, "")


def shown(order: Mapping[str, Any]) -> bool:
    """Whether the card stands on the board: in its column, or because its guest waits for an answer."""
    dismissed = order["dismissed_at"] is not None
    stands = on_board(state=order["state"], fulfilment=order["fulfilment"], dismissed=dismissed)
    return stands or needs_answer(order["request"], order["state"])


def request_of(asked: Asked) -> Row:
    """The card's `request`: what the guest wants, where that stands, and until when an answer is due."""
    due = asked.about == "cancel" and asked.step == "applied"
    return {
        "about": asked.about,
        "step": asked.step,
        "at": iso(asked.at),
        "reason": asked.reason,
        "whole": asked.whole,
        "amount": asked.amount,
        "ref": asked.ref,
        "answer_by": iso(asked.at + ANSWER_WITHIN) if due else None,
        "answered": None,
    }


def _stand(order: Mapping[str, Any], standing: Standing, now: datetime) -> tuple[Row, str]:
    values, kind = {}, "order.conflict"
    for verb in VERBS[standing.state]:
        if order["state"] in TRANSITIONS[verb].sources:
            values = _step(order, verb, now, reason=standing.reason, by=standing.by)
            kind = KINDS[verb]
    theirs = _further(order["platform_state"], standing.state)
    values |= {
        "platform_state": theirs,
        "conflict": disagreement(values.get("state", order["state"]), theirs),
    }
    if kind == "order.conflict" and values["conflict"] == order["conflict"]:
        kind = ""
    return values, kind


def _further(known: str, told: str) -> str:
    return told if PLATFORM_RANK[told] > PLATFORM_RANK.get(known, -1) else known  # type: ignore[index,call-overload]


def _step(order: Mapping[str, Any], verb: str, now: datetime, *, reason: str = "", by: str) -> Row:
    return stepped(verb=verb, fulfilment=order["fulfilment"], now=now, reason=reason, by=by)


def _urge(order: Mapping[str, Any], urged: Urged, now: datetime) -> tuple[Row, str]:
    at, values = urged.at or now, {"urges": order["urges"] + 1}
    last = order["urged_at"]
    if last is None or (at, urged.ref) >= (last, order["urge_ref"]):
        values |= {"urged_at": at, "urge_ref": urged.ref, "urge_answered_at": None}
    return values, "order.urged"


def _ask(order: Mapping[str, Any], asked: Asked) -> tuple[Row, str]:
    known, request = order["request"], request_of(asked)
    if known is not None and _rank_of_request(known) >= _rank_of_request(request):
        return {}, ""
    return {"request": {**request, "answered": _answer_to(known, request)}}, "order.asked"


def _answer_to(known: Mapping[str, Any] | None, request: Mapping[str, Any]) -> Any:
    """Who answered, when the platform says that it took the answer."""
    same = known is not None and (known["about"], known["ref"]) == (request["about"], request["ref"])
    return known["answered"] if same and request["step"] in ANSWERED_STEPS else None  # type: ignore[index]


def _rank_of_request(request: Mapping[str, Any]) -> tuple[str, int, str, str]:
    return request["at"], STEPS.index(request["step"]), request["about"], request["ref"]


def _carry(order: Mapping[str, Any], carried: Carried, now: datetime) -> tuple[Row, str]:
    values: Row = {}
    kind, fulfilment = "order.delivery", order["fulfilment"]
    verb = VERB_OF_PROGRESS.get(carried.progress)
    if verb and order["state"] in TRANSITIONS[verb].sources:
        values = _step(order, verb, now, by="courier")
        kind = KINDS[verb]
    if carried.progress == "store" and fulfilment == Fulfilment.PLATFORM_COURIER:
        # From now on what the platform says of its riders is history.
        values |= {"fulfilment": Fulfilment.STORE_COURIER, "delivery": None}
    elif fulfilment == Fulfilment.PLATFORM_COURIER and _is_newer(order["delivery"], carried):
        values["delivery"] = delivery_of(carried)
    return values, kind


def delivery_of(carried: Carried) -> Row:
    """The card's `delivery` of an order that the platform's own rider carries."""
    state = STATE_OF_PROGRESS.get(carried.progress)
    state = state or ("sent" if carried.progress == "searching" else "confirmed")
    return {
        "handoff": None,
        "carrier": "platform",
        "carrier_name": "",
        "state": state,
        "progress": carried.progress if carried.progress not in {"failed", "cancelled"} else "",
        "rider": carried.rider_name,
        "rider_phone": mask(carried.rider_phone),
        "eta": None,
        "reason": carried.reason,
        "since": iso(carried.at),
    }


def _is_newer(known: Mapping[str, Any] | None, carried: Carried) -> bool:
    if known is None or known["carrier"] != "platform":
        return True
    last = known["progress"] or known["state"]
    return (iso(carried.at) or "", PROGRESS.index(carried.progress)) >= (known["since"], PROGRESS.index(last))


def needs_answer(request: Mapping[str, Any] | None, state: str) -> bool:
    """Whether a guest's request waits for the store."""
    if request is None or request["step"] not in OPEN_STEPS or request["answered"]:
        return False
    return request["about"] == "refund" or state not in ENDED - {OrderState.DELIVERED}
