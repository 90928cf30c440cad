"""The courier page as a CSV file: a line for each carrier in each store that used it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from reports.couriers.filters import Chosen
from reports.couriers.lines import CAUSES, OWN_RIDERS, STEP_NAMES
from reports.couriers.measures import STEPS, Cost, Figures
from reports.couriers.queries import Group
from reports.export import Cell, amount
from stores.models import Store

COUNTS = (
    "all",
    "delivered",
    "under_way",
    "failed",
    "cancelled",
    "accepted",
    "turned_down",
    "doubted",
    "settled",
    "unpriced",
)


def csv_rows(chosen: Chosen, figures: Mapping[Group, Figures]) -> Iterator[list[Cell]]:
    """Names of the columns, then the lines; amounts have columns for each currency."""
    labels = {account.pk: account.label for account in chosen.accounts}
    currencies = sorted({currency for one in figures.values() for currency in one.costs})
    yield _heading(currencies)
    for store in chosen.stores:
        for account in (None, *labels):
            if (store.pk, account) in figures:
                carrier = str(OWN_RIDERS) if account is None else labels[account]
                yield _row(store, carrier, figures[store.pk, account], currencies)


def _heading(currencies: list[str]) -> list[Cell]:
    return [
        _("Store code"),
        _("Store"),
        _("Carrier"),
        _("Hand-offs"),
        _("Delivered"),
        _("Under way"),
        _("Failed"),
        _("Cancelled"),
        _("Accepted"),
        _("Turned down"),
        _("In doubt"),
        _("In doubt, then settled"),
        _("Delivered without a fee"),
        _("Accepted, %"),
        *(heading for step in STEPS for heading in _span_headings(str(STEP_NAMES[step]))),
        *(_("Came to nothing: %s") % name for name in CAUSES.values()),
        *(heading for currency in currencies for heading in _cost_headings(currency)),
    ]


def _span_headings(step: str) -> list[str]:
    return [_("Minutes, %s: median") % step, _("Minutes, %s: 90 %% within") % step]


def _cost_headings(currency: str) -> list[str]:
    return [
        _("Delivery fees, %s") % currency,
        _("Cancellation fees, %s") % currency,
        _("Tips, %s") % currency,
        _("Fees per delivered order, %s") % currency,
    ]


def _row(store: Store, carrier: str, figures: Figures, currencies: list[str]) -> list[Cell]:
    return [
        store.code,
        store.name,
        carrier,
        *(figures.counts.get(name, 0) for name in COUNTS),
        figures.acceptance,
        *(cell for span in figures.spans for cell in (span.median, span.p90)),
        *(figures.causes.get(cause, 0) for cause in CAUSES),
        *(cell for currency in currencies for cell in _costs(figures.costs.get(currency, Cost()), currency)),
    ]


def _costs(cost: Cost, currency: str) -> list[Any]:
    amounts = (cost.delivery, cost.cancel, cost.tips, cost.each)
    return [None if minor is None else amount(minor, currency) for minor in amounts]
