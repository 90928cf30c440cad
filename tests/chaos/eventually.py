"""Waiting for something to become true, with a deadline only a broken portal misses."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0  # seconds


async def eventually(check: Callable[[], Any], what: str, *, every: float = 0.1) -> Any:
    """Ask `check` until it gives something true, and return that; fails with `what` and the last answer."""
    until = time.monotonic() + PATIENCE
    while True:
        found = check()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < until, f"not {what}; last answer: {found!r}"
        await asyncio.sleep(every)
