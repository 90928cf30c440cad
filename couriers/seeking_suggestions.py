"""Proposals on cards that are no longer true: a rider went home or got orders, a courier rests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from couriers import calls
from couriers.models import CarrierSearch
from couriers.policy.choosing import RIDER, Candidate
from couriers.policy.document import Policy
from couriers.policy.queries import policy_of
from couriers.policy.situations import candidates_of
from couriers.states import SearchState
from orders.states import OrderState
from stores.models import Store

S = SearchState
BATCH = 500  # proposals looked at in one round
AGAIN = 20  # seconds within which a proposal is made anew once at most


def renew(*, now: datetime) -> int:
    """Have proposals made anew that name somebody who cannot carry it now, or nobody although somebody could.

    Returns how many. Reads each store's carriers once.
    """
    return sum(_renew(store, searches, now) for store, searches in _proposals().items())


def _proposals() -> Mapping[Store, list[CarrierSearch]]:
    """The searches of orders on the shelf of which nobody is asked, by store."""
    rows = CarrierSearch.objects.select_related("store").filter(
        state__in=[S.IDLE, S.NOBODY, S.STOPPED], order__state=OrderState.READY, order__on_board=True
    )
    found: defaultdict[Store, list[CarrierSearch]] = defaultdict(list)
    for search in rows.order_by("-changed_at")[:BATCH]:
        found[search.store].append(search)
    return found


def _renew(store: Store, searches: list[CarrierSearch], now: datetime) -> int:
    policy = policy_of(store.pk)
    there = {one.key: one for one in candidates_of(store, now) if can_carry(one, policy.own_most)}
    stale = [search for search in searches if _is_stale(search, there, policy)]
    for search in stale:
        calls.step_search(search.pk, why=f"s{int(now.timestamp()) // AGAIN}", now=now)
    return len(stale)


def can_carry(one: Candidate, most: int) -> bool:
    """Whether they are at work, not at rest, and with less than `most` orders in hand."""
    return one.free and not one.resting and (one.kind != RIDER or one.live < most)


def _is_stale(search: CarrierSearch, there: Mapping[str, Candidate], policy: Policy) -> bool:
    """Only what making it anew changes, or it would be made anew for ever."""
    suggestion: dict[str, Any] | None = search.suggestion
    if suggestion is None:
        riders = {key for key, one in there.items() if one.kind == RIDER}
        return policy.own_first and not riders <= set(search.excluded)
    named, why = there.get(suggestion["key"]), suggestion["why"]
    if named is None:
        return bool(why["code"] != "resting")
    left = why["code"] == "own_joins" and named.away > 0
    return named.kind == RIDER and (left or why.get("live") not in {None, named.live})
