"""The group committer: whatever arrived while the last commit was running is the next transaction."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone
from psycopg import errors

from orders.intake.delivery import Delivery, Outcome
from orders.intake.waiting import WaitingRoom

logger = logging.getLogger(__name__)
LARGEST_BATCH = 512
STILL = 3  # turns of the event loop without a newcomer, until a batch is taken
WATCH_EVERY = 1.0  # seconds between two looks for those who have waited too long
FIRST_PACE = 500.0  # messages per second, until the first batches have told
SHORTEST = 0.001  # seconds a batch takes, at least
SOONEST, LATEST = 1.0, 60.0  # seconds after which a refused sender is asked to come back

Write = Callable[..., list[Outcome]]


class NotStored(Exception):
    """Nothing is known to be stored; sending it again after `retry_after` whole seconds is right."""

    def __init__(self, reason: str, *, retry_after: int) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Overloaded(NotStored):
    """Too much waits already; nothing was taken."""


class NotCommitted(NotStored):
    """The database could not commit it, or not in time."""


class Unstorable(Exception):
    """The database refuses this one message for what is in it."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A delivery whose sender waits for `answer`, until `deadline` (the loop's clock)."""

    delivery: Delivery
    answer: asyncio.Future[Outcome]
    deadline: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Whose turn it is; once it is `written`, what became of each, and how many seconds that took."""

    waiters: list[Waiter]
    written: asyncio.Future[tuple[list[Outcome | Exception], float]]


class Committer:
    """Takes deliveries from the event loop and commits them in batches, in a thread of its own.

    `write(deliveries, now=…)` commits or raises. There is no timer: an idle committer writes as soon as the
    loop has nothing else to do, a busy one collects up to `LARGEST_BATCH` meanwhile. While whole batches
    wait, one lies ready for the thread: in a flood the loop has its hands full, and would fetch the answers
    of one batch and bring the next only when the thread has stood still for half as long as it had written.
    Every sender is answered in `deadline` seconds or so.
    """

    def __init__(self, write: Write, *, most_waiting: int, deadline: float = 10.0) -> None:
        self._write = write
        self._deadline = deadline
        self._room: WaitingRoom[Waiter] = WaitingRoom(most_waiting)
        self._batches: deque[Batch] = deque()  # the first is being written
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="committer")
        self._flushing: asyncio.Task[None] | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._pace = FIRST_PACE
        self._refused = 0  # since nobody waited
        self._closed = False

    def turns_away(self, account_id: int, *, inside: int = 0) -> int | None:
        """After how many seconds a message of this account may come again; None: it may come in.

        Ask before working on a message: it is counted as refused. `inside` is how many messages the server
        has let in and not answered; of those, some may not have got here yet. What lies ready still waits.
        """
        written = len(self._batches[0].waiters) if self._batches else 0
        coming = max(self._ready, inside - len(self._room) - written)
        return None if self._room.admits(account_id, coming=coming) else self._refuse()

    async def submit(self, delivery: Delivery) -> Outcome:
        """Return once `delivery` is committed. Raises Overloaded, NotCommitted, Unstorable."""
        if self._closed:
            raise _not_committed("intake is shutting down")
        key = (delivery.account.id, delivery.message.store_code)
        if not self._room.admits_to(key, coming=self._ready):
            raise Overloaded("too much waits", retry_after=self._refuse())
        loop = asyncio.get_running_loop()
        waiter = Waiter(delivery, loop.create_future(), loop.time() + self._deadline)
        self._room.enter(key, waiter)
        if self._flushing is None or self._flushing.done():
            self._flushing = loop.create_task(self._flush())
        if self._watching is None:
            self._watching = loop.call_later(WATCH_EVERY, self._watch)
        try:
            return await waiter.answer
        except asyncio.CancelledError:
            self._room.leave(key, waiter)
            raise

    async def close(self) -> None:
        """Answer who waits, let the batch under way end, give the thread's connection back.

        A database that hangs is waited for no longer than a sender would be. Again is nothing.
        """
        if self._closed:
            return
        self._closed = True
        for waiter in [*self._withdraw(), *self._room.take(len(self._room))]:
            _settle(waiter, _not_committed("intake is shutting down"))
        if self._watching is not None:
            self._watching.cancel()
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=self._deadline)
        if not self._batches:
            await asyncio.get_running_loop().run_in_executor(self._thread, _close_connection)
        self._thread.shutdown(wait=False)

    async def _flush(self) -> None:
        while await self._next():
            if len(self._batches) == 1 and len(self._room) >= LARGEST_BATCH:
                self._begin()
            await self._settle_first()
        if self._refused:
            logger.warning("intake takes everything again; it refused %d messages", self._refused)
            self._refused = 0

    async def _next(self) -> bool:
        """Whether there is a batch to wait for: the one that lay ready, or a new one."""
        if not self._batches:
            await self._gather()
            self._begin()
        return bool(self._batches)

    @property
    def _ready(self) -> int:
        """How many are in the batch that lies ready: they still wait."""
        return len(self._batches[1].waiters) if len(self._batches) > 1 else 0

    def _withdraw(self) -> list[Waiter]:
        """Take the batch that lies ready back from the thread."""
        if not self._ready:
            return []
        batch = self._batches.pop()
        batch.written.cancel()
        return batch.waiters

    def _begin(self) -> None:
        """Give the thread the next batch, if anybody waits."""
        if waiters := self._room.take(LARGEST_BATCH):
            deliveries = [waiter.delivery for waiter in waiters]
            written = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, deliveries)
            self._batches.append(Batch(waiters, written))

    async def _settle_first(self) -> None:
        """Answer the senders of the first batch, whatever becomes of it."""
        batch = self._batches[0]
        results: list[Outcome | Exception] = []
        try:
            results, seconds = await batch.written
            self._pace += 0.2 * (len(results) / max(seconds, SHORTEST) - self._pace)
        except Exception:
            logger.exception("a batch of %d was not committed", len(batch.waiters))
        finally:
            self._batches.popleft()
            lost = [_not_committed("nobody can say what became of it")] * (len(batch.waiters) - len(results))
            for waiter, result in zip(batch.waiters, [*results, *lost], strict=True):
                _settle(waiter, result)

    async def _gather(self) -> None:
        """Let the loop do what is ready, unless there is a batch already.

        The loop and the committer's thread share one interpreter: each would wait for the other at every
        turn, and together they would do a sixth less.
        """
        still = 0
        while still < STILL and len(self._room) < LARGEST_BATCH:
            before = len(self._room)
            await asyncio.sleep(0)
            still = still + 1 if len(self._room) <= before else 0

    def _watch(self) -> None:
        """Answer those who have waited too long.

        Who is in no batch yet is not written any more: its sender sends it again, so writing it would be
        work for nothing while there is too much of it. What is in a batch may still be committed; sent
        again, it is a duplicate.
        """
        now = asyncio.get_running_loop().time()
        for key, waiter in self._room:
            if waiter.deadline <= now:
                self._room.leave(key, waiter)
                _settle(waiter, _not_committed("its turn did not come in time"))
        for waiter in (waiter for batch in self._batches for waiter in batch.waiters):
            if waiter.deadline <= now:
                _settle(waiter, _not_committed("the database did not commit it in time"))
        busy = self._batches or len(self._room)
        self._watching = asyncio.get_running_loop().call_later(WATCH_EVERY, self._watch) if busy else None

    def _refuse(self) -> int:
        """Refuse one message. Its sender is to come back when what waits, and what was refused before it, can
        have been written; not all of them at the same moment."""
        if not self._refused:
            logger.warning("intake refuses messages: %d wait", len(self._room))
        self._refused += 1
        seconds = (len(self._room) + self._refused) / self._pace
        return _jittered(min(max(seconds, SOONEST), LATEST))

    def _timed(self, deliveries: Sequence[Delivery]) -> tuple[list[Outcome | Exception], float]:
        """By the thread's own clock: when the loop gets to see that it is written may be much later."""
        began = time.monotonic()
        return self._commit(deliveries), time.monotonic() - began

    def _commit(self, deliveries: Sequence[Delivery], *, again: bool = True) -> list[Outcome | Exception]:
        """Commit the batch; if one message spoils it, commit its halves apart, down to that message.

        Whoever lost to another transaction tries once more (`again`).
        """
        try:
            return list(self._write(deliveries, now=timezone.now()))
        except (OperationalError, InterfaceError) as error:
            if again and _is_deadlock(error):
                return self._commit(deliveries, again=False)
            logger.warning("intake could not commit %d messages: %s", len(deliveries), error)
            connection.close()
            return [_not_committed(str(error)) for _ in deliveries]
        except (DataError, IntegrityError, ValueError, ArithmeticError) as error:
            if len(deliveries) == 1:
                # The database's own words may hold a whole row: a guest's name and address.
                told = getattr(error.__cause__, "sqlstate", "")
                name = deliveries[0].proof.delivery_id
                logger.warning("message %s cannot be stored: %s %s", name, type(error).__name__, told)
                return [Unstorable(type(error).__name__)]
        except Exception as error:  # whatever it is, senders must get an answer, and the next batch its turn
            if len(deliveries) == 1:
                logger.exception("message %s was not committed", deliveries[0].proof.delivery_id)
                connection.close()
                return [_not_committed(str(error))]
        logger.warning("a batch of %d failed, writing its halves apart", len(deliveries))
        half = len(deliveries) // 2
        return [*self._commit(deliveries[:half]), *self._commit(deliveries[half:])]


def _is_deadlock(error: Exception) -> bool:
    return isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure)


def _not_committed(reason: str) -> NotCommitted:
    return NotCommitted(reason, retry_after=_jittered(5.0))


def _jittered(seconds: float) -> int:
    """Whole seconds, up to half as many again."""
    return math.ceil(seconds * random.uniform(1.0, 1.5))  # noqa: S311 -- jitter


def _settle(waiter: Waiter, result: Outcome | Exception) -> None:
    if waiter.answer.done():  # the sender gave up waiting
        return
    if isinstance(result, Exception):
        waiter.answer.set_exception(result)
    else:
        waiter.answer.set_result(result)


def _close_connection() -> None:
    """Close this thread's connection (`connection` means another one in each thread)."""
    connection.close()
