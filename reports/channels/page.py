"""What the channel page shows, made ready for its templates and for its CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.channels.registry import PULLS
from reports.channels import queries
from reports.channels.filters import PERIODS, Filters
from reports.channels.queries import Lag, Row
from reports.export import Cell
from reports.templatetags.spans import span
from stores.models import ChannelAccount

OVERDUE = 300  # seconds
# Why a push was refused, by the HTTP status of the answer.
REASONS: dict[str, str | Promise] = {
    "400": gettext_lazy("Not understood"),
    "401": gettext_lazy("Wrong signature"),
    "404": gettext_lazy("Unknown address"),
    "405": gettext_lazy("Wrong method"),
    "408": gettext_lazy("Too slow"),
    "413": gettext_lazy("Too large"),
    "503": gettext_lazy("Not stored in time"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the tables."""

    account: ChannelAccount
    row: Row
    now: datetime

    @property
    def ago(self) -> int:
        """Seconds since the last comparison began; 0 if there was none."""
        return int((self.now - self.row.last.started_at).total_seconds()) if self.row.last else 0

    @property
    def is_overdue(self) -> bool:
        """Whether nobody compares what should be compared twice a minute."""
        return self.account.active and self.asked and self.ago > OVERDUE

    @property
    def asked(self) -> bool:
        """Whether this platform can be asked what it sent."""
        return self.account.channel in PULLS

    @property
    def unrouted_link(self) -> str:
        return _admin("orders_unroutedorder", account__id__exact=self.account.pk)

    @property
    def refused_link(self) -> str:
        return _admin("orders_refusedmessage", account__id__exact=self.account.pk)

    @property
    def unknown_link(self) -> str:
        return _admin("orders_incomingmessage", account__id__exact=self.account.pk, outcome__exact="unknown")

    @property
    def account_link(self) -> str:
        return reverse("admin:stores_channelaccount_change", args=[self.account.pk])

    @property
    def failed_link(self) -> str:
        return _admin("outbox_job", state__exact="dead")


@dataclass(frozen=True, slots=True)
class Todo:
    """A sentence for whoever looks after an account; `link` is for those who may use the admin."""

    account: ChannelAccount
    icon: str
    what: str
    advice: str
    link: str


def _admin(model: str, **chosen: Any) -> str:
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode(chosen)}"


def context(
    filters: Filters, accounts: Sequence[ChannelAccount], *, zone: ZoneInfo, now: datetime
) -> dict[str, Any]:
    """Everything on the page, for the accounts that `filters` chooses among `accounts`."""
    chosen, since = filters.select(accounts), filters.since(zone, now)
    lines = lines_of(chosen, since=since, now=now)
    total = queries.together(line.row for line in lines)
    return {
        **form(filters, accounts),
        "zone": zone,
        "since": since,
        "lines": lines,
        "total": total,
        "todo": todos(lines),
        "slowest": slowest(lines),
        "refusals": refusals(lines),
        "compared": [line for line in lines if line.asked],
        "conflicts": queries.in_conflict(chosen, since=since) if total.conflicts else [],
        "most_conflicts": queries.MOST_CONFLICTS,
        "csv": link("reports-channels-csv", filters),
        "longer": link("reports-channels", Filters("7d", filters.accounts)),
    }


def form(filters: Filters, accounts: Sequence[ChannelAccount]) -> dict[str, Any]:
    """The filter form as it stands."""
    return {"accounts": accounts, "filters": filters, "periods": PERIODS.items()}


def lines_of(accounts: Sequence[ChannelAccount], *, since: datetime, now: datetime) -> list[Line]:
    """A line for each account."""
    rows = queries.rows(accounts, since=since)
    return [Line(account, rows[account.pk], now) for account in accounts]


def slowest(lines: Sequence[Line]) -> Lag | None:
    """The lag of the account whose orders come latest."""
    lags = [line.row.lag for line in lines if line.row.lag]
    return max(lags, key=lambda lag: (lag.p95, lag.median), default=None)


def refusals(lines: Sequence[Line]) -> dict[str, Any] | None:
    """Refused pushes as a table: a column for each reason there was, a line for each account with some."""
    statuses = sorted({status for line in lines for status in line.row.refusals})
    if not statuses:
        return None
    return {
        "reasons": [(status, REASONS.get(status, "")) for status in statuses],
        "lines": [
            (line, [line.row.refusals.get(status, 0) for status in statuses])
            for line in lines
            if line.row.refused
        ],
    }


def todos(lines: Sequence[Line]) -> list[Todo]:
    """What does not come right by itself, account by account."""
    return [todo for line in lines for todo in _todos(line)]


def _todos(line: Line) -> Iterator[Todo]:
    yield from _unrouted(line)
    yield from _not_asked(line)
    yield from _in_conflict(line)
    yield from _refused(line)
    yield from _failed_calls(line)
    yield from _unknown(line)


