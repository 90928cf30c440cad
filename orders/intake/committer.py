"""The group committer: whatever arrived while the last commit was running is the next transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from orders.intake.delivery import Delivery, Outcome

logger = logging.getLogger(__name__)
LARGEST_BATCH = 256

Write = Callable[..., list[Outcome]]


class Overloaded(Exception):
    """Too much waits already; nothing was taken."""


class NotCommitted(Exception):
    """The database could not commit it; nothing was stored, sending it again is right."""


class Unstorable(Exception):
    """The database refuses this one message for what is in it."""


class Committer:
    """Takes deliveries from the event loop and commits them in batches, in a thread of its own.

    `write(deliveries, now=…)` commits or raises. There is no timer: an idle committer writes at once,
    a busy one collects up to `LARGEST_BATCH` meanwhile.
    """

    def __init__(self, write: Write, *, most_waiting: int) -> None:
        self._write = write
        self._most_waiting = most_waiting
        self._waiting: list[tuple[Delivery, asyncio.Future[Outcome]]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="committer")
        self._flushing: asyncio.Task[None] | None = None

    async def submit(self, delivery: Delivery) -> Outcome:
        """Return once `delivery` is committed. Raises Overloaded, NotCommitted, Unstorable."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await future

    async def close(self) -> None:
        """Give the thread's database connection back and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, _close_connection)
        self._thread.shutdown()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            deliveries = [delivery for delivery, _ in batch]
            results = await loop.run_in_executor(self._thread, self._commit, deliveries)
            for (_, future), result in zip(batch, results, strict=True):
                _settle(future, result)

    def _commit(self, deliveries: Sequence[Delivery]) -> list[Outcome | Exception]:
        """Commit the batch; if one message spoils it, commit them one by one."""
        try:
            return list(self._write(deliveries, now=timezone.now()))
        except (OperationalError, InterfaceError) as error:
            logger.warning("intake could not commit %d messages: %s", len(deliveries), error)
            connection.close()
            return [NotCommitted(str(error))] * len(deliveries)
        except Exception:
            logger.exception("a batch of %d failed, writing it one by one", len(deliveries))
        return [self._commit_alone(delivery, now=timezone.now()) for delivery in deliveries]

    def _commit_alone(self, delivery: Delivery, *, now: datetime) -> Outcome | Exception:
        try:
            return self._write([delivery], now=now)[0]
        except (DataError, IntegrityError, ValueError, ArithmeticError) as error:
            logger.warning("message %s cannot be stored: %s", delivery.proof.delivery_id, error)
            return Unstorable(type(error).__name__)
        except (
            Exception
        ) as error:  # whatever it is, its sender must get an answer, and the next batch its turn
            logger.exception("message %s was not committed", delivery.proof.delivery_id)
            connection.close()
            return NotCommitted(str(error))


def _settle(future: asyncio.Future[Outcome], result: Outcome | Exception) -> None:
    if future.done():  # the sender gave up waiting
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _close_connection() -> None:
    """Close this thread's connection (`connection` means another one in each thread)."""
    connection.close()
