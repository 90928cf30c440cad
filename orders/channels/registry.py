"""The list of channels: adding one is a line in each table here."""

from typing import Any, Protocol

from orders.channels.calling import Calls, Pulls
from orders.channels.eleme import calls as eleme_calls
from orders.channels.eleme import pulls as eleme_pulls
from orders.channels.eleme import push as eleme_push
from orders.channels.incoming import Keys, Message, Proof, Request
from orders.channels.meituan import calls as meituan_calls
from orders.channels.meituan import pulls as meituan_pulls
from orders.channels.meituan import push as meituan_push
from orders.channels.standard import calls as standard_calls
from orders.channels.standard import push as standard_push
from stores.channels import Channel


class Push(Protocol):
    """What a channel's `push.py` offers; all of it pure."""

    METHODS: frozenset[str]
    """What it is pushed with."""
    KINDS: frozenset[str]
    """The last parts of its addresses, where it has one per kind of message; else empty."""

    def is_ping(self, request: Request) -> bool:
        """Whether the platform only tries the address."""

    def verify(self, *, keys: Keys, request: Request) -> Proof:
        """Check the signature over the raw text. Raises Rejected."""

    def parse(self, *, kind: str, raw: str) -> Message:
        """Return the message. Raises Rejected."""

    def answer(self, outcome: str) -> tuple[int, dict[str, Any]]:
        """Status and body once it is stored ("stored", "duplicate", "conflict") or tried ("ping")."""

    def refusal(self, status: int, detail: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a refusal, in the platform's own words."""


PUSHES: dict[str, Push] = {
    Channel.STANDARD: standard_push,
    Channel.ELEME: eleme_push,
    Channel.MEITUAN: meituan_push,
}
CALLS: dict[str, Calls] = {
    Channel.STANDARD: standard_calls,
    Channel.ELEME: eleme_calls,
    Channel.MEITUAN: meituan_calls,
}
PULLS: dict[str, Pulls] = {
    Channel.ELEME: eleme_pulls,
    Channel.MEITUAN: meituan_pulls,
}
