"""What couriers were asked to carry, how far each errand is, and when; it survives a kill.

A book is a courier's ledger at the same time: every errand that was ever created is in it once, with the
times of its beginning and end.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.journal import Journal


class Step(StrEnum):
    """How far an errand is; every courier has words of its own for some of these."""

    SEARCHING = "searching"
    ASSIGNED = "assigned"
    AT_STORE = "at_store"
    PICKED_UP = "picked_up"
    ON_THE_WAY = "on_the_way"
    AT_GUEST = "at_guest"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


ENDED = frozenset({Step.DELIVERED, Step.RETURNED, Step.CANCELLED, Step.EXPIRED, Step.FAILED})
BEFORE_PICK_UP = frozenset({Step.SEARCHING, Step.ASSIGNED, Step.AT_STORE})
RIDER, MERCHANT, COURIER = "rider", "merchant", "courier"  # who ended it
COLUMNS = (
    "courier", "account", "origin_id", "number", "round", "for", "store", "state", "created_at", "ended_at",
    "kept",
)  # fmt: skip


@dataclass(slots=True)
class Rider:
    """Who carries it."""

    id: int
    name: str
    phone: str


@dataclass(slots=True)
class Errand:
    """One errand. `origin` is the customer's name for it, `number` the courier's.

    Money is in minor units, times are Unix seconds (0: not yet). `mark` is what the rider reads to find the
    bag, `call` what created it, `facts` what only its courier's module understands. `round` grows when an
    ended one is sent again under the same name.
    """

    account: str
    origin: str
    number: str
    fee: int
    distance: int
    created_at: float
    call: str
    mark: str = ""
    store: str = ""
    step: Step = Step.SEARCHING
    round: int = 1
    rider: Rider | None = None
    reason: str = ""
    by: str = ""
    kept: int = 0
    assigned_at: float = 0
    arrived_at: float = 0
    picked_up_at: float = 0
    ended_at: float = 0
    facts: dict[str, Any] = field(default_factory=dict)
    place: int = 0  # in its book

    @property
    def live(self) -> bool:
        """Whether somebody carries it, or is looked for."""
        return self.step not in ENDED

    def go(self, step: Step, now: float) -> None:
        """Take a step and note when."""
        self.step = step
        if step == Step.SEARCHING:
            self.rider, self.assigned_at, self.arrived_at = None, 0, 0
        elif step == Step.ASSIGNED:
            self.assigned_at = now
        elif step == Step.AT_STORE:
            self.arrived_at = now
        elif step == Step.PICKED_UP:
            self.picked_up_at = now
        elif step in ENDED:
            self.ended_at = now

    def row(self, courier: str) -> list[Any]:
        """Its line in the ledger, as `COLUMNS` says."""
        ended = round(self.ended_at, 3) if self.ended_at else None
        return [
            courier, self.account, self.origin, self.number, self.round, self.mark, self.store, self.step,
            round(self.created_at, 3), ended, self.kept,
        ]  # fmt: skip


class Book:
    """A courier's errands, oldest first, and the last one by every name it goes by."""

    def __init__(self, state_dir: Path, courier: str) -> None:
        self._journal = Journal(state_dir / f"errands-{courier}.jsonl")
        self.courier = courier
        self.all: list[Errand] = []
        self.live: dict[int, Errand] = {}
        self._named: dict[str, Errand] = {}
        self._again: list[tuple[Errand, str, float]] = []
        for entry in self._journal.read():
            self._read(entry)

    def add(self, errand: Errand, names: Iterable[str]) -> None:
        """Write down a new errand; `names` are what it can be asked for by."""
        known_as = list(names)
        self._journal.add({"new": asdict(errand), "names": known_as})
        self._keep(errand, known_as)

    def save(self, errand: Errand) -> None:
        """Write down how an errand stands now."""
        rider = asdict(errand.rider) if errand.rider else None
        changed = {name: getattr(errand, name) for name in _CHANGING}
        self._journal.add({"at": errand.place, **changed, "rider": rider})
        self._settle(errand)

    def asked_again(self, errand: Errand, call: str, now: float) -> None:
        """Write down that an errand there is was asked for once more."""
        self._journal.add({"again": errand.place, "call": call, "time": now})
        self._again.append((errand, call, now))

    def find(self, name: str) -> Errand | None:
        """Return the last errand of that name."""
        return self._named.get(name)

    def rows(self) -> Iterator[list[Any]]:
        """Every errand's line in the ledger."""
        return (errand.row(self.courier) for errand in self.all)

    def creates(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Every create and every repeated one, with its moment."""
        for errand in self.all:
            yield errand.created_at, self._create(errand, errand.call, errand.created_at, new=True)
        for errand, call, at in self._again:
            yield at, self._create(errand, call, at, new=False)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _create(self, errand: Errand, call: str, at: float, *, new: bool) -> dict[str, Any]:
        return {
            "courier": self.courier,
            "call": call,
            "new": new,
            "round": errand.round,
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "origin_id": errand.origin,
            "delivery": errand.number,
        }

    def _keep(self, errand: Errand, names: list[str]) -> None:
        errand.place = len(self.all)
        self.all.append(errand)
        self._named |= dict.fromkeys(names, errand)
        self._settle(errand)

    def _settle(self, errand: Errand) -> None:
        if errand.live:
            self.live[errand.place] = errand
        else:
            self.live.pop(errand.place, None)

    def _read(self, entry: dict[str, Any]) -> None:
        if "new" in entry:
            errand = _errand(entry["new"])
            own = {name: name for name in (errand.origin, errand.number)}
            self._keep(errand, [own.get(name, name) for name in entry["names"]])
        elif "again" in entry:
            self._again.append((self.all[entry["again"]], entry["call"], entry["time"]))
        else:
            errand = self.all[entry["at"]]
            for name in _CHANGING:
                setattr(errand, name, entry[name])
            errand.step, errand.rider = Step(entry["step"]), _rider(entry["rider"])
            self._settle(errand)


def metres(address: str) -> int:
    """A distance for an address of which nothing else is known: the same for the same words."""
    return 500 + sum(map(ord, address)) % 3500


def metres_between(here: tuple[float, float], there: tuple[float, float]) -> int:
    """The way between two positions (latitude, longitude in degrees), as a rider goes: 1.3 times as far."""
    north = (there[0] - here[0]) * 111_320
    east = (there[1] - here[1]) * 111_320 * math.cos(math.radians(here[0]))
    return round(math.hypot(north, east) * 1.3)


def price(base: int, per_kilometre: int, distance: int, *words: str) -> int:
    """A fee in minor units, whole tens: up to a quarter more or less, the same for the same words."""
    mood = 75 + zlib.crc32(" ".join(words).encode()) % 51
    return round((base + per_kilometre * distance / 1000) * mood / 1000) * 10


def _errand(entry: dict[str, Any]) -> Errand:
    step, rider = Step(entry.pop("step")), _rider(entry.pop("rider"))
    shared: dict[str, Any] = {name: sys.intern(entry.pop(name)) for name in _SHARED}
    return Errand(**entry, **shared, step=step, rider=rider)


def _rider(entry: dict[str, Any] | None) -> Rider | None:
    return Rider(entry["id"], sys.intern(entry["name"]), entry["phone"]) if entry else None


_SHARED = ("account", "call", "store", "mark")  # the same texts in many errands
_CHANGING = (
    "step", "reason", "by", "kept", "fee", "assigned_at", "arrived_at", "picked_up_at", "ended_at",
)  # fmt: skip
