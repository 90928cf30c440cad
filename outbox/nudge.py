"""Telling the workers that there is something to do, without ever making the caller wait."""

import logging
import threading
import time

from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from outbox.idle import idle_at

logger = logging.getLogger(__name__)
# Seconds between two rounds: a nudge starts a thread that takes all that is due, and then stays for a while.
PAUSE = 0.5
PAUSE_AFTER_FAILURE = 1.0  # seconds


class Nudger:
    """Sends `outbox.tasks.drain` messages from a thread of its own.

    Nudges for one queue that wait together become one. A nudge that cannot be sent is dropped: the
    sweeper finds the row. So a dead or frozen Redis never delays a commit.
    """

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def nudge(self, queue: str) -> None:
        """Ask for a drain of `queue`; returns at once. Who is idle here needs no message."""
        if not idle_at(queue).call():
            self.send(queue)

    def send(self, queue: str) -> None:
        """Ask whichever process gets the message: who is idle here may not be let in where the job goes."""
        with self._changed:
            self._wanted.add(queue)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_for_ever, name="outbox-nudger", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _send_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                queues, self._wanted = self._wanted, set()
            for queue in queues:
                self._send(queue)
            time.sleep(PAUSE)

    def _send(self, queue: str) -> None:
        try:
            current_app.send_task(
                "outbox.tasks.drain", kwargs={"queue": queue}, queue=queue, expires=30, retry=False
            )
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("nudge for %s not sent, the sweeper will find it: %s", queue, error)
            time.sleep(PAUSE_AFTER_FAILURE)


nudger = Nudger()
