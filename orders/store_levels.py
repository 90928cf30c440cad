"""Whether platforms believe that stores take orders, as they say when they are asked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from orders.intake_switch import PLATFORM, announce
from outbox.models import Job
from stores.models import StoreChannel
from stores.services import note_reported_level


def comparable(stores: QuerySet[StoreChannel], *, code: str) -> StoreChannel | None:
    """The store of that code; None while its platform is still to hear of its level: it cannot know yet."""
    known = stores.filter(store__intake__isnull=False, external_code=code)
    channel = known.select_related("store__intake").first()
    return None if channel is None or _is_being_told(channel) else channel


def settle(channel: StoreChannel, level: str, *, now: datetime) -> bool:
    """Compare a store's level with what its platform said just now; True, and one event, if that is news.

    It is none if either of the two changed it after `channel` was read.
    """
    intake = channel.store.intake
    if level in {"", channel.reported_level or intake.level}:
        return False
    with transaction.atomic():
        read = {name: getattr(channel, name) for name in ("pk", "told_version", "reported_at")}
        same = StoreChannel.objects.filter(**read, store__intake__version=intake.version)
        if not same.select_for_update(of=("self",)).exists():
            return False
        if not note_reported_level(channel=channel, level=level, at=now):
            return False
        announce(store_id=channel.store_id, actor=PLATFORM, now=now)
        return True


def _is_being_told(channel: StoreChannel) -> bool:
    due = Job.objects.filter(queue="platforms", kind="channel.intake", state=Job.State.DUE)
    return due.filter(key__startswith=f"{channel.pk}:").exists()
