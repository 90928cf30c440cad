"""One keep-alive HTTP connection of a load generator: raw bytes out, status and head back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class Connection(asyncio.Protocol):
    """At most one request is under way.

    `answered(connection, status, head)` is called for each answer, `lost(connection)` if the server closes.
    """

    def __init__(
        self,
        answered: Callable[[Connection, bytes, bytes], None],
        lost: Callable[[Connection], None],
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self.sent_at = 0.0  # for whoever sends: when, and what
        self.about = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class

    def send(self, request: bytes) -> None:
        """Send one whole request."""
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._buffer = b""
            self._answered(self, head[9:12], head)

    def connection_lost(self, fault: Exception | None) -> None:
        self._lost(self)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
