"""From a commit to Redis, without ever making the committer wait.

Redis carries hints: what it drops, the boards' heartbeat finds and the database repairs.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from orders.feed.wire import events_frame

logger = logging.getLogger(__name__)
MOST_WAITING = 1_000  # frames; the oldest are dropped first
# Seconds between two rounds of sending, for each frame of the last one, and at most: in a storm a store's
# commits go out together, and the publisher leaves the interpreter to those who write them.
PAUSE_PER_FRAME, LONGEST_PAUSE = 0.008, 0.1
SEND_TIMEOUT = 2.0  # seconds until Redis counts as gone
LARGEST_FRAME = 128 * 1024  # characters; a larger one is sent as a bare hint to look into the database


@dataclass(frozen=True, slots=True)
class Committed:
    """The events one commit added to one store: first to last number, and their bodies."""

    store_id: int
    epoch: str
    first: int
    last: int
    bodies: tuple[str, ...]


def group_name(store_id: int) -> str:
    """The channel layer group of a store."""
    return f"store.{store_id}"


class Publisher:
    """Sends commits to the channel layer from a thread with an event loop of its own."""

    def __init__(self) -> None:
        self._waiting: deque[Committed] = deque(maxlen=MOST_WAITING)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def publish(self, committed: Committed) -> None:
        """Hand over one store's events; returns at once. Call it on commit only."""
        with self._changed:
            self._waiting.append(committed)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="feed-publisher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting)
                    batch = joined(self._waiting)
                    self._waiting.clear()
                runner.run(self._send_all(batch))
                time.sleep(min(len(batch) * PAUSE_PER_FRAME, LONGEST_PAUSE))

    async def _send_all(self, batch: list[Committed]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                for committed in batch:
                    await get_channel_layer().group_send(group_name(committed.store_id), message(committed))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("feed hints not sent, boards will catch up from the database: %r", error)


def joined(commits: Iterable[Committed]) -> list[Committed]:
    """One entry per store for commits that follow each other without a gap."""
    entries: list[Committed] = []
    latest: dict[int, int] = {}
    for commit in commits:
        place = latest.get(commit.store_id)
        if place is not None and _follows(entries[place], commit):
            bodies = entries[place].bodies + commit.bodies
            entries[place] = replace(entries[place], last=commit.last, bodies=bodies)
        else:
            latest[commit.store_id] = len(entries)
            entries.append(commit)
    return entries


def _follows(earlier: Committed, later: Committed) -> bool:
    return (earlier.epoch, earlier.last + 1) == (later.epoch, later.first)


def message(committed: Committed) -> dict[str, object]:
    """What travels through the channel layer: the numbers, and the frame unless it is too large."""
    frame = events_frame(epoch=committed.epoch, seq=committed.last, bodies=committed.bodies)
    return {
        "type": "feed.events",
        "store": committed.store_id,
        "epoch": committed.epoch,
        "first": committed.first,
        "last": committed.last,
        "frame": frame if len(frame) <= LARGEST_FRAME else "",
    }


publisher = Publisher()
