"""What every courier module offers, in plain values; nothing here or below knows the database.

Money is integer minor units, times are aware UTC, positions WGS-84 degrees: a module converts at
its own edge. Calls raise Refused, Unreachable or Uncertain; callbacks raise Malformed or Forged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from couriers.states import Outcome, Progress


class Malformed(Exception):
    """A callback that cannot be read."""


class Forged(Exception):
    """A callback whose checksum or names do not fit."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a courier is reached, and the franchise's credentials there."""

    base_url: str
    credentials: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets the drinks, and where."""

    name: str
    phone: str
    address: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the order."""

    sku: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Errand:
    """What shall be carried. `origin_id` is our stable key: the same errand, however often it is sent."""

    origin_id: str
    shop_no: str
    number: str
    receiver: Receiver
    value: int
    cups: int
    items: tuple[Item, ...]
    note: str
    callback_url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A price without an obligation; `reference` places it while it is valid."""

    fee: int
    distance: int
    reference: str


@dataclass(frozen=True, slots=True)
class Created:
    """The courier took the errand; `fee` is None if it did not say."""

    fee: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a courier says about an errand, by callback or when asked.

    `status` is None when `code` means nothing to us: it is kept and shown, never guessed. `reference`
    is the courier's own number. `at` is the courier's time, None if it gives none.
    """

    code: str
    status: Progress | Outcome | None
    at: datetime | None = None
    reference: str = ""
    rider_name: str = ""
    rider_phone: str = ""
    reason: str = ""
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that may be believed as far as its checksum goes; `key` names it for good."""

    key: str
    origin_id: str
    report: Report


class Provider(Protocol):
    """One courier."""

    label: str
    strong_callbacks: bool

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """Ask what it would cost."""
        ...

    def create(self, access: Access, errand: Errand, *, now: datetime) -> Created:
        """Order a rider."""
        ...

    def cancel(self, access: Access, origin_id: str, *, reason: str, now: datetime) -> int | None:
        """Call the errand off; returns what the courier keeps for it, None if it does not say."""
        ...

    def query(self, access: Access, origin_id: str, *, now: datetime) -> Report | None:
        """Ask how it stands; None if the courier does not know our id."""
        ...

    def parse_callback(self, body: bytes) -> Callback:
        """Read and check a callback."""
        ...

    def answer(self) -> dict[str, str]:
        """The body the courier expects when a callback was taken."""
        ...
