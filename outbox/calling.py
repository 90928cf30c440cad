"""What may come of a call to somebody outside; whoever calls must know which of the three it was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_latest: ContextVar[float] = ContextVar("latest", default=inf)


class CallFailed(Exception):
    """A call did not do what it was for; `str()` is for people."""


class Refused(CallFailed):
    """They said no: nothing was created or changed. `code` is their own."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unreachable(CallFailed):
    """Surely not carried out: no connection, or turned away at the door. Safe to send again.

    `wait` is the number of seconds they asked for, 0 if they did not.
    """

    def __init__(self, message: str, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


class Uncertain(CallFailed):
    """May or may not have been carried out: time-out after sending, 5xx, an unreadable reply."""


@contextmanager
def beginning_within(seconds: float) -> Iterator[None]:
    """Requests inside begin within so many seconds or not at all: then they raise Unreachable.

    For a process that is frozen in between and goes on when others have acted on its silence.
    """
    token = _latest.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _latest.reset(token)


def time_to_begin() -> float:
    """The seconds in which a request may still begin, infinite where nobody said; below 0 it is too late."""
    return _latest.get() - time.monotonic()


def check_time() -> None:
    """Right before a request, or a part of it, is written. Raises Unreachable when it is too late for it."""
    if time_to_begin() < 0:
        raise Unreachable("too late to begin")
