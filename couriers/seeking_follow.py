"""What the state of its order and its last hand-off means for a search: carried, called off, or who is next.

Like the verbs of `couriers.seeking`, whose gate it writes through, under the lock of the search's row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext_noop

from couriers import record
from couriers.models import CarrierSearch, HandOff
from couriers.policy.queries import policy_of
from couriers.seeking import ATTACHED, MAY_BE_HANDED_OFF, PORTAL, begin_anew, change
from couriers.standing import PICKED_UP, carrier_key
from couriers.states import EndCause, HandOffState, SearchState
from orders.states import ENDED, WAITING, OrderState

S = SearchState
BATCH = 500
# After these a person has the word, not the next carrier.
TAKEN_OVER = frozenset({EndCause.STORE, EndCause.GUEST})
NOT_ON_THE_SHELF = gettext_noop("It had left the store: somebody must look where it is.")
NO_RESCUE = gettext_noop("It was given back.")
KEPT = gettext_noop("It was not called off: whoever has it brings it.")


def follow(search_id: int, *, now: datetime) -> CarrierSearch | None:
    """Bring a search in line with its order and its last hand-off; None if it is not there.

    Idempotent: it looks at how things are, not at how they changed.
    """
    with transaction.atomic():
        search = (
            CarrierSearch.objects.select_for_update(of=("self",))
            .select_related("order__store", "order__account")
            .filter(pk=search_id)
            .first()
        )
        if search is None or not _is_there(search):
            return None
        before = (search.state, search.wish)
        last = HandOff.objects.filter(search=search).order_by("-pk").first()
        _follow(search, last, now)
        if (search.state, search.wish) != before:
            record.publish_search(search.order_id, actor=PORTAL, now=now)
    return search


def _is_there(search: CarrierSearch) -> bool:
    """Whether the order still goes in so many bags; searches of bags there are no more are left alone."""
    first = CarrierSearch.objects.filter(order=search.order_id, bag=1, bags__gte=search.bag)
    return search.bag == 1 or first.exists()


def _follow(search: CarrierSearch, last: HandOff | None, now: datetime) -> None:
    if search.order.state in ENDED:
        if search.state != S.DONE:
            change(search, S.DONE, now=now, accept_by=None, wish=None)
    elif last is not None and last.live:
        _follow_live(search, last, now)
    elif search.state == S.DONE:
        _follow_recalled(search, last, now)
    elif search.store_id != search.order.store_id:
        begin_anew(search, search.order, policy_of(search.order.store_id), now)
    elif last is not None and search.state in ATTACHED:
        _follow_end(search, last, now)
    elif search.state == S.SEEKING and search.order.state not in MAY_BE_HANDED_OFF:
        change(search, S.STOPPED, now=now, wish=None)


def _follow_recalled(search: CarrierSearch, last: HandOff | None, now: datetime) -> None:
    """The counter marked the order as delivered and took that back: what became of the last one since then is
    followed now. A delivery stays one until somebody is sought anew (`couriers.seeking`)."""
    if last is None:
        change(search, S.IDLE, now=now, round=search.round + 1)
    elif last.state != HandOffState.DELIVERED:
        _follow_end(search, last, now)


def _follow_live(search: CarrierSearch, last: HandOff, now: datetime) -> None:
    """A rider has it or is coming; or one is looked for, again after a rider gave up. Who will not be called
    off goes on as if nobody else had been wanted."""
    kept = search.wish is not None and last.state != HandOffState.CANCELLING
    if kept:
        _keep(search, last, now)
    if last.state == HandOffState.CONFIRMED:
        if search.state != S.CARRIED:
            change(search, S.CARRIED, now=now, accept_by=None, reason=KEPT if kept else "")
        return
    had_a_rider = search.state == S.CARRIED
    waits = (search.automatic or had_a_rider) and last.state != HandOffState.CANCELLING
    if search.state == S.CARRIED and carrier_key(last) not in search.excluded:
        change(search, S.CARRIED, now=now, excluded=[*search.excluded, carrier_key(last)])
    if search.state != S.OFFERED or (waits and search.accept_by is None):
        until = now + timedelta(seconds=policy_of(search.store_id).accept_within) if waits else None
        change(search, S.OFFERED, now=now, accept_by=until)


def _keep(search: CarrierSearch, last: HandOff, now: datetime) -> None:
    """It is looked after as before: whoever has it has their time, and after them the next one is asked."""
    excluded = [key for key in search.excluded if key != carrier_key(last)]
    afresh = {"wish": None, "automatic": policy_of(search.store_id).rescue, "excluded": excluded}
    change(search, S(search.state), now=now, reason=KEPT, **afresh)


def _follow_end(search: CarrierSearch, last: HandOff, now: datetime) -> None:
    """The last one asked does not carry it (any more): the next one, a person, or nobody."""
    if last.state == HandOffState.DELIVERED:
        change(search, S.DONE, now=now, accept_by=None, wish=None)
        return
    if search.wish is not None:
        _follow_wish(search, last, now)
        return
    if last.end_cause in TAKEN_OVER:
        change(search, S.STOPPED, now=now, accept_by=None, reason=last.reason)
        return
    if last.end_cause == EndCause.UNDONE or _is_made_anew(search, last):
        _follow_undone(search, now)
        return
    excluded = [*search.excluded, *({carrier_key(last)} - set(search.excluded))]
    state, reason = _after(search, last)
    rounds = search.round + (state == S.SEEKING)
    change(search, state, now=now, accept_by=None, excluded=excluded, reason=reason, round=rounds)


def _follow_wish(search: CarrierSearch, last: HandOff, now: datetime) -> None:
    """Whom a person wanted instead is asked now, whatever the other one ended of, if the bag is here."""
    if _is_made_anew(search, last):
        _follow_undone(search, now)
    elif last.progress in PICKED_UP or search.order.state not in MAY_BE_HANDED_OFF:
        change(search, S.NOBODY, now=now, accept_by=None, wish=None, reason=NOT_ON_THE_SHELF)
    else:
        change(search, S.SEEKING, now=now, accept_by=None, round=search.round + 1)


def _follow_undone(search: CarrierSearch, now: datetime) -> None:
    """Back to the beginning; if it is ready again by now, somebody is sought at once."""
    again = search.order.state == OrderState.READY and policy_of(search.store_id).automatic
    afresh = {"accept_by": None, "wish": None, "round": search.round + 1}
    change(search, S.SEEKING if again else S.IDLE, now=now, **afresh)


def _is_made_anew(search: CarrierSearch, last: HandOff) -> bool:
    """Whether the counter took the order back to before it was made, while nobody had the bag."""
    return search.order.state in WAITING and last.progress not in PICKED_UP


def _after(search: CarrierSearch, last: HandOff) -> tuple[SearchState, str]:
    """What is in somebody's bag on the road is not on the shelf for the next one."""
    if last.progress in PICKED_UP or search.order.state not in MAY_BE_HANDED_OFF:
        return S.NOBODY, NOT_ON_THE_SHELF
    return (S.SEEKING, "") if search.automatic else (S.NOBODY, NO_RESCUE)


def recalled(since: datetime) -> list[CarrierSearch]:
    """Searches that ended with their orders, of orders the counter took back before `since`, although their
    last hand-off is no delivery: nothing happens to it that would have them followed."""
    mine = HandOff.objects.filter(order=OuterRef("order"), bag=OuterRef("bag")).order_by("-pk")
    there = CarrierSearch.objects.filter(order=OuterRef("order"), bag=1, bags__gte=OuterRef("bag"))
    rows = CarrierSearch.objects.annotate(last=Subquery(mine.values("state")[:1])).filter(
        ~Q(last=HandOffState.DELIVERED) | Q(last=None),
        Exists(there),
        state=S.DONE,
        order__on_board=True,
        order__recalled_at__lte=since,
    )
    return list(rows.exclude(order__state__in=ENDED).order_by("order__recalled_at")[:BATCH])
