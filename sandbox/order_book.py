"""What the platforms believe of their orders, and the daily numbers they gave; survives a restart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sandbox.journal import Journal

PLACED, ACCEPTED, READY, COMPLETED, CANCELLED = "placed", "accepted", "ready", "completed", "cancelled"
ENDED = frozenset({COMPLETED, CANCELLED})
KEPT_ORDERS = 50_000  # older ones that have ended are forgotten
FILE_LIMIT = 64 * 1024 * 1024  # bytes; at the next start a longer file is written anew


@dataclass(slots=True)
class Order:
    """One order at one platform account.

    `data` is what `sandbox.orders.make_order` made; `facts` is what only this platform needs to remember.
    `pushed`: the portal was told, if only in vain; `acknowledged`: it took it. `day` is e.g. "2026-02-06".
    """

    account: str
    channel: str
    order_id: str
    store_code: str
    number: int
    day: str
    data: dict[str, Any]
    state: str = PLACED
    pushed: bool = False
    acknowledged: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether something can still happen to it."""
        return self.state not in ENDED

    @property
    def fulfilment(self) -> str:
        """Who brings it: "platform_courier", "store_courier" or "pickup"."""
        return str(self.data["fulfilment"])

    @property
    def by_platform(self) -> bool:
        """Whether the platform's riders bring it, as things stand now."""
        return self.fulfilment == "platform_courier" and not self.facts.get("self_delivery")

    def public(self) -> dict[str, Any]:
        """Return what `/control/ledger` shows."""
        shown = ("account", "channel", "order_id", "store_code", "state", "acknowledged", "pushed", "number")
        return {name: getattr(self, name) for name in shown}


class OrderBook:
    """Orders by account and number."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "orders.jsonl"
        self._journal = Journal(path)
        self._orders: dict[tuple[str, str], Order] = {}
        self._stores: dict[tuple[str, str], dict[str, Order]] = defaultdict(dict)
        self._numbers: dict[tuple[str, str], tuple[str, int]] = {}
        self.tokens: dict[str, dict[str, str]] = {}
        for entry in self._journal.read():
            self._apply(entry)
        if path.stat().st_size > FILE_LIMIT:
            self._write_anew(path)

    def add(self, order: Order) -> Order:
        """Write down a new order, and return the one that is kept."""
        self._add({"entry": "placed", **_facts(order)})
        return self._orders[order.account, order.order_id]

    def change(self, order: Order, *, facts: dict[str, Any] | None = None, **changes: Any) -> None:
        """Write down what became of it; `facts` are added to the ones it has."""
        names = {"account": order.account, "order_id": order.order_id}
        self._add({"entry": "changed", **names, "changes": changes, "facts": facts or {}})

    def find(self, account: str, order_id: str) -> Order | None:
        """Return an order, if this account has it."""
        return self._orders.get((account, order_id))

    def of_store(self, account: str, code: str) -> Iterable[Order]:
        """Return a store's orders, oldest first."""
        return self._stores[account, code].values()

    def live(self, accounts: Iterable[str]) -> list[Order]:
        """Return the orders of these accounts that have not ended."""
        wanted = set(accounts)
        return [order for order in self._orders.values() if order.live and order.account in wanted]

    def next_number(self, account: str, code: str, day: str, *, most: int) -> int:
        """Return the number the next order of a store gets; it starts at 1 every day and after `most`."""
        last_day, last = self._numbers.get((account, code), ("", 0))
        return last % most + 1 if last_day == day else 1

    def last_number(self, account: str, code: str, day: str) -> int:
        """Return the highest number given to a store today; 0 if none was."""
        last_day, last = self._numbers.get((account, code), ("", 0))
        return last if last_day == day else 0

    def keep_token(self, account: str, token: dict[str, str]) -> None:
        """Write down what an account's calls are let in with."""
        self._add({"entry": "token", "account": account, "token": token})

    def public(self, account: str = "") -> list[dict[str, Any]]:
        """Return what the platforms believe, of all accounts or one."""
        return [order.public() for order in self._orders.values() if account in {"", order.account}]

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _add(self, entry: dict[str, Any]) -> None:
        self._journal.add(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        kind = entry["entry"]
        if kind == "placed":
            self._place(Order(**{name: value for name, value in entry.items() if name != "entry"}))
        elif kind == "token":
            self.tokens[entry["account"]] = entry["token"]
        elif kind == "number":
            self._numbers[entry["account"], entry["store_code"]] = entry["day"], entry["number"]
        elif order := self._orders.get((entry["account"], entry["order_id"])):
            order.facts.update(entry["facts"])
            for name, value in entry["changes"].items():
                setattr(order, name, value)

    def _place(self, order: Order) -> None:
        self._orders[order.account, order.order_id] = order
        self._stores[order.account, order.store_code][order.order_id] = order
        self._numbers[order.account, order.store_code] = order.day, order.number
        if len(self._orders) > KEPT_ORDERS:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        key, oldest = next(iter(self._orders.items()))
        if not oldest.live:
            del self._orders[key]
            del self._stores[oldest.account, oldest.store_code][oldest.order_id]

    def _write_anew(self, path: Path) -> None:
        self._journal.close()
        path.replace(path.with_suffix(".1.jsonl"))
        self._journal = Journal(path)
        for (account, code), (day, number) in self._numbers.items():
            names = {"account": account, "store_code": code, "day": day, "number": number}
            self._journal.add({"entry": "number", **names})
        for account, token in self.tokens.items():
            self._journal.add({"entry": "token", "account": account, "token": token})
        for order in self._orders.values():
            self._journal.add({"entry": "placed", **_facts(order)})


def _facts(order: Order) -> dict[str, Any]:
    """Return what is written down; not a deep copy, for orders come fast."""
    return {name.name: getattr(order, name.name) for name in fields(order)}
