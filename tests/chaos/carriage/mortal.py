"""A Celery worker that is killed now and then between a courier's reply and the writing down of it.

`python -m tests.chaos.carriage.mortal …` takes the words of `celery`. PORTAL_CHAOS_DIE is the share of calls
after whose reply the process that made them is gone: kill -9, nothing is cleaned up.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import httpx
from celery.__main__ import main

from outbox.line import Line

SHARE = float(os.environ.get("PORTAL_CHAOS_DIE", "0"))
dice = Random()
replied = Line._replied


@contextmanager
def replied_and_died(self: Line, method: str, url: str, **request: Any) -> Iterator[httpx.Response]:
    """The call is made and its answer read; what it said may be lost with everything else."""
    with replied(self, method, url, **request) as reply:
        yield reply
        if dice.random() < SHARE:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Line._replied = replied_and_died  # type: ignore[method-assign]
    main()
