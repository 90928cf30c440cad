"""Reads of the channel page: a constant number of set-based queries, however many accounts and orders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Aggregate, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Greatest

from orders.models import IncomingMessage, Order, Reconciliation, Tally
from outbox.models import Job
from reports.measures import percentile
from reports.queries import Epoch
from stores.models import ChannelAccount, StoreChannel

Outcome = IncomingMessage.Outcome
Counts = dict[int, dict[str, int]]
NUMBERS = frozenset("0123456789")
MOST_DEAD = 5_000  # dead letters that are looked through for their accounts, newest first
MOST_CONFLICTS = 50  # shown; the table says how many there are


class Percentile(Aggregate):
    """The smallest value that `share` (0–1) of the rows do not exceed; PostgreSQL only."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = IntegerField()


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds between the guest's order and ours: half of the orders, and 95 % of them, took no longer."""

    median: int
    p95: int


@dataclass(frozen=True, slots=True)
class Row:
    """One account in the period, or all of them together.

    `answers` counts pushes by what became of them (`Tally.what`); `waiting` messages by outcome. `last` is
    the last comparison with the platform, None if there was none.
    """

    answers: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    orders: int = 0
    recovered: int = 0
    incomplete: int = 0
    conflicts: int = 0
    lag: Lag | None = None
    runs: int = 0
    broken: int = 0
    last: Reconciliation | None = None
    failed_calls: int = 0

    @property
    def pushed(self) -> int:
        return sum(self.answers.values())

    @property
    def stored(self) -> int:
        return self.answers.get("stored", 0)

    @property
    def duplicates(self) -> int:
        return self.answers.get("duplicate", 0)

    @property
    def contradicting(self) -> int:
        return self.answers.get("conflict", 0)

    @property
    def refusals(self) -> dict[str, int]:
        """Refused pushes by HTTP status."""
        return {what: count for what, count in self.answers.items() if set(what) <= NUMBERS}

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())

    @property
    def unrouted(self) -> int:
        return self.waiting.get(Outcome.UNROUTED, 0)

    @property
    def early(self) -> int:
        return self.waiting.get(Outcome.EARLY, 0)

    @property
    def unknown(self) -> int:
        return self.waiting.get(Outcome.UNKNOWN, 0)


def rows(accounts: Sequence[ChannelAccount], *, since: datetime) -> dict[int, Row]:
    """One row per account, by account id."""
    answers, waiting, orders = _answers(accounts, since), _waiting(accounts, since), _orders(accounts, since)
    lags, runs, last = _lags(accounts, since), _runs(accounts, since), _last_runs(accounts)
    failed = _failed_calls()
    return {
        account.pk: Row(
            answers=answers[account.pk],
            waiting=waiting[account.pk],
            lag=lags.get(account.pk),
            last=last.get(account.pk),
            failed_calls=failed[account.pk],
            **orders.get(account.pk, {}),
            **runs.get(account.pk, {}),
        )
        for account in accounts
    }


def together(found: Iterable[Row]) -> Row:
    """All accounts as one, but for their lags: percentiles do not add up."""
    all_rows = list(found)
    names = ("orders", "recovered", "incomplete", "conflicts", "runs", "broken", "failed_calls")
    return Row(
        answers=sum((Counter(row.answers) for row in all_rows), Counter[str]()),
        waiting=sum((Counter(row.waiting) for row in all_rows), Counter[str]()),
        **{name: sum(getattr(row, name) for row in all_rows) for name in names},
    )


def in_conflict(accounts: Sequence[ChannelAccount], *, since: datetime) -> list[Order]:
    """Orders the two sides disagree about, the newest first."""
    orders = _placed(accounts, since).exclude(conflict="").select_related("store", "account")
    return list(orders.order_by("-placed_at", "-pk")[:MOST_CONFLICTS])


def _placed(accounts: Sequence[ChannelAccount], since: datetime) -> QuerySet[Order]:
    """The accounts' orders of the period. Naming the stores lets an index lead to them."""
    franchises = {account.franchise_id for account in accounts}
    return Order.objects.filter(
        account__in=[account.pk for account in accounts],
        store__franchise__in=franchises,
        placed_at__gte=since,
    )


