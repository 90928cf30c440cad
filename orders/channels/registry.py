"""The list of channels: adding one is a line in each table here."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orders.channels.calling import Call
from orders.channels.incoming import Message
from orders.channels.standard import calls as standard_calls
from orders.channels.standard import push as standard_push
from stores.channels import Channel


class Push(Protocol):
    """What a channel's `push.py` offers; all of it pure."""

    def verify(self, *, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
        """Return the delivery id. Raises Rejected."""

    def parse(self, *, delivery_id: str, body: bytes) -> Message:
        """Return the message. Raises Rejected."""

    def answer(self, outcome: str) -> dict[str, Any]:
        """The body of the success answer, in the platform's own words."""


PUSHES: dict[str, Push] = {
    Channel.STANDARD: standard_push,
}
CALLS: dict[str, Call] = {
    Channel.STANDARD: standard_calls.call,
}
