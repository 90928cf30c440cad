"""The channel page's filters as they stand in the address: ?period=24h&account=1&account=2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import Http404, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports.filters import BadFilter
from stores.models import ChannelAccount, Store

TODAY, DAY, WEEK = "today", "24h", "7d"
PERIODS: dict[str, str | Promise] = {
    TODAY: gettext_lazy("Today"),
    DAY: gettext_lazy("24 hours"),
    WEEK: gettext_lazy("7 days"),
}
LENGTHS = {DAY: timedelta(days=1), WEEK: timedelta(days=7)}
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """No `accounts` means all."""

    period: str = TODAY
    accounts: tuple[int, ...] = ()

    def select(self, accounts: Sequence[ChannelAccount]) -> list[ChannelAccount]:
        """The chosen ones of `accounts`. One that is not among them does not exist: Http404."""
        chosen = [one for one in accounts if one.pk in self.accounts] if self.accounts else list(accounts)
        if len(chosen) < len(set(self.accounts)):
            raise Http404
        return chosen

    def since(self, zone: ZoneInfo, now: datetime) -> datetime:
        """When the period begins: at midnight, or so long ago at a full hour, as pushes are counted."""
        if self.period in LENGTHS:
            return (now - LENGTHS[self.period]).replace(minute=0, second=0, microsecond=0)
        return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def parse(query: QueryDict) -> Filters:
    """Read the filters of an address. Raises BadFilter."""
    period = query.get("period", "") or TODAY
    if period not in PERIODS:
        mistake = _("“%(text)s” is not a period. There are: today, 24h, 7d.")
        raise BadFilter(mistake % {"text": period[:40]})
    return Filters(period, tuple(_account(text) for text in query.getlist("account") if text))


def _account(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST_ID:
        raise BadFilter(_("“%(text)s” is not the number of an account.") % {"text": text[:40]})
    return int(text)


def zone_of(stores: Iterable[Store]) -> ZoneInfo:
    """The zone the page's clock shows: that of most stores."""
    often = Counter(store.timezone for store in stores).most_common(1)
    return ZoneInfo(often[0][0] if often else "UTC")
