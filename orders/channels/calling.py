"""Calls to the platforms: what each channel's `calls.py` and `pulls.py` offer.

All of them raise `outbox.calling.CallFailed`: Refused, Unreachable or Uncertain; a call that is too early for
one order raises `outbox.errors.Later`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from outbox.calling import Refused, Uncertain


@dataclass(frozen=True, slots=True)
class Access:
    """Where a platform takes our calls, and what they are signed with. `token` is "" where there is none.

    `app_id` is who we are; `app_key` is what calls name instead where that is another, else "". `turn` is
    entered around each single call of those that make many (`Pulls`): it waits, counts, or ends it all.
    """

    url: str
    app_id: str
    secret: str
    token: str = ""
    app_key: str = ""
    turn: Callable[[], AbstractContextManager[None]] = nullcontext


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


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. `rest` is the `start` with which the rest of the list is asked for; `fault` is why
    something of this part could not be had."""

    orders: Sequence[Pulled]
    rest: str
    fault: Refused | Uncertain | None = None


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

    KNOWN_BY: str
    """The column of `orders.models.Order` whose values tell `orders` what we have."""
    NEEDS_TOKEN: bool

    def missed(self, *, access: Access, now: datetime) -> Sequence[Pulled]:
        """Messages it could not deliver; empty where it keeps none."""

    def confirm(self, *, access: Access, refs: Sequence[str], now: datetime) -> None:
        """Say that missed messages were taken."""

    def orders(
        self,
        *,
        access: Access,
        store_code: str,
        day: date,
        known: frozenset[str],
        whole: bool,
        start: str,
        now: datetime,
    ) -> Iterator[Page]:
        """Orders of a store it may not have told, from `start` on ("": the beginning).

        `known` are the `KNOWN_BY` of the day's orders that we have; `whole`: the day's list, not only what
        waits for acceptance. What is wrong with one order is the fault of its page and of no other.
        """

    def order(self, *, access: Access, external_id: str, now: datetime) -> Pulled | None:
        """One order as it stands there; None only if there is none of that number."""

    def level(self, *, access: Access, store_code: str, now: datetime) -> str:
        """Whether a store takes orders there: "open", "paused", or "" if it does not say."""

    def renew(self, *, access: Access, refresh: str, now: datetime) -> Token | None:
        """A new token; None where calls need none."""


def page_with(pull: Callable[[], Pulled | None], *, rest: str) -> Page:
    """One order as a page of its own: what is wrong with it holds up no other."""
    try:
        pulled = pull()
    except (Refused, Uncertain) as fault:
        return Page((), rest, fault)
    return Page((pulled,) if pulled else (), rest)
