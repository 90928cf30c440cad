"""A counter's board over the wire: resumes after every loss, and remembers every event it saw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from orders.tests.boards import apply

AGAIN = 0.2  # seconds until a lost board connects again


class Board:
    """One browser at one store.

    `events` holds each event once, in the order seen; `faults` whatever a browser should never get.
    `pushed` counts the frames that came by themselves and not because a heartbeat had shown a gap.
    """

    def __init__(self, url: str, store_id: int, cookie: str) -> None:
        self.store_id = store_id
        self.state: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.snapshots = self.connections = self.pushed = 0
        self._address = f"{url.replace('http', 'ws', 1)}/ws/v1/stores/{store_id}/feed"
        self._origin = url
        self.cookie = cookie
        self._behind = False

    @property
    def seq(self) -> int:
        """The number up to which it is complete."""
        return self.state["seq"] if self.state else 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected inside the block, whatever it takes."""
        following = asyncio.create_task(self._follow_for_ever())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow_for_ever(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):  # lost, or nobody there
                await self._follow()
            await asyncio.sleep(AGAIN)

    async def _follow(self) -> None:
        cookie = {"Cookie": f"sessionid={self.cookie}"}
        async with connect(
            self._address, additional_headers=cookie, origin=self._origin, max_size=None, proxy=None
        ) as socket:
            self.connections += 1
            await self._resume(socket)
            async for text in socket:
                await self._take(socket, json.loads(text))
        if socket.close_code in {4401, 4404}:
            self.faults.append(f"closed with {socket.close_code}")

    async def _resume(self, socket: ClientConnection) -> None:
        epoch = self.state["epoch"] if self.state else None
        await socket.send(json.dumps({"type": "resume", "epoch": epoch, "seq": self.seq}))

    async def _take(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "snapshot":
                self._begin(frame)
            case "events":
                self._apply(frame)
            case "beat":
                if self._behind and frame["seq"] > self.seq:
                    await self._resume(socket)
                self._behind = frame["seq"] > self.seq
                return
        await socket.send(json.dumps({"type": "ack", "seq": self.seq}))

    def _begin(self, frame: dict[str, Any]) -> None:
        self.snapshots += 1
        if frame["store"]["id"] != self.store_id:
            self.faults.append(f"a snapshot of store {frame['store']['id']}")
        self.state = frame

    def _apply(self, frame: dict[str, Any]) -> None:
        assert self.state is not None
        fresh = [event for event in frame["events"] if event["seq"] > self.seq]
        try:
            self.state = apply(self.state, frame)
        except AssertionError:
            self.faults.append(f"a gap: {self.seq} is followed by {fresh[0]['seq']}")
            return
        self.events.extend(fresh)
        if self.seq != frame["seq"]:
            self.faults.append(f"a frame said {frame['seq']} and its events led to {self.seq}")
        if fresh and not self._behind:
            self.pushed += 1
        self._behind = False
