"""Channel `meituan`, asking: what Meituan has that it never told.

Source: the open platform's pages on order queries. Meituan keeps no missed messages and lists no orders, but
it numbers each store's paid orders day by day, and gives the order of a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from orders.channels.calling import Access, Page, Pulled, Token, page_with
from orders.channels.meituan.answers import highest_number, order_id, order_text, store_level
from orders.channels.meituan.client import STATE_CHANGED, UNKNOWN_ORDER, get
from orders.channels.meituan.push import PULLED
from outbox.calling import Refused

KNOWN_BY = "daily_number"
NEEDS_TOKEN = False
CHINA = ZoneInfo("Asia/Shanghai")
MOST_A_RUN = 200
MOST_IN_PASSING = 50
BEYOND = 20
"""How many numbers past the last one we know are tried of a day that is over: only today's are counted."""


def missed(*, access: Access, now: datetime) -> Sequence[Pulled]:
    """Meituan keeps none."""
    return ()


def confirm(*, access: Access, refs: Sequence[str], now: datetime) -> None:
    """There is nothing to confirm."""


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
    """The orders behind the day's numbers that we lack, newest first, or from the number `start` on; at most
    so many at once."""
    have = {int(number) for number in known if number.isascii() and number.isdigit()}
    last = int(start) if start else _last_number(access, store_code, day, have, now)
    lacking = (number for number in range(last, 0, -1) if number not in have)
    for number in islice(lacking, MOST_A_RUN if whole else MOST_IN_PASSING):
        pull = partial(_numbered, access, store_code, day, number, now)
        yield page_with(pull, rest=str(number - 1))


def order(*, access: Access, external_id: str, now: datetime) -> Pulled | None:
    """One order as it stands there; None if it is not known there."""
    try:
        data = _get(access, "order/getOrderDetail", now, order_id=external_id, is_mt_logistics="1")
    except Refused as refusal:
        if refusal.code == UNKNOWN_ORDER:
            return None
        raise
    return Pulled(PULLED, order_text(data))


def level(*, access: Access, store_code: str, now: datetime) -> str:
    """Whether the store takes orders there; "" if Meituan does not show it."""
    return store_level(_get(access, "poi/mget", now, app_poi_codes=store_code), store_code)


def renew(*, access: Access, refresh: str, now: datetime) -> Token | None:
    """Calls are signed with the app's secret alone."""
    return None


def _last_number(access: Access, store_code: str, day: date, have: set[int], now: datetime) -> int:
    if day == now.astimezone(CHINA).date():
        return highest_number(_get(access, "order/getOrderDaySeq", now, app_poi_code=store_code))
    return max(have, default=0) + BEYOND


def _numbered(access: Access, store_code: str, day: date, number: int, now: datetime) -> Pulled | None:
    found = _id_of(access, store_code, day, number, now)
    return order(access=access, external_id=found, now=now) if found else None


def _id_of(access: Access, store_code: str, day: date, number: int, now: datetime) -> str:
    """The order number behind a day's number, "" if there is none."""
    business = {"app_poi_code": store_code, "date_time": f"{day:%Y%m%d}", "day_seq": str(number)}
    try:
        data = _get(access, "order/getOrderIdByDaySeq", now, **business)
    except Refused as refusal:
        if refusal.code in {UNKNOWN_ORDER, STATE_CHANGED}:
            return ""
        raise
    return order_id(data)


def _get(access: Access, path: str, now: datetime, **business: str) -> Any:
    with access.turn():
        return get(access, path, now, **business)
