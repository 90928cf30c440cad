"""The verbs of the intake switch. They write rows and history; `orders.intake_switch` adds the feed."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from outbox.services import enqueue
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import IntakeChange, IntakeState, Store, StoreChannel
from stores.queries import channels_of


def open_store(*, store: Store, now: datetime) -> IntakeState:
    """Give a new store its intake row, open. An existing row stays as it is."""
    state, _ = IntakeState.objects.get_or_create(store=store, defaults={"changed_at": now})
    return state


def change_level(
    *,
    store_id: int,
    level: IntakeLevel,
    reason: str,
    actor: Actor,
    now: datetime,
    resumes_at: datetime | None,
    expected_version: int | None = None,
) -> IntakeState | None:
    """Set a store's intake level: the row, its history, and a job per platform, in one transaction.

    Setting the level, reason and timer it already has changes nothing. With `expected_version`, so
    does a row that somebody changed meanwhile. Returns the new row, or None if nothing changed.
    """
    with transaction.atomic():
        state = IntakeState.objects.select_for_update().get(store_id=store_id)
        if expected_version is not None and state.version != expected_version:
            return None
        if (state.level, state.reason, state.resumes_at) == (level, reason, resumes_at):
            return None
        if state.level == level == IntakeLevel.OPEN:
            return None
        platforms_must_hear = state.level != level or state.resumes_at != resumes_at
        if state.level != level:
            StoreChannel.objects.filter(store_id=store_id).update(leaked=0)
        _write_level(state, level=level, reason=reason, actor=actor, now=now, resumes_at=resumes_at)
        if platforms_must_hear:
            _tell_platforms(state, now=now)
        return state


def _write_level(
    state: IntakeState,
    *,
    level: IntakeLevel,
    reason: str,
    actor: Actor,
    now: datetime,
    resumes_at: datetime | None,
) -> None:
    state.level, state.reason, state.resumes_at = level, reason, resumes_at
    state.actor_label, state.changed_at, state.version = actor.label, now, state.version + 1
    state.save()
    IntakeChange.objects.create(
        store_id=state.store_id,
        version=state.version,
        level=level,
        reason=reason,
        actor=actor.user,
        actor_label=actor.label,
        at=now,
        resumes_at=resumes_at,
    )


def _tell_platforms(state: IntakeState, *, now: datetime) -> None:
    for channel in channels_of(state.store_id):
        tell_channel(store_channel_id=channel.pk, version=state.version, now=now)


def tell_channel(*, store_channel_id: int, version: int, now: datetime, after: int | None = None) -> None:
    """Enqueue the news of `version`; `after` names the news it may have crossed with."""
    again = "" if after is None else f":after{after}"
    payload = {"store_channel": store_channel_id, "version": version}
    enqueue(kind="channel.intake", key=f"{store_channel_id}:{version}{again}", payload=payload, now=now)


def forget_told(*, store_channel_id: int) -> None:
    """What a platform confirmed no longer counts: older news may have reached it after."""
    StoreChannel.objects.filter(pk=store_channel_id).update(told_version=0, confirmed_version=0)


def record_told(*, store_channel_id: int, version: int, confirmed: bool) -> bool:
    """A platform took the news of `version`, and confirmed it or not. False: it knew already."""
    told = StoreChannel.objects.filter(pk=store_channel_id)
    if confirmed:
        return (
            told.filter(confirmed_version__lt=version).update(
                told_version=version, confirmed_version=version, last_error="", reported_level=""
            )
            == 1
        )
    return told.filter(told_version__lt=version).update(told_version=version, last_error="") == 1


def record_not_told(*, store_channel_id: int, version: int, error: str) -> bool:
    """A platform could not be told `version`; False when that is known, or newer news got through."""
    channel = StoreChannel.objects.filter(pk=store_channel_id, told_version__lt=version)
    channel = channel.exclude(last_error=error[:200])
    return channel.update(last_error=error[:200]) == 1


def count_leaks(*, store_id: int, account_id: int, orders: int) -> None:
    """Orders came in from a platform although the store is paused."""
    StoreChannel.objects.filter(store_id=store_id, account_id=account_id).update(leaked=F("leaked") + orders)


def note_reported_level(*, channel: StoreChannel, level: str, at: datetime) -> bool:
    """A platform said by itself, at `at`, whether a store takes orders there; True if that is news.

    What contradicts the store's own level is not confirmed any more. Older words than the last are no news.
    """
    heard = StoreChannel.objects.filter(pk=channel.pk).exclude(reported_at__gt=at)
    if heard.update(reported_at=at) != 1 or channel.reported_level == level:
        return False
    confirmed = {} if level == channel.store.intake.level else {"confirmed_version": 0}
    StoreChannel.objects.filter(pk=channel.pk).update(reported_level=level, **confirmed)
    return True
