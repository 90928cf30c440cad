"""Reads of the report: a constant number of set-based queries, however many stores and orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Greatest

from couriers.models import HandOff
from couriers.states import LIVE
from orders.models import Order
from orders.states import FundedBy, OrderState
from reports.measures import Bar, HandOffs, Period, Row, hourly, paused_seconds
from stores.levels import IntakeLevel
from stores.models import IntakeChange, Store

LOST = {OrderState.REJECTED.value, OrderState.CANCELLED.value}
CHUNK = 2_000  # orders an export reads at once
EXPORTED = (
    "pk", "store_id", "daily_number", "external_id", "account__slug", "state", "funding", "campaign_name",
    "campaign_code", "cups", "currency", "goods", "delivery_fee", "platform_subsidy", "shop_subsidy",
    "customer_paid", "shop_income", "placed_at", "accepted_at", "ready_at", "collected_at", "delivered_at",
    "ended_at", "end_reason",
)  # fmt: skip


class Epoch(Func):
    """Whole seconds since 1970 of a date and time, for arithmetic that both databases can do."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template)


@dataclass(frozen=True, slots=True)
class Selection:
    """The stores and the days a report is about; every store's days run by its own clock."""

    stores: Sequence[Store]
    period: Period

    def zones(self) -> dict[str, list[Store]]:
        """Stores by time zone, the zone of most stores first."""
        zones: dict[str, list[Store]] = defaultdict(list)
        for store in self.stores:
            zones[store.timezone].append(store)
        return dict(sorted(zones.items(), key=lambda item: -len(item[1])))

    @property
    def zone(self) -> ZoneInfo:
        """The zone the chart is labelled in: that of most stores."""
        return ZoneInfo(next(iter(self.zones()), "UTC"))

    def within(self, stamp: str, store: str = "store") -> Q:
        """Rows of these stores whose `stamp` lies in the period."""
        found = Q(pk__in=[])
        for zone, stores in self.zones().items():
            start, end = self.period.bounds(ZoneInfo(zone))
            found |= Q(**{f"{store}__in": stores, f"{stamp}__gte": start, f"{stamp}__lt": end})
        return found

    def start(self, store: str) -> Case:
        """When the period began at the store of a row."""
        return Case(
            *(
                When(**{f"{store}__in": [one.pk for one in stores]}, then=Value(self.bounds(zone)[0]))
                for zone, stores in self.zones().items()
            ),
            output_field=DateTimeField(),
        )

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        return self.period.bounds(ZoneInfo(zone))


def rows(selection: Selection, *, now: datetime) -> dict[int, Row]:
    """One row per store, by store id; pauses that still run are counted until `now`."""
    counts = _counts(selection)
    ready_times = _ready_times(selection)
    paused = _paused(selection, now=now)
    handoffs = _handoffs(selection)
    return {
        store.pk: Row(
            **counts[store.pk],
            paused=paused[store.pk],
            ready_times=tuple(ready_times[store.pk]),
            handoffs=handoffs.get(store.pk, HandOffs()),
        )
        for store in selection.stores
    }


def _counts(selection: Selection) -> dict[int, dict[str, int]]:
    groups = (
        Order.objects.filter(selection.within("placed_at"))
        .order_by()
        .values_list("store", "funding", "state")
        .annotate(Count("pk"))
    )
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for store, funding, state, number in groups:
        counts[store]["orders"] += number
        counts[store]["free"] += number * (funding == FundedBy.FREE)
        counts[store]["subsidised"] += number * (funding == FundedBy.SUBSIDISED)
        counts[store]["lost"] += number * (state in LOST)
    return counts


def _ready_times(selection: Selection) -> dict[int, list[tuple[int, int]]]:
    seconds = Greatest(Epoch(F("ready_at")) - Epoch(F("placed_at")), Value(0))
    groups = (
        Order.objects.filter(selection.within("placed_at"), ready_at__isnull=False)
        .order_by()
        .annotate(seconds=seconds)
        .values_list("store", "seconds")
        .annotate(Count("pk"))
    )
    times: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for store, waited, number in groups:
        times[store].append((waited, number))
    return times


def _paused(selection: Selection, *, now: datetime) -> dict[int, int]:
    before = _paused_before(selection)
    changes: dict[int, list[tuple[datetime, bool]]] = defaultdict(list)
    found = IntakeChange.objects.filter(selection.within("at")).order_by("at", "version")
    for store_id, at, level in found.values_list("store", "at", "level"):
        changes[store_id].append((at, level == IntakeLevel.PAUSED))
    paused = {}
    for zone, stores in selection.zones().items():
        start, end = selection.bounds(zone)
        for store in stores:
            paused[store.pk] = paused_seconds(
                paused_before=store.pk in before, changes=changes[store.pk], start=start, end=min(end, now)
            )
    return paused


def _paused_before(selection: Selection) -> set[int]:
    earlier = IntakeChange.objects.filter(store=OuterRef("pk"), at__lt=OuterRef("since"))
    latest = earlier.order_by("-at", "-version").values("level")[:1]
    stores = (
        Store.objects.filter(pk__in=[store.pk for store in selection.stores])
        .order_by()
        .annotate(since=selection.start("pk"))
        .annotate(level=Subquery(latest))
    )
    return set(stores.filter(level=IntakeLevel.PAUSED).values_list("pk", flat=True))


def _handoffs(selection: Selection) -> dict[int, HandOffs]:
    groups = (
        HandOff.objects.filter(selection.within("created_at"))
        .order_by()
        .values_list("store", "state")
        .annotate(Count("pk"))
    )
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for store, state, number in groups:
        counts[store]["under_way" if state in LIVE else state] += number
    return {store: HandOffs(**states) for store, states in counts.items()}


def bars(selection: Selection) -> list[Bar]:
    """Orders of every hour, all stores together."""
    hour = (Epoch(F("placed_at")) - Epoch(selection.start("store"))) / Value(3600)
    groups = (
        Order.objects.filter(selection.within("placed_at"))
        .order_by()
        .annotate(hour=hour)
        .values_list("hour", "funding")
        .annotate(Count("pk"))
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for number, funding, orders in groups:
        counts[number][funding] = orders
    return hourly(selection.period, selection.zone, counts)


def latest_order(stores: Iterable[Store]) -> datetime | None:
    """When the newest order of these stores was placed; for pages that would otherwise be empty."""
    newest: datetime | None = Order.objects.filter(store__in=stores).aggregate(at=Max("placed_at"))["at"]
    return newest


def order_chunks(selection: Selection) -> Iterator[list[dict[str, Any]]]:
    """The orders of the period, oldest first, as EXPORTED, in lists small enough to hold.

    Every list is a query of its own, so that a slow download holds no connection open.
    """
    orders = Order.objects.filter(selection.within("placed_at")).order_by("placed_at", "pk").values(*EXPORTED)
    chunk = list(orders[:CHUNK])
    while chunk:
        yield chunk
        at, pk = chunk[-1]["placed_at"], chunk[-1]["pk"]
        # The first condition is what an index can follow.
        after = Q(placed_at__gte=at) & (Q(placed_at__gt=at) | Q(pk__gt=pk))
        chunk = list(orders.filter(after)[:CHUNK])
