"""Several people who press at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from orders.errors import Stale


def pressing(press: Callable[[str], Any], name: str) -> Callable[[], str]:
    """What came of one person's press: "done", or who was first."""

    def attempt() -> str:
        try:
            press(name)
        except Stale as refusal:
            return refusal.by
        return "done"

    return attempt


def at_once(*attempts: Callable[[], Any]) -> list[Any]:
    """Run all of them at the same time, each with a connection of its own; returns what they returned."""
    barrier = threading.Barrier(len(attempts))
    outcomes: list[Any] = []

    def run(attempt: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            outcomes.append(attempt())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
