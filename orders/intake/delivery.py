"""One verified message on its way into the database, and what became of it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders.channels.incoming import Keys, Message, Placed, Proof


class Outcome(StrEnum):
    """What the platform is told. `CONFLICT`: the same id came with another body."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Account:
    """What intake needs to know of a channel account, kept in memory."""

    id: int
    channel: str
    slug: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Place:
    """The store a platform's store code stands for."""

    store_id: int
    auto_accept: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with where it came from and what proves it.

    `place` is the store a new order is for: None if the account knows no store of that code, or the message
    places no order. `pulled`: nobody pushed it, we asked.
    """

    account: Account
    place: Place | None
    proof: Proof
    message: Message
    pulled: bool = False

    @property
    def delivery_key(self) -> tuple[int, str]:
        """What makes two pushes the same push."""
        return self.account.id, self.proof.delivery_id

    @property
    def order_key(self) -> tuple[int, str]:
        """What makes two messages be about the same order."""
        return self.account.id, self.message.external_id

    @property
    def unrouted(self) -> bool:
        """Whether it is an order no store can be found for."""
        return self.place is None and isinstance(self.message.content, Placed)
