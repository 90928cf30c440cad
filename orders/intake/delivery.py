"""One verified message on its way into the database, and what became of it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders.channels.incoming import Message


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
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """The store a platform's store code stands for."""

    store_id: int
    auto_accept: bool


NOWHERE = Place(store_id=0, auto_accept=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with where it came from and its body as sent.

    `place` is the store a new order is for; messages that place no order leave it `NOWHERE`.
    """

    account: Account
    place: Place
    message: Message
    body: str
    body_hash: str

    @property
    def delivery_key(self) -> tuple[int, str]:
        """What makes two pushes the same push."""
        return self.account.id, self.message.delivery_id

    @property
    def order_key(self) -> tuple[int, str]:
        """What makes two messages be about the same order."""
        return self.account.id, self.message.external_id