def _unrouted(line: Line) -> Iterator[Todo]:
    if number := line.row.unrouted:
        what = ngettext("%(number)s order waits for a store.", "%(number)s orders wait for a store.", number)
        advice = _("An administrator says which store is meant.")
        yield Todo(line.account, "inbox", what % {"number": number}, advice, line.unrouted_link)


def _in_conflict(line: Line) -> Iterator[Todo]:
    if number := line.row.conflicts:
        what = ngettext(
            "%(number)s order stands otherwise at the platform than here.",
            "%(number)s orders stand otherwise at the platform than here.",
            number,
        )
        advice = _("They are listed under “Orders in conflict”; the store settles each on its board.")
        disagreeing = _admin("orders_order", account__id__exact=line.account.pk)
        yield Todo(line.account, "circle-help", what % {"number": number}, advice, disagreeing)


def _not_asked(line: Line) -> Iterator[Todo]:
    last = line.row.last
    if line.is_overdue:
        what = _("The platform was asked %(ago)s ago for the last time.") % {"ago": span(line.ago)}
        yield Todo(line.account, "timer", what, _("Are a scheduler and a worker running?"), line.account_link)
    if last and last.finished_at is None:
        what = _("The platform could not be asked.")
        yield Todo(line.account, "cloud-off", what, last.error, line.account_link)


def _refused(line: Line) -> Iterator[Todo]:
    row, unsigned = line.row, line.row.refusals.get("401", 0)
    if number := row.refused - unsigned - row.refusals.get("503", 0):
        what = ngettext(
            "%(number)s push could not be taken.", "%(number)s pushes could not be taken.", number
        )
        advice = _("The last ones are kept, with the reason.")
        yield Todo(line.account, "circle-help", what % {"number": number}, advice, line.refused_link)
    if unsigned:
        what = ngettext(
            "%(number)s push had a wrong signature.", "%(number)s pushes had a wrong signature.", unsigned
        )
        advice = _("The account's secret must be the one the platform shows.")
        yield Todo(line.account, "lock", what % {"number": unsigned}, advice, line.refused_link)


def _failed_calls(line: Line) -> Iterator[Todo]:
    if number := line.row.failed_calls:
        what = ngettext(
            "%(number)s call to the platform failed for good.",
            "%(number)s calls to the platform failed for good.",
            number,
        )
        advice = _("An administrator can have them tried again.")
        yield Todo(line.account, "send", what % {"number": number}, advice, line.failed_link)


def _unknown(line: Line) -> Iterator[Todo]:
    if number := line.row.unknown:
        what = ngettext(
            "%(number)s message is of an unknown kind.", "%(number)s messages are of an unknown kind.", number
        )
        advice = _("They are kept, and can be done again once they are understood.")
        yield Todo(line.account, "circle-help", what % {"number": number}, advice, line.unknown_link)


def link(page: str, filters: Filters) -> str:
    """The address of a page with these filters."""
    query = [("period", filters.period), *(("account", str(pk)) for pk in filters.accounts)]
    return f"{reverse(page)}?{urlencode(query)}"


def csv_rows(lines: Sequence[Line], *, zone: ZoneInfo) -> Iterator[list[Cell]]:
    """The table: names of the columns, then a line for each account."""
    statuses = sorted({*REASONS, *(status for line in lines for status in line.row.refusals)})
    yield [*_heading(), *(_("Refused with %s") % status for status in statuses)]
    for line in lines:
        yield [*_cells(line, zone), *(line.row.refusals.get(status, 0) for status in statuses)]


def _heading() -> list[str]:
    return [
        _("Account"),
        _("Channel"),
        _("Pushes"),
        _("Stored"),
        _("Repeated"),
        _("Contradicting"),
        _("Refused"),
        _("Unknown kind"),
        _("Before their order"),
        _("Waiting for a store"),
        _("Orders"),
        _("Recovered"),
        _("Incomplete"),
        _("In conflict"),
        _("Seconds to us, median"),
        _("Seconds to us, 95 % within"),
        _("Failed calls"),
        _("Comparisons"),
        _("Comparisons broken off"),
        _("Last comparison"),
        _("What went wrong"),
    ]


def _cells(line: Line, zone: ZoneInfo) -> list[Cell]:
    row, last, lag = line.row, line.row.last, line.row.lag
    at = last.started_at.astimezone(zone).replace(tzinfo=None) if last else None
    return [
        line.account.slug,
        line.account.get_channel_display(),
        row.pushed,
        row.stored,
        row.duplicates,
        row.contradicting,
        row.refused,
        row.unknown,
        row.early,
        row.unrouted,
        row.orders,
        row.recovered,
        row.incomplete,
        row.conflicts,
        lag.median if lag else None,
        lag.p95 if lag else None,
        row.failed_calls,
        row.runs,
        row.broken,
        at.isoformat(" ", "seconds") if at else None,
        last.error if last else None,
    ]
