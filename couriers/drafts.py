"""Hand-offs before they are saved: with our number and pick-up code, so that prices can be asked for them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects

from couriers.errands import access_of, account_of, errand_of
from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider, new_origin_id, new_token
from couriers.providers.base import Quote
from couriers.quotes import Question
from couriers.states import LIVE, HandOffState, Progress

TRIES = 5
# What a price was asked for, and is good for.
QUOTED = ("origin_id", "callback_token", "pickup_code", "quote_ref", "quote_until", "quoted_fee")
MOST_CODES = 9_000  # beyond that a rider names the order's number


def draft_for(
    search: CarrierSearch,
    *,
    now: datetime,
    account: CourierAccount | None = None,
    rider: Rider | None = None,
    code: str | None = None,
) -> HandOff:
    """A hand-off of the search's bag to one of the two; an own rider has it at once. `code` is a free one."""
    handoff = HandOff(
        order=search.order,
        store_id=search.store_id,
        search=search,
        bag=search.bag,
        bags=search.bags,
        carrier=HandOff.Carrier.OWN if rider else HandOff.Carrier.PROVIDER,
        account=account,
        rider=rider,
        created_at=now,
        changed_at=now,
        heard_at=now,
    )
    if rider is not None:
        handoff.rider_name, handoff.rider_phone = rider.name, rider.phone
        handoff.state, handoff.progress, handoff.confirmed_at = HandOffState.CONFIRMED, Progress.ASSIGNED, now
    handoff.pickup_code = free_code(search.store_id) if code is None else code
    return handoff


def drafts_for(search: CarrierSearch, accounts: Iterable[CourierAccount], *, now: datetime) -> list[HandOff]:
    """One for each account, to ask for prices with. At most one of them is sent, so they share a code."""
    prefetch_related_objects([search.order], "store", "lines")
    code = free_code(search.store_id)
    drafts = [draft_for(search, account=account, now=now, code=code) for account in accounts]
    for draft in drafts:
        if draft.store_id == search.order.store_id:
            draft.store = search.order.store
    return drafts


def free_code(store_id: int) -> str:
    """Four digits nobody at the store goes by now; two at the same moment may draw the same."""
    live = HandOff.objects.filter(store=store_id, state__in=LIVE).exclude(pickup_code="")
    taken = set(live.values_list("pickup_code", flat=True))
    if len(taken) > MOST_CODES:
        return ""
    while (code := f"{secrets.randbelow(10_000):04}") in taken:
        pass
    return code


def insert(handoff: HandOff) -> bool:
    """Save it; another code if somebody drew the same. False when the bag has a live hand-off."""
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                handoff.save(force_insert=True)
        except IntegrityError:
            handoff.pk = None
            if HandOff.objects.filter(order=handoff.order_id, bag=handoff.bag, state__in=LIVE).exists():
                return False
            _draw_again(handoff)
        else:
            return True
    handoff.pickup_code = ""
    handoff.save(force_insert=True)
    return True


def _draw_again(handoff: HandOff) -> None:
    """Somebody drew the same code, or took the same quote up: other numbers, and so without the quote."""
    handoff.pickup_code = free_code(handoff.store_id)
    handoff.origin_id, handoff.callback_token, handoff.quote_ref = new_origin_id(), new_token(), ""


def take_quote(handoff: HandOff, quote: Quote | None) -> None:
    """Have the errand sent at this price, while that is good."""
    if quote is not None and quote.reference:
        handoff.quote_ref, handoff.quote_until = quote.reference[:128], quote.expires_at
        handoff.quoted_fee = quote.fee


def take_price(handoff: HandOff, quoted: HandOff) -> None:
    """Have the errand sent as the draft that a price was asked for."""
    for name in QUOTED:
        setattr(handoff, name, getattr(quoted, name))


def question_of(key: str, handoff: HandOff, *, shop_no: str | None = None) -> Question:
    """What its courier is asked. Raises Refused when something it needs is missing."""
    account = account_of(handoff)
    return Question(key, account, access_of(account), errand_of(handoff, shop_no=shop_no))
