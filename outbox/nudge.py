"""Telling the workers that there is something to do, without ever making the caller wait."""

import logging
import threading
import time

from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from outbox.idle import idle_at

logger = logging.getLogger(__name__)
# Seconds between two nudges for one queue: one starts a thread that takes all that is due, and then stays for
# a while; that thread calls for more itself, but not before the last one it called can have looked.
PAUSE, GAP = 0.5, 0.05
PAUSE_AFTER_FAILURE = 1.0  # seconds


class Nudger:
    """Sends `outbox.tasks.drain` messages from a thread of its own.

    What waits together for one queue becomes one message. One that cannot be sent is dropped: the
    sweeper finds the row. So a dead or frozen Redis never delays a commit.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, float] = {}  # queue → when to send
        self._sent: dict[str, float] = {}  # queue → when a message went last
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def nudge(self, queue: str) -> None:
        """There is something new in `queue`; returns at once. Who is idle here needs no message."""
        if not idle_at(queue).call():
            self.remind(queue)

    def remind(self, queue: str) -> None:
        """Ask whichever process gets the message, but not more often than every `PAUSE`."""
        self._want(queue, PAUSE)

    def call(self, queue: str) -> None:
        """Ask for one more thread, at once if none was asked for just now."""
        self._want(queue, GAP)

    def _want(self, queue: str, after: float) -> None:
        with self._changed:
            at = self._sent.get(queue, -after) + after
            self._wanted[queue] = min(at, self._wanted.get(queue, at))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_for_ever, name="outbox-nudger", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _send_for_ever(self) -> None:
        while True:
            for queue in self._due():
                self._send(queue)

    def _due(self) -> list[str]:
        """The queues whose moment has come; waits until there may be some."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted)
            now, first = time.monotonic(), min(self._wanted.values())
            if first > now:
                self._changed.wait(first - now)
                return []
            due = [queue for queue, at in self._wanted.items() if at <= now]
            for queue in due:
                del self._wanted[queue]
                self._sent[queue] = now
            return due

    def _send(self, queue: str) -> None:
        try:
            current_app.send_task(
                "outbox.tasks.drain", kwargs={"queue": queue}, queue=queue, expires=30, retry=False
            )
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("nudge for %s not sent, the sweeper will find it: %s", queue, error)
            time.sleep(PAUSE_AFTER_FAILURE)


nudger = Nudger()
