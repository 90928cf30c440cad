"""The verbs of a search: who is asked next, bag by bag; what a hand-off means for it is `seeking_follow`'s.

Every change is made under the lock of the search's row, and shown on the card in the same transaction. Locks
are taken in this order: search, rider, hand-off, order, store's counter; so a hand-off's own change does not
wait for its search, it enqueues the job `search.step` instead (`couriers.record`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from couriers import calls, record
from couriers.bags import MOST_BAGS, bags_for
from couriers.models import CarrierSearch, HandOff
from couriers.policy.document import DEFAULT, Policy
from couriers.policy.queries import policy_of
from couriers.standing import RECALLED, carrier_key, pieces_of, taken
from couriers.states import LIVE, EndCause, HandOffState, SearchState
from orders.errors import NotPossible
from orders.models import Order
from orders.states import Fulfilment, OrderState
from stores.actors import Actor

S = SearchState
PORTAL = Actor("portal")
ON_THE_SHELF = {"state": OrderState.READY, "fulfilment": Fulfilment.STORE_COURIER}
MAY_BE_HANDED_OFF = frozenset({OrderState.MAKING, OrderState.READY})
# Somebody was asked, and what became of that is still to be followed.
ATTACHED = frozenset({S.OFFERED, S.CARRIED})
# Nobody can say yet whether the courier has the errand.
IN_DOUBT = [HandOffState.CLAIMED, HandOffState.UNKNOWN]
# A courier may still find a rider for it, and nobody has called it off.
COMING = [*IN_DOUBT, HandOffState.PENDING, HandOffState.SENT]
NOBODY_LEFT = gettext_noop("Nobody is left who could carry it.")


def held(
    order: Order, *, policy: Policy, now: datetime, bags: int | None = None, begin: bool = False
) -> list[CarrierSearch]:
    """The order's searches, one per bag, locked in the order of the bags; made where there are none yet.

    `bags` splits the order anew; raises NotPossible when it is too late for that. `begin`: new ones seek at
    once. Inside a transaction.
    """
    known = _locked(order.pk)
    if not known:
        known = _first(order, bags or _bags_at_first(order, policy), policy, now, begin=begin)
    count = bags or known[0].bags
    if count != known[0].bags:
        _check_split(order, count)
    moved = [search for search in known if search.store_id != order.store_id]
    for search in moved:
        begin_anew(search, order, policy, now)
    if count != known[0].bags:
        _make(order, count, policy, now, begin=begin)
        _split_anew(order, count)
        known = _locked(order.pk)
    return known[:count]


def _first(order: Order, count: int, policy: Policy, now: datetime, *, begin: bool) -> list[CarrierSearch]:
    """The order's first searches. Of two who make them at once, the second has those of the first."""
    _make(order, count, policy, now, begin=begin)
    known = _locked(order.pk)
    strays = [search.pk for search in known[known[0].bags :]]
    if strays:
        CarrierSearch.objects.filter(pk__in=strays).delete()
    return known[: known[0].bags]


def _locked(order_id: int) -> list[CarrierSearch]:
    rows = CarrierSearch.objects.select_for_update(of=("self",)).filter(order=order_id)
    return list(rows.order_by("bag"))


def _bags_at_first(order: Order, policy: Policy) -> int:
    """As many as the policy says; what somebody carries already stays in one piece."""
    wanted = bags_for(order.cups, policy.cups_per_rider)
    return 1 if wanted > 1 and HandOff.objects.filter(order=order).exists() else wanted


def _check_split(order: Order, bags: int) -> None:
    if bags > min(MOST_BAGS, max(1, order.cups)):
        raise NotPossible(_("The order cannot be split into so many bags."))
    if any(piece.picked_up or (piece.last and piece.last.live) for piece in pieces_of(order.pk)):
        raise NotPossible(_("Somebody carries a part of the order already."))


def _make(order: Order, bags: int, policy: Policy, now: datetime, *, begin: bool) -> None:
    """A search for each bag that has none; those beyond the last bag stay behind, unread."""
    if bags > 1:
        _check_split(order, bags)
    alike: dict[str, Any] = {"state": S.SEEKING if begin else S.IDLE, "round": int(begin)}
    alike |= {"automatic": policy.rescue, "started_at": now, "changed_at": now}
    rows = [
        CarrierSearch(order=order, store_id=order.store_id, bag=bag, bags=bags, **alike)
        for bag in range(1, bags + 1)
    ]
    CarrierSearch.objects.bulk_create(rows, ignore_conflicts=True)


def begin_anew(search: CarrierSearch, order: Order, policy: Policy, now: datetime) -> None:
    """Another store makes it now: its own carriers are asked, whatever was tried where it was before."""
    afresh: dict[str, Any] = {"excluded": [], "suggestion": None, "accept_by": None, "reason": ""}
    afresh |= {"store_id": order.store_id, "automatic": policy.rescue, "round": search.round + 1}
    change(search, S.IDLE, now=now, wish=None, **afresh)


