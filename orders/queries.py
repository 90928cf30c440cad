"""Reading orders: cards, snapshots, gaps of the feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from orders.cards import CARD_FIELDS, LINE_FIELDS, Card, card, iso
from orders.events import top
from orders.feed.moment import one_moment
from orders.feed.wire import encode, events_frame
from orders.models import Order, OrderEvent, OrderLine
from orders.states import FundedBy
from stores.models import Store
from stores.queries import channels_of, intake_of, telling_state

WAVE_MINUTES = 60
RECENT = timedelta(hours=2)
RECENT_MOST = 50


def cards_of(orders: QuerySet[Order]) -> list[Card]:
    """The cards of `orders`, in the query's order; two queries however many there are."""
    rows = list(orders.values(*CARD_FIELDS))
    lines = _lines(row["id"] for row in rows)
    return [card(row, lines[row["id"]], undo_seconds=settings.UNDO_SECONDS) for row in rows]


def card_of(order_id: int) -> Card:
    """One order's card. Raises Order.DoesNotExist."""
    return card_and_store(order_id)[0]


def card_and_store(order_id: int) -> tuple[Card, int]:
    """One order's card, and the store on whose board it is. Raises Order.DoesNotExist."""
    row = Order.objects.values("store_id", *CARD_FIELDS).get(pk=order_id)
    lines = _lines([order_id])[order_id]
    return card(row, lines, undo_seconds=settings.UNDO_SECONDS), row["store_id"]


def _lines(order_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    by_order = defaultdict(list)
    wanted = OrderLine.objects.filter(order_id__in=list(order_ids)).order_by("order_id", "position")
    for line in wanted.values("order_id", *LINE_FIELDS):
        by_order[line["order_id"]].append(line)
    return by_order


def recent_cards(store: Store, *, now: datetime) -> list[Card]:
    """What left the board lately, newest first: to look up and to recall."""
    gone = Order.objects.filter(store=store, on_board=False, placed_at__gte=now - timedelta(days=1))
    lately = (
        Q(collected_at__gte=now - RECENT) | Q(delivered_at__gte=now - RECENT) | Q(ended_at__gte=now - RECENT)
    )
    return cards_of(gone.filter(lately).order_by("-id")[:RECENT_MOST])


def intake_view(store_id: int) -> dict[str, Any]:
    """The intake switch as boards show it: level, why, who, until when, and each platform."""
    state = intake_of(store_id)
    return {
        "level": state.level,
        "reason": state.reason,
        "actor": state.actor_label,
        "changed_at": iso(state.changed_at),
        "resumes_at": iso(state.resumes_at),
        "version": state.version,
        "channels": [
            {
                "account": channel.account.slug,
                "channel": channel.account.channel,
                "name": str(channel.account.slug),
                "state": telling_state(channel, state.version),
                "leaked": channel.leaked,
                "error": channel.last_error,
            }
            for channel in channels_of(store_id)
        ],
    }


def wave(store_id: int, *, now: datetime) -> list[list[int]]:
    """Orders of the last hour by minute: [unix start of the minute, paid, subsidised, free]."""
    since = now - timedelta(minutes=WAVE_MINUTES)
    counts: dict[int, list[int]] = {}
    funding_at = {FundedBy.PAID: 1, FundedBy.SUBSIDISED: 2, FundedBy.FREE: 3}
    recent = Order.objects.filter(
        store_id=store_id, placed_at__gte=since - timedelta(days=1), received_at__gte=since
    )
    for received_at, funding in recent.values_list("received_at", "funding").iterator():
        minute = int(received_at.timestamp()) // 60 * 60
        counts.setdefault(minute, [minute, 0, 0, 0])[funding_at[FundedBy(funding)]] += 1
    return [counts[minute] for minute in sorted(counts)]


def snapshot(store: Store, *, now: datetime) -> dict[str, Any]:
    """The whole board together with the number it belongs to, read at one moment."""
    sequence = top(store.pk)
    with one_moment():
        sequence.refresh_from_db()
        return {
            "type": "snapshot",
            "epoch": sequence.epoch,
            "seq": sequence.last_seq,
            "at": iso(now),
            "store": store_view(store),
            "cards": cards_of(Order.objects.filter(store=store, on_board=True).order_by("id")),
            "intake": intake_view(store.pk),
            "wave": wave(store.pk, now=now),
        }


def catch_up(store: Store, *, epoch: str | None, seq: int, now: datetime) -> tuple[str, str, int]:
    """The frame that brings a board at (`epoch`, `seq`) up to date, and the epoch and number it is at then.

    The whole gap as events if it is short and still stored, else a snapshot.
    """
    sequence = top(store.pk)
    if epoch == sequence.epoch and 0 <= sequence.last_seq - seq <= settings.EVENTS_REPLAY_LIMIT:
        later = OrderEvent.objects.filter(store=store, seq__gt=seq).order_by("seq")
        missed = list(later.values_list("seq", "body")[: settings.EVENTS_REPLAY_LIMIT])
        if [number for number, _ in missed] == list(range(seq + 1, seq + 1 + len(missed))):
            last = seq + len(missed)
            if last >= sequence.last_seq:
                bodies = [body for _, body in missed]
                return events_frame(epoch=sequence.epoch, seq=last, bodies=bodies), sequence.epoch, last
    whole = snapshot(store, now=now)
    return encode(whole), whole["epoch"], whole["seq"]


def store_view(store: Store) -> dict[str, Any]:
    """What a board needs to know of its store."""
    return {
        "id": store.pk,
        "code": store.code,
        "name": store.name,
        "city": store.city,
        "timezone": store.timezone,
        "cups_per_hour": store.cups_per_hour,
    }
