"""The rows one delivery becomes (pure): message, order, lines, and the card of a new order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.admission import Verdict
from orders.cards import AMOUNTS, TIMES, Card, card
from orders.channels.incoming import Placed, Unknown
from orders.following import FOLLOWED
from orders.intake.delivery import Delivery, Place
from orders.masks import mask
from orders.models import IncomingMessage
from orders.states import OrderState, PlatformState, funded_by

Row = dict[str, Any]
Source = IncomingMessage.Source
EMPTY_TEXTS = ("conflict", "end_reason", "ended_by", "previous_state", "urge_ref")
# What the columns hold that a new order leaves to the database.
UNTOUCHED: Row = {**dict.fromkeys(FOLLOWED), **dict.fromkeys(EMPTY_TEXTS, ""), "urges": 0}
NOT_YET: Row = {**dict.fromkeys(TIMES), **UNTOUCHED}


def message_row(delivery: Delivery, now: datetime) -> Row:
    """The raw message; its body is sealed by the column."""
    proof, message = delivery.proof, delivery.message
    return {
        "account_id": delivery.account.id,
        "delivery_id": proof.delivery_id,
        "kind": message.kind,
        "external_id": message.external_id,
        "store_code": message.store_code,
        "body": proof.raw,
        "body_hash": proof.digest,
        "received_at": now,
        "outcome": _outcome(delivery),
        "source": Source.PULL if delivery.pulled else Source.PUSH,
        "secret": None if delivery.pulled else proof.secret,
    }


def _outcome(delivery: Delivery) -> str:
    if isinstance(delivery.message.content, Unknown):
        return IncomingMessage.Outcome.UNKNOWN
    return IncomingMessage.Outcome.UNROUTED if delivery.unrouted else IncomingMessage.Outcome.STORED


def conflict_row(delivery: Delivery, now: datetime) -> Row:
    """The same facts, kept for a person to look at."""
    return {
        "account_id": delivery.account.id,
        "delivery_id": delivery.proof.delivery_id,
        "external_id": delivery.message.external_id,
        "body": delivery.proof.raw,
        "body_hash": delivery.proof.digest,
        "received_at": now,
    }


def order_row(delivery: Delivery, place: Place, placed: Placed, verdict: Verdict, now: datetime) -> Row:
    """The columns of a new order."""
    return {
        "store_id": place.store_id,
        "account_id": delivery.account.id,
        "external_id": delivery.message.external_id,
        "platform_store_code": delivery.message.store_code,
        "on_board": True,
        "held_reason": verdict.held_reason,
        "fulfilment": placed.fulfilment,
        **content_columns(placed),
        "received_at": now,
        "state": verdict.state,
        "accepted_at": now if verdict.state == OrderState.ACCEPTED else None,
        "platform_state": PlatformState.PLACED,
        "recovered_at": now if delivery.pulled else None,
    }


def content_columns(placed: Placed) -> Row:
    """What the platform says the order is."""
    return {
        "content_hash": placed.content_hash,
        "daily_number": placed.daily_number,
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
        "complete": placed.complete,
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
        "account__channel": delivery.account.channel,
        "account__slug": delivery.account.slug,
    }
    return card(written, lines, undo_seconds=undo_seconds)
