"""What the messages of a batch lead to, written once after all of them; the events last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import transaction

from orders.channels.incoming import StoreStatus
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.intake.delivery import Delivery
from orders.queries import intake_view
from outbox.nudge import nudger
from outbox.services import enqueue
from stores.actors import Actor
from stores.services import count_leaks, note_reported_level

INTAKE = Actor("")


@dataclass(slots=True)
class Consequences:
    """Collected while orders are written: rows many of them share would be locked too early."""

    events: list[NewEvent] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)
    leaks: Counter[tuple[int, int]] = field(default_factory=Counter)
    reports: dict[tuple[int, str], str] = field(default_factory=dict)
    asking: set[int] = field(default_factory=set)

    def note_store(self, delivery: Delivery, status: StoreStatus) -> None:
        """The platform said whether a store takes orders; without a level, somebody must ask."""
        if status.level:
            self.reports[delivery.account.id, delivery.message.store_code] = status.level
        else:
            self.ask(delivery.account.id)

    def ask(self, account_id: int) -> None:
        """Compare with what the platform has, soon."""
        self.asking.add(account_id)

    def write(self, *, now: datetime) -> None:
        """Write all of it, as the last writes of the transaction."""
        for (store_id, account_id), orders in sorted(self.leaks.items()):
            count_leaks(store_id=store_id, account_id=account_id, orders=orders)
        reported = [
            note_reported_level(account_id=account_id, external_code=code, level=level)
            for (account_id, code), level in sorted(self.reports.items())
        ]
        for account_id in sorted(self.asking):
            key = f"{account_id}:asked:{now:%Y%m%d%H%M}"
            enqueue(kind="channel.reconcile", key=key, payload={"account": account_id}, now=now)
        for queue in self.queues:
            transaction.on_commit(partial(nudger.nudge, queue))
        switched = {store_id for store_id, _ in self.leaks} | {store_id for store_id in reported if store_id}
        switches = [
            NewEvent(store_id, None, "intake.changed", INTAKE, f'"intake":{encode(intake_view(store_id))}')
            for store_id in sorted(switched)
        ]
        if self.events or switches:
            append([*self.events, *switches], at=now)
