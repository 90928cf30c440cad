"""Which orders have come to the shelf, and how many of them are settled: read and written past the portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.chaos.carriage.checker import ENDS
from tests.chaos.carriage.database import Database

SETTLED = "SELECT count(*) FROM couriers_carriersearch WHERE state IN ('done', 'nobody', 'stopped')"
# Couriers have half a minute at least to find a rider; here they have as many seconds as this.
HURRIED = 15.0


class Feed:
    """Orders in the order of their numbers; `released` of them are on the shelf."""

    def __init__(self, database: Database, orders: int) -> None:
        self.orders, self.released = orders, 0
        self._database = database
        self._first = self._count("SELECT min(id) FROM orders_order")

    @property
    def waiting(self) -> int:
        """Orders that nobody has made yet."""
        return self.orders - self.released

    def fill(self, at_once: int) -> None:
        """Release as many as bring the unsettled ones to `at_once`."""
        free = at_once - self.released + self._count(SETTLED)
        numbers = range(self._first + self.released, self._first + min(self.released + free, self.orders))
        if not numbers:
            return
        self.released += len(numbers)
        now = self._database.text(datetime.now(UTC))
        shelf = f"on_board = true, ready_at = {now}"
        between = f"id BETWEEN {numbers[0]} AND {numbers[-1]}"
        self._database.change(f"UPDATE orders_order SET {shelf} WHERE {between}")
        keys = ", ".join(f"'{number}.chaos'" for number in numbers)
        due = f"kind = 'order.ready' AND key IN ({keys})"
        self._database.change(f"UPDATE outbox_job SET due_at = {now} WHERE {due}")

    def hurry(self) -> None:
        """Let a courier's time to find a rider run out; what the watch does then is its own business."""
        until = self._database.text(datetime.now(UTC) - timedelta(seconds=HURRIED))
        offered = f"state = 'offered' AND accept_by > changed_at AND changed_at < {until}"
        self._database.change(f"UPDATE couriers_carriersearch SET accept_by = changed_at WHERE {offered}")

    def left(self) -> int:
        """Orders, hand-offs and jobs that are not settled: a search may be over before its hand-off is."""
        live = self._count(f"SELECT count(*) FROM couriers_handoff WHERE state NOT IN {ENDS}")
        jobs = self._count("SELECT count(*) FROM outbox_job WHERE state = 'due' AND queue = 'couriers'")
        return self.released - self._count(SETTLED) + live + jobs

    def _count(self, statement: str) -> int:
        return int(self._database.rows(statement)[0][0])
