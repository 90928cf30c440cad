"""The outbox's handlers for searches: an order became ready, and a search must go on.

Each may be run again at any time, by several at once: what they do is decided by the rows alone.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import timezone

from couriers import instead, record, seeking, seeking_again, seeking_follow, services
from couriers.drafts import draft_for
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider
from couriers.policy.choosing import RIDER, Ranked
from couriers.policy.document import Policy
from couriers.policy.queries import policy_of
from couriers.seeking_choice import Field, field_of
from couriers.states import EndCause, SearchState
from orders.errors import NotPossible, Stale
from orders.models import Order
from orders.states import Fulfilment, OrderState
from outbox.errors import Later, NotYet
from outbox.models import Job

logger = logging.getLogger(__name__)
S = SearchState
# Somebody else was faster with the same search, or a rider was given another order: choose again.
CHOOSE_AGAIN = 3


def ready(job: Job) -> None:
    """An order of the store's own delivery stands on the shelf: find or suggest a carrier for each bag."""
    searches, policy = seeking.open_for(job.payload["order"], now=timezone.now())
    for search in searches:
        if search.round != 1 or search.state != S.SEEKING or not _ask_next(search, policy):
            go_on(search.pk)


def unready(job: Job) -> None:
    """Somebody took "ready" back: nobody shall come for it yet whom no person asked."""
    since = datetime.fromisoformat(job.payload["since"])
    if not seeking.take_back(job.payload["order"], since=since, now=timezone.now()):
        raise NotYet(5, "the courier may still come for it")


def step(job: Job) -> None:
    """A search goes on: after the end of a hand-off, on a person's word, or because the watch says so."""
    go_on(job.payload["search"])


def go_on(search_id: int) -> None:
    """Bring a search in line with its last hand-off, and ask the next one, or suggest whom to ask."""
    for _ in range(CHOOSE_AGAIN):
        search = seeking_follow.follow(search_id, now=timezone.now())
        if search is None:
            return
        if search.state == S.SEEKING:
            ask = _ask_wanted if search.wish is not None else _ask_next
            if ask(search, policy_of(search.store_id)):
                return
        elif search.state == S.OFFERED:
            _leave_who_gave_up(search)
            return
        elif not _goes_on(search):
            _suggest(search)
            return
    raise Later(1, "others were faster each time")


def _waits(order: Order) -> bool:
    return order.fulfilment == Fulfilment.STORE_COURIER and order.state == OrderState.READY


def _ask_next(search: CarrierSearch, policy: Policy) -> bool:
    """Whether the search is where it should be; False: it, or who was chosen, has moved on."""
    now = timezone.now()
    field = field_of(search, policy, now=now, excluded=frozenset(search.excluded))
    if not field.ranked:
        return seeking.nobody(search, now=timezone.now())
    first = field.ranked[0]
    try:
        return _offer(search, first, field, timezone.now())
    except (NotPossible, Stale) as refusal:
        logger.info("search %s: %s was not asked: %s", search.pk, first.key, refusal)
        return False


def _ask_wanted(search: CarrierSearch, policy: Policy) -> bool:
    """Ask whom a person wanted; False: the search has moved on."""
    try:
        return instead.grant(search, policy=policy, now=timezone.now())
    except Stale as refusal:
        logger.info("search %s: who was wanted was not asked: %s", search.pk, refusal)
        return False


def _offer(search: CarrierSearch, first: Ranked, field: Field, now: datetime) -> bool:
    candidate = field.candidates[first.key]
    draft = field.drafts.get(first.key) or _draft(search, first, now)
    draft.created_at = draft.changed_at = draft.heard_at = now
    live = candidate.live if first.kind == RIDER else None
    return services.offer(search, draft, policy=field.policy, quote=candidate.quote, now=now, live=live)


def _draft(search: CarrierSearch, first: Ranked, now: datetime) -> HandOff:
    number = int(first.key.partition(":")[2])
    if first.kind == RIDER:
        return draft_for(search, rider=Rider.objects.get(pk=number), now=now)
    return draft_for(search, account=CourierAccount.objects.get(pk=number), now=now)


def _leave_who_gave_up(search: CarrierSearch) -> None:
    """A rider gave up: the next carrier is asked; if there is none, the same goes on looking."""
    last = record.live_of(search)
    if last is None or not search.automatic or not seeking.gave_up(search, last):
        return
    now = timezone.now()
    policy = policy_of(search.store_id)
    if field_of(search, policy, now=now, excluded=frozenset(search.excluded)).ranked:
        seeking.call_off(last, cause=EndCause.RIDER, now=now)


def _goes_on(search: CarrierSearch) -> bool:
    """Whether a search that had ended with nobody seeks again."""
    if search.state != S.NOBODY or not _waits(search.order):
        return False
    return seeking_again.go_on(search, policy_of(search.store_id), now=timezone.now())


def _suggest(search: CarrierSearch) -> None:
    """On the card of an order on the shelf stands whom the policy would ask."""
    if search.state not in {S.IDLE, S.NOBODY, S.STOPPED} or not _waits(search.order):
        return
    policy, now = policy_of(search.store_id), timezone.now()
    field = field_of(search, policy, now=now, excluded=frozenset(search.excluded))
    suggestion = field.ranked[0].as_json() if field.ranked else None
    if suggestion != search.suggestion:
        seeking.suggest(search, suggestion, now=timezone.now())
