"""The lines of the courier page's tables, one for each carrier or store, in the order asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from couriers.models import CourierAccount
from couriers.states import EndCause
from reports.couriers.filters import Chosen
from reports.couriers.measures import STEPS, Figures, together
from reports.couriers.queries import Group, Rests
from reports.export import amount

Words = str | Promise
OWN_RIDERS = gettext_lazy("Own riders")
MEDIAN, P90 = "median", "p90"
# Why a hand-off came to nothing.
CAUSES: dict[str, Words] = {
    **{str(value): label for value, label in EndCause.choices},
    "": gettext_lazy("No reason given"),
}
STEP_NAMES: dict[str, Words] = {
    "found": gettext_lazy("Rider found"),
    "arrived": gettext_lazy("At the store"),
    "picked_up": gettext_lazy("Picked up"),
    "delivered": gettext_lazy("Delivered"),
}


@dataclass(frozen=True, slots=True)
class Fees:
    """What couriers cost in one currency, in its units; `each` is by the orders that arrived."""

    currency: str
    delivery: Decimal
    cancel: Decimal
    tips: Decimal
    total: Decimal
    each: Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the tables: a carrier, or a store. `note` stands smaller, under the name."""

    name: str
    note: str
    figures: Figures
    active: bool = True
    rests: Rests | None = None

    def count(self, what: str) -> int:
        return self.figures.counts.get(what, 0)

    @property
    def unpriced(self) -> int:
        """How many deliveries that a courier began in the period have no known fee."""
        return self.count("unpriced")

    @property
    def fees_or_dashes(self) -> list[Fees | None]:
        """The rows of the fees' table; None where nothing is known but that something is owed."""
        return [*self.fees] or ([None] if self.unpriced else [])

    @property
    def fees(self) -> list[Fees]:
        """One for each currency."""
        return [
            Fees(
                currency,
                amount(cost.delivery, currency),
                amount(cost.cancel, currency),
                amount(cost.tips, currency),
                amount(cost.total, currency),
                None if cost.each is None else amount(cost.each, currency),
            )
            for currency, cost in sorted(self.figures.costs.items())
        ]


def with_fees(lines: Sequence[Line]) -> list[Line]:
    """Those that cost something, or whose deliveries must have."""
    return [line for line in lines if line.fees_or_dashes]


def by_carrier(chosen: Chosen, figures: Mapping[Group, Figures], rests: Mapping[int, Rests]) -> list[Line]:
    """Own riders, if they were chosen, and every account."""
    lines = [
        Line(
            account.label,
            _courier(account),
            _of_carrier(figures, account.pk),
            account.active,
            rests.get(account.pk),
        )
        for account in chosen.accounts
    ]
    own = [Line(str(OWN_RIDERS), "", _of_carrier(figures, None))] if chosen.own else []
    return own + lines


def _courier(account: CourierAccount) -> str:
    """The courier's own name, where the account has another."""
    name = account.get_provider_display()
    return "" if name == account.label else str(name)


def by_store(chosen: Chosen, figures: Mapping[Group, Figures]) -> list[Line]:
    """Every store, with the chosen carriers."""
    return [
        Line(f"{store.code} {store.name}", store.city, _of_store(figures, store.pk))
        for store in chosen.stores
    ]


def _of_carrier(figures: Mapping[Group, Figures], carrier: int | None) -> Figures:
    return together(one for (_, account), one in figures.items() if account == carrier)


def _of_store(figures: Mapping[Group, Figures], shop: int) -> Figures:
    return together(one for (store, _), one in figures.items() if store == shop)


def _span(step: str, which: str) -> Callable[[Line], Any]:
    return lambda line: getattr(line.figures.span(step), which)


KEYS: dict[str, Callable[[Line], Any]] = {
    "name": lambda line: line.name,
    "all": lambda line: line.count("all"),
    "accepted": lambda line: line.figures.acceptance,
    "delivered": lambda line: line.count("delivered"),
    "under_way": lambda line: line.count("under_way"),
    "ended": lambda line: line.figures.ended,
    "doubted": lambda line: line.count("doubted"),
    **{f"{step}-{which}": _span(step, which) for step in STEPS for which in (MEDIAN, P90)},
}
HEADINGS: dict[str, Words] = {
    "all": gettext_lazy("All"),
    "accepted": gettext_lazy("Accepted"),
    "delivered": gettext_lazy("Delivered"),
    "under_way": gettext_lazy("Under way"),
    "ended": gettext_lazy("Came to nothing"),
    "doubted": gettext_lazy("In doubt"),
}


def sorted_lines(lines: Sequence[Line], sort: str) -> list[Line]:
    """In the order of a column, "-" before its name for downwards; lines without a value come last."""
    key = KEYS.get(sort.removeprefix("-"))
    if key is None:
        return list(lines)
    known = [line for line in lines if key(line) is not None]
    unknown = [line for line in lines if key(line) is None]
    return sorted(known, key=key, reverse=sort.startswith("-")) + unknown
