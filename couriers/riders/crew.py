"""What the counter's page shows of its riders: who is on a shift, and what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from couriers.models import HandOff, Rider, Shift
from couriers.riders.reach import FORGOTTEN, GONE_QUIET, Phone, phone_of
from couriers.states import LIVE, Progress
from orders.models import Order
from stores.channels import short_name
from stores.models import Store

THERE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Member:
    """A rider as the page shows them; `shift` is None when they are not at work.

    `numbers` are the orders in hand, by daily number and platform; `there`: the phone shows the list right
    now; `quiet`: it has not been heard of for a while. `linked_at` is when the link was made, `here_since`
    when the rider came to the store for what waits there. `passed_over`: given nothing by itself, for nobody
    would hear of it.
    """

    rider: Rider
    shift: Shift | None
    numbers: tuple[str, ...]
    under_way: int
    there: bool
    quiet: bool
    linked_at: datetime | None
    here_since: datetime | None
    passed_over: bool


def crew_of(store: Store, *, now: datetime) -> list[Member]:
    """Active riders, those on a shift first; three queries."""
    open_now = Shift.objects.filter(ended_at=None, ends_at__gt=now)
    live = HandOff.objects.filter(state__in=LIVE).select_related("order__account").order_by("order_id", "bag")
    riders = Rider.objects.filter(store=store, active=True).prefetch_related(
        Prefetch("shifts", queryset=open_now, to_attr="open_shifts"),
        Prefetch("handoffs", queryset=live, to_attr="in_hand"),
    )
    members = [_member(rider, now) for rider in riders]
    return sorted(members, key=lambda member: (member.shift is None, member.rider.name))


def shift_in(store: Store, rider_id: int, *, now: datetime) -> Shift | None:
    """The open shift of a rider of the store."""
    open_now = Shift.objects.filter(ended_at=None, ends_at__gt=now, rider__store=store, rider_id=rider_id)
    return open_now.select_related("rider__store").first()


def _member(rider: Rider, now: datetime) -> Member:
    shift: Shift | None = next(iter(getattr(rider, "open_shifts", [])), None)
    bags: list[HandOff] = getattr(rider, "in_hand", [])
    linked_at = (shift.linked_at or shift.started_at) if shift else None
    seen_at = shift.seen_at if shift else None
    heard = seen_at or linked_at
    knows = seen_at is not None and any(now - FORGOTTEN <= bag.created_at <= seen_at for bag in bags)
    return Member(
        rider=rider,
        shift=shift,
        numbers=tuple(dict.fromkeys(name_of(bag.order) for bag in bags)),
        under_way=sum(bag.progress == Progress.PICKED_UP for bag in bags),
        there=seen_at is not None and now - seen_at <= THERE,
        quiet=heard is not None and now - heard > GONE_QUIET,
        linked_at=linked_at,
        here_since=min((bag.arrived_at for bag in bags if _waits(bag) and bag.arrived_at), default=None),
        passed_over=shift is not None and phone_of(seen_at, knows=knows, now=now) != Phone.THERE,
    )


def _waits(bag: HandOff) -> bool:
    return bag.progress == Progress.AT_STORE


def name_of(order: Order) -> str:
    """Its daily number and platform. Two platforms may have the same daily number on the shelf at once."""
    return f"{order.daily_number} {short_name(order.account.channel, order.account.slug)}"
