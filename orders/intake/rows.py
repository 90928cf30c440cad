"""The rows one delivery becomes (pure): message, order, lines, and the card of a new order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.admission import Verdict
from orders.cards import AMOUNTS, TIMES, Card, card
from orders.channels.incoming import CancelledByPlatform, Placed
from orders.intake.delivery import Delivery
from orders.states import OrderState, funded_by

Row = dict[str, Any]
NOT_YET: Row = dict.fromkeys(TIMES)  # what a card shows of the columns a new order leaves empty


def message_row(delivery: Delivery, now: datetime) -> Row:
    """The raw message; its body is sealed by the column."""
    return {
        "account_id": delivery.account.id,
        "delivery_id": delivery.message.delivery_id,
        "kind": delivery.message.kind,
        "external_id": delivery.message.external_id,
        "body": delivery.body,
        "body_hash": delivery.body_hash,
        "received_at": now,
    }


def conflict_row(delivery: Delivery, now: datetime) -> Row:
    """The same facts, kept for a person to look at."""
    row = message_row(delivery, now)
    del row["kind"]
    return row


def order_row(
    delivery: Delivery, placed: Placed, verdict: Verdict, cancelled: CancelledByPlatform | None, now: datetime
) -> Row:
    """The columns of a new order; `cancelled` if the platform called it off before it came."""
    return {
        "store_id": delivery.place.store_id,
        "account_id": delivery.account.id,
        "external_id": delivery.message.external_id,
        "content_hash": placed.content_hash,
        "daily_number": placed.daily_number,
        "on_board": True,
        "held_reason": verdict.held_reason,
        "fulfilment": placed.fulfilment,
        **{name: placed.amounts[name] for name in AMOUNTS},
        "funding": _funding(placed.amounts),
        "campaign_code": placed.campaign_code,
        "campaign_name": placed.campaign_name,
        "customer_name": placed.customer_name,
        "customer_phone": placed.phone,
        "phone_mask": mask(placed.phone),
        "address": placed.address,
        "latitude": placed.latitude,
        "longitude": placed.longitude,
        "note": placed.note,
        "cups": sum(line.quantity for line in placed.lines),
        "placed_at": placed.placed_at,
        "promised_at": placed.promised_at,
        "received_at": now,
        **_standing(verdict, cancelled, now),
    }


def _standing(verdict: Verdict, cancelled: CancelledByPlatform | None, now: datetime) -> Row:
    if cancelled is not None:
        return {
            "state": OrderState.CANCELLED,
            "accepted_at": None,
            "ended_at": now,
            "end_reason": cancelled.reason,
            "ended_by": cancelled.by,
        }
    accepted_at = now if verdict.state == OrderState.ACCEPTED else None
    return {
        "state": verdict.state,
        "accepted_at": accepted_at,
        "ended_at": None,
        "end_reason": "",
        "ended_by": "",
    }


def _funding(amounts: Mapping[str, Any]) -> str:
    parts = ("customer_paid", "platform_subsidy", "shop_subsidy")
    return funded_by(**{name: amounts[name] for name in parts})


def line_rows(placed: Placed, order_id: int) -> list[Row]:
    """An order's lines, in the platform's order."""
    return [
        {
            "order_id": order_id,
            "position": position,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "options": list(line.options),
            "note": line.note,
        }
        for position, line in enumerate(placed.lines)
    ]


def first_card(
    delivery: Delivery, row: Mapping[str, Any], lines: list[Row], order_id: int, undo_seconds: int
) -> Card:
    """The card of an order that is just being written."""
    written = {
        **NOT_YET,
        **row,
        "id": order_id,
        "urges": 0,
        "delivery": None,
        "previous_state": "",
        "account__channel": delivery.account.channel,
        "account__slug": delivery.account.slug,
    }
    return card(written, lines, undo_seconds=undo_seconds)


def mask(phone: str) -> str:
    """Leave the last four digits: "138 1234 5678" becomes "····5678"."""
    digits = re.sub(r"\D", "", phone)
    return f"····{digits[-4:]}" if digits else ""
