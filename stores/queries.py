"""Reading stores and their intake."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from stores.models import IntakeState, Store, StoreChannel

DAY = timedelta(days=1)


def intake_of(store_id: int) -> IntakeState:
    """The intake row of a store. Raises IntakeState.DoesNotExist."""
    return IntakeState.objects.get(store_id=store_id)


def channels_of(store_id: int) -> list[StoreChannel]:
    """A store's active channels with their accounts, in a stable order."""
    channels = StoreChannel.objects.filter(store_id=store_id, account__active=True)
    return list(channels.select_related("account").order_by("account__slug"))


def telling_state(channel: StoreChannel, version: int) -> str:
    """How far a platform is with intake version `version`: waiting, told, confirmed or failed."""
    if channel.confirmed_version >= version:
        return "confirmed"
    if channel.told_version >= version:
        return "told"
    return "failed" if channel.last_error else "waiting"


def resume_time(*, store: Store, lasts: str, now: datetime) -> datetime | None:
    """When a pause ends: minutes ("5", "10" …), "shift", "today", or "" for until resumed by hand.

    "shift" is the next end of a shift, "today" the opening after the day's closing, in the store's zone.
    A closed store's day is the one that is nearer: the day just ended for whoever tidies up, so that both
    end at the next opening; the day to come for whoever prepares it. Raises ValueError for anything else.
    """
    if lasts == "":
        return None
    opening, closing = _next(store, store.opens_at, now), _next(store, store.closes_at, now)
    closed = opening < closing
    tidying_up = closed and now - (closing - DAY) < opening - now
    if lasts == "shift":
        return opening if tidying_up else min(_next(store, store.shift_ends_at, now), closing)
    if lasts == "today":
        return opening + DAY if closed and not tidying_up else opening
    return now + timedelta(minutes=int(lasts))


def _next(store: Store, at: Any, now: datetime) -> datetime:
    """The next moment after `now` when the store's clock shows `at`."""
    local = now.astimezone(ZoneInfo(store.timezone))
    candidate = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return candidate if candidate > local else candidate + DAY
