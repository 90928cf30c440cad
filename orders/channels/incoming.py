"""What every channel turns a platform's message into, and what it may say about a bad one (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class Rejected(Exception):
    """A message is refused before anything is stored; `status` is the HTTP answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request of a platform, as it came.

    `url` is our public address without the query, as the platform has it registered, whatever a proxy made
    of it. `kind` is the last part of the path where a platform has one address per kind of message, else "".
    Names of `headers` are in lower case.
    """

    method: str
    url: str
    kind: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """What an account's messages are verified with: our id at the platform, and the secrets, newest first."""

    app_id: str
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """A message that is what its sender sent.

    `delivery_id` is the same on every re-push; `digest` is the SHA-256 (hex) of what may not differ between
    them; `raw` is the text that `parse` reads, and that is kept; `secret` is the place of the secret that
    fitted (0: the newest).
    """

    delivery_id: str
    kind: str
    raw: str
    digest: str
    secret: int = 0


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """One drink; `options` are {"name", "value"}; `unit_price` in minor units."""

    sku: str
    name: str
    quantity: int
    unit_price: int
    options: tuple[Mapping[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands at the platform: "accepted", "completed" or "cancelled".

    `by` is "customer", "platform", "merchant" or "courier"; what it is good for is to be read.
    """

    state: str
    at: datetime | None = None
    reason: str = ""
    by: str = "platform"


@dataclass(frozen=True, slots=True)
class Placed:
    """A new order. Amounts in minor units, moments aware, coordinates WGS-84, `phone` in plain.

    `complete` is False when the platform says that something is missing for now. `standing` is set when the
    message says more than that the order is there. `first_hand` is False for a later retelling: it may place
    or complete an order, but never contradicts one. `vague`: it does not say whether the order still waits
    for acceptance. `store_name` is how the platform calls the store.
    """

    content_hash: str
    daily_number: str
    placed_at: datetime
    promised_at: datetime | None
    fulfilment: str
    amounts: Mapping[str, Any]
    campaign_code: str
    campaign_name: str
    customer_name: str
    phone: str
    address: str
    latitude: float | None
    longitude: float | None
    note: str
    lines: tuple[IncomingLine, ...]
    complete: bool = True
    standing: Standing | None = None
    first_hand: bool = True
    vague: bool = False
    store_name: str = ""


@dataclass(frozen=True, slots=True)
class Urged:
    """The guest asks where the order is; `ref` is what an answer must name, "" if the platform gives none."""

    ref: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a guest's wish to cancel or to get money back stands.

    `about` is "cancel" or "refund"; `step` one of "applied", "withdrawn", "refused", "agreed", "appealed",
    "upheld" (the guest was right), "overruled". `whole` is False if only some items are meant; `amount` is in
    minor units, None if not said; `ref` is the platform's number of the request, "" if it has none.
    """

    about: str
    step: str
    at: datetime
    reason: str = ""
    whole: bool = True
    amount: int | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the platform's own delivery stands.

    `progress` is "searching", "assigned", "at_store", "picked_up", "delivered", "cancelled" or "failed", or
    "store" when the store is to deliver by itself.
    """

    progress: str
    at: datetime
    rider_name: str = ""
    rider_phone: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The platform says whether a store takes orders there: `level` is "open", "paused", or "" (ask)."""

    level: str
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Understood, and nothing for us to do."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind we have no words for: stored and counted. `ask`: it may be about orders, so ask for them."""

    ask: bool = False


Change = Standing | Urged | Asked | Carried
Content = Placed | Change | StoreStatus | Noted | Unknown


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. `external_id` and `store_code` are "" when it is about no order, or no store."""

    kind: str
    external_id: str
    store_code: str
    content: Content = field(default_factory=Unknown)
