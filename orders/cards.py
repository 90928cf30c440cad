"""The card: everything a board shows of one order, as JSON-ready values (pure).

Built from a mapping with the columns in `CARD_FIELDS`, so that intake can make the card of an order
it is just writing and a query the card of one that is stored.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Card = dict[str, Any]

AMOUNTS = (
    "currency", "goods", "delivery_fee", "platform_subsidy", "shop_subsidy", "customer_paid", "shop_income",
)  # fmt: skip
TIMES = (
    "placed_at", "promised_at", "received_at", "accepted_at", "started_at", "ready_at", "collected_at",
    "delivered_at", "ended_at", "urged_at", "urge_answered_at", "recovered_at", "expected_at",
)  # fmt: skip
PLAIN = (
    "id", "external_id", "state", "on_board", "held_reason", "fulfilment", "note", "cups", "end_reason",
    "ended_by", "urges", "delivery", "conflict", "complete", "request",
)  # fmt: skip
CUSTOMER = ("customer_name", "phone_mask", "address")
CARD_FIELDS = (
    *PLAIN, *AMOUNTS, *TIMES, *CUSTOMER, "daily_number", "funding", "campaign_code", "campaign_name",
    "previous_state", "stepped_at", "account__channel", "account__slug",
)  # fmt: skip
LINE_FIELDS = ("sku", "name", "quantity", "unit_price", "options", "note")


def iso(moment: datetime | None) -> str | None:
    """UTC with milliseconds: "2026-02-06T10:00:00.123Z"."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def card(order: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], *, undo_seconds: int) -> Card:
    """Return the card of `order`; `undo_seconds` is how long its last step can be taken back."""
    return {
        **{name: order[name] for name in PLAIN},
        **{name: iso(order[name]) for name in TIMES},
        "number": order["daily_number"],
        "channel": order["account__channel"],
        "account": order["account__slug"],
        "funding": order["funding"],
        "campaign": _campaign(order),
        "amounts": {name: order[name] for name in AMOUNTS},
        "customer": _customer(order),
        "lines": [{name: line[name] for name in LINE_FIELDS} for line in lines],
        "undo": _undo(order, undo_seconds),
    }


def _campaign(order: Mapping[str, Any]) -> dict[str, str] | None:
    if not order["campaign_code"]:
        return None
    return {"code": order["campaign_code"], "name": order["campaign_name"]}


def _customer(order: Mapping[str, Any]) -> dict[str, str] | None:
    if not any(order[name] for name in CUSTOMER):
        return None
    return {"name": order["customer_name"], "phone_mask": order["phone_mask"], "address": order["address"]}


def _undo(order: Mapping[str, Any], undo_seconds: int) -> dict[str, str | None] | None:
    if not order["previous_state"]:
        return None
    return {
        "to": order["previous_state"],
        "until": iso(order["stepped_at"] + timedelta(seconds=undo_seconds)),
    }
