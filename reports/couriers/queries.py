"""Reads of the courier page: a constant number of set-based queries, however many carriers and hand-offs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, F, Max, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest, Least

from couriers.models import CarrierSearch, CourierRest, Fee, HandOff
from couriers.policy.measures import GAVE_UP, OURS
from couriers.states import LIVE, HandOffState, SearchState
from outbox.models import Job
from reports.couriers.filters import Chosen
from reports.couriers.measures import Bar, Cost, Figures, Histogram
from reports.queries import Epoch
from stores.models import Store

S = HandOffState
Group = tuple[int, int | None]  # store and courier account; None: an own rider
MOST_RESTS = 50  # shown; the table says how many there are
MOST_DEAD = 500  # dead letters of the chosen accounts that are looked through, newest first
STILL_COMING = timedelta(hours=3)  # later than that no rider comes for an order
MINUTE, TENTH, FINE, LONGEST = 60, 6, 600, 86_400  # seconds
STAMPS = {
    "found": "confirmed_at",
    "arrived": "arrived_at",
    "picked_up": "picked_up_at",
    "delivered": "delivered_at",
}
OFFERED = Q(carrier=HandOff.Carrier.PROVIDER)
# As policies measure it: a rider who gave up was not a yes, and what we called off was not a no.
FOUND = Q(confirmed_at__isnull=False) | Q(picked_up_at__isnull=False) | Q(state=S.DELIVERED)
TAKEN = FOUND & ~Q(end_cause__in=GAVE_UP)
LOST = Q(state__in=(S.FAILED, S.CANCELLED))
CALLED_OFF = Q(state=S.CANCELLED, end_cause="") | Q(end_cause__in=OURS)
# Every claim counts in both; a call that nobody could vouch for takes the fence on by one more.
DOUBTED = Q(fence__gt=F("asks"))
COUNTS = {
    "all": Q(),
    "accepted": OFFERED & TAKEN,
    "turned_down": OFFERED & LOST & ~TAKEN & ~CALLED_OFF,
    "delivered": Q(state=S.DELIVERED),
    # Nobody told what it costs, or in other money than the order's.
    "unpriced": OFFERED & Q(state=S.DELIVERED, fee=None),
    "under_way": Q(state__in=LIVE),
    "failed": Q(state=S.FAILED),
    "cancelled": Q(state=S.CANCELLED),
    "doubted": DOUBTED,
    "settled": DOUBTED & ~Q(state=S.UNKNOWN),
}


def figures(chosen: Chosen) -> dict[Group, Figures]:
    """What became of the hand-offs of the period, by store and carrier; three queries."""
    counts, causes = _counts(chosen)
    times, costs = _times(chosen), _costs(chosen)
    return {
        group: Figures(counts[group], causes[group], times.get(group, {}), costs[group])
        for group in dict.fromkeys([*counts, *times, *costs])
    }


def _handoffs(chosen: Chosen) -> QuerySet[HandOff]:
    return HandOff.objects.filter(chosen.handed_off()).order_by()


def _counts(chosen: Chosen) -> tuple[dict[Group, Counter[str]], dict[Group, Counter[str]]]:
    """By what became of them, and those that came to nothing by why."""
    numbers = {name: Count("pk", filter=condition) for name, condition in COUNTS.items()}
    rows = _handoffs(chosen).values_list("store", "account", "end_cause").annotate(**numbers)
    counts: dict[Group, Counter[str]] = defaultdict(Counter)
    causes: dict[Group, Counter[str]] = defaultdict(Counter)
    for store, account, cause, *found in rows:
        named = dict(zip(COUNTS, found, strict=True))
        counts[store, account].update(named)
        causes[store, account][cause] += named["failed"] + named["cancelled"]
    return counts, causes


def _times(chosen: Chosen) -> dict[Group, dict[str, Histogram]]:
    """How long each step took, and how often: a histogram is as long as the times differ, not the orders."""
    first, *others = (_histogram(_handoffs(chosen), step) for step in STAMPS)
    times: dict[Group, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for step, store, account, seconds, number in first.union(*others, all=True):
        times[store, account][step].append((seconds, number))
    return {group: {step: tuple(pairs) for step, pairs in steps.items()} for group, steps in times.items()}


def _histogram(handoffs: QuerySet[HandOff], step: str) -> QuerySet[HandOff, tuple[Any, ...]]:
    """Seconds from the hand-off to a step: to the tenth of a minute up to ten, then to the minute.

    An own rider is told, not found.
    """
    passed = Least(Greatest(Epoch(F(STAMPS[step])) - Epoch(F("created_at")), Value(0)), Value(LONGEST))
    tenths = (passed + Value(TENTH // 2)) / Value(TENTH) * Value(TENTH)
    whole = (passed + Value(MINUTE // 2)) / Value(MINUTE) * Value(MINUTE)
    known = handoffs.filter(**{f"{STAMPS[step]}__isnull": False})
    return (
        (known.filter(OFFERED) if step == "found" else known)
        .annotate(step=Value(step, output_field=CharField()), passed=passed)
        .annotate(seconds=Case(When(passed__lt=FINE, then=tenths), default=whole))
        .values_list("step", "store", "account", "seconds")
        .annotate(Count("pk"))
    )


def _costs(chosen: Chosen) -> dict[Group, dict[str, Cost]]:
    """Fees by the moment they fell due; a hand-off of yesterday may cost, or be corrected, today."""
    paid = Fee.objects.filter(chosen.selection.within("at"), account__in=chosen.accounts).order_by()
    kinds = Fee.Kind
    amounts = {
        "delivery": Sum("amount", filter=Q(kind__in=(kinds.DELIVERY, kinds.CORRECTION)), default=0),
        "cancel": Sum("amount", filter=Q(kind=kinds.CANCEL), default=0),
        "tips": Sum("amount", filter=Q(kind=kinds.TIP), default=0),
        "carried": Count("handoff", filter=Q(handoff__state=S.DELIVERED), distinct=True),
    }
    costs: dict[Group, dict[str, Cost]] = defaultdict(dict)
    for store, account, currency, *found in paid.values_list("store", "account", "currency").annotate(
        **amounts
    ):
        costs[store, account][currency] = Cost(*found)
    return costs


def bars(chosen: Chosen) -> list[Bar]:
    """Hand-offs of every hour by what became of them, all stores together."""
    selection = chosen.selection
    hour = (Epoch(F("created_at")) - Epoch(selection.start("store"))) / Value(3600)
    ends = {"done": COUNTS["delivered"], "live": COUNTS["under_way"], "lost": LOST}
    numbers = {name: Count("pk", filter=condition) for name, condition in ends.items()}
    groups = _handoffs(chosen).annotate(hour=hour).values_list("hour").annotate(**numbers)
    counts = {hour: found for hour, *found in groups}
    hours = selection.period.hours(selection.zone)
    return [Bar(at, *counts.get(number, ())) for number, at in enumerate(hours)]


@dataclass(frozen=True, slots=True)
class Rests:
    """How often an account rested in the period, and how many seconds in all."""

    number: int
    seconds: int


def rests_of(chosen: Chosen) -> dict[int, Rests]:
    """Rests that began in the period, by account."""
    counts = {"number": Count("pk"), "seconds": Sum(Epoch(F("until")) - Epoch(F("began_at")))}
    groups = _rests(chosen).order_by().values_list("account").annotate(**counts)
    return {account: Rests(number, seconds) for account, number, seconds in groups}


def latest_rests(chosen: Chosen) -> list[CourierRest]:
    """The newest of them, the newest first."""
    return list(_rests(chosen).order_by("-began_at", "-pk")[:MOST_RESTS])


def _rests(chosen: Chosen) -> QuerySet[CourierRest]:
    start, end = chosen.selection.bounds(str(chosen.selection.zone))
    return CourierRest.objects.filter(account__in=chosen.accounts, began_at__gte=start, began_at__lt=end)


def in_doubt(chosen: Chosen) -> dict[tuple[int, int], int]:
    """How many hand-offs wait for somebody who says whether the courier has them, by store and account."""
    waiting = HandOff.objects.filter(
        store__in=chosen.stores,
        account__in=chosen.accounts,
        state__in=LIVE,
        human_asked_at__isnull=False,
    )
    groups = waiting.order_by("store", "account").values_list("store", "account").annotate(Count("pk"))
    return {(store, account): number for store, account, number in groups}


def not_called_off(chosen: Chosen, *, now: datetime) -> dict[tuple[int, int], int]:
    """How many errands that nobody wants any more the courier may still carry out, by store and account.

    Calling them off was given up. A live hand-off is called off again and again; one that has ended is not.
    """
    lanes = [f"{account.provider}/{account.pk}" for account in chosen.accounts]
    dead = Job.objects.filter(kind="handoff.cancel", state=Job.State.DEAD, lane__in=lanes).order_by("-pk")
    about = {payload["handoff"] for payload in dead.values_list("payload", flat=True)[:MOST_DEAD]}
    errands = HandOff.objects.filter(
        pk__in=about,
        store__in=chosen.stores,
        account__in=chosen.accounts,
        ended_at__gte=now - STILL_COMING,
    )
    groups = errands.order_by("store", "account").values_list("store", "account").annotate(Count("pk"))
    return {(store, account): number for store, account, number in groups}


def without_carrier(stores: Iterable[Store]) -> dict[int, int]:
    """For how many bags nobody was found, by store."""
    searches = CarrierSearch.objects.filter(store__in=stores, state=SearchState.NOBODY).order_by("store")
    return dict(searches.values_list("store").annotate(Count("pk")))


def latest_handoff(chosen: Chosen) -> datetime | None:
    """When the newest hand-off of these stores began; for a page that would otherwise be empty."""
    newest: datetime | None = HandOff.objects.filter(store__in=chosen.stores).aggregate(at=Max("created_at"))[
        "at"
    ]
    return newest
