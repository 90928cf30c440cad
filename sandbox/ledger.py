"""What really happened, for whoever checks afterwards: sent, acknowledged, calls taken.

Kept in an append-only file, so that it survives a kill of the sandbox; what a platform had not yet
got acknowledged is pushed again after a restart.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.journal import Journal

KEPT_MESSAGES = 50_000  # settled ones; older ones are in the file only
FILE_LIMIT = 64 * 1024 * 1024  # bytes; at the next start a longer file is put aside


@dataclass(slots=True)
class Message:
    """A push to the portal. `body` is dropped once it is acknowledged; `status` is the last HTTP status.

    `given_up`: it is not pushed any more; `listed`: it waits among the failed ones until the portal asks;
    `held`: it is kept back for a while because a test wants it so.
    """

    id: str
    account: str
    type: str
    order_id: str
    store_code: str
    at: str
    body: str
    status: int | None = None
    attempts: int = 0
    acknowledged: bool = False
    given_up: bool = False
    listed: bool = False
    held: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing more is pushed."""
        return self.acknowledged or self.given_up

    def public(self) -> dict[str, Any]:
        """Return what `/control/ledger` shows."""
        shown = (
            "id",
            "account",
            "type",
            "order_id",
            "store_code",
            "at",
            "status",
            "attempts",
            "acknowledged",
            "given_up",
            "listed",
        )
        return {name: getattr(self, name) for name in shown}


class Ledger:
    """Messages and calls by their ids."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "ledger.jsonl"
        aside = path.with_suffix(".1.jsonl")
        if path.exists() and path.stat().st_size > FILE_LIMIT:
            path.replace(aside)
        self._journal = Journal(path)
        self.messages: dict[str, Message] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        for entry in self._journal.read():
            self._apply(entry)

    def sent(self, message: Message) -> None:
        """Write down a message before it is pushed for the first time."""
        self._add("sent", {name: getattr(message, name) for name in _SENT})

    def answered(self, message: Message, status: int | None, *, exact: bool | None = None) -> None:
        """Write down the portal's answer; None: there was none.

        `exact`: whether it was the answer the platform wants; by default any 2xx is.
        """
        accepted = _is_2xx(status) if exact is None else exact
        self._add("answer", {"id": message.id, "status": status, "exact": accepted})

    def gave_up(self, message: Message, *, listed: bool) -> None:
        """Write down that a message is not pushed (any more)."""
        self._add("gave_up", {"id": message.id, "listed": listed})

    def fetched(self, message: Message) -> None:
        """Write down that the portal asked for a failed message and took it."""
        self._add("fetched", {"id": message.id})

    def called(self, account: str, call_id: str, call: dict[str, Any], at: str) -> None:
        """Write down a verified call of the portal; a repeated one only counts."""
        self._add("call", {"account": account, "id": call_id, "at": at, **call})

    def unanswered(self) -> list[Message]:
        """Return messages that are still owed to the portal."""
        return [message for message in self.messages.values() if not message.settled]

    def failed(self, accounts: Collection[str]) -> list[Message]:
        """Return the messages of these accounts that wait for the portal to ask, oldest first."""
        return [m for m in self.messages.values() if m.listed and m.account in accounts]

    def public(self, account: str = "") -> dict[str, Any]:
        """Return everything, or what belongs to one platform account."""
        return {
            "sent": [m.public() for m in self.messages.values() if account in {"", m.account}],
            "calls": [call for call in self.calls.values() if account in {"", call["account"]}],
        }

    def totals(self) -> dict[str, dict[str, int]]:
        """Return how many messages were sent and acknowledged, per account."""
        found: dict[str, dict[str, int]] = {}
        for message in self.messages.values():
            row = found.setdefault(message.account, {"sent": 0, "acknowledged": 0})
            row["sent"] += 1
            row["acknowledged"] += message.acknowledged
        return found

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _add(self, kind: str, facts: dict[str, Any]) -> None:
        entry = {"entry": kind, **facts}
        self._journal.add(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        facts = {key: value for key, value in entry.items() if key != "entry"}
        match entry["entry"]:
            case "sent":
                self.messages[facts["id"]] = Message(**facts)
            case "call":
                known = self.calls.setdefault(facts["id"], {**facts, "times": 0})
                known["times"] += 1
            case kind if message := self.messages.get(facts.get("id", "")):
                self._settle(message, kind, facts)

    def _settle(self, message: Message, kind: str, facts: dict[str, Any]) -> None:
        if kind == "answer":
            message.status = facts["status"]
            message.attempts += 1
            message.acknowledged |= facts.get("exact", _is_2xx(message.status))
        elif kind == "gave_up":
            message.given_up, message.listed = True, facts["listed"]
        else:
            message.acknowledged, message.listed = True, False
        if message.acknowledged:
            message.body, message.listed = "", False
            if len(self.messages) > KEPT_MESSAGES:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = next(iter(self.messages.values()))
        if oldest.settled:
            del self.messages[oldest.id]


def _is_2xx(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


_SENT = ("id", "account", "type", "order_id", "store_code", "at", "body")
