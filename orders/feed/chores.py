"""Work on the event loop that no fault may end and nobody waits for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)
RETRY = 1.0  # seconds

Work = Callable[[], Coroutine[Any, Any, None]]


async def for_ever(work: Work) -> None:
    """Do `work` round after round; a fault is logged and the next round follows."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("a fault in the feed, going on")
            await asyncio.sleep(RETRY)


class Chores:
    """What one board does beside the hub's loops: each kind of work in at most one task at a time."""

    def __init__(self) -> None:
        self._tasks: dict[Work, asyncio.Task[None]] = {}

    def start(self, work: Work) -> None:
        """Have `work` done, unless it is being done already."""
        if not self.doing(work):
            self._tasks[work] = asyncio.create_task(_logged(work))

    def doing(self, work: Work) -> bool:
        """Whether a task does `work` now."""
        task = self._tasks.get(work)
        return task is not None and not task.done()

    def cancel(self) -> None:
        """The board is gone: end what it began."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()


async def _logged(work: Work) -> None:
    try:
        await work()
    except Exception:
        logger.exception("a board could not be served, the next heartbeat tries again")
