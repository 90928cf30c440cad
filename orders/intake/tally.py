"""Counting what became of pushes, and keeping the last refused ones; both written a few times a minute.

Never on the way of an order: what is counted here is for people who look for missing orders.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import Error, connection, transaction
from django.db.models import F
from django.utils import timezone

from orders.channels.incoming import Request
from orders.models import RefusedMessage, Tally

logger = logging.getLogger(__name__)
PAUSE = 2.0  # seconds between two writings
SAMPLES = 5  # refused messages kept of an account between two writings
KEPT = 100  # refused messages of an account
MOST_OF_A_BODY = 16_000  # characters
TELLING_HEADERS = ("content-type", "user-agent", "webhook-id", "webhook-timestamp")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused, and why."""

    account_id: int
    at: datetime
    status: int
    reason: str
    request: Request


class Counts:
    """One process's counts since they were written last."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, str]] = Counter()
        self._refused: dict[int, deque[Refusal]] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, account_id: int, what: str) -> None:
        """Count one message: an outcome's word, or a refusal's status."""
        self._counts[account_id, what] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    def refuse(self, refusal: Refusal) -> None:
        """Count a refusal and keep it for a while."""
        self._refused.setdefault(refusal.account_id, deque(maxlen=SAMPLES)).append(refusal)
        self.note(refusal.account_id, str(refusal.status))

    async def close(self) -> None:
        """Write what is left."""
        if self._writing is not None:
            self._writing.cancel()
        await self._write()

    async def _write_later(self) -> None:
        await asyncio.sleep(PAUSE)
        await self._write()

    async def _write(self) -> None:
        counts, self._counts = self._counts, Counter()
        refused, self._refused = self._refused, {}
        if not counts:
            return
        try:
            await sync_to_async(write)(counts, refused, now=timezone.now())
        except Error:
            logger.exception("counts of %d messages were lost", counts.total())


def write(counts: Counter[tuple[int, str]], refused: dict[int, deque[Refusal]], *, now: datetime) -> None:
    """Add to the hour's counts, and to the refused messages of each account."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    try:
        with transaction.atomic():
            for (account_id, what), count in sorted(counts.items()):
                row, _ = Tally.objects.get_or_create(
                    account_id=account_id, hour=hour, what=what, defaults={"count": 0}
                )
                Tally.objects.filter(pk=row.pk).update(count=F("count") + count)
            for account_id, refusals in sorted(refused.items()):
                _keep(account_id, refusals)
    finally:
        connection.close()  # outside a request nobody else gives it back


def _keep(account_id: int, refusals: deque[Refusal]) -> None:
    RefusedMessage.objects.bulk_create(_row(refusal) for refusal in refusals)
    kept = RefusedMessage.objects.filter(account_id=account_id).order_by("-pk")
    if (oldest := kept.values_list("pk", flat=True)[KEPT - 1 : KEPT].first()) is not None:
        RefusedMessage.objects.filter(account_id=account_id, pk__lt=oldest).delete()


def _row(refusal: Refusal) -> RefusedMessage:
    request = refusal.request
    told = [f"{name}: {request.headers[name]}" for name in TELLING_HEADERS if name in request.headers]
    head = "\n".join([f"{request.method} {request.url}", *told])
    body = request.body.decode(errors="replace") or request.query
    return RefusedMessage(
        account_id=refusal.account_id,
        at=refusal.at,
        status=refusal.status,
        reason=_storable(refusal.reason)[:200],
        head=_storable(head)[:2_000],
        body=_storable(body)[:MOST_OF_A_BODY],
    )


def _storable(text: str) -> str:
    """PostgreSQL's text cannot hold a NUL, nor UTF-8 a lone half of a pair."""
    return text.encode(errors="replace").decode().replace("\x00", "�")
