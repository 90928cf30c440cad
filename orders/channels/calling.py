"""Calls to the platforms: what each channel's `calls.py` and `pulls.py` offer.

All of them raise `outbox.calling.CallFailed`: Refused, Unreachable or Uncertain; a call that is too early for
one order raises `outbox.errors.Later`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Access:
    """Where a platform takes our calls, and what they are signed with. `token` is "" where there is none.

    `app_id` is who we are; `app_key` is what calls name instead where that is another, else "".
    """

    url: str
    app_id: str
    secret: str
    token: str = ""
    app_key: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """What a platform lets us call with, for `seconds` from now."""

    access: str
    refresh: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a platform told us when asked: `kind` and `raw` are for `parse`, `ref` names a missed message."""

    kind: str
    raw: str
    ref: str = ""


class Calls(Protocol):
    """What a platform can be told. Calls may be repeated: told twice is told once."""

    hears: frozenset[str]

    def call(
        self, *, access: Access, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
    ) -> Mapping[str, Any]:
        """Tell one thing of `hears`; "already so" is success. `call_id` is the same on every attempt.

        For `store.intake` the answer's "level" is what the platform says the store's level is now.
        """


class Pulls(Protocol):
    """What a platform can be asked, to find what it never told."""

    def missed(self, *, access: Access, now: datetime) -> Sequence[Pulled]:
        """Messages it could not deliver; empty where it keeps none."""

    def confirm(self, *, access: Access, refs: Sequence[str], now: datetime) -> None:
        """Say that missed messages were taken."""

    def orders(
        self, *, access: Access, store_code: str, day: date, known: frozenset[str], whole: bool, now: datetime
    ) -> Iterable[Pulled]:
        """Orders of a store it may not have told. `known` are the day's numbers we have; `whole`: the day's
        list, not only what waits for acceptance."""

    def order(self, *, access: Access, external_id: str, now: datetime) -> Pulled | None:
        """One order as it stands there; None if it is not known there."""

    def renew(self, *, access: Access, refresh: str, now: datetime) -> Token | None:
        """A new token; None where calls need none."""
