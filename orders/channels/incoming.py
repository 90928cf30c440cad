"""What every channel turns a platform's message into, and what it may say about a bad one (pure)."""

from __future__ import annotations

from collections.abc import Mapping
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
class IncomingLine:
    """One drink; `options` are {"name", "value"}; `unit_price` in minor units."""

    sku: str
    name: str
    quantity: int
    unit_price: int
    options: tuple[Mapping[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A new order. Amounts in minor units, moments aware, coordinates WGS-84, `phone` in plain."""

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


@dataclass(frozen=True, slots=True)
class CancelledByPlatform:
    """The platform says the order is off."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Urged:
    """The guest asks where the order is."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind of message we have no use for yet: stored, nothing else."""


Content = Placed | CancelledByPlatform | Urged | Unknown


@dataclass(frozen=True, slots=True)
class Message:
    """A verified, parsed message. `delivery_id` is the same on every re-push."""

    delivery_id: str
    kind: str
    external_id: str
    store_code: str
    content: Content = field(default_factory=Unknown)