def _split_anew(order: Order, count: int) -> None:
    """Whoever is just choosing for a bag of the old size chooses again; bags there are no more rest, and who
    was wanted for one of the old size is not asked."""
    mine = CarrierSearch.objects.filter(order=order)
    mine.filter(wish__isnull=False).update(wish=None, state=S.STOPPED)
    mine.filter(bag__lte=count).exclude(bags=count).update(bags=count, round=F("round") + 1)
    mine.filter(bag__gt=count).exclude(state=S.DONE).update(state=S.IDLE, round=F("round") + 1)


def change(search: CarrierSearch, state: SearchState, *, now: datetime, **values: Any) -> CarrierSearch:
    """Write the state of a search whose row is locked."""
    values |= {"state": state, "changed_at": now}
    CarrierSearch.objects.filter(pk=search.pk).update(**values)
    for name, value in values.items():
        setattr(search, name, value)
    return search


def attach(search: CarrierSearch, handoff: HandOff, *, policy: Policy, now: datetime) -> None:
    """A hand-off of this search begins, in the same transaction; whoever takes it has until `accept_by`.

    What waits in line is not late (`couriers.seeking_watch`); the time begins anew with the first sending
    (`couriers.record.claim`).
    """
    carried = handoff.state == HandOffState.CONFIRMED
    change(
        search,
        S.CARRIED if carried else S.OFFERED,
        now=now,
        round=search.round + 1,
        accept_by=None if carried else now + timedelta(seconds=policy.accept_within),
        wish=None,
        reason="",
        automatic=policy.rescue,
        excluded=[key for key in search.excluded if key != carrier_key(handoff)],
    )


def open_for(order_id: int, *, now: datetime) -> tuple[list[CarrierSearch], Policy]:
    """An order may be ready: begin to look for carriers if the store does so by itself.

    May be done again at any time. Returns all its searches, with the order loaded, and the store's policy;
    none if it is not ready, or not the store's to bring.
    """
    with transaction.atomic():
        order = Order.objects.select_related("store", "account").filter(pk=order_id, **ON_THE_SHELF).first()
        if order is None:
            return [], DEFAULT
        policy = policy_of(order.store_id)
        searches = held(order, policy=policy, now=now, begin=policy.automatic)
        for search in searches:
            search.order = order
            if policy.automatic and (search.state == S.IDLE or _is_back(search)):
                change(search, S.SEEKING, now=now, round=search.round + 1, automatic=policy.rescue)
    return searches, policy


def _is_back(search: CarrierSearch) -> bool:
    """Whether the search had ended with a delivery that the counter took back."""
    mine = HandOff.objects.filter(order=search.order_id, bag=search.bag)
    return search.state == S.DONE and mine.filter(RECALLED).exists() and not taken(mine).exists()


def take_back(order_id: int, *, since: datetime, now: datetime) -> bool:
    """It is not ready after all: whom nobody but the portal asked `since` then, and who has no rider yet, is
    called off. A person's own hand-off stays, and so does a rider.

    False while one of them may still come: its row had just changed, or nobody knows yet whether the courier
    has the errand. Try again.
    """
    with transaction.atomic():
        if not Order.objects.filter(pk=order_id, state=OrderState.MAKING).exists():
            return True
        for search in _locked(order_id):
            sought = search.state in {S.SEEKING, S.NOBODY} and search.wish is None
            if sought and search.changed_at >= since:
                change(search, S.IDLE, now=now, round=search.round + 1)
        record.publish_search(order_id, actor=PORTAL, now=now)
    begun = HandOff.objects.select_related("order", "rider", "account").filter(
        order=order_id, created_by=None, created_label=PORTAL.label, created_at__gte=since, state__in=LIVE
    )
    for handoff in begun:
        call_off(handoff, cause=EndCause.UNDONE, now=now)
    return not begun.filter(state__in=COMING).exists()


def restart(*, order: Order, policy: Policy, now: datetime, bags: int | None = None) -> list[CarrierSearch]:
    """A person wants the next carrier found as the policy says; everybody may be asked again.

    Inside the caller's transaction. Returns the searches that begin; none when all bags are carried.
    """
    begun = []
    live = taken_bags(order.pk)
    for search in held(order, policy=policy, now=now, bags=bags):
        if search.bag not in live:
            afresh: dict[str, Any] = {"excluded": [], "reason": "", "accept_by": None, "wish": None}
            afresh |= {"automatic": policy.rescue, "round": search.round + 1}
            change(search, S.SEEKING, now=now, **afresh)
            step_later(search, now=now)
            begun.append(search)
    return begun


