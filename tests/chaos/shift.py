"""A shift under fire: a platform, boards and staff around one portal, and the check at its end."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.brand import read_brand
from tests.chaos.board import Board
from tests.chaos.eventually import eventually
from tests.chaos.platform import Platform
from tests.chaos.staff import Staff
from tests.chaos.truth import Truth
from tests.processes import Portal

STORES = ("SH-01", "CD-01")  # two franchises; each has a board and somebody at the counter
RUSH = ("SH-01", "CD-01", "HZ-01", "CD-02")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Everybody at work, by store code."""

    name: str
    portal: Portal
    platform: Platform
    staff: dict[str, Staff]
    boards: dict[str, Board]
    truth: Truth

    async def restarted(self, name: str, pid: int) -> None:
        """Return once the supervisor has started a service anew, whose process was `pid`."""
        await eventually(lambda: self.portal.pid(name) != pid, f"{name} started again")

    async def kill(self, name: str) -> None:
        """kill -9 a service; returns once the supervisor has started it anew."""
        await self.restarted(name, self.portal.send(name, signal.SIGKILL))

    async def card(self, code: str, external_id: str) -> dict[str, Any]:
        """Wait until an order is on its store's board, and return the card."""

        def find() -> dict[str, Any] | None:
            cards = self.boards[code].state["cards"] if self.boards[code].state else []
            return next((card for card in cards if card["external_id"] == external_id), None)

        card: dict[str, Any] = await eventually(find, f"{external_id} on the board")
        return card

    async def make(self, code: str, orders: int) -> list[int]:
        """Have orders placed that the store delivers, and begin to make them; returns their ids."""
        placed = [self.platform.place(code, fulfilment="store_courier") for _ in range(orders)]
        cards = [await self.card(code, external_id) for external_id in placed]
        for card in cards:
            await self.staff[code].step(card["id"], "start", "order.started")
        return [card["id"] for card in cards]

    async def hand_to_courier(self, code: str, order: int) -> None:
        """Give an order to the courier that serves its store."""
        carriers = await self.staff[code].get("/carriers")
        await self.staff[code].hand_off(order, carriers["couriers"][0]["id"])

    def states(self) -> set[str]:
        """The states of this wave's hand-offs."""
        return {state for _, state in self.truth.hand_offs(self.name).values()}

    def delivery_states(self, code: str, order: int) -> list[str]:
        """The states of an order's hand-off, as its board saw them."""
        cards = [event["card"] for event in self.boards[code].events if "card" in event]
        return [card["delivery"]["state"] for card in cards if card["id"] == order and card["delivery"]]

    async def end(self, number: int) -> int:
        """Send the supervisor a signal; returns its exit code."""
        return await asyncio.to_thread(self.portal.stop, number)

    async def boards_complete(self) -> None:
        """Return once the boards show every acknowledged order."""
        for code, board in self.boards.items():
            await eventually(lambda c=code, b=board: self._owed(c) <= set(_placed(b)), f"{code} complete")

    async def check(self, answers: set[int | None]) -> None:
        """The end of every test: all acknowledged is stored once, seen once, and passed on.

        `answers` is what the platform may have got for its pushes; None is a broken connection.
        """
        await self.platform.settle()
        assert set(self.platform.answers) <= answers, self.platform.answers
        assert self.truth.orders(self.name) == self.platform.acked
        await eventually(lambda: not self.truth.unsettled(self.name), "every hand-off settled")
        await eventually(lambda: not self._unfinished_jobs(), "every job done")
        assert self.truth.dead_jobs() == []
        assert self._untold() == set()
        for code in self.boards:
            await self._check_board(code)

    def _owed(self, code: str) -> set[str]:
        return {external_id for external_id, store in self.platform.acked.items() if store == code}

    def _unfinished_jobs(self) -> list[Any]:
        return [job for job in self.truth.open_jobs() if job[2] != "dead"]

    def _untold(self) -> set[str]:
        """Orders the platform should have heard of and did not, or by more than one call."""
        codes = self.truth.auto_accepting()
        wanted = Counter(order for order, code in self.platform.acked.items() if code in codes)
        told = self.truth.calls("order.accepted")
        return {order for order in wanted if told[order] != 1}

    async def _check_board(self, code: str) -> None:
        board, staff = self.boards[code], self.staff[code]
        await eventually(lambda: self._is_true(board, staff), f"the board of {code} equal to a fresh one")
        assert board.faults == []
        assert board.snapshots == 1, "a gap was answered with a snapshot"
        assert Counter(_placed(board)) == Counter(self._owed(code)), "each order is announced once"
        assert {500, 502, 503} & set(staff.answers) == set()
        seen = Counter((event["kind"], event["card"]["id"], event["seq"]) for event in board.events)
        assert [done for done in staff.done if seen[done] != 1] == []

    async def _is_true(self, board: Board, staff: Staff) -> bool:
        fresh = await staff.get("/feed")
        await eventually(lambda: board.seq >= fresh["seq"], "the board caught up")
        if board.state is None or board.seq != fresh["seq"]:
            return False  # something happened since: look again
        assert {**board.state, "at": ""} == {**fresh, "at": ""}
        return True


def _placed(board: Board) -> list[str]:
    return [event["card"]["external_id"] for event in board.events if event["kind"] == "order.placed"]


@asynccontextmanager
async def begin(portal: Portal, credentials: dict[str, Any], dice: Random, name: str) -> AsyncIterator[Shift]:
    """Sign everybody in, connect the boards, and take all of it down at the end."""
    users = {user["stores"][0]["code"]: user for user in credentials["users"] if user["role"] == "staff"}
    platform = Platform(read_brand(portal.folder / "sandbox" / "brand.json"), dice, name=name)
    staff = {code: Staff(portal.url, users[code]) for code in STORES}
    cookies = {code: await person.sign_in() for code, person in staff.items()}
    boards = {code: Board(portal.url, staff[code].store_id, cookies[code]) for code in STORES}
    truth = Truth(portal.folder, portal.sandbox_url)
    async with AsyncExitStack() as stack:
        stack.callback(truth.behave)
        for person in (platform, *staff.values()):
            stack.push_async_callback(person.close)
        for board in boards.values():
            await stack.enter_async_context(board.running())
        await eventually(lambda: all(board.state for board in boards.values()), "the boards loaded")
        yield Shift(name=name, portal=portal, platform=platform, staff=staff, boards=boards, truth=truth)
