"""A Celery worker that comes back at once when it is killed: `python -m tests.chaos.carriage.mortal …`.

Takes the words of `celery`. The process that is started has everything imported and does nothing but fork
the worker, again when it has died: so a run spends its time with orders, and not with imports.
PORTAL_CHAOS_DIE is the share of calls to others after whose answer the process that made them is gone: kill
-9, nothing is tidied. PORTAL_CHAOS_LEASE is how many seconds a dead worker's jobs wait for another one.
"""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

import celery.bin.celery  # noqa: E402
import celery.concurrency.prefork  # noqa: E402
import celery.concurrency.thread  # noqa: E402
import celery.worker.consumer  # noqa: E402, F401
import httpx  # noqa: E402
import kombu.transport.redis  # noqa: E402, F401
from celery.__main__ import main  # noqa: E402

import merchant_portal.urls  # noqa: E402, F401
from merchant_portal.celery import app  # noqa: E402
from merchant_portal.portal.launch import PR_SET_PDEATHSIG  # noqa: E402
from outbox import services  # noqa: E402
from outbox.line import Line  # noqa: E402

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


def live() -> None:
    """Be the worker, and end with whoever forked it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    dice.seed()
    main()


if __name__ == "__main__":
    services.LEASE = timedelta(seconds=float(os.environ.get("PORTAL_CHAOS_LEASE", "30")))
    Line._replied = replied_and_died  # type: ignore[method-assign]
    app.loader.import_default_modules()
    while True:
        if (worker := os.fork()) == 0:
            live()
        os.waitpid(worker, 0)
