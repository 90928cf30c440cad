"""What every courier module offers, in plain values; nothing here or below knows the database.

Money is integer minor units, times are aware UTC, positions WGS-84 degrees: a module converts at
its own edge. Calls raise Refused, Unreachable or Uncertain; callbacks raise Malformed or Forged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from couriers.states import EndCause, Outcome, Progress


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
class Capabilities:
    """What can be relied on at a courier.

    `quotes`: it can be asked for a price. `idempotent_create`: the same errand sent again under our number
    is the same errand, so a create nobody vouches for may be repeated. `traceable`: it can be asked by our
    own number alone; otherwise only by its own (`Key.reference`). `strong_callbacks`: nobody without the
    secret can write a callback. `account_callbacks`: it calls one address an account, not one an errand.
    `tells_fee`: it says by itself what an errand costs, when it is created or asked about; otherwise only a
    quote tells. `per_second`: how many calls an account may make.
    """

    quotes: bool
    idempotent_create: bool
    traceable: bool
    strong_callbacks: bool
    account_callbacks: bool
    tells_fee: bool
    per_second: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is fetched or brought, and who is there. `city` is the store's, for both ends."""

    name: str
    phone: str
    address: str
    city: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what is in the bag; `price` is that of one."""

    sku: str
    name: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Errand:
    """What shall be carried: one bag. `origin_id` is our stable key: the same errand, however often sent.

    `source` is the channel of the order ("eleme", "meituan", "standard"), `source_number` its number there.
    `ready_at` and `deliver_by` may be None: now, and as soon as possible. `bag` of `bags`.
    """

    origin_id: str
    shop_no: str
    number: str
    pickup: Place
    receiver: Place
    pickup_code: str
    value: int
    currency: str
    cups: int
    items: tuple[Item, ...]
    note: str
    source: str
    source_number: str
    ready_at: datetime | None
    deliver_by: datetime | None
    bag: int
    bags: int
    callback_url: str


@dataclass(frozen=True, slots=True)
class Key:
    """How an errand is named towards a courier: our number, and the courier's own ("" while unknown)."""

    origin_id: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price without an obligation; `reference` places it until `expires_at`.

    `distance` is in metres, `pickup_at` and `dropoff_at` when the courier expects to be there; None: not
    said.
    """

    fee: int
    currency: str
    reference: str = ""
    expires_at: datetime | None = None
    distance: int | None = None
    pickup_at: datetime | None = None
    dropoff_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a courier keeps of an errand that was called off; `currency` is "" if it did not say."""

    amount: int
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """The courier took the errand; `fee` is None and `reference` empty if it did not say.

    A fee in another currency than the errand's is none: it could not be added to any other.
    """

    fee: int | None
    reference: str = ""
    eta: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a courier says about an errand, by callback or when asked.

    `status` is None when `code` means nothing to us: it is kept and shown, never guessed. `reference`
    is the courier's own number. `at` is the courier's time, None if it gives none. `cause` is why it will not
    be carried, where the courier says so. `eta` is when the guest is expected to have it. `fee` is that of
    the delivery, `kept` what the courier keeps of one that was called off, both in `currency` ("": not said).
    """

    code: str
    status: Progress | Outcome | None
    at: datetime | None = None
    reference: str = ""
    rider_name: str = ""
    rider_phone: str = ""
    reason: str = ""
    cause: EndCause | None = None
    fee: int | None = None
    eta: datetime | None = None
    kept: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that may be believed as far as its signature goes; `key` names it for good.

    `report` is None for news that change no errand (a courier's ping, a shop's status): they are kept only.
    `asks_leave`: the rider wants to give the errand back, and the courier waits for our word on that.
    """

    key: str
    errand: Key
    report: Report | None
    asks_leave: bool = False


class Provider(Protocol):
    """One courier; `needs` are the credentials without which it cannot be called."""

    label: str
    needs: tuple[str, ...]
    can: Capabilities

    def quote(self, access: Access, errand: Errand, *, now: datetime) -> Quote:
        """Ask what it would cost. A price in another currency than the errand's is none: Refused."""
        ...

    def create(self, access: Access, errand: Errand, *, quote_ref: str = "", now: datetime) -> Created:
        """Order a rider; `quote_ref` takes a quote that is still valid, where the courier has that."""
        ...

    def cancel(self, access: Access, key: Key, *, reason: str, now: datetime) -> Kept | None:
        """Call the errand off; returns what the courier keeps for it, None if it does not say."""
        ...

    def query(self, access: Access, key: Key, *, now: datetime) -> Report | None:
        """Ask how it stands; None if the courier surely does not know it."""
        ...

    def parse_callback(
        self, body: bytes, headers: Mapping[str, str], access: Access, *, now: datetime
    ) -> Callback:
        """Read and check a callback; `headers` have lower-case names. Raises Malformed or Forged."""
        ...

    def answer(self) -> dict[str, Any]:
        """The body the courier expects when a callback was taken."""
        ...