def stop(order_id: int, *, bag: int | None, now: datetime) -> int:
    """A person takes over: ask nobody any more, whatever becomes of who was asked.

    Inside a transaction. Returns in how many searches somebody was just being chosen, or wanted next.
    """
    _locked(order_id)  # in the order of the bags, as everybody does: the updates have orders of their own
    wanted = CarrierSearch.objects.filter(order_id=order_id)
    wanted = wanted if bag is None else wanted.filter(bag=bag)
    wanted.filter(state__in=ATTACHED).update(automatic=False, accept_by=None)
    stopped = wanted.filter(state=S.SEEKING).update(state=S.STOPPED, wish=None, changed_at=now)
    return stopped + wanted.filter(wish__isnull=False).update(wish=None)


def wait_for_end(search: CarrierSearch, wish: Mapping[str, Any] | None, *, of: str, now: datetime) -> None:
    """A person gives it to somebody else than the one with key `of`, who is not asked again by itself.

    Whom they wish is asked when the other's end is confirmed, and nobody else meanwhile; it replaces an
    earlier one. Without, the new hand-off begins in the same transaction.
    """
    excluded = [*search.excluded, *({of} - set(search.excluded))]
    if wish is None:
        change(search, S(search.state), now=now, excluded=excluded)
        return
    waits: dict[str, Any] = {"wish": dict(wish), "automatic": False, "accept_by": None, "reason": ""}
    change(search, S.OFFERED, now=now, excluded=excluded, **waits)


def taken_bags(order_id: int) -> set[int]:
    """The bags somebody has, or has brought."""
    return set(taken(HandOff.objects.filter(order=order_id)).values_list("bag", flat=True))


def step_later(search: CarrierSearch, *, now: datetime, why: str = "") -> None:
    """Have the search go on; the round, or `why`, makes the job unique."""
    calls.step_search(search.pk, why=why or str(search.round), now=now)


def nobody(search: CarrierSearch, *, now: datetime, reason: str = NOBODY_LEFT) -> bool:
    """Nobody is left to ask: back to the shelf, with an alarm. False when the search has moved on."""
    with transaction.atomic():
        mine = CarrierSearch.objects.filter(pk=search.pk, state=S.SEEKING, round=search.round)
        if mine.update(state=S.NOBODY, changed_at=now, reason=reason, wish=None) != 1:
            return False
        record.publish_search(search.order_id, actor=PORTAL, now=now)
    return True


def suggest(search: CarrierSearch, suggestion: dict[str, Any] | None, *, now: datetime) -> None:
    """Put on the card whom the policy would ask, while nobody is asked."""
    with transaction.atomic():
        mine = CarrierSearch.objects.filter(
            pk=search.pk, state__in=[S.IDLE, S.NOBODY, S.STOPPED], round=search.round
        )
        if mine.update(suggestion=suggestion) == 1:
            record.publish_search(search.order_id, actor=PORTAL, now=now)


def let_time_pass(search: CarrierSearch, *, now: datetime) -> bool:
    """Nobody took it in time: call it off; the next one is asked when that is confirmed.

    Not while nobody knows whether the courier has it: that is found out first. Two transactions: a hand-off's
    change does not wait for its search. False when there was nothing to call off.
    """
    last = record.live_of(search)
    called_off = last is not None and call_off(last, cause=EndCause.NO_RIDER, now=now)
    if last is None or called_off or last.state in {HandOffState.CANCELLING, HandOffState.CONFIRMED}:
        due = CarrierSearch.objects.filter(pk=search.pk, state=S.OFFERED, accept_by=search.accept_by)
        due.update(accept_by=None)
    return called_off


def call_off(seen: HandOff, *, cause: EndCause, now: datetime) -> bool:
    """The engine gives up on a carrier before the pick-up; what was never sent ends at once."""
    reason = REASONS[cause]
    if seen.state == HandOffState.PENDING:
        return record.move_and_publish(
            seen, HandOffState.CANCELLED, now=now, actor=PORTAL, reason=reason, end_cause=cause
        )
    if seen.state != HandOffState.SENT:
        return False
    with transaction.atomic():
        moved = record.move_and_publish(
            seen, HandOffState.CANCELLING, now=now, actor=PORTAL, reason=reason, end_cause=cause
        )
        if moved:
            calls.call_off(seen.pk, why=now.isoformat(), now=now)
    return moved


REASONS = {
    EndCause.NO_RIDER: gettext_noop("No rider was found in time."),
    EndCause.RIDER: gettext_noop("The rider gave up."),
    EndCause.UNDONE: gettext_noop("The order is not ready after all."),
}


def gave_up(search: CarrierSearch, last: HandOff) -> bool:
    """Whether a rider of the courier that has the errand gave up, and it looks for another one."""
    return last.state == HandOffState.SENT and carrier_key(last) in search.excluded
