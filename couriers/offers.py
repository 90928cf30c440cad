"""What carrying an order would cost, asked of all couriers at once; and prices that can be taken up later.

The number of a price is sealed: it names the draft it was asked for, and nobody can make one up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from couriers.bags import bags_for
from couriers.errors import TooManyRaces
from couriers.models import CarrierSearch, CourierAccount, HandOff
from couriers.opening import check
from couriers.policy.choosing import COURIER, Candidate
from couriers.policy.queries import policy_of
from couriers.providers.base import Quote
from couriers.quotes import Answer
from couriers.seeking_choice import Field, field_of
from couriers.states import SearchState
from orders.cards import iso
from orders.errors import NotPossible
from orders.models import Order
from stores.sealed import seal, unseal

GOOD_FOR = timedelta(minutes=10)  # of a price that has no end of its own
FRESH = 5  # seconds in which nobody is asked again about an order that is as it was
# How often all couriers of a store are asked, for the store and for one person, in each process: more than
# people tap, and less than what a courier lets an account ask in a few seconds.
RACES, WINDOW = 30, 60  # in so many seconds
WITH_SOMEBODY = frozenset({SearchState.OFFERED, SearchState.CARRIED, SearchState.DONE})


class Offer(TypedDict):
    """One carrier: what it would cost and take, or why nobody knows. `quote` takes the price up."""

    key: str
    kind: str
    id: int
    name: str
    fee: int | None
    currency: str
    minutes: int | None
    expires_at: str | None
    error: str
    marks: list[str]
    quote: str | None


def fresh_offers(order: Order, *, bag: int | None, asker: int | None, now: datetime) -> list[Offer]:
    """`offers_for`, or what it gave a few seconds ago. `asker` is the person's id. May raise TooManyRaces."""
    check(order)
    key = f"{_key(order)}:{bag}"
    offers: list[Offer] | None = cache.get(key)
    if offers is None:
        _count_race(f"store:{order.store_id}", now)
        _count_race(f"user:{asker}", now)
        offers = offers_for(order, bag=bag, now=now)
        cache.set(key, offers, FRESH)
    return offers


def _key(order: Order) -> str:
    """Of what stands on the order's card about who carries it: another hand-off or split, other offers."""
    seen = json.dumps([order.store_id, order.state, order.delivery], sort_keys=True)
    return f"offers:{order.pk}:{get_language()}:{hashlib.sha256(seen.encode()).hexdigest()}"


def _count_race(whose: str, now: datetime) -> None:
    minute, passed = divmod(int(now.timestamp()), WINDOW)
    key = f"races:{whose}:{minute}"
    cache.add(key, 0, 2 * WINDOW)
    try:
        races = cache.incr(key)
    except ValueError:  # it was dropped between the two: then it is the first again
        return
    if races > RACES:
        raise TooManyRaces(WINDOW - passed)


def offers_for(order: Order, *, bag: int | None = None, now: datetime) -> list[Offer]:
    """All couriers and the riders at work, those first who would be asked first.

    For one bag, also if somebody has it; else for the first that nobody has. Raises NotPossible for what may
    not be handed off, for no courier hears of such a guest, and for a bag that is not there.
    """
    check(order)
    search = _search_of(order, bag, now)
    policy = policy_of(search.store_id)
    field = field_of(search, policy, now=now, excluded=frozenset(), always_ask=True)
    turn = {one.key: place for place, one in enumerate(field.ranked)}
    shown = [one for one in field.candidates.values() if one.key in turn or one.kind == COURIER]
    shown.sort(key=lambda one: turn.get(one.key, len(turn)))
    offers = [_offer(one, field, order) for one in shown]
    _mark(offers, field)
    return offers


def quoted_draft(ref: str, *, order_id: int, account: CourierAccount, now: datetime) -> HandOff | None:
    """The draft that a price was asked for; None when it is too late for it, or it is another's."""
    try:
        told = json.loads(unseal(ref))
    except (InvalidToken, ValueError):
        return None
    until = parse_datetime(told.pop("until"))
    if told.pop("order") != order_id or told.pop("account") != account.pk or not until or until <= now:
        return None
    if HandOff.objects.filter(origin_id=told["origin_id"]).exists():
        return None
    return HandOff(quote_until=until, **told)


def _search_of(order: Order, bag: int | None, now: datetime) -> CarrierSearch:
    """The search of a bag as it stands, or what would be one."""
    known = list(CarrierSearch.objects.filter(order=order).order_by("bag"))
    bags = known[0].bags if known else bags_for(order.cups, policy_of(order.store_id).cups_per_rider)
    if bag is not None and bag > bags:
        raise NotPossible(_("The order has no such bag."))
    # Those beyond the last bag are of an earlier split, and those of another store of before it was moved.
    mine = [search for search in known[:bags] if search.store_id == order.store_id]
    free = [
        search for search in mine if search.bag == bag or (bag is None and search.state not in WITH_SOMEBODY)
    ]
    found = (
        free[0] if free else CarrierSearch(store_id=order.store_id, bag=bag or 1, bags=bags, started_at=now)
    )
    found.order = order
    return found


def _offer(one: Candidate, field: Field, order: Order) -> Offer:
    answer = field.answers.get(one.key, Answer(None))
    quote, kind_id = answer.quote, int(one.key.partition(":")[2])
    ranked = next((ranked for ranked in field.ranked if ranked.key == one.key), None)
    return {
        "key": one.key,
        "kind": one.kind,
        "id": kind_id,
        "name": one.name,
        "fee": quote.fee if quote else None,
        "currency": quote.currency if quote else order.currency,
        "minutes": ranked.minutes if ranked else None,
        "expires_at": iso(quote.expires_at) if quote else None,
        "error": _(answer.error) if answer.error else "",
        "marks": [],
        "quote": _ref(field.drafts[one.key], quote) if quote and quote.reference else None,
    }


def _ref(draft: HandOff, quote: Quote) -> str:
    until = quote.expires_at or draft.created_at + GOOD_FOR
    told: dict[str, Any] = {
        "order": draft.order_id,
        "store_id": draft.store_id,
        "account": draft.account_id,
        "until": iso(until),
        "origin_id": draft.origin_id,
        "callback_token": draft.callback_token,
        "pickup_code": draft.pickup_code,
        "quote_ref": quote.reference[:128],
        "quoted_fee": quote.fee,
        "bag": draft.bag,
        "bags": draft.bags,
    }
    return seal(json.dumps(told))


def _mark(offers: Sequence[Offer], field: Field) -> None:
    """Who is cheapest and fastest, where there is somebody to compare with, and who would be asked."""
    for mark, name in (("cheapest", "fee"), ("fastest", "minutes")):
        known = [offer for offer in offers if offer[name] is not None]  # type: ignore[literal-required]
        if len(known) > 1:
            best = min(offer[name] for offer in known)  # type: ignore[literal-required]
            for offer in known:
                if offer[name] == best:  # type: ignore[literal-required]
                    offer["marks"].append(mark)
    suggested = field.ranked[0].key if field.ranked else None
    for offer in offers:
        if offer["key"] == suggested:
            offer["marks"].append("suggested")
