"""The errands Dada knows: what it was asked, how far each is; survives a restart."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox import dada_wire as wire
from sandbox.journal import Journal

QUOTE_LIVES = 180  # seconds
STAMPS = {
    wire.ASSIGNED: "acceptTime",
    wire.DELIVERING: "fetchTime",
    wire.DONE: "finishTime",
    wire.CANCELLED: "cancelTime",
    wire.EXPIRED: "cancelTime",
}


@dataclass(slots=True)
class Rider:
    """Who carries it."""

    id: int
    name: str
    phone: str


@dataclass(slots=True)
class Errand:
    """One order at Dada, named by the customer's `origin_id`; `delivery` is Dada's own number.

    `stamps` holds Unix seconds by the names of status/query. `round` grows with reAddOrder.
    """

    origin_id: str
    delivery: str
    source_id: str
    shop_no: str
    callback: str
    fee: float
    distance: int
    status: int = wire.WAITING
    round: int = 1
    rider: Rider | None = None
    cancel_reason: str = ""
    cancel_from: int = 0
    stamps: dict[str, int] = field(default_factory=dict)

    def move(self, status: int, now: float) -> None:
        """Go to a status and note when."""
        self.status = status
        if status in STAMPS:
            self.stamps[STAMPS[status]] = int(now)

    def price(self) -> dict[str, Any]:
        """Return the result of addOrder, in yuan and metres."""
        return {
            "distance": self.distance,
            "fee": self.fee,
            "deliverFee": self.fee,
            "couponFee": 0.0,
            "tips": 0.0,
            "insuranceFee": 0.0,
        }


@dataclass(frozen=True, slots=True)
class Quote:
    """A price that can be taken until `expires` (Unix seconds)."""

    source_id: str
    body: dict[str, Any]
    expires: float


class Book:
    """Errands by origin_id and open quotes by delivery number."""

    def __init__(self, state_dir: Path) -> None:
        self._journal = Journal(state_dir / "dada.jsonl")
        self.errands: dict[str, Errand] = {}
        self.quotes: dict[str, Quote] = {}
        for entry in self._journal.read():
            rider = Rider(**entry.pop("rider")) if entry["rider"] else entry.pop("rider")
            self.errands[entry["origin_id"]] = Errand(**entry, rider=rider)

    def save(self, errand: Errand) -> None:
        """Keep an errand as it is now."""
        self.errands[errand.origin_id] = errand
        self._journal.add(asdict(errand))

    def get(self, origin_id: str, source_id: str) -> Errand:
        """Return a customer's errand. Raises Refusal."""
        errand = self.errands.get(origin_id)
        if errand is None or errand.source_id != source_id:
            raise wire.Refusal(wire.ORDER_NOT_FOUND, "订单不存在")
        return errand

    def quote(self, source_id: str, body: dict[str, Any], now: float) -> tuple[str, Errand, float]:
        """Price an errand without creating it: delivery number, prices, end of validity."""
        errand = new_errand(source_id, body, now)
        self.quotes[errand.delivery] = Quote(source_id, body, now + QUOTE_LIVES)
        return errand.delivery, errand, now + QUOTE_LIVES

    def take_quote(self, source_id: str, delivery: str, now: float) -> dict[str, Any]:
        """Return what a quote was asked for. Raises Refusal if it is gone."""
        quote = self.quotes.get(delivery)
        if quote is None or quote.source_id != source_id or quote.expires < now:
            raise wire.Refusal(wire.QUOTE_GONE, "询价单不存在或已过期")
        return quote.body

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def new_errand(source_id: str, body: dict[str, Any], now: float, delivery: str = "") -> Errand:
    """Return an errand that waits for a rider."""
    distance = 500 + int(math.fsum(map(ord, str(body["receiver_address"])))) % 3500
    return Errand(
        origin_id=str(body["origin_id"]),
        delivery=delivery or f"{time.strftime('%Y%m%d', time.gmtime(now))}{secrets.randbelow(10**11):011}",
        source_id=source_id,
        shop_no=str(body["shop_no"]),
        callback=str(body["callback"]),
        fee=round(5.0 + distance / 1000 * 1.5, 1),
        distance=distance,
        stamps={"createTime": int(now)},
    )
