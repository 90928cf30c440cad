"""A Celery worker that counts what its time is spent on: `python -m benchmarks.contenders.timed_worker …`.

Takes the words of `celery`. Every half second it writes one JSON object into `$PORTAL_BENCH_TIMES.<pid>`:
jobs run, seconds in them, of those seconds waiting for somebody outside, and of its own processor.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import httpx
from celery.__main__ import main

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# These need the loaded apps.
from couriers import quotes  # noqa: E402
from outbox import runner  # noqa: E402
from outbox.line import Line  # noqa: E402
from outbox.models import Job  # noqa: E402

EVERY = 0.5  # seconds


class Times:
    """Sums over all threads; a forked child begins anew."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._writer = 0

    def add(self, **seconds: float) -> None:
        """Add to the sums, and see that somebody writes them down."""
        with self._lock:
            if self._writer != os.getpid():
                self._sums.clear()
                self._writer = os.getpid()
                threading.Thread(target=self._write, daemon=True).start()
            for name, value in seconds.items():
                self._sums[name] += value

    def _write(self) -> None:
        path = Path(f"{os.environ['PORTAL_BENCH_TIMES']}.{os.getpid()}")
        while True:
            with self._lock:
                text = json.dumps(self._sums)
            fresh = path.with_name(f"{path.name}.new")
            fresh.write_text(text)
            fresh.replace(path)
            time.sleep(EVERY)


# What the clocks go around; nobody else shall replace it, so types do not allow it.
times, at_work = Times(), threading.local()
run, replied, wait = runner.run, Line._replied, quotes.wait  # type: ignore[attr-defined]


def timed_run(job: Job) -> None:
    """A job, with a clock around it."""
    begun, own = time.perf_counter(), time.thread_time()
    at_work.job = job
    run(job)
    at_work.job = None
    times.add(jobs=1, busy=time.perf_counter() - begun, processor=time.thread_time() - own)


@contextmanager
def timed_reply(self: Line, method: str, url: str, **request: Any) -> Iterator[httpx.Response]:
    """A call to somebody outside, with a clock around it; prices are waited for together (`timed_wait`)."""
    begun = time.perf_counter()
    with replied(self, method, url, **request) as reply:
        yield reply
    waited = time.perf_counter() - begun if getattr(at_work, "job", None) else 0
    times.add(calls=1, waiting=waited)


def timed_wait(*args: Any, **kwargs: Any) -> Any:
    """A job waits for prices, with a clock around it."""
    begun = time.perf_counter()
    outcome = wait(*args, **kwargs)
    times.add(waiting=time.perf_counter() - begun)
    return outcome


if __name__ == "__main__":
    runner.run, Line._replied = timed_run, timed_reply  # type: ignore[method-assign]
    quotes.wait = timed_wait  # type: ignore[attr-defined]
    main()
