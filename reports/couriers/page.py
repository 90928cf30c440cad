"""What the courier page shows, made ready for its templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from couriers.models import CourierAccount
from reports.couriers import queries
from reports.couriers.chart import chart
from reports.couriers.filters import Chosen, Filters
from reports.couriers.lines import (
    CAUSES,
    HEADINGS,
    MEDIAN,
    P90,
    STEP_NAMES,
    Line,
    Words,
    by_carrier,
    by_store,
    sorted_lines,
    with_fees,
)
from reports.couriers.measures import STEPS, together
from reports.couriers.todo import todos
from reports.page import PERIODS
from stores.models import Store


def context(
    filters: Filters,
    stores: Sequence[Store],
    accounts: Sequence[CourierAccount],
    *,
    sort: str,
    now: datetime,
) -> dict[str, Any]:
    """Everything on the page, for what `filters` chooses among `stores` and `accounts`."""
    chosen = filters.choose(stores, accounts, now=now)
    figures, rests = queries.figures(chosen), queries.rests_of(chosen)
    total = Line("", "", together(figures.values()))
    carriers = by_carrier(chosen, figures, rests)
    address, selection = Address(chosen, filters, sort), chosen.selection
    return {
        **form(filters, stores, accounts, day=selection.period.day),
        **chart(queries.bars(chosen), days=selection.period.days),
        "address": address,
        "selection": selection,
        "zone": selection.zone,
        "several_zones": len(selection.zones()) > 1,
        "is_today": selection.period.day == now.astimezone(selection.zone).date(),
        "total": total,
        "carriers": sorted_lines(carriers, sort),
        "shops": sorted_lines(by_store(chosen, figures), sort),
        "causes": causes(carriers),
        "paying": with_fees(carriers),
        "rested": [line for line in carriers if line.rests],
        "rest_count": sum(one.number for one in rests.values()),
        "rests": _with_names(chosen) if rests else [],
        "most_rests": queries.MOST_RESTS,
        "todo": todos(chosen, now=now),
        "latest": None if total.count("all") else _latest(chosen),
    }


def form(
    filters: Filters,
    stores: Sequence[Store],
    accounts: Sequence[CourierAccount],
    *,
    day: date | None,
) -> dict[str, Any]:
    """The filter form as it stands."""
    return {
        "stores": stores,
        "accounts": accounts,
        "filters": filters,
        "day": day,
        "periods": sorted({*PERIODS, filters.report.days}),
    }


def causes(lines: Sequence[Line]) -> dict[str, Any] | None:
    """Why hand-offs came to nothing: a column for each reason there was, a line for each carrier."""
    there = [cause for cause in CAUSES if any(line.figures.causes.get(cause) for line in lines)]
    if not there:
        return None
    return {
        "names": [CAUSES[cause] for cause in there],
        "lines": [
            (line, [line.figures.causes.get(cause, 0) for cause in there])
            for line in lines
            if line.figures.ended
        ],
    }


def _with_names(chosen: Chosen) -> list[dict[str, Any]]:
    labels = {account.pk: account.label for account in chosen.accounts}
    return [
        {
            "name": labels[rest.account_id],
            "rest": rest,
            "seconds": int((rest.until - rest.began_at).total_seconds()),
        }
        for rest in queries.latest_rests(chosen)
    ]


def _latest(chosen: Chosen) -> date | None:
    latest = queries.latest_handoff(chosen)
    return latest.astimezone(chosen.selection.zone).date() if latest else None


@dataclass(frozen=True, slots=True)
class Address:
    """Links from this page to others: the same filters with one thing changed."""

    chosen: Chosen
    filters: Filters
    sort: str

    def _link(self, page: str = "reports-couriers", **changes: Any) -> str:
        period = self.chosen.selection.period
        kept = {
            "day": period.day,
            "days": period.days,
            "store": self.filters.report.stores,
            "courier": self.filters.names,
            "sort": self.sort,
        }
        query = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"{reverse(page)}?{urlencode(query, doseq=True)}"

    def earlier(self) -> str:
        period = self.chosen.selection.period
        return self._link(day=period.day - timedelta(days=period.days))

    def later(self) -> str:
        period = self.chosen.selection.period
        return self._link(day=period.day + timedelta(days=period.days))

    def latest(self) -> str:
        return self._link(day=_latest(self.chosen))

    def csv(self) -> str:
        return self._link("reports-couriers-csv", sort="")

    def by_name(self) -> dict[str, Any]:
        """The heading of the lines' names: a link that sorts by it, how it is sorted now, and its name."""
        return self._column("name", "")

    def counts(self) -> list[dict[str, Any]]:
        """The same of the numbers."""
        return [self._column(key, name) for key, name in HEADINGS.items()]

    def spans(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The same of the times, two for each step: half of them, and 90 %, took no longer."""
        return [
            (
                self._column(f"{step}-{MEDIAN}", STEP_NAMES[step]),
                self._column(f"{step}-{P90}", STEP_NAMES[step]),
            )
            for step in STEPS
        ]

    def _column(self, key: str, name: Words) -> dict[str, Any]:
        ascending, descending = self.sort == key, self.sort == f"-{key}"
        turned = f"-{key}" if ascending or (key != "name" and not descending) else key
        state = "ascending" if ascending else "descending" if descending else ""
        return {"name": name, "link": self._link(sort=turned), "state": state}
