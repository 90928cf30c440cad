"""A time limit for a whole HTTP call: each wait on its socket is cut to what is left of the time.

httpx limits every single read: whoever sends a header line now and then could hold a thread for hours.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any

import httpcore
import httpx

from outbox.calling import check_time

_until: ContextVar[float] = ContextVar("until", default=inf)


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """Calls inside, through a `Transport`, end after so many seconds with a time-out of httpx."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def _left(timeout: float | None, too_late: type[httpcore.TimeoutException]) -> float | None:
    """The time limit of one wait. Raises `too_late` when the call's time is over."""
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise too_late("the time for the whole call is over")
    return timeout if left == inf else min(left, inf if timeout is None else timeout)


class Transport(httpx.HTTPTransport):
    """httpx's own, with sockets that know the time for the whole call."""

    def __init__(self, limits: httpx.Limits) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context, limits=limits)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(),
        )


class _Network(httpcore.SyncBackend):
    """Connects within what is left, to streams that keep to it."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """A connection; it may serve many calls, and each brings its own time."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not before: between the two a process may be frozen. A request that has not all its parts is none.
        check_time()
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
