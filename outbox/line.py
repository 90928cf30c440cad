"""One guarded HTTP call to somebody outside: pooled connections, time limits, errors by what they mean."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from outbox.calling import Refused, Uncertain, Unreachable
from outbox.connections import lend_connection
from outbox.deadline import Transport, ending_within

TIME_LIMITS = httpx.Timeout(connect=2.0, write=5.0, read=5.0, pool=1.0)
TOTAL_SECONDS = 8.0
JSON = {"Content-Type": "application/json"}
MAX_REPLY = 256 * 1024  # bytes
# Shorter than servers keep idle connections, so that a call rarely meets a closing one.
POOL = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=3.0)
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of whatever HTTP status; `wait` is the seconds of its Retry-After, 0 without one."""

    status: int
    body: bytes
    wait: float


class Line:
    """The pooled connections to one service; shared by all threads of a process."""

    def __init__(
        self,
        time_limits: httpx.Timeout = TIME_LIMITS,
        total_seconds: float = TOTAL_SECONDS,
        max_reply: int = MAX_REPLY,
    ) -> None:
        # For all that no proxy of the environment is in front of.
        mounts = {"all://": Transport(POOL)}
        self._client = httpx.Client(timeout=time_limits, limits=POOL, mounts=mounts, follow_redirects=False)
        self._total_seconds = total_seconds
        self._max_reply = max_reply

    def post(self, url: str, body: bytes, headers: Mapping[str, str] = JSON) -> bytes:
        """Send a body and return the reply's bytes of a 2xx; raises Refused, Unreachable or Uncertain."""
        return self._call("POST", url, content=body, headers=headers)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Ask and return the reply's bytes of a 2xx; raises like `post`."""
        return self._call("GET", url, headers=headers or {})

    def exchange(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Reply:
        """One call to somebody whose refusals say something; raises only Unreachable or Uncertain."""
        until = time.monotonic() + self._total_seconds
        with self._replied(method, url, content=body, headers=headers) as reply:
            return Reply(reply.status_code, _read(reply, until, self._max_reply), _retry_after(reply))

    def _call(self, method: str, url: str, **request: Any) -> bytes:
        until = time.monotonic() + self._total_seconds
        with self._replied(method, url, **request) as reply:
            _check_status(reply)
            return _read(reply, until, self._max_reply)

    @contextmanager
    def _replied(self, method: str, url: str, **request: Any) -> Iterator[httpx.Response]:
        lend_connection()
        try:
            with (
                ending_within(self._total_seconds),
                self._client.stream(method, url, **request) as reply,
            ):
                yield reply
        except NEVER_SENT as error:
            raise Unreachable(f"no connection ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise Uncertain(f"no reply ({type(error).__name__})") from error


def _check_status(reply: httpx.Response) -> None:
    status = reply.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unreachable("too many calls (HTTP 429)", wait=_retry_after(reply))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        raise Uncertain(f"HTTP {status}")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise Refused(f"HTTP {status}", code=str(status))


def _retry_after(reply: httpx.Response) -> float:
    """The seconds of a Retry-After header, at most ten minutes; 0 if there is none we understand."""
    text = reply.headers.get("Retry-After", "")
    return min(float(text), 600.0) if text.isascii() and text.isdigit() else 0.0


def _read(reply: httpx.Response, until: float, max_reply: int) -> bytes:
    """The whole reply, unless it is too long or trickles: time limits of httpx are per read."""
    parts = bytearray()
    for part in reply.iter_bytes():
        parts += part
        if len(parts) > max_reply:
            raise Uncertain("the reply is too long")
        if time.monotonic() > until:
            raise Uncertain("the reply trickles")
    return bytes(parts)
