"""What the managers' page of a policy shows, made ready for its templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from couriers.models import CarrierPolicy, CarrierPolicyChange, CourierAccount, Rider
from couriers.policy import words
from couriers.policy.document import DEFAULT, RIDERS
from couriers.policy.editing import Editor
from couriers.policy.queries import history, understood
from couriers.policy.trying import Line, Trial
from orders.models import Order
from stores.models import Store

MOST_LINES = 100  # of each table; the words above it say how many there are


@dataclass(frozen=True, slots=True)
class Saved:
    """One line of the history, with what it changed."""

    change: CarrierPolicyChange
    differences: list[str]


@dataclass(frozen=True, slots=True)
class Reason:
    """One carrier of an order's ranking, in words."""

    name: str
    why: str
    fee: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An order of the trial as its table shows it."""

    line: Line
    rule: str
    paid: str
    fee: str
    ranking: list[Reason]


def names_of(store: Store) -> dict[str, str]:
    """What a policy's form offers: all own riders together, and the couriers, by name."""
    accounts = CourierAccount.objects.filter(shops__store=store, franchise=store.franchise_id, active=True)
    couriers = accounts.order_by("label", "pk").values_list("pk", "label")
    return {RIDERS: _("Own riders"), **{f"courier:{pk}": label for pk, label in couriers}}


def all_names(store: Store) -> dict[str, str]:
    """Everybody a policy of the store may ever have named."""
    accounts = CourierAccount.objects.filter(franchise=store.franchise_id).values_list("pk", "label")
    riders = Rider.objects.filter(store=store).values_list("pk", "name")
    return {
        RIDERS: _("Own riders"),
        **{f"courier:{pk}": label for pk, label in accounts},
        **{f"rider:{pk}": name for pk, name in riders},
    }


def currency_of(store: Store) -> str:
    """The money of the store's last order."""
    return (
        Order.objects.filter(store=store).order_by("-placed_at").values_list("currency", flat=True).first()
        or "CNY"
    )


def context(
    store: Store, editor: Editor, row: CarrierPolicy | None, *, day: date, now: datetime, currency: str
) -> dict[str, Any]:
    """The page around a form, which may be as saved or as typed."""
    zone = ZoneInfo(store.timezone)
    return {
        "store": store,
        "zone": zone,
        "editor": editor,
        "row": row,
        "version": row.version if row else 0,
        "history": saved(store, currency),
        "day": day.isoformat(),
        "today": now.astimezone(zone).date().isoformat(),
        "currency": currency,
        "ranges": ranges(currency),
        "problems": [(words.place_words(one, editor.titles), one.text) for one in editor.mistakes],
    }


def ranges(currency: str) -> list[tuple[str, str, str]]:
    """The ranges of a rule: name, title, unit; what is counted is its own unit."""
    units = {"distance": _("km"), "value": currency}
    return [(name, title, units.get(name, "")) for name, title in words.range_titles().items()]


def yesterday(store: Store, now: datetime) -> date:
    """The day before today at the store."""
    return now.astimezone(ZoneInfo(store.timezone)).date() - timedelta(days=1)


def saved(store: Store, currency: str) -> list[Saved]:
    """The history with what every version changed about the one before."""
    changes, names = history(store.pk), all_names(store)
    before = {change.version: understood(change) for change in changes} | {0: DEFAULT}
    return [
        Saved(
            change,
            words.differences(before[change.version - 1], before[change.version], names, currency)
            if change.version - 1 in before
            else [],
        )
        for change in changes
    ]


def overtaken(store: Store, latest: CarrierPolicy, seen: int, currency: str) -> dict[str, Any]:
    """Who saved while this one was typing, and what that changed about the version they began with."""
    known = CarrierPolicyChange.objects.filter(store=store, version=seen).first()
    before = understood(known) if known else DEFAULT
    return {
        "latest": latest,
        "differences": words.differences(before, understood(latest), all_names(store), currency),
    }


def trial(found: Trial) -> dict[str, Any]:
    """The trial's tiles and tables."""
    return {
        "trial": found,
        "total": found.total,
        "columns": [
            (one, _column_words(one.cost_before, found), _column_words(one.cost_after, found))
            for one in found.columns
        ],
        "cost_before": _column_words(found.total.cost_before, found),
        "cost_after": _column_words(found.total.cost_after, found),
        "changed": [tried(line, found.currency) for line in found.changed[:MOST_LINES]],
        "same": [tried(line, found.currency) for line in found.same[:MOST_LINES]],
        "most": MOST_LINES,
    }


def _column_words(amount: int, found: Trial) -> str:
    return words.money(amount, found.currency) if found.currency else ""


def tried(line: Line, currency: str) -> Tried:
    """An order of the trial in words."""
    return Tried(
        line=line,
        rule=str(line.first.why.facts.get("rule", "")) if line.first else "",
        paid=_fee_words(line.fact.paid if line.fact else None, currency),
        fee=_fee_words(line.fee, currency),
        ranking=[
            Reason(one.name, words.why_words(one.why), _fee_words(one.fee, currency)) for one in line.ranked
        ],
    )


def _fee_words(fee: int | None, currency: str) -> str:
    return "" if fee is None else words.money(fee, currency)
