"""CSV files of the report: the orders of the period, and the totals per store.

Neither holds a guest's name, phone or address.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from orders.states import FundedBy, OrderState
from reports.measures import Row
from stores.models import Store

BOM = "\ufeff"  # without it Excel takes UTF-8 for the code page of the machine
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
WITHOUT_MINOR_UNITS = {"JPY", "KRW", "VND", "CLP", "ISK"}

AMOUNTS = ("goods", "delivery_fee", "platform_subsidy", "shop_subsidy", "customer_paid", "shop_income")
STAMPS = ("placed_at", "accepted_at", "ready_at", "collected_at", "delivered_at", "ended_at")

Cell = str | int | float | Decimal | None


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def csv_text(rows: Iterable[Iterable[Cell]]) -> str:
    """CSV lines, one for each row."""
    writer = csv.writer(_Echo())
    return "".join(writer.writerow([safe(cell) for cell in row]) for row in rows)


def amount(minor: int, currency: str) -> Decimal:
    """An amount of minor units as a decimal number.

    >>> amount(1550, "CNY")
    Decimal('15.50')
    """
    return Decimal(minor).scaleb(0 if currency in WITHOUT_MINOR_UNITS else -2)


def order_heading() -> list[str]:
    """Names of the columns that `order_row` fills."""
    return [
        _("Store code"),
        _("Store"),
        _("Order number"),
        _("Order number at the platform"),
        _("Platform account"),
        _("State"),
        _("Paid by"),
        _("Campaign"),
        _("Cups"),
        _("Currency"),
        _("Goods"),
        _("Delivery fee"),
        _("Platform subsidy"),
        _("Shop subsidy"),
        _("Customer paid"),
        _("Shop income"),
        _("Placed (store's time)"),
        _("Accepted (store's time)"),
        _("Ready (store's time)"),
        _("Collected (store's time)"),
        _("Delivered (store's time)"),
        _("Ended (store's time)"),
        _("Reason"),
    ]


@dataclass(frozen=True, slots=True)
class Words:
    """What an order's row takes from elsewhere: its store, and names in the reader's language."""

    stores: Mapping[int, Store]
    zones: Mapping[int, ZoneInfo]
    states: Mapping[str, str]
    fundings: Mapping[str, str]

    @classmethod
    def of(cls, stores: Sequence[Store]) -> Self:
        return cls(
            stores={store.pk: store for store in stores},
            zones={store.pk: ZoneInfo(store.timezone) for store in stores},
            states={str(value): str(label) for value, label in OrderState.choices},
            fundings={str(value): str(label) for value, label in FundedBy.choices},
        )


def order_row(order: Mapping[str, Any], words: Words) -> list[Cell]:
    """One order, as `queries.EXPORTED` reads it, in the columns of `order_heading`."""
    store, zone = words.stores[order["store_id"]], words.zones[order["store_id"]]
    return [
        store.code,
        store.name,
        order["daily_number"],
        order["external_id"],
        order["account__slug"],
        words.states[order["state"]],
        words.fundings.get(order["funding"], order["funding"]),
        order["campaign_name"] or order["campaign_code"],
        order["cups"],
        order["currency"],
        *(amount(order[name], order["currency"]) for name in AMOUNTS),
        *(_local(order[name], zone) for name in STAMPS),
        order["end_reason"],
    ]


def _local(stamp: datetime | None, zone: ZoneInfo) -> str:
    return stamp.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds") if stamp else ""


def summary_rows(stores: Iterable[Store], rows: Mapping[int, Row]) -> Iterator[list[Cell]]:
    """The totals table: names of the columns, then a line for each store."""
    yield [
        _("Store code"),
        _("Store"),
        _("City"),
        _("Orders"),
        _("Free orders"),
        _("Free share, %"),
        _("Subsidised orders"),
        _("Rejected or cancelled"),
        _("Minutes paused"),
        _("Minutes to ready, median"),
        _("Minutes to ready, 90 % within"),
        _("Hand-offs delivered"),
        _("Hand-offs under way"),
        _("Hand-offs failed"),
        _("Hand-offs cancelled"),
    ]
    for store in stores:
        row = rows[store.pk]
        yield [
            store.code,
            store.name,
            store.city,
            row.orders,
            row.free,
            row.free_share,
            row.subsidised,
            row.lost,
            row.paused_minutes,
            row.median,
            row.p90,
            row.handoffs.delivered,
            row.handoffs.under_way,
            row.handoffs.failed,
            row.handoffs.cancelled,
        ]
