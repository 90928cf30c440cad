"""The board's WebSocket: resume from a number, live events, acknowledgements, honest refusals."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.utils import timezone

from orders.feed.hub import READERS, hub
from orders.queries import catch_up
from stores.models import Store

NOT_SIGNED_IN, NOT_YOURS, MALFORMED, TOO_SLOW = 4401, 4404, 4400, 4408
WINDOW = 32  # frames a browser may leave unacknowledged before it gets a mark instead of a queue
PATIENCE = 30.0  # seconds an unacknowledged frame may be old
RECHECK_BEATS = 2  # session and membership are looked at again every other heartbeat
LARGEST_MESSAGE = 1_000  # characters a board may send


class FeedConsumer(AsyncWebsocketConsumer):
    """One board. Joins the hub first and reads the database after, so nothing falls between."""

    # Only the hub speaks with Redis: with a channel of its own, no board could connect while Redis is gone.
    channel_layer_alias = ""

    async def connect(self) -> None:
        self.store_id = int(self.scope["url_route"]["kwargs"]["store_id"])
        self.store: Store | None = None
        self.epoch: str | None = None
        self.seq = 0
        self.dirty = False
        self.unacked: deque[tuple[int, float]] = deque()
        self.catching_up = asyncio.Lock()
        self.beats = 0
        await self.accept()
        if not self.scope["user"].is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        self.store = await _read(_visible_store, self.scope["user"], self.store_id)
        if self.store is None:
            await self.close(NOT_YOURS)

    async def disconnect(self, code: int) -> None:
        hub().leave(self.store_id, self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = _message(text_data)
        if message is None:
            await self.close(MALFORMED)
        elif self.store is None:
            return
        elif message["type"] == "resume":
            await self._resume(message)
        else:
            await self._acknowledge(message["seq"])

    async def offer(self, *, epoch: str, first: int, last: int, frame: str) -> None:
        """A commit's events from the hub: pass them on if they are the next ones."""
        if epoch == self.epoch and last <= self.seq:
            return
        if self.catching_up.locked() or len(self.unacked) >= WINDOW:
            self.dirty = True
        elif epoch == self.epoch and first == self.seq + 1 and frame:
            await self._push(frame, last)
        else:
            await self._catch_up()

    async def beat(self, *, epoch: str, top: int, frame: str) -> None:
        """The heartbeat: recheck who this is, close a dead browser, repair what Redis dropped."""
        self.beats += 1
        if self.beats % RECHECK_BEATS == 0 and not await _read(_still_welcome, self.scope, self.store_id):
            await self.close(NOT_SIGNED_IN)
        elif self.unacked and time.monotonic() - self.unacked[0][1] > PATIENCE:
            await self.close(TOO_SLOW)
        else:
            await self.send(frame)
            if (epoch, top) != (self.epoch, self.seq) and len(self.unacked) < WINDOW:
                await self._catch_up()

    async def _resume(self, message: dict[str, Any]) -> None:
        self.epoch, self.seq = message["epoch"], message["seq"]
        self.unacked.clear()
        await hub().join(self.store_id, self)
        await self._catch_up(always=True)

    async def _acknowledge(self, seq: int) -> None:
        while self.unacked and self.unacked[0][0] <= seq:
            self.unacked.popleft()
        if self.dirty and len(self.unacked) < WINDOW:
            await self._catch_up()

    async def _catch_up(self, *, always: bool = False) -> None:
        """Send what the database has beyond this board; again if more came meanwhile."""
        async with self.catching_up:
            self.dirty = True
            while self.dirty:
                self.dirty = False
                before = (self.epoch, self.seq)
                frame, epoch, last = await _read(
                    catch_up, self.store, epoch=self.epoch, seq=self.seq, now=timezone.now()
                )
                self.epoch = epoch
                if always or (epoch, last) != before:
                    await self._push(frame, last)
                always = False

    async def _push(self, frame: str, last: int) -> None:
        self.seq = last
        self.unacked.append((last, time.monotonic()))
        await self.send(frame)


async def _read(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a database read in the feed's own threads, several at a time."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=READERS)(*args, **kwargs)


def _visible_store(user: Any, store_id: int) -> Store | None:
    store: Store | None = Store.objects.visible_to(user).filter(pk=store_id).first()
    return store


def _still_welcome(scope: dict[str, Any], store_id: int) -> bool:
    """Whether the session still stands and its user may still see the store."""
    request = HttpRequest()
    request.session = SessionStore(scope["session"].session_key)
    return _visible_store(get_user(request), store_id) is not None


def _message(text: str | None) -> dict[str, Any] | None:
    """A well-formed message of a board: resume (epoch, seq) or ack (seq); else None."""
    if text is None or len(text) > LARGEST_MESSAGE:
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("type") not in {"resume", "ack"}:
        return None
    seq, epoch = message.get("seq"), message.get("epoch")
    well_formed = type(seq) is int and 0 <= seq < 2**63 and (epoch is None or isinstance(epoch, str))
    return {"type": message["type"], "seq": seq, "epoch": epoch} if well_formed else None
