"""What is really so: the rows in the portal's database, and the ledger of the pretend world."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

# Without callbacks nobody but the portal itself can find out what became of a call.
SILENT: dict[str, object] = {"target": "dada", "kind": "no_callbacks", "times": -1}
UNSETTLED = {"pending", "claimed", "unknown", "cancelling"}


class Truth:
    """Reads past the portal: straight from SQLite, and from the sandbox over HTTP."""

    def __init__(self, folder: Path, sandbox_url: str) -> None:
        self._database = f"file:{folder / 'portal.sqlite3'}?mode=ro"
        self._sandbox = sandbox_url

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        with closing(sqlite3.connect(self._database, uri=True, timeout=20)) as connection:
            return connection.execute(statement, values).fetchall()

    def orders(self, wave: str) -> dict[str, str]:
        """The stored orders of a wave: external id → store code. Fails if one is there twice."""
        found = self.rows(
            "SELECT o.external_id, s.code FROM orders_order o JOIN stores_store s ON s.id = o.store_id"
            " WHERE o.external_id LIKE ?",
            f"{wave}-%",
        )
        assert len(found) == len(dict(found)), "an order is stored twice"
        return dict(found)

    def auto_accepting(self) -> set[str]:
        """Codes of the stores whose orders are accepted without anybody pressing a button."""
        return {
            code for (code,) in self.rows("SELECT external_code FROM stores_storechannel WHERE auto_accept")
        }

    def open_jobs(self) -> list[tuple[Any, ...]]:
        """Jobs that are not done: (kind, key, state, attempts, last error)."""
        return self.rows(
            "SELECT kind, key, state, attempts, last_error FROM outbox_job WHERE state != 'done'"
        )

    def dead_jobs(self) -> list[tuple[Any, ...]]:
        """Dead letters."""
        return [job for job in self.open_jobs() if job[2] == "dead"]

    def hand_offs(self, wave: str) -> dict[str, tuple[str, str]]:
        """Our number at the courier → (the platform's number of the order, state)."""
        found = self.rows(
            "SELECT h.origin_id, o.external_id, h.state FROM couriers_handoff h"
            " JOIN orders_order o ON o.id = h.order_id WHERE o.external_id LIKE ?",
            f"{wave}-%",
        )
        return {origin: (external, state) for origin, external, state in found}

    def unsettled(self, wave: str) -> dict[str, tuple[str, str]]:
        """Those of `hand_offs` of which nobody knows yet how they ended."""
        return {origin: facts for origin, facts in self.hand_offs(wave).items() if facts[1] in UNSETTLED}

    def creates(self) -> Counter[str]:
        """How often Dada was asked to create each of our numbers, by its own ledger."""
        return Counter(entry["origin_id"] for entry in self.ledger()["creates"])

    def calls(self, kind: str) -> Counter[str]:
        """How many different calls of a kind the platform took for each of its orders."""
        calls = self.ledger()["calls"]
        return Counter(call["data"].get("order_id") for call in calls if call["type"] == kind)

    def misbehave(self, **fault: object) -> None:
        """Ask the sandbox to do something wrong."""
        httpx.post(f"{self._sandbox}/control/faults", json=fault, timeout=30).raise_for_status()

    def behave(self) -> None:
        """Clear what `misbehave` asked for."""
        httpx.delete(f"{self._sandbox}/control/faults", timeout=30).raise_for_status()

    def still_to_strike(self, kind: str) -> bool:
        """Whether a fault has not struck as often as it was asked to."""
        answer = httpx.get(f"{self._sandbox}/control/faults", timeout=30).raise_for_status()
        return any(fault["kind"] == kind for fault in answer.json()["faults"])

    def ledger(self) -> dict[str, Any]:
        """What the sandbox wrote down: pushes, calls, creates, and what the platforms believe."""
        answer = httpx.get(f"{self._sandbox}/control/ledger", timeout=30)
        ledger: dict[str, Any] = answer.raise_for_status().json()
        return ledger
