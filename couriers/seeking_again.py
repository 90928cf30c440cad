"""Searches that ended with nobody go on when somebody can carry it after all: a rest is over, a rider came.

Only where the store finds carriers by itself and goes on after a failure, and only where everybody had been
asked: what had left the store, or what a person stopped, waits for a person. First the card is on the shelf
with its alarm; that ends with this. Who failed stays excluded. Only who was not reached (a courier that did
not answer, a rider whose phone did not show it) is tried anew after a good while, if there is nobody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from couriers import calls, record
from couriers.models import CarrierSearch, HandOff
from couriers.policy.choosing import could_ask
from couriers.policy.document import Policy
from couriers.policy.measures import key_of
from couriers.policy.queries import policy_of
from couriers.policy.situations import candidates_of
from couriers.seeking import NOBODY_LEFT, ON_THE_SHELF, PORTAL
from couriers.seeking_choice import ranking
from couriers.seeking_suggestions import can_carry
from couriers.states import EndCause, SearchState
from orders.models import Order
from stores.models import Store

S = SearchState
BATCH = 500  # searches looked at in one round
BY_CHANCE = "?"  # nobody shall stand behind the same ones for ever
AGAIN = 60  # seconds within which a search is looked at once at most
NOT_REACHED = timedelta(minutes=10)  # how long whoever could not be reached is left alone

NEVER_HEARD = Q(end_cause=EndCause.UNREACHABLE) | Q(carrier=HandOff.Carrier.OWN, end_cause=EndCause.NO_RIDER)


def look(*, now: datetime) -> int:
    """Have those go on for which somebody may be there by now; returns how many. Each looks for itself.

    Reads each store's carriers once.
    """
    return sum(_look(store, searches, now) for store, searches in _ended().items())


def _ended() -> Mapping[Store, list[CarrierSearch]]:
    on_the_shelf = Order.objects.filter(**ON_THE_SHELF, on_board=True)
    rows = CarrierSearch.objects.select_related("store").filter(
        state=S.NOBODY,
        reason=NOBODY_LEFT,
        automatic=True,
        order__in=on_the_shelf,
        store__carrier_policy__automatic=True,
    )
    found: defaultdict[Store, list[CarrierSearch]] = defaultdict(list)
    for search in rows.order_by(BY_CHANCE)[:BATCH]:
        found[search.store].append(search)
    return found


def _look(store: Store, searches: list[CarrierSearch], now: datetime) -> int:
    policy = policy_of(store.pk)
    carriers = (one for one in candidates_of(store, now) if can_carry(one, policy.own_most))
    there = {one.key for one in carriers if could_ask(policy, one.key)}
    spared = _spared(searches, now) if there else {}
    hopeful = [
        search
        for search in searches
        if may_go_on(search, policy) and there - (set(search.excluded) - spared.get(search.pk, set()))
    ]
    for search in hopeful:
        calls.step_search(search.pk, why=f"again{search.round}.{int(now.timestamp()) // AGAIN}", now=now)
    return len(hopeful)


def _spared(searches: Iterable[CarrierSearch], now: datetime) -> Mapping[int, set[str]]:
    """Who could not be reached a good while ago, and was not asked since, by search id; one query."""
    mine = Q(account=OuterRef("account")) | Q(rider=OuterRef("rider"))
    later = HandOff.objects.filter(mine, search=OuterRef("search"), pk__gt=OuterRef("pk"))
    rows = HandOff.objects.filter(
        NEVER_HEARD, ~Exists(later), search__in=searches, ended_at__lte=now - NOT_REACHED
    )
    found: defaultdict[int, set[str]] = defaultdict(set)
    for search, account, rider in rows.order_by().values_list("search", "account", "rider"):
        found[search].add(key_of(account, rider))
    return found


def may_go_on(search: CarrierSearch, policy: Policy) -> bool:
    """Whether a person need not be waited for, if somebody is there."""
    by_itself = policy.automatic and policy.rescue and search.automatic
    return by_itself and search.state == S.NOBODY and search.reason == NOBODY_LEFT


def go_on(search: CarrierSearch, policy: Policy, *, now: datetime) -> bool:
    """Seek again if somebody can be asked now; False if not, or if the search has moved on."""
    if not may_go_on(search, policy):
        return False
    for excluded in _exclusions(search, now):
        first = next(iter(ranking(search, policy, now=now, excluded=excluded)), None)
        if first is not None and first.why.code != "resting":
            return _seek(search, excluded, now)
    return False


def _exclusions(search: CarrierSearch, now: datetime) -> Iterator[Collection[str]]:
    """Who is not asked: first all who failed, then without those that had not been reached."""
    yield search.excluded
    spared = _spared([search], now).get(search.pk)
    if spared:
        yield [key for key in search.excluded if key not in spared]


def _seek(search: CarrierSearch, excluded: Collection[str], now: datetime) -> bool:
    with transaction.atomic():
        mine = CarrierSearch.objects.filter(pk=search.pk, state=S.NOBODY, round=search.round)
        values = {"excluded": list(excluded), "reason": "", "changed_at": now}
        if mine.update(state=S.SEEKING, round=F("round") + 1, **values) != 1:
            return False
        record.publish_search(search.order_id, actor=PORTAL, now=now)
    return True
