"""A draft tried on a day that is over: who would have carried each order, and what it would have cost.

The day's own facts are used where they are stored (orders, shifts, rests, fees); the rest is estimated from
the week before the day's end: a carrier that did not carry the order costs what it takes on average for
orders about as far away, and an own rider is away as long as half of the deliveries took. Every order goes
to the first choice, as if it had accepted, and counts for its share.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum

from couriers.models import CourierRest, Fee, HandOff, Shift
from couriers.policy.choosing import COURIER, RIDER, Candidate, Measure, Ranked, Situation, choose
from couriers.policy.document import Policy
from couriers.policy.measures import OURS, key_of, measured
from couriers.policy.prices import Prices
from couriers.policy.situations import candidates_of, distance_to
from couriers.states import HandOffState
from orders.models import Order
from orders.states import Fulfilment, OrderState
from stores.models import Store

MOST_ORDERS = 5_000
AWAY = timedelta(minutes=30)  # of a rider nothing was measured of
LATE = timedelta(days=1)  # what belongs to an order of the day may come after midnight
OFF = sorted({OrderState.REJECTED, OrderState.CANCELLED})
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Carried:
    """Who carried an order in fact, for what `fee`; `paid`: all that the order cost, by the ledger.

    None: not known. An own rider costs nothing.
    """

    key: str
    name: str
    fee: int | None
    paid: int | None
    delivered: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One order of the day. `fact` None: nobody was asked; `ranked` empty: nobody could have been."""

    order: Order
    at: datetime
    distance: int | None
    fact: Carried | None
    ranked: list[Ranked]
    fee: int | None
    measured: bool

    @property
    def first(self) -> Ranked | None:
        """Who would have been asked first."""
        return self.ranked[0] if self.ranked else None

    @property
    def same(self) -> bool:
        """Whether the same one carried it."""
        return (self.fact.key if self.fact else "") == (self.first.key if self.first else "")


@dataclass(slots=True)
class Column:
    """A carrier's day: orders and known costs, in fact and as tried; `measured` of the costs are averages."""

    key: str
    name: str
    before: int = 0
    after: int = 0
    cost_before: int = 0
    cost_after: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0
    measured: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """The whole day. `left_out`: orders of a day that has more than `MOST_ORDERS`."""

    day: date
    currency: str
    lines: list[Line]
    columns: list[Column]
    left_out: int
    shifts: bool

    @property
    def changed(self) -> list[Line]:
        """The orders somebody else would have carried."""
        return [line for line in self.lines if not line.same]

    @property
    def same(self) -> list[Line]:
        """The orders that would have gone the same way."""
        return [line for line in self.lines if line.same]

    @property
    def total(self) -> Column:
        """All carriers together, and nobody."""
        total = Column("", "")
        for one in self.columns:
            for name in ("before", "after", "cost_before", "cost_after"):
                setattr(total, name, getattr(total, name) + getattr(one, name))
            for name in ("unpriced_before", "unpriced_after", "measured"):
                setattr(total, name, getattr(total, name) + getattr(one, name))
        return total


def try_on(store: Store, policy: Policy, *, day: date, now: datetime) -> Trial:
    """Run the policy over the orders placed on `day` at the store; never more than a dozen queries."""
    zone = ZoneInfo(store.timezone)
    begins, ends = (
        datetime.combine(day + timedelta(days=add), time(0), zone).astimezone(UTC) for add in (0, 1)
    )
    orders = _orders(store, begins, ends)
    taken = orders[:MOST_ORDERS]
    world = _World(store, begins, min(ends, now))
    lines = [world.line(policy, order) for order in taken]
    currency = taken[0].currency if taken else ""
    return Trial(day, currency, lines, _columns(lines), len(orders) - len(taken), bool(world.shifts))


