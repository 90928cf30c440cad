"""The courier page's filters as they stand in the address: the report's own, and ?courier=3&courier=own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from couriers.models import CourierAccount, HandOff
from reports import filters
from reports.filters import BadFilter
from reports.queries import Selection
from stores.models import Store

OWN = "own"
LONGEST = 15  # digits


@dataclass(frozen=True, slots=True)
class Chosen:
    """The stores, days and carriers that the page is about; `own`: the stores' own riders, too."""

    selection: Selection
    accounts: Sequence[CourierAccount]
    own: bool

    @property
    def stores(self) -> Sequence[Store]:
        return self.selection.stores

    def handed_off(self) -> Q:
        """Hand-offs of these carriers that began in the period."""
        own = Q(carrier=HandOff.Carrier.OWN) if self.own else Q(pk__in=[])
        return self.selection.within("created_at") & (own | Q(account__in=self.accounts))


@dataclass(frozen=True, slots=True)
class Filters:
    """No `couriers` means all, own riders among them; `report` holds the days and the stores."""

    report: filters.Filters = field(default_factory=filters.Filters)
    couriers: tuple[int, ...] = ()
    own: bool = False

    def choose(self, stores: Sequence[Store], accounts: Sequence[CourierAccount], *, now: datetime) -> Chosen:
        """The chosen ones of `stores` and `accounts`. Who is not among them does not exist: Http404."""
        everybody = not self.couriers and not self.own
        chosen = list(accounts) if everybody else [one for one in accounts if one.pk in self.couriers]
        if len(chosen) < len(set(self.couriers)):
            raise Http404
        return Chosen(self.report.select(stores, now=now), chosen, self.own or everybody)

    @property
    def names(self) -> list[str]:
        """The chosen carriers as they stand in the address."""
        return [*([OWN] if self.own else []), *(str(pk) for pk in self.couriers)]


def parse(query: QueryDict) -> Filters:
    """Read the filters of an address. Raises BadFilter."""
    texts = [text for text in query.getlist("courier") if text]
    return Filters(
        filters.parse(query), tuple(_courier(text) for text in texts if text != OWN), own=OWN in texts
    )


def _courier(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST):
        raise BadFilter(_("“%(text)s” is not a courier. Choose one from the list.") % {"text": text[:40]})
    return int(text)
