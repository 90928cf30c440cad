"""All couriers together: their addresses, their ledger, and how their errands stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from starlette.routing import Route

from sandbox.brand import Brand
from sandbox.courier import Courier, Street
from sandbox.dada import Dada
from sandbox.doordash import DoorDash
from sandbox.errands import COLUMNS, COURIER, Errand, Step
from sandbox.peisong import Peisong
from sandbox.uber import Uber

PAGE = 50_000  # lines of the ledger at once


class NotPossible(ValueError):
    """There is no such courier, errand or step; the text says which."""


class Couriers:
    """One of each kind."""

    def __init__(self, brand: Brand, street: Street) -> None:
        found: list[Courier] = [
            Dada(brand.dada, street),
            Peisong(brand.peisong, street),
            Uber(brand.uber, street),
            DoorDash(brand.doordash, street),
        ]
        self.all = {courier.name: courier for courier in found}

    def routes(self) -> list[Route]:
        """Return the addresses of all."""
        return [route for courier in self.all.values() for route in courier.routes()]

    def resume(self) -> None:
        """Go on where a kill interrupted."""
        for courier in self.all.values():
            courier.resume()

    async def stop(self) -> None:
        """Everybody goes home."""
        for courier in self.all.values():
            await courier.stop()
            courier.book.close()

    def creates(self) -> list[dict[str, Any]]:
        """Every create that any of them was asked for, oldest first."""
        found = [timed for courier in self.all.values() for timed in courier.book.creates()]
        return [entry for _at, entry in sorted(found, key=itemgetter(0))]

    def ledger(self, after: str = "", limit: int = PAGE) -> dict[str, Any]:
        """Return errands as rows of `columns`, from the cursor `after` on; `next` is "" at the end.

        An errand is live from `created_at` to `ended_at` (Unix seconds, None while it is).
        """
        rows: list[list[Any]] = []
        for cursor, errand, courier in self._from(after):
            if len(rows) == limit:
                return {"columns": COLUMNS, "errands": rows, "next": cursor}
            rows.append(errand.row(courier))
        return {"columns": COLUMNS, "errands": rows, "next": ""}

    def state(self) -> dict[str, Any]:
        """Return how each of them stands."""
        return {name: courier.state() for name, courier in self.all.items()}

    def errands(self, origin: str) -> list[dict[str, Any]]:
        """Return everything known of the errands of one name, at every courier."""
        return [
            {"courier": name, **asdict(errand)}
            for name, courier in self.all.items()
            if (errand := courier.book.find(origin))
        ]

    def change(self, wish: dict[str, Any]) -> None:
        """Set the address an account calls back, or take a step with a live errand. Raises NotPossible."""
        courier = self.all.get(str(wish.get("courier")))
        if courier is None:
            raise NotPossible(f"courier is one of {', '.join(self.all)}")
        if "callback_url" in wish:
            courier.call_back_at(str(wish.get("account", "")), str(wish["callback_url"]))
        if "step" in wish:
            errand, step = courier.book.find(str(wish.get("origin_id"))), str(wish["step"])
            if errand is None or not errand.live or step not in courier.words:
                raise NotPossible("a live errand's origin_id, and a step: " + ", ".join(courier.words))
            courier.move(errand, Step(step), reason=str(wish.get("reason", "")), by=wish.get("by", COURIER))

    def _from(self, after: str) -> Iterator[tuple[str, Errand, str]]:
        first, _, place = after.partition(":")
        begun = not first
        for name, courier in self.all.items():
            begun = begun or name == first
            start = int(place) if name == first and place.isdecimal() else 0
            for number in range(start, len(courier.book.all) if begun else 0):
                yield f"{name}:{number}", courier.book.all[number], name
