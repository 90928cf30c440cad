"""Messages about orders that should be known already: carried out together, or kept until it comes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Exists, OuterRef

from orders.bulk import update_rows
from orders.channels.incoming import Asked, Carried, Change, Placed, Rejected, Standing
from orders.channels.registry import PUSHES
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.following import FOLLOWED, follow
from orders.intake.delivery import Delivery
from orders.intake.known import any_key
from orders.models import IncomingMessage, Order
from orders.queries import cards_of
from orders.states import OrderState
from orders.telling import seek_carrier
from stores.actors import Actor

logger = logging.getLogger(__name__)
Key = tuple[int, str]
Row = dict[str, Any]
CONTENT = ("content_hash", "complete")
EARLY_AT_ONCE = 500  # messages of one settling; the next round takes the rest


def change_of(delivery: Delivery) -> Change | None:
    """What a delivery says of a known order, if it says anything of one."""
    content = delivery.message.content
    if isinstance(content, Placed):
        return content.standing
    return content if isinstance(content, Change) else None


def locked_orders(keys: Iterable[Key]) -> dict[Key, Row]:
    """The followed columns of the orders that are known, held still until this transaction ends.

    A writer calls it once, with all the orders it is about: they are locked in the order of their ids.
    """
    wanted = any_key("external_id", keys)
    if not wanted:
        return {}
    known = Order.objects.filter(wanted).order_by("pk").select_for_update(of=("self",))
    rows = known.values("id", "account_id", "external_id", "store_id", *CONTENT, *FOLLOWED)
    return {(row["account_id"], row["external_id"]): row for row in rows}


def settle_early(*, now: datetime) -> int:
    """Carry out what waits although its order is there by now; returns how many messages that were.

    Two intake processes may write the two at the same moment, each without seeing the other's.
    """
    order = Order.objects.filter(account=OuterRef("account"), external_id=OuterRef("external_id"))
    waiting = IncomingMessage.objects.filter(Exists(order), outcome=IncomingMessage.Outcome.EARLY)
    waiting = waiting.select_related("account").defer("body").order_by("pk")[:EARLY_AT_ONCE]
    if not waiting.exists():
        return 0
    with transaction.atomic():
        orders = locked_orders({(message.account_id, message.external_id) for message in waiting})
        return _settle(waiting, orders, now=now)


def _settle(waiting: Iterable[IncomingMessage], orders: dict[Key, Row], *, now: datetime) -> int:
    told: dict[Key, list[Change]] = {}
    taken = 0
    for message in waiting:
        mine = IncomingMessage.objects.filter(pk=message.pk, outcome=IncomingMessage.Outcome.EARLY)
        change = stored_change(message)
        after = IncomingMessage.Outcome.STORED if change else IncomingMessage.Outcome.UNKNOWN
        if mine.update(outcome=after) and change:
            told.setdefault((message.account_id, message.external_id), []).append(change)
            taken += 1
    if events := carry_out_changes(told, orders, now=now):
        append(events, at=now)
    return taken


def stored_change(message: IncomingMessage) -> Change | None:
    """What a stored message says of its order; None if nobody can read it any more."""
    try:
        return read_change(message.account.channel, message.kind, message.body)
    except InvalidToken:
        logger.exception("message %s was sealed with a key that is not known", message.pk)
        return None


def read_change(channel: str, kind: str, raw: str) -> Change | None:
    """What the text of a message says of its order."""
    try:
        content = PUSHES[channel].parse(kind=kind, raw=raw).content
    except Rejected:
        return None
    return content if isinstance(content, Change) else None


def keep_early(deliveries: Sequence[Delivery]) -> None:
    """Nothing is known of the order: the message waits. (An urge that overtook its order is no news.)"""
    waiting = (Standing, Asked, Carried)
    keys = [d.delivery_key for d in deliveries if isinstance(d.message.content, waiting)]
    if keys:
        early = IncomingMessage.objects.filter(any_key("delivery_id", keys))
        early.update(outcome=IncomingMessage.Outcome.EARLY)


def carry_out_changes(
    told: Mapping[Key, Sequence[Change]], orders: Mapping[Key, Row], *, now: datetime
) -> list[NewEvent]:
    """Fold what was said of each order into its row; returns the events to append last."""
    rows: list[Row] = []
    left_to_the_store: list[Row] = []
    news: list[tuple[Row, str, Actor]] = []
    for key, changes in told.items():
        order = dict(orders[key])
        for change in changes:
            changed, kind = follow(order, change, now=now)
            order |= changed
            if kind:
                news.append((order, kind, Actor(getattr(change, "by", "platform"))))
        if order != orders[key]:
            rows.append({name: order[name] for name in ("id", *FOLLOWED)})
            if order["state"] == OrderState.READY and order["fulfilment"] != orders[key]["fulfilment"]:
                left_to_the_store.append(order)
    if rows:
        update_rows(Order, sorted(rows, key=lambda row: row["id"]))
    for row in left_to_the_store:
        seek_carrier(order_id=row["id"], now=now)
    return _events(news)


def _events(news: Sequence[tuple[Row, str, Actor]]) -> list[NewEvent]:
    """Every event shows the card as it is after all of them: boards want where it stands."""
    if not news:
        return []
    cards = {
        card["id"]: encode(card)
        for card in cards_of(Order.objects.filter(pk__in=[o["id"] for o, _, _ in news]))
    }
    return [
        NewEvent(order["store_id"], order["id"], kind, actor, f'"card":{cards[order["id"]]}')
        for order, kind, actor in news
    ]
