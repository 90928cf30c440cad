"""What the report page shows, made ready for its template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports import queries
from reports.filters import Filters
from reports.measures import Bar, Row, busiest, daily, together
from reports.queries import Selection
from stores.models import Store

HOURLY_UP_TO = 2  # days; longer periods are drawn by the day
PERIODS = (1, 2, 7, 14, 28)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the totals table."""

    store: Store
    row: Row


SORT_KEYS: dict[str, Callable[[Line], Any]] = {
    "store": lambda line: (line.store.city, line.store.code),
    "orders": lambda line: line.row.orders,
    "free": lambda line: line.row.free_share,
    "lost": lambda line: line.row.lost,
    "paused": lambda line: line.row.paused,
    "median": lambda line: line.row.median,
    "p90": lambda line: line.row.p90,
    "delivered": lambda line: line.row.handoffs.delivered,
    "under_way": lambda line: line.row.handoffs.under_way,
    "failed": lambda line: line.row.handoffs.failed,
    "cancelled": lambda line: line.row.handoffs.cancelled,
}
COLUMNS = {
    "store": gettext_lazy("Store"),
    "orders": gettext_lazy("Orders"),
    "free": gettext_lazy("Free share"),
    "lost": gettext_lazy("Rejected or cancelled"),
    "paused": gettext_lazy("Minutes paused"),
    "median": gettext_lazy("Median"),
    "p90": gettext_lazy("90 % within"),
    "delivered": gettext_lazy("Delivered"),
    "under_way": gettext_lazy("Under way"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
}


def sorted_lines(lines: Sequence[Line], sort: str) -> list[Line]:
    """In the order of a column, "-" before its name for downwards; lines without a value come last."""
    key = SORT_KEYS.get(sort.removeprefix("-"), SORT_KEYS["store"])
    known = [line for line in lines if key(line) is not None]
    unknown = [line for line in lines if key(line) is None]
    return sorted(known, key=key, reverse=sort.startswith("-")) + unknown


def context(filters: Filters, stores: Sequence[Store], *, sort: str, now: datetime) -> dict[str, Any]:
    """Everything on the page, for the stores that `filters` chooses among `stores`."""
    selection = filters.select(stores, now=now)
    rows = queries.rows(selection, now=now)
    total = together(list(rows.values()))
    lines = sorted_lines([Line(store, rows[store.pk]) for store in selection.stores], sort)
    address = Address(selection, filters, sort)
    return {
        **form(filters, stores, day=selection.period.day),
        **chart(queries.bars(selection), days=selection.period.days),
        "address": address,
        "selection": selection,
        "several_zones": len(selection.zones()) > 1,
        "total": total,
        "lines": lines,
        "columns": address.columns(),
        "latest": None if total.orders else _latest(selection),
        "is_today": selection.period.day == now.astimezone(selection.zone).date(),
    }


def form(filters: Filters, stores: Sequence[Store], *, day: date | None) -> dict[str, Any]:
    """The filter form as it stands."""
    return {
        "stores": stores,
        "filters": filters,
        "day": day,
        "periods": sorted({*PERIODS, filters.days}),
    }


def _latest(selection: Selection) -> date | None:
    latest = queries.latest_order(selection.stores)
    return latest.astimezone(selection.zone).date() if latest else None


def chart(bars: Sequence[Bar], *, days: int) -> dict[str, Any]:
    """The chart's bars for the table behind it, and the same as JSON for the browser."""
    by_hour = days <= HOURLY_UP_TO
    shown = list(bars) if by_hour else daily(bars)
    labels = hour_labels([bar.at for bar in shown]) if by_hour else [_day_label(bar.at) for bar in shown]
    names = {"paid": _("Paid"), "subsidised": _("Subsidised"), "free": _("Free")}
    series = [_series(funding, name, shown) for funding, name in names.items()]
    return {
        "by_hour": by_hour,
        "bars": list(zip(labels, shown, strict=True)),
        "busiest_hour": _busiest_hour(bars),
        "chart": {
            "labels": labels,
            "days": None if by_hour else [bar.at.date().isoformat() for bar in shown],
            "series": series,
            "when": _("Hour") if by_hour else _("Day"),
        },
    }


def _series(funding: str, name: str, bars: Sequence[Bar]) -> dict[str, Any]:
    values = [getattr(bar, funding) for bar in bars]
    return {"colour": funding, "name": name, "values": values, "total": sum(values)}


def _busiest_hour(bars: Sequence[Bar]) -> dict[str, Any] | None:
    """Its label in the words of the store's clock: templates would convert a moment to UTC."""
    best = busiest(bars)
    return (
        {"orders": best.orders, "label": hour_labels([bar.at for bar in bars])[bars.index(best)]}
        if best
        else None
    )


def hour_labels(hours: Sequence[datetime]) -> list[str]:
    """Hours of the clock; with the day where there are several, with the offset where an hour comes twice."""
    several = len({at.date() for at in hours}) > 1
    labels = [f"{_day_label(at)} {at:%H:%M}" if several else f"{at:%H:%M}" for at in hours]
    often = Counter(labels)
    return [
        f"{label} {at:%z}" if often[label] > 1 else label for label, at in zip(labels, hours, strict=True)
    ]


def _day_label(at: datetime | date) -> str:
    return date_format(at, "MONTH_DAY_FORMAT")


@dataclass(frozen=True, slots=True)
class Address:
    """Links from this report to others: the same filters with one thing changed."""

    selection: Selection
    filters: Filters
    sort: str

    def _link(self, page: str = "reports", **changes: Any) -> str:
        period = self.selection.period
        kept = {"day": period.day, "days": period.days, "store": self.filters.stores, "sort": self.sort}
        query = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"{reverse(page)}?{urlencode(query, doseq=True)}"

    def earlier(self) -> str:
        period = self.selection.period
        return self._link(day=period.day - timedelta(days=period.days))

    def later(self) -> str:
        period = self.selection.period
        return self._link(day=period.day + timedelta(days=period.days))

    def today(self) -> str:
        return self._link(day=None)

    def latest(self) -> str:
        latest = _latest(self.selection)
        return self._link(day=latest)

    def orders_csv(self) -> str:
        return self._link("reports-orders", sort="")

    def summary_csv(self) -> str:
        return self._link("reports-summary", sort="")

    def columns(self) -> list[dict[str, Any]]:
        """Headings of the totals table: name, link that sorts by it, and how it is sorted now."""
        return [self._column(key, name) for key, name in COLUMNS.items()]

    def _column(self, key: str, name: Any) -> dict[str, Any]:
        current = self.sort or "store"
        ascending, descending = current == key, current == f"-{key}"
        turned = f"-{key}" if ascending or (key != "store" and not descending) else key
        state = "ascending" if ascending else "descending" if descending else ""
        return {"key": key, "name": name, "link": f"{self._link(sort=turned)}#totals", "state": state}