def _answers(accounts: Sequence[ChannelAccount], since: datetime) -> Counts:
    hour = since.astimezone(UTC).replace(minute=0)
    tallies = Tally.objects.filter(account__in=accounts, hour__gte=hour).order_by()
    return _by_account(tallies.values_list("account", "what").annotate(Sum("count")))


def _waiting(accounts: Sequence[ChannelAccount], since: datetime) -> Counts:
    """Orders without a store wait for somebody, however long; the others are news of the period."""
    unrouted, lately = Q(outcome=Outcome.UNROUTED), Q(received_at__gte=since)
    wanted = unrouted | Q(lately, outcome=Outcome.EARLY) | Q(lately, outcome=Outcome.UNKNOWN)
    messages = IncomingMessage.objects.filter(wanted, account__in=accounts).order_by()
    return _by_account(messages.values_list("account", "outcome").annotate(Count("pk")))


def _by_account(groups: Iterable[tuple[int, str, int]]) -> Counts:
    counts: Counts = defaultdict(dict)
    for account, what, count in groups:
        counts[account][what] = count
    return counts


def _orders(accounts: Sequence[ChannelAccount], since: datetime) -> dict[int, dict[str, int]]:
    counts = {
        "orders": Count("pk"),
        "recovered": Count("pk", filter=Q(recovered_at__isnull=False)),
        "incomplete": Count("pk", filter=Q(complete=False)),
        "conflicts": Count("pk", filter=~Q(conflict="")),
    }
    groups = _placed(accounts, since).order_by().values_list("account").annotate(**counts)
    return {account: dict(zip(counts, numbers, strict=True)) for account, *numbers in groups}


def _lags(accounts: Sequence[ChannelAccount], since: datetime) -> dict[int, Lag]:
    """Clocks differ by a second or two: nothing arrives before it was ordered."""
    seconds = Greatest(Epoch(F("received_at")) - Epoch(F("placed_at")), Value(0))
    orders = _placed(accounts, since).order_by().annotate(seconds=seconds)
    if connection.vendor == "postgresql":
        shares = {"median": Percentile("seconds", share=0.5), "p95": Percentile("seconds", share=0.95)}
        return {pk: Lag(median, p95) for pk, median, p95 in orders.values_list("account").annotate(**shares)}
    histograms: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pk, waited, count in orders.values_list("account", "seconds").annotate(Count("pk")):
        histograms[pk].append((waited, count))
    return {pk: Lag(percentile(one, 0.5) or 0, percentile(one, 0.95) or 0) for pk, one in histograms.items()}


def _runs(accounts: Sequence[ChannelAccount], since: datetime) -> dict[int, dict[str, int]]:
    counts = {"runs": Count("pk"), "broken": Count("pk", filter=Q(finished_at=None))}
    runs = Reconciliation.objects.filter(account__in=accounts, started_at__gte=since).order_by()
    groups = runs.values_list("account").annotate(**counts)
    return {account: dict(zip(counts, numbers, strict=True)) for account, *numbers in groups}


def _last_runs(accounts: Sequence[ChannelAccount]) -> dict[int, Reconciliation]:
    latest = Reconciliation.objects.filter(account=OuterRef("pk")).order_by("-started_at", "-pk").values("pk")
    mine = ChannelAccount.objects.filter(pk__in=[account.pk for account in accounts]).order_by()
    runs = Reconciliation.objects.filter(pk__in=mine.annotate(last=Subquery(latest[:1])).values("last"))
    return {run.account_id: run for run in runs}


def _failed_calls() -> Counter[int]:
    """Calls that were given up, by account; a job names its account, or something that has one."""
    dead = Job.objects.filter(state=Job.State.DEAD, kind__startswith="channel.").order_by("-pk")
    payloads: list[dict[str, Any]] = list(dead.values_list("payload", flat=True)[:MOST_DEAD])
    failed = Counter(payload["account"] for payload in payloads if "account" in payload)
    for name, rows in (("order", Order.objects), ("store_channel", StoreChannel.objects)):
        about = Counter(payload[name] for payload in payloads if name in payload)
        accounts = rows.filter(pk__in=list(about)).values_list("pk", "account_id")
        for pk, account in accounts:
            failed[account] += about[pk]
    return failed
