"""The door of the intake process: what has no room is turned away before it is taken apart.

In a flood most of what a full intake does is to refuse. Through the whole of HTTP and ASGI a refusal costs a
sixth of what storing an order costs, so at three times overload a third of the goodput is lost on it. Here it
costs a look at the address and one write. Only a request that lies there whole, with nothing before or behind
it, is answered; everything else goes the ordinary way and is refused there in the same words.

Runs under uvicorn (`--http`): built on the protocol class it uses itself with httptools, whose callbacks
`on_message_begin` and `on_message_complete` are httptools' own and say where a request begins and ends.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from orders.intake.app import IntakeApp

ADDRESS = re.compile(rb"POST (/intake/[!-~]{1,200}) HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,7})(?=\r\n)", re.IGNORECASE)
END = b"\r\n\r\n"
UNUSUAL = (b"transfer-encoding:", b"expect:", b"connection: close", b"upgrade:")


class DoorProtocol(HttpToolsProtocol):
    """One connection. `intake` is the application behind it."""

    intake: ClassVar[IntakeApp]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = False  # a request has begun and not ended

    def data_received(self, data: bytes) -> None:
        """Answer at the door, or let uvicorn read it."""
        path = whole_request(data) if self._is_idle() else None
        if path and (refusal := self.intake.turn_away(path, inside=len(self.tasks))):
            self.transport.write(refusal)
            self._wait_for_the_next()
        else:
            super().data_received(data)

    def on_message_begin(self) -> None:
        self._reading = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._reading = False
        super().on_message_complete()

    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._reading and not self.pipeline and not self.transport.is_closing()

    def _wait_for_the_next(self) -> None:
        """What uvicorn does after a response."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )


def whole_request(data: bytes) -> str | None:
    """The path of the one whole and plain request that `data` is, or None.

    >>> whole_request(b"POST /intake/standard/jx/ HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    '/intake/standard/jx/'
    >>> whole_request(b"POST /intake/standard/jx/ HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\n{}")
    """
    address = ADDRESS.match(data)
    end = data.find(END)
    if address is None or end < 0:
        return None
    length = LENGTH.findall(data, 0, end + 2)
    if len(length) != 1 or len(data) != end + len(END) + int(length[0]):
        return None
    head = data[:end].lower()
    if any(word in head for word in UNUSUAL):
        return None
    return address[1].decode("ascii").partition("?")[0]
