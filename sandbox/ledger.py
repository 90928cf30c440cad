"""What really happened, for whoever checks afterwards: sent, acknowledged, calls taken, errands created.

Kept in an append-only file, so that it survives a kill of the sandbox; what a platform had not yet
got acknowledged is pushed again after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.journal import Journal

KEPT_MESSAGES = 50_000  # acknowledged ones; older ones are in the file only
FILE_LIMIT = 64 * 1024 * 1024  # bytes; at the next start a longer file is put aside


@dataclass(slots=True)
class Message:
    """A push to the portal. `body` is dropped once a 2xx came; `status` is the last HTTP status."""

    id: str
    account: str
    type: str
    order_id: str
    store_code: str
    at: str
    body: str
    status: int | None = None
    attempts: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether the portal answered 2xx."""
        return self.status is not None and 200 <= self.status < 300

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
        )
        return {name: getattr(self, name) for name in shown}


class Ledger:
    """Messages by webhook-id, calls by webhook-id, and the list of creates at couriers."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "ledger.jsonl"
        aside = path.with_suffix(".1.jsonl")
        if path.exists() and path.stat().st_size > FILE_LIMIT:
            path.replace(aside)
        self._journal = Journal(path)
        self.messages: dict[str, Message] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.creates: list[dict[str, Any]] = []
        for entry in self._journal.read():
            self._apply(entry)

    def sent(self, message: Message) -> None:
        """Write down a message before it is pushed for the first time."""
        self._add("sent", {name: getattr(message, name) for name in _SENT})

    def answered(self, message: Message, status: int | None) -> None:
        """Write down the portal's answer; None: there was none."""
        self._add("answer", {"id": message.id, "status": status})

    def called(self, account: str, call_id: str, call: dict[str, Any], at: str) -> None:
        """Write down a verified call of the portal; a repeated one only counts."""
        self._add("call", {"account": account, "id": call_id, "at": at, **call})

    def created(self, entry: dict[str, Any]) -> None:
        """Write down that a courier was asked to carry something."""
        self._add("create", entry)

    def unanswered(self) -> list[Message]:
        """Return messages that are still owed to the portal."""
        return [message for message in self.messages.values() if not message.acknowledged]

    def public(self, account: str = "") -> dict[str, Any]:
        """Return everything, or what belongs to one platform account."""
        return {
            "sent": [m.public() for m in self.messages.values() if account in {"", m.account}],
            "calls": [call for call in self.calls.values() if account in {"", call["account"]}],
            "creates": self.creates,
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
            case "answer":
                self._answer(facts["id"], facts["status"])
            case "call":
                known = self.calls.setdefault(facts["id"], {**facts, "times": 0})
                known["times"] += 1
            case "create":
                self.creates.append(facts)

    def _answer(self, message_id: str, status: int | None) -> None:
        message = self.messages.get(message_id)
        if message is None:
            return
        message.status = status
        message.attempts += 1
        if message.acknowledged:
            message.body = ""
            if len(self.messages) > KEPT_MESSAGES:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = next(iter(self.messages.values()))
        if oldest.acknowledged:
            del self.messages[oldest.id]


_SENT = ("id", "account", "type", "order_id", "store_code", "at", "body")