def _orders(store: Store, begins: datetime, ends: datetime) -> list[Order]:
    rows = Order.objects.filter(store=store, placed_at__gte=begins, placed_at__lt=ends)
    mine = rows.filter(fulfilment=Fulfilment.STORE_COURIER).exclude(ready_at=None, state__in=OFF)
    fields = (
        "store",
        "account__channel",
        "daily_number",
        "currency",
        "goods",
        "cups",
        "latitude",
        "longitude",
    )
    found = mine.select_related("account").only(*fields, "placed_at", "ready_at", "ended_at")
    return sorted(found, key=lambda order: (_moment(order), order.pk))


def _moment(order: Order) -> datetime:
    """When a carrier was to be found."""
    return order.ready_at or order.placed_at


class _World:
    """A day as it was, and what has been given away in it so far."""

    def __init__(self, store: Store, begins: datetime, ends: datetime) -> None:
        self.store, self.zone = store, ZoneInfo(store.timezone)
        measures = measured(store.pk, until=ends)
        self.candidates = [
            replace(one, live=0, away=0, resting=False, quote=None, measure=measures.get(one.key))
            for one in candidates_of(store, ends)
        ]
        self.prices = Prices(store, until=ends)
        self.shifts = _shifts(store, begins, ends)
        self.rests = _rests([one.key for one in self.candidates if one.kind == COURIER], begins, ends)
        self.facts = _facts(store, begins, ends)
        self.load = _Load(store, begins, ends)
        self.given: Counter[str] = Counter()
        self.away: dict[str, list[datetime]] = defaultdict(list)

    def line(self, policy: Policy, order: Order) -> Line:
        at, distance = _moment(order), distance_to(order, self.store)
        situation = Situation(
            at=at.astimezone(self.zone),
            distance=distance,
            value=order.goods,
            cups=order.cups,
            load=self.load.at(at),
            channel=order.account.channel,
            given=self.given,
        )
        ranked = choose(policy, situation, [self.candidate(one, at, distance) for one in self.candidates])
        fact = self.facts.get(order.pk)
        if ranked:
            self.given[ranked[0].key] += 1
            self.send(ranked[0].key, at)
        fee, is_measured = _fee(ranked, fact)
        return Line(order, at, distance, fact, ranked, fee, is_measured)

    def candidate(self, one: Candidate, at: datetime, distance: int | None) -> Candidate:
        if one.kind == COURIER:
            measure = replace(one.measure or Measure(0, 0), fee=self.prices.of(one.key, distance))
            return replace(one, resting=_inside(self.rests.get(one.key, ()), at), measure=measure)
        live = sum(back > at for back in self.away[one.key])
        return replace(one, free=_inside(self.shifts.get(one.key, ()), at), live=live)

    def send(self, key: str, at: datetime) -> None:
        one = next(one for one in self.candidates if one.key == key)
        if one.kind == RIDER:
            seconds = one.measure.deliver_p50 if one.measure else None
            self.away[key].append(at + (AWAY if seconds is None else timedelta(seconds=seconds)))


class _Load:
    """How many orders the store had in hand at a moment of the day."""

    def __init__(self, store: Store, begins: datetime, ends: datetime) -> None:
        rows = Order.objects.filter(
            store=store, placed_at__gte=begins - timedelta(days=1), placed_at__lt=ends
        )
        gone = ("collected_at", "delivered_at", "ended_at")
        times = list(rows.values_list("received_at", *gone))
        self.came = sorted(came for came, *_ in times)
        self.left = sorted(
            min(left) for _, *all_left in times if (left := [one for one in all_left if one is not None])
        )

    def at(self, moment: datetime) -> int:
        """Those that had come and not left."""
        return max(0, bisect_right(self.came, moment) - bisect_right(self.left, moment))


