"""What the messages of a batch lead to, written once after all of them; the events last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from orders.channels.incoming import StoreStatus
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.intake.delivery import Delivery
from orders.queries import intake_view
from outbox.nudge import nudger
from outbox.services import enqueue
from stores.actors import Actor
from stores.models import StoreChannel
from stores.services import count_leaks, note_reported_level

INTAKE = Actor("")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Consequences:
    """Collected while orders are written: rows many of them share would be locked too early."""

    events: list[NewEvent] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)
    leaks: Counter[tuple[int, int]] = field(default_factory=Counter)
    reports: dict[tuple[int, str], StoreStatus] = field(default_factory=dict)
    asking: set[int] = field(default_factory=set)

    def note_store(self, delivery: Delivery, status: StoreStatus) -> None:
        """The platform said whether a store takes orders; without a level, somebody must ask."""
        key = delivery.account.id, delivery.message.store_code
        known = self.reports.get(key)
        if not status.level:
            self.ask(delivery.account.id)
        elif known is None or (known.at or NEVER) <= (status.at or NEVER):
            self.reports[key] = status

    def ask(self, account_id: int) -> None:
        """Compare with what the platform has, soon."""
        self.asking.add(account_id)

    def write(self, *, now: datetime) -> None:
        """Write all of it, as the last writes of the transaction."""
        switched = self._write_channels(now=now)
        for account_id in sorted(self.asking):
            key = f"{account_id}:asked:{now:%Y%m%d%H%M}"
            payload = {"account": account_id, "levels": True}
            enqueue(kind="channel.reconcile", key=key, payload=payload, now=now)
        for queue in self.queues:
            transaction.on_commit(partial(nudger.nudge, queue))
        switches = [
            NewEvent(store_id, None, "intake.changed", INTAKE, f'"intake":{encode(intake_view(store_id))}')
            for store_id in sorted(switched)
        ]
        if self.events or switches:
            append([*self.events, *switches], at=now)

    def _write_channels(self, *, now: datetime) -> set[int]:
        """What is counted and said of stores at platforms, one row after the other in their order; returns
        the stores whose intake switch looks different now."""
        wanted = Q()
        for store_id, account_id in self.leaks:
            wanted |= Q(store=store_id, account=account_id)
        for account_id, code in self.reports:
            wanted |= Q(account=account_id, external_code=code, store__intake__isnull=False)
        if not wanted:
            return set()
        switched = set()
        for channel in StoreChannel.objects.filter(wanted).select_related("store__intake").order_by("pk"):
            if self._write_channel(channel, now=now):
                switched.add(channel.store_id)
        return switched | {store_id for store_id, _ in self.leaks}

    def _write_channel(self, channel: StoreChannel, *, now: datetime) -> bool:
        if orders := self.leaks.get((channel.store_id, channel.account_id)):
            count_leaks(store_id=channel.store_id, account_id=channel.account_id, orders=orders)
        status = self.reports.get((channel.account_id, channel.external_code))
        if status is None:
            return False
        return note_reported_level(channel=channel, level=status.level, at=status.at or now)
