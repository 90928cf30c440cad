"""Messages about orders that should be known already: carried out together, or kept until it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from orders.bulk import update_rows
from orders.channels.incoming import Change, Placed, Rejected, Urged
from orders.channels.registry import PUSHES
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.following import FOLLOWED, follow
from orders.intake.delivery import Delivery
from orders.intake.known import any_key
from orders.models import IncomingMessage, Order
from orders.queries import cards_of
from stores.actors import Actor

Key = tuple[int, str]
Row = dict[str, Any]
EARLY_AT_ONCE = 500  # messages of one settling; the next round takes the rest


def change_of(delivery: Delivery) -> Change | None:
    """What a delivery says of a known order, if it says anything of one."""
    content = delivery.message.content
    if isinstance(content, Placed):
        return content.standing
    return content if isinstance(content, Change) else None


def apply_changes(deliveries: Sequence[Delivery], *, now: datetime) -> list[NewEvent]:
    """Change the orders `deliveries` are about, one delivery an order; returns the events to append last.

    Whatever is about an order that has not come yet waits for it.
    """
    told = {d.order_key: (d, change) for d in deliveries if (change := change_of(d)) is not None}
    if not told:
        return []
    orders = locked_orders(told)
    _keep_early([delivery for key, (delivery, _) in told.items() if key not in orders])
    return _carry_out({key: [told[key][1]] for key in orders}, orders, now=now)


def locked_orders(keys: Iterable[Key]) -> dict[Key, Row]:
    """The followed columns of the orders that are known, held still until this transaction ends."""
    known = Order.objects.filter(any_key("external_id", keys)).order_by("pk").select_for_update(of=("self",))
    rows = known.values("id", "account_id", "external_id", "store_id", *FOLLOWED)
    return {(row["account_id"], row["external_id"]): row for row in rows}


def settle_early(*, now: datetime) -> int:
    """Carry out what waits although its order is there by now; returns how many messages that were.

    Two intake processes may write the two at the same moment, each without seeing the other's.
    """
    order = Order.objects.filter(account=OuterRef("account"), external_id=OuterRef("external_id"))
    waiting = IncomingMessage.objects.filter(Exists(order), outcome=IncomingMessage.Outcome.EARLY)
    waiting = waiting.select_related("account").order_by("pk")[:EARLY_AT_ONCE]
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
        if (change := stored_change(message)) and mine.update(outcome=IncomingMessage.Outcome.STORED):
            told.setdefault((message.account_id, message.external_id), []).append(change)
            taken += 1
    if events := _carry_out(told, orders, now=now):
        append(events, at=now)
    return taken


def stored_change(message: IncomingMessage) -> Change | None:
    """What a stored message says of its order; None if its channel cannot read it any more."""
    return read_change(message.account.channel, message.kind, message.body)


def read_change(channel: str, kind: str, raw: str) -> Change | None:
    """What the text of a message says of its order."""
    try:
        content = PUSHES[channel].parse(kind=kind, raw=raw).content
    except Rejected:
        return None
    return content if isinstance(content, Change) else None


def _keep_early(deliveries: Sequence[Delivery]) -> None:
    """Nothing is known of the order: the message waits. (An urge that overtook its order is no news.)"""
    keys = [d.delivery_key for d in deliveries if not isinstance(d.message.content, Urged | Placed)]
    if keys:
        early = IncomingMessage.objects.filter(any_key("delivery_id", keys))
        early.update(outcome=IncomingMessage.Outcome.EARLY)


def _carry_out(
    told: Mapping[Key, Sequence[Change]], orders: Mapping[Key, Row], *, now: datetime
) -> list[NewEvent]:
    rows: list[Row] = []
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
    if rows:
        update_rows(Order, sorted(rows, key=lambda row: row["id"]))
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
