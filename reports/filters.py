"""The report's filters as they stand in the address: ?day=2026-02-06&days=7&store=1&store=2."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from reports.measures import Period
from reports.queries import Selection
from stores.models import Store

MAX_DAYS = 92
FIRST_YEAR, LAST_YEAR = 2000, 2100


class BadFilter(Exception):
    """What is wrong with the address, in words for the person who reads the page."""


@dataclass(frozen=True, slots=True)
class Filters:
    """`day` None means today by the stores' clock; no `stores` means all."""

    day: date | None = None
    days: int = 1
    stores: tuple[int, ...] = ()

    def select(self, stores: Sequence[Store], *, now: datetime) -> Selection:
        """The chosen ones of `stores`. A store that is not among them does not exist: Http404."""
        chosen = [store for store in stores if store.pk in self.stores] if self.stores else list(stores)
        if len(chosen) < len(set(self.stores)):
            raise Http404
        zone = Selection(stores=chosen, period=Period(now.date())).zone
        return Selection(stores=chosen, period=Period(self.day or _today(zone, now), self.days))


def _today(zone: ZoneInfo, now: datetime) -> date:
    return now.astimezone(zone).date()


def parse(query: QueryDict) -> Filters:
    """Read the filters of an address. Raises BadFilter."""
    return Filters(
        day=_day(query.get("day", "")),
        days=_days(query.get("days", "")),
        stores=tuple(_store(text) for text in query.getlist("store") if text),
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        mistake = _("“%(text)s” is not a day. Write it like 2026-02-06.")
        raise BadFilter(mistake % {"text": text[:40]}) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        mistake = _("The day must lie between the years %(first)s and %(last)s.")
        raise BadFilter(mistake % {"first": FIRST_YEAR, "last": LAST_YEAR})
    return day


def _days(text: str) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_DAYS):
        mistake = _("The number of days must be a whole number from 1 to %(most)s.")
        raise BadFilter(mistake % {"most": MAX_DAYS})
    return int(text)


def _store(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadFilter(_("“%(text)s” is not a store. Choose one from the list.") % {"text": text[:40]})
    return int(text)
