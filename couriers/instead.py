"""Somebody else than who has it: one tap, and never two at once.

What can end at once (an own rider's before the pick-up, an errand that was never sent) ends, and the new
hand-off begins in the same transaction. A courier is called off first, and until it confirms that, the search
keeps whom the person wants; then that one is asked, in the person's name, whatever the policy would say.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypedDict, cast

from cryptography.fernet import InvalidToken
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from couriers import opening, seeking
from couriers.calling_off import cancel, live_handoffs
from couriers.drafts import QUOTED, draft_for, take_price
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider
from couriers.policy.document import Policy
from couriers.policy.queries import policy_of
from couriers.record import publish
from couriers.standing import carrier_key
from couriers.states import BEFORE_PICK_UP, HandOffState, SearchState
from couriers.summary import carrier_name
from orders.errors import NotPossible
from orders.models import Order
from orders.services import Stepped
from stores.actors import Actor
from stores.models import User
from stores.sealed import seal, unseal

S = HandOffState
Draft = Callable[[CarrierSearch], HandOff]
GIVEN_AWAY = gettext_noop("Somebody else is to bring it.")
NOT_AT_WORK = gettext_noop("The rider who was to bring it instead is not at work any more.")
DOES_NOT_SERVE = gettext_noop("The courier that was to bring it instead does not serve the store any more.")
NOT_POSSIBLE = gettext_noop("It could not be handed to whoever was to bring it instead.")


class Wish(TypedDict):
    """Whom a person wants next, as a search keeps it: the carrier's key and name, whose wish it is.

    `at_work`: a rider who was on a shift then. `price` is the draft of a quote, sealed, or "".
    """

    key: str
    name: str
    by: str
    user: int | None
    at_work: bool
    price: str


def give_instead(
    order: Order,
    draft: Draft,
    *,
    bag: int | None,
    bags: int | None,
    actor: Actor,
    now: datetime,
    command: str | None,
) -> Stepped:
    """Give the order, or one bag of it, to whom `draft` is for, whoever has it before the pick-up.

    Raises NotPossible when that one has it already, or its rider has left with it; Stale.
    """
    opening.check(order)
    with transaction.atomic():
        policy = policy_of(order.store_id)
        searches = seeking.held(order, policy=policy, now=now, bags=bags)
        drafts = [(search, draft(search)) for search in searches if bag in {None, search.bag}]
        live = {seen.bag: seen for seen in live_handoffs(order.pk, bag)}
        shown = [
            _change(search, live.get(search.bag), fresh, policy=policy, actor=actor, now=now)
            for search, fresh in _possible(drafts, live, seeking.taken_bags(order.pk))
        ]
        if not shown:
            raise opening.taken(order.pk)
        return publish(shown[0], actor=actor, now=now, command=command)


def grant(search: CarrierSearch, *, policy: Policy, now: datetime) -> bool:
    """Nobody has it any more: ask whom a person wanted. False when the search has moved on. Raises Stale.

    If that one cannot be asked any more, nobody is: the person relies on it, so the card rings and says why.
    """
    try:
        with transaction.atomic():
            held = _held(search)
            if held is None:
                return False
            fresh = _wanted(held, now)
            if isinstance(fresh, str):
                return seeking.nobody(held, now=now, reason=fresh)
            order = opening.begin(held, fresh, policy=policy, now=now)
            actor = Actor(fresh.created_label, fresh.created_by)
            publish(fresh, actor=actor, now=now, order=order)
    except NotPossible:
        return seeking.nobody(search, now=now, reason=NOT_POSSIBLE)
    return True


def _possible(
    drafts: Sequence[tuple[CarrierSearch, HandOff]], live: Mapping[int, HandOff], taken: set[int]
) -> list[tuple[CarrierSearch, HandOff]]:
    """Of several bags those that can change hands; if none can, the first says why."""
    brought = taken - set(live) if len(drafts) > 1 else set()
    open_ones = [(search, fresh) for search, fresh in drafts if search.bag not in brought]
    refusals = [_refusal(live.get(search.bag), fresh) for search, fresh in open_ones]
    if refusals and all(refusals):
        raise next(filter(None, refusals))
    return [one for one, refusal in zip(open_ones, refusals, strict=True) if refusal is None]


def _refusal(seen: HandOff | None, fresh: HandOff) -> NotPossible | None:
    if seen is None:
        return None
    if carrier_key(seen) == carrier_key(fresh):
        ending = seen.state == S.CANCELLING
        words = _("%(name)s is just being called off.") if ending else _("%(name)s has it already.")
        return NotPossible(words % {"name": carrier_name(seen)})
    if seen.progress not in BEFORE_PICK_UP:
        return NotPossible(_("The rider has left the store with it: nobody else can bring it."))
    return None


def _change(
    search: CarrierSearch,
    seen: HandOff | None,
    fresh: HandOff,
    *,
    policy: Policy,
    actor: Actor,
    now: datetime,
) -> HandOff:
    """Returns the hand-off the card shows now: the new one, or the one that is called off first."""
    fresh.created_by, fresh.created_label = actor.user, actor.label
    if seen is not None:
        if seen.state != S.CANCELLING:
            seen = cancel(seen, GIVEN_AWAY, now)
        wish = _wish(fresh, actor, now) if seen.live else None
        seeking.wait_for_end(search, wish, of=carrier_key(seen), now=now)
        if seen.live:
            return seen
    opening.begin(search, fresh, policy=policy, now=now)
    return fresh


def _wish(fresh: HandOff, actor: Actor, now: datetime) -> Wish:
    price = {name: getattr(fresh, name) for name in QUOTED} if fresh.quote_until else {}
    return {
        "key": carrier_key(fresh),
        "name": carrier_name(fresh),
        "by": actor.label,
        "user": actor.user.pk if actor.user else None,
        "at_work": fresh.rider is not None and opening.at_work(fresh.rider, now),
        "price": seal(json.dumps(price, cls=DjangoJSONEncoder)) if price else "",
    }


def _held(search: CarrierSearch) -> CarrierSearch | None:
    """The search, locked, if it still is where it was seen."""
    mine = CarrierSearch.objects.select_for_update(of=("self",)).select_related("order__store")
    seen = mine.filter(pk=search.pk, state=SearchState.SEEKING, round=search.round, wish__isnull=False)
    return seen.first()


def _wanted(search: CarrierSearch, now: datetime) -> HandOff | str:
    """The hand-off to whom a person wanted, or why there can be none."""
    wish = cast("Wish", search.wish)
    kind, _colon, number = wish["key"].partition(":")
    if kind == "rider":
        rider = Rider.objects.filter(store=search.store_id, pk=number).first()
        if rider is None or not _still_rides(rider, wish, now):
            return NOT_AT_WORK
        fresh = draft_for(search, rider=rider, now=now)
    else:
        account = CourierAccount.objects.filter(pk=number, active=True).first()
        if account is None or not opening.serves(account, search.order.store):
            return DOES_NOT_SERVE
        fresh = draft_for(search, account=account, now=now)
        _take_price(fresh, wish["price"], now)
    fresh.created_label = wish["by"]
    fresh.created_by = User.objects.filter(pk=wish["user"]).first() if wish["user"] else None
    return fresh


def _still_rides(rider: Rider, wish: Wish, now: datetime) -> bool:
    """Whoever was not at work when they were chosen need not be now."""
    return opening.held_still(rider.pk).active and (not wish["at_work"] or opening.at_work(rider, now))


def _take_price(fresh: HandOff, price: str, now: datetime) -> None:
    """The price the person saw, if it still holds, can be read, and nobody took it up meanwhile."""
    try:
        told = json.loads(unseal(price)) if price else {}
    except InvalidToken:  # sealed under a key there is no more
        return
    until = parse_datetime(told["quote_until"]) if told else None
    if until is None or until <= now or HandOff.objects.filter(origin_id=told["origin_id"]).exists():
        return
    take_price(fresh, HandOff(**{**told, "quote_until": until}))
