"""Channel `eleme`: what the platform is asked, to find what it never told.

Source: the platform's notice on making up for lost pushes (2025), SDK `MsgNewService`, `MessageService` and
`OrderService`. `raw` is the JSON of what came in ASCII, with numbers as texts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from orders.channels.calling import Access, Pulled, Token
from orders.channels.eleme.client import ask, fresh_token, is_about_the_matter, shop_number
from orders.channels.eleme.push import ORDER
from orders.channels.eleme.values import code, entries
from outbox.calling import Refused

logger = logging.getLogger(__name__)

PAGE_SIZE, MOST_PAGES = 50, 100
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
    return _messages(_ask(access, "eleme.msgNew.getPushFailMsg", query, now, token=""))


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
    return _messages(found)


def _messages(found: Any) -> list[Pulled]:
    pulled = [
        Pulled(kind, json.dumps(envelope), ref=code(envelope.get("requestId")))
        for envelope in entries(found)
        if (kind := code(envelope.get("type"))).isdecimal()
    ]
    if found and not (isinstance(found, list) and len(found) == len(pulled)):
        logger.warning("Ele.me lists missed messages in a form we do not know")
    return pulled


def orders(
    *, access: Access, store_code: str, day: date, known: frozenset[str], whole: bool, now: datetime
) -> Iterable[Pulled]:
    """Orders of a store that wait for acceptance and are not `known`; with `whole` also all of `day`, known
    or not, since they say where the order stands."""
    shop = shop_number(store_code)
    waiting = _ask(access, "eleme.order.getUnprocessOrders", {"shopId": shop}, now)
    for listed in waiting if isinstance(waiting, list) else ():
        found = _waiting(access, listed, known, now)
        if found is not None:
            yield found
    if whole:
        yield from _all_orders(access, shop, day, now)


def _waiting(access: Access, listed: Any, known: frozenset[str], now: datetime) -> Pulled | None:
    """The SDK returns numbers; whole orders are understood as well."""
    if isinstance(listed, dict):
        return _pulled(listed)
    if not isinstance(listed, str) or listed in known:
        return None
    return order(access=access, external_id=listed, now=now)


def _all_orders(access: Access, shop: int, day: date, now: datetime) -> Iterator[Pulled]:
    for page in range(1, MOST_PAGES + 1):
        params = {"shopId": shop, "pageNo": page, "pageSize": PAGE_SIZE, "date": day.isoformat()}
        found = _ask(access, "eleme.order.getAllOrders", params, now)
        listed = entries(found.get("list")) if isinstance(found, dict) else []
        for fields in listed:
            yield _pulled(fields)
        if len(listed) < PAGE_SIZE:
            return
    logger.warning("Ele.me shows no more than %s orders of a day", PAGE_SIZE * MOST_PAGES)


def order(*, access: Access, external_id: str, now: datetime) -> Pulled | None:
    """One order as it stands there; None if the platform will not show us one of that number."""
    try:
        found = _ask(access, "eleme.order.getOrder", {"orderId": external_id}, now)
    except Refused as refusal:
        if is_about_the_matter(refusal):
            return None
        raise
    return _pulled(found) if isinstance(found, dict) else None


def _pulled(fields: dict[str, Any]) -> Pulled:
    return Pulled(ORDER, json.dumps(fields))


def renew(*, access: Access, refresh: str, now: datetime) -> Token | None:
    """The next token. Raises CallFailed."""
    return fresh_token(access, refresh)


def _ask(
    access: Access, action: str, params: dict[str, Any], now: datetime, *, token: str | None = None
) -> Any:
    return ask(access, action, params, call_id=str(uuid4()), now=now, token=token)


def _app_number(access: Access) -> int | str:
    """The SDKs take the application's id as a number."""
    return int(access.app_id) if access.app_id.isascii() and access.app_id.isdecimal() else access.app_id
