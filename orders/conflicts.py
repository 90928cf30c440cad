"""Orders the platform believes something else of than we do: told once more, or marked for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from orders.channels.registry import CALLS
from orders.events import append
from orders.models import Order
from orders.services import event_for
from orders.states import ENDED, Disagreement, OrderState, PlatformState, disagreement
from outbox.models import Job
from outbox.services import enqueue
from stores.actors import Actor
from stores.models import ChannelAccount, Store

Row = Mapping[str, Any]

PLATFORM = Actor("platform")
GRACE = timedelta(minutes=2)
"""A call of ours waits until it cannot be undone, for its turn, and for the platform to take note of it."""
RECENT = timedelta(hours=6)
"""How long a platform is asked about an order that has left the board: a meal later nobody can act on it."""
ASK_AGAIN = timedelta(minutes=1)
"""How long what a platform told of an order that goes on is believed; drinks are made in five."""
CALLED_OFF = frozenset({OrderState.REJECTED, OrderState.CANCELLED})
TAKEN = frozenset({
    OrderState.ACCEPTED, OrderState.MAKING, OrderState.READY, OrderState.COLLECTED, OrderState.DELIVERED,
})  # fmt: skip
GOING_ON = frozenset({PlatformState.PLACED, PlatformState.ACCEPTED})
# What the platform would have done had it heard us; it is told again under this name, once.
HEALED_BY = {
    OrderState.REJECTED: "order.rejected",
    OrderState.CANCELLED: "order.cancelled",
    **dict.fromkeys(TAKEN, "order.accepted"),
}
CALLS_OF_STATES = frozenset(HEALED_BY.values())
HEALABLE = frozenset({Disagreement.OPEN, Disagreement.UNCANCELLED})
JUDGED = ("pk", "external_id", "state", "platform_state", "conflict", "end_reason", "since")


def contradiction(state: str, theirs: str | None) -> str:
    """What cannot be true for long if our order is in `state` and theirs in `theirs`; None: they have none.

    >>> contradiction("making", "placed")
    Disagreement.OPEN
    """
    if theirs is None:
        return "" if state in CALLED_OFF else Disagreement.MISSING
    if theirs == PlatformState.PLACED and state in TAKEN:
        return Disagreement.OPEN
    if found := disagreement(state, theirs):
        return found
    return Disagreement.UNCANCELLED if theirs in GOING_ON and state in CALLED_OFF else ""


def disputed(account: ChannelAccount, *, now: datetime) -> list[str]:
    """Numbers of recent orders that, by what we know, the platform sees otherwise; the oldest first."""
    unheard = Q(state__in=TAKEN, platform_state=PlatformState.PLACED)
    untaken = Q(state__in=CALLED_OFF, platform_state__in=GOING_ON)
    orders = recent(account, now=now).filter(unheard | untaken, conflict="", since__lte=now - GRACE)
    return _settled_numbers(orders.order_by("placed_at", "pk"))


def going_on(account: ChannelAccount, *, now: datetime) -> list[str]:
    """Numbers of recent orders of which the platform may have said something that never came; those it was
    not asked about for the longest time first."""
    watched = ~Q(state__in=ENDED) | ~Q(conflict="")
    orders = recent(account, now=now).filter(watched, platform_state__in=GOING_ON)
    orders = orders.annotate(heard_at=Coalesce("asked_at", "received_at"))
    orders = orders.filter(received_at__lte=now - GRACE, heard_at__lte=now - ASK_AGAIN)
    return _settled_numbers(orders.order_by("heard_at", "pk"))


def note_asked(account: ChannelAccount, external_id: str, *, now: datetime) -> None:
    """The platform was asked about this order, whatever it said."""
    Order.objects.filter(account=account, external_id=external_id).update(asked_at=now)


def recent(account: ChannelAccount, *, now: datetime) -> QuerySet[Any]:
    """The account's orders that somebody can still act on, each with `since`: when we decided about it.

    They are looked for store by store, where there are indexes for both: the orders are of all times.
    """
    stores = stores_of(account)
    lately = Q(store__in=stores, on_board=True) | Q(store__in=stores, placed_at__gte=now - RECENT)
    orders = Order.objects.filter(lately, account=account)
    return orders.annotate(since=Coalesce("ended_at", "accepted_at", "received_at"))


def stores_of(account: ChannelAccount) -> list[int]:
    """Wherever orders of the account can be: they may have been moved to a store that is not bound to it."""
    return list(Store.objects.filter(franchise=account.franchise_id).values_list("pk", flat=True))


def settle(account: ChannelAccount, told: Mapping[str, str | None], *, now: datetime) -> None:
    """Compare orders with what the platform told of them just now (None: it has no such order).

    What it never heard is told again under a new name, once. What contradicts us after that, or cannot be
    healed, is marked; what agrees is cleared.
    """
    orders = Order.objects.filter(account=account, external_id__in=list(told))
    orders = orders.annotate(since=Coalesce("ended_at", "accepted_at", "received_at"))
    wrong: list[tuple[Row, str]] = []
    for row in orders.order_by("pk").values(*JUDGED):
        theirs = told[row["external_id"]]
        found = contradiction(row["state"], theirs)
        if _is_old_news(row, theirs) or found == row["conflict"]:
            continue
        if not found:
            clear_conflict(order_id=row["pk"], state=row["state"], now=now)
        elif row["since"] <= now - GRACE:
            wrong.append((row, found))
    busy = _on_their_way() if wrong else set()
    for row, found in wrong:
        if row["pk"] not in busy and not _told_again(account, row, found, now=now):
            mark_conflict(order_id=row["pk"], state=row["state"], conflict=found, now=now)


def mark_conflict(*, order_id: int, state: str, conflict: str, now: datetime) -> bool:
    """Show on the order what the platform believes (`Disagreement`); one event with the whole card.

    False, and no event, if it is marked so already or has left `state`, about which this was found.
    """
    with transaction.atomic():
        order = Order.objects.filter(pk=order_id, state=state).exclude(conflict=conflict)
        if order.update(conflict=conflict) != 1:
            return False
        append([event_for(order_id, kind="order.conflict", actor=PLATFORM)], at=now)
        return True


def clear_conflict(*, order_id: int, state: str, now: datetime) -> bool:
    """Both sides agree again; like `mark_conflict`."""
    return mark_conflict(order_id=order_id, state=state, conflict="", now=now)


def _is_old_news(row: Row, theirs: str | None) -> bool:
    """Only a cancellation, if anything, comes after a completion: what says otherwise was read before it."""
    ended = {PlatformState.COMPLETED, PlatformState.CANCELLED}
    return row["platform_state"] == PlatformState.COMPLETED and theirs not in ended


def _told_again(account: ChannelAccount, row: Row, found: str, *, now: datetime) -> bool:
    """Whether the platform is told once more; it is if that can help and was not tried yet."""
    call = HEALED_BY.get(row["state"])
    if found not in HEALABLE or call is None or call not in CALLS[account.channel].hears:
        return False
    key = _again_key(call, row["pk"])
    if Job.objects.filter(kind="channel.order", key=key).exists():
        return False
    payload = {"order": row["pk"], "call": call, "data": {"reason": row["end_reason"]}}
    enqueue(kind="channel.order", key=key, payload=payload, now=now)
    return True


def _settled_numbers(orders: QuerySet[Any]) -> list[str]:
    """Those about which no call of ours is still to be made: of the others the platform cannot know yet."""
    busy = _on_their_way()
    return [number for pk, number in orders.values_list("pk", "external_id") if pk not in busy]


def _on_their_way() -> set[int]:
    """The orders, of any account, about whose acceptance or end a call is still to be made."""
    due = Job.objects.filter(queue="platforms", kind="channel.order", state=Job.State.DUE)
    payloads: Iterable[Row] = due.values_list("payload", flat=True)
    return {payload["order"] for payload in payloads if payload["call"] in CALLS_OF_STATES}


def _again_key(call: str, order_id: int) -> str:
    return f"{call}.{order_id}.again"