def _shifts(store: Store, begins: datetime, ends: datetime) -> dict[str, list[Span]]:
    rows = Shift.objects.filter(Q(ended_at=None) | Q(ended_at__gte=begins), rider__store=store)
    spans: dict[str, list[Span]] = defaultdict(list)
    for rider, start, last, ended in rows.filter(started_at__lt=ends, ends_at__gte=begins).values_list(
        "rider", "started_at", "ends_at", "ended_at"
    ):
        spans[key_of(None, rider)].append((start, ended or last))
    return dict(spans)


def _rests(keys: Iterable[str], begins: datetime, ends: datetime) -> dict[str, list[Span]]:
    accounts = [int(key.partition(":")[2]) for key in keys]
    rows = CourierRest.objects.filter(account__in=accounts, began_at__lt=ends, until__gt=begins)
    spans: dict[str, list[Span]] = defaultdict(list)
    for account, began, until in rows.values_list("account", "began_at", "until"):
        spans[key_of(account, None)].append((began, until))
    return dict(spans)


def _inside(spans: Iterable[Span], at: datetime) -> bool:
    return any(start <= at < end for start, end in spans)


def _facts(store: Store, begins: datetime, ends: datetime) -> dict[int, Carried]:
    """By order: who delivered it, else who was asked last, but for what the store took back itself."""
    rows = HandOff.objects.filter(
        store=store, created_at__gte=begins, created_at__lt=ends + LATE, bag=1
    ).exclude(end_cause__in=OURS)
    columns = ("order", "account", "rider", "account__label", "rider__name", "fee", "state")
    facts: dict[int, Carried] = {}
    paid = _paid(store, begins, ends)
    for row in rows.order_by("pk").values(*columns):
        known = facts.get(row["order"])
        if not (known and known.delivered):
            facts[row["order"]] = _carried(row, paid.get(row["order"]))
    return facts


def _carried(row: Mapping[str, Any], paid: int | None) -> Carried:
    own = row["account"] is None
    fee = 0 if own else row["fee"]
    return Carried(
        key=key_of(row["account"], row["rider"]),
        name=row["rider__name"] if own else row["account__label"],
        fee=fee,
        paid=fee if paid is None else paid,
        delivered=row["state"] == HandOffState.DELIVERED,
    )


def _paid(store: Store, begins: datetime, ends: datetime) -> dict[int, int]:
    """What each order cost by the ledger: deliveries, cancellations, corrections."""
    rows = Fee.objects.filter(store=store, at__gte=begins, at__lt=ends + LATE).order_by()
    return dict(rows.values_list("handoff__order").annotate(total=Sum("amount")))


def _fee(ranked: Sequence[Ranked], fact: Carried | None) -> tuple[int | None, bool]:
    """What it would have cost, and whether that is an average. What was paid for this very order counts."""
    if not ranked or ranked[0].kind == RIDER:
        return (0 if ranked else None), False
    if fact and fact.key == ranked[0].key and fact.fee is not None:
        return fact.fee, False
    return ranked[0].fee, ranked[0].fee is not None


def _columns(lines: Iterable[Line]) -> list[Column]:
    """A column for each carrier, the busiest first, and last the orders nobody carried."""
    columns: dict[str, Column] = {}
    for line in lines:
        _count_fact(columns, line)
        _count_tried(columns, line)
    return sorted(
        columns.values(), key=lambda one: (one.key == "", -one.before, -one.after, one.name, one.key)
    )


def _count_fact(columns: dict[str, Column], line: Line) -> None:
    fact = line.fact
    one = columns.setdefault(
        fact.key if fact else "", Column(fact.key if fact else "", fact.name if fact else "")
    )
    one.before += 1
    if fact:
        one.cost_before += fact.paid or 0
        one.unpriced_before += fact.paid is None


def _count_tried(columns: dict[str, Column], line: Line) -> None:
    first = line.first
    one = columns.setdefault(
        first.key if first else "", Column(first.key if first else "", first.name if first else "")
    )
    one.after += 1
    if first:
        one.cost_after += line.fee or 0
        one.unpriced_after += line.fee is None
        one.measured += line.measured
