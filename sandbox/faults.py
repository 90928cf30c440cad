"""Misbehaviour on demand: what a test asked a pretend service to do wrong, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

ANSWERS = {"hang", "error500", "error429", "garbage", "lost_reply"}
STORES = {"deaf", "leaky"}
DELIVERY = {"duplicate", "late", "reorder", "swap", "wrong_secret", "slow_ack_limit"}
PUSHES = DELIVERY | {"drop", "vanish", "degraded"}
COURIER = ANSWERS | {
    "lost_request",
    "slow",
    "refuse",
    "expired_quote",
    "nobody_accepts",
    "gives_up",
    "abandons",
    "cancel_fee",
    "duplicate_callbacks",
    "shuffled_callbacks",
    "no_callbacks",
    "forged",
}
TARGETS = {
    "dada": {*COURIER, "publish_failed", "rider_cancels", "returns"},
    "peisong": {*(COURIER - {"expired_quote"}), "limit", "exception", "chatter"},
    "uber": {*COURIER, "busy", "limit", "expired_token", "returns", "chatter"},
    "doordash": {*COURIER, "limit", "returns", "chatter"},
    "standard": {*ANSWERS, *STORES, *DELIVERY},
    "eleme": {
        *ANSWERS,
        *STORES,
        *PUSHES,
        "type_as_text",
        "unknown_type",
        "folded",
        "cancel_races_accept",
        "limit",
        "expired_token",
    },
    "meituan": {
        *ANSWERS,
        *STORES,
        *PUSHES,
        "once_encoded",
        "odd_extras",
        "cancel_races_accept",
        "limit",
    },
}


class UnknownFault(ValueError):
    """No such target or kind; the text lists what there is."""


@dataclass(slots=True)
class Fault:
    """`times` uses are left (-1: for good); empty `path` and `order` fit everything.

    Of what fits, `share` (0 to 1) goes wrong. `seconds`: how long a hang, a delay or a held-back push lasts,
    what Retry-After says, or how soon a push must be answered.
    """

    target: str
    kind: str
    times: int = 1
    path: str = ""
    order: str = ""
    seconds: float = 30.0
    share: float = 1.0

    def fits(self, target: str, kinds: Iterable[str], path: str, order: str) -> bool:
        """Whether this fault strikes here."""
        return (
            self.times != 0
            and self.target == target
            and self.kind in kinds
            and self.path in path
            and self.order in {"", order}
        )


class Faults:
    """The list a test writes and pretend services read."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.dice = Random()

    def add(self, wish: dict[str, Any]) -> Fault:
        """Add one from `/control/faults`. Raises UnknownFault."""
        try:
            fault = Fault(**wish)
        except TypeError as error:
            names = "target, kind, times, path, order, seconds, share"
            raise UnknownFault(f"A fault has {names}: {error}") from error
        if fault.kind not in TARGETS.get(fault.target, set()):
            known = "; ".join(f"{target}: {', '.join(sorted(kinds))}" for target, kinds in TARGETS.items())
            raise UnknownFault(f"Unknown fault. There are: {known}")
        self._faults.append(fault)
        return fault

    def take(self, target: str, kinds: Iterable[str], *, path: str = "", order: str = "") -> Fault | None:
        """Use up one fault that fits, if there is one and its share has it so."""
        wanted = set(kinds)
        for fault in self._faults:
            if fault.fits(target, wanted, path, order) and self._strikes(fault):
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Behave again."""
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults that may still strike."""
        return [asdict(fault) for fault in self._faults if fault.times != 0]

    def _strikes(self, fault: Fault) -> bool:
        return fault.share >= 1 or self.dice.random() < fault.share
