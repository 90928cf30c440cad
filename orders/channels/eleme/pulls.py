"""Channel `eleme`: what the platform is asked, to find what it never told.

Source: the platform's notice on making up for lost pushes (2025), SDK `MsgNewService`, `MessageService` and
`OrderService`. `raw` is the JSON of what came in ASCII, with numbers as texts.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from orders.channels.calling import Access, Page, Pulled, Token, page_with
from orders.channels.eleme.client import ask, fresh_token, shop_number
from orders.channels.eleme.push import ORDER
from orders.channels.eleme.shops import level_of
from orders.channels.eleme.values import code, entries
from outbox.calling import Refused, Uncertain

logger = logging.getLogger(__name__)

KNOWN_BY = "external_id"
NEEDS_TOKEN = True
PAGE_SIZE, MOST_PAGES = 50, 100
# No list of the codes about orders was found. Assumed: the one that says there is none says it by its name.
NO_SUCH_ORDER = re.compile(r"(?:.*_)?ORDER_(?:IS_)?NOT_(?:FOUND|EXISTS?)")
# Not every application may ask for the messages beside the ones about orders.
NOT_FOR_US = frozenset({"ACCESS_DENIED", "METHOD_NOT_ALLOWED", "PERMISSION_DENIED"})


def missed(*, access: Access, now: datetime) -> Sequence[Pulled]:
    """Messages it could not deliver: those about orders, and where it lets us, all others."""
    return [*_failed_pushes(access, now), *_not_reached(access, now)]


def _failed_pushes(access: Access, now: datetime) -> list[Pulled]:
    """The call is for a whole application and wants an empty token.

    The fields of its request and of its result are not documented. Assumed: the application's id, and a list
    of the envelopes that pushes have.
    """
    query = {"msgQueryRequest": {"appId": _app_number(access)}}
    return _messages(access, _ask(access, "eleme.msgNew.getPushFailMsg", query, now, token=""))


def confirm(*, access: Access, refs: Sequence[str], now: datetime) -> None:
    """Say that missed messages were taken; the fields are assumed, as above."""
    if refs:
        confirmed = {"msgConfirmRequest": {"appId": _app_number(access), "requestIds": list(refs)}}
        _ask(access, "eleme.msgNew.confirmPullMsg", confirmed, now, token="")


def _not_reached(access: Access, now: datetime) -> list[Pulled]:
    try:
        found = _ask(access, "eleme.message.getNonReachedOMessages", {"appId": _app_number(access)}, now)
    except Refused as refusal:
        if refusal.code not in NOT_FOR_US:
            raise
        return []
    return _messages(access, found)


def _messages(access: Access, found: Any) -> list[Pulled]:
    """Those of our application: what is another's, it will ask for itself."""
    envelopes = entries(found)
    pulled = [
        Pulled(kind, json.dumps(envelope), ref=code(envelope.get("requestId")))
        for envelope in envelopes
        if (kind := code(envelope.get("type"))).isdecimal() and _is_ours(access, envelope)
    ]
    if found and not (isinstance(found, list) and len(found) == len(envelopes)):
        logger.warning("Ele.me lists missed messages in a form we do not know")
    return pulled


def _is_ours(access: Access, envelope: dict[str, Any]) -> bool:
    return code(envelope.get("appId")) in {"", access.app_id}


def orders(
    *,
    access: Access,
    store_code: str,
    day: date,
    known: frozenset[str],
    whole: bool,
    start: str,
    now: datetime,
) -> Iterator[Page]:
    """Orders of a store that wait for acceptance and are not `known`; with `whole` also all of `day`, known
    or not, since they say where the order stands. `start` is the number of a page of these."""
    shop = shop_number(store_code)
    if not start:
        yield from _waiting(access, shop, known, now)
    if whole:
        yield from _all_orders(access, shop, day, int(start or 1), now)


def _waiting(access: Access, shop: int, known: frozenset[str], now: datetime) -> Iterator[Page]:
    """The SDK returns numbers; whole orders are understood as well."""
    found = _ask(access, "eleme.order.getUnprocessOrders", {"shopId": shop}, now)
    for listed in found if isinstance(found, list) else ():
        if isinstance(listed, dict):
            yield Page((_pulled(listed),), rest="")
        elif isinstance(listed, str) and listed not in known:
            yield page_with(partial(order, access=access, external_id=listed, now=now), rest="")


def _all_orders(access: Access, shop: int, day: date, first: int, now: datetime) -> Iterator[Page]:
    for number in range(first, MOST_PAGES + 1):
        params = {"shopId": shop, "pageNo": number, "pageSize": PAGE_SIZE, "date": day.isoformat()}
        rest = str(number + 1)
        try:
            found = _ask(access, "eleme.order.getAllOrders", params, now)
        except Uncertain as fault:
            yield Page((), rest, fault)
            continue
        listed = entries(found.get("list")) if isinstance(found, dict) else []
        yield Page([_pulled(fields) for fields in listed], rest)
        if len(listed) < PAGE_SIZE:
            return
    logger.warning("Ele.me shows no more than %s orders of a day", PAGE_SIZE * MOST_PAGES)


def order(*, access: Access, external_id: str, now: datetime) -> Pulled | None:
    """One order as it stands there; None if there is none of that number."""
    try:
        found = _ask(access, "eleme.order.getOrder", {"orderId": external_id}, now)
    except Refused as refusal:
        if NO_SUCH_ORDER.fullmatch(refusal.code):
            return None
        raise
    if found is not None and not isinstance(found, dict):
        raise Uncertain("the order is unreadable")
    return _pulled(found) if found else None


def level(*, access: Access, store_code: str, now: datetime) -> str:
    """Whether the shop takes orders there; "" if the platform does not say."""
    statuses = _ask(access, "eleme.shop.mgetShopStatus", {"shopIds": [shop_number(store_code)]}, now)
    return level_of(statuses, store_code)


def _pulled(fields: dict[str, Any]) -> Pulled:
    return Pulled(ORDER, json.dumps(fields))


def renew(*, access: Access, refresh: str, now: datetime) -> Token | None:
    """The next token. Raises CallFailed."""
    return fresh_token(access, refresh)


def _ask(
    access: Access, action: str, params: dict[str, Any], now: datetime, *, token: str | None = None
) -> Any:
    with access.turn():
        return ask(access, action, params, call_id=str(uuid4()), now=now, token=token)


def _app_number(access: Access) -> int | str:
    """The SDKs take the application's id as a number."""
    return int(access.app_id) if access.app_id.isascii() and access.app_id.isdecimal() else access.app_id
