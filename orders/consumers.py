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

from orders.feed.chores import Chores
from orders.feed.hub import READERS, hub
from orders.queries import catch_up
from stores.models import Store

NOT_SIGNED_IN, NOT_YOURS, MALFORMED, TOO_SLOW = 4401, 4404, 4400, 4408
WINDOW = 32  # frames a browser may leave unacknowledged before it gets a mark instead of a queue
PATIENCE = 30.0  # seconds an unacknowledged frame may be old
RECHECK_BEATS = 2  # session and membership are looked at again every other heartbeat
RESUME_WITHIN = 10.0  # seconds; before its first resume a socket is neither heard nor rechecked
RESUME_GAP = 1.0  # seconds between the reads for two resumes of one board
LARGEST_MESSAGE = 1_000  # characters a board may send


class FeedConsumer(AsyncWebsocketConsumer):
    """One board. Joins the hub first and reads the database after, so nothing falls between."""

    # Only the hub speaks with Redis: with a channel of its own, no board could connect while Redis is gone.
    channel_layer_alias = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket. Whatever ends it, the hub forgets it and nothing it began goes on."""
        self.store_id = int(scope["url_route"]["kwargs"]["store_id"])
        self.chores = Chores()
        try:
            await super().__call__(scope, receive, send)
        finally:
            hub().leave(self.store_id, self)
            self.chores.cancel()

    async def connect(self) -> None:
        self.store: Store | None = None
        self.epoch: str | None = None
        self.seq = 0
        self.dirty = False  # the database may have more
        self.asked = self.answered = 0  # resumes
        self.resume_at = 0.0  # the earliest moment to read for a resume
        self.unacked: deque[tuple[int, float]] = deque()
        self.beats = 0
        await self.accept()
        if not self.scope["user"].is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        self.store = await _read(_visible_store, self.scope["user"], self.store_id)
        if self.store is None:
            await self.close(NOT_YOURS)
        else:
            self.chores.start(self._expect_resume)

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
        behind = self.dirty or self.chores.doing(self._catch_up)
        if len(self.unacked) >= WINDOW:
            self.dirty = True
        elif frame and not behind and (epoch, first) == (self.epoch, self.seq + 1):
            await self._push(frame, last)
        else:
            self._look()

    async def beat(self, *, epoch: str, top: int, frame: str) -> None:
        """The heartbeat: recheck who this is, close a dead browser, repair what Redis dropped."""
        self.beats += 1
        if self.beats % RECHECK_BEATS == 0:
            self.chores.start(self._recheck)
        if self.unacked and time.monotonic() - self.unacked[0][1] > PATIENCE:
            await self.close(TOO_SLOW)
            return
        await self.send(frame)
        behind = self.answered < self.asked or (epoch, top) != (self.epoch, self.seq)
        if behind and len(self.unacked) < WINDOW:
            self._look()

    async def _expect_resume(self) -> None:
        await asyncio.sleep(RESUME_WITHIN)
        if not self.asked:
            await self.close(TOO_SLOW)

    async def _recheck(self) -> None:
        if not await _read(_still_welcome, self.scope, self.store_id):
            await self.close(NOT_SIGNED_IN)

    async def _resume(self, message: dict[str, Any]) -> None:
        self.epoch, self.seq = message["epoch"], message["seq"]
        self.asked += 1
        self.unacked.clear()
        await hub().join(self.store_id, self)
        self._look()

    async def _acknowledge(self, seq: int) -> None:
        while self.unacked and self.unacked[0][0] <= seq:
            self.unacked.popleft()
        if self.dirty and len(self.unacked) < WINDOW:
            self._look()

    def _look(self) -> None:
        """Have the database looked into, by a task of this board's own."""
        self.dirty = True
        self.chores.start(self._catch_up)

    async def _catch_up(self) -> None:
        """Send what the database has beyond this board; again if more came meanwhile."""
        while self.dirty and len(self.unacked) < WINDOW:
            if self.answered < self.asked:
                await asyncio.sleep(self.resume_at - time.monotonic())
                self.resume_at = time.monotonic() + RESUME_GAP
            self.dirty = False
            asked, before = self.asked, (self.epoch, self.seq)
            frame, epoch, last = await _read(
                catch_up, self.store, epoch=self.epoch, seq=self.seq, now=timezone.now()
            )
            # If the board resumed meanwhile, this is not the frame it needs: it is dirty again.
            if asked == self.asked and (self.answered < asked or (epoch, last) != before):
                self.answered, self.epoch = asked, epoch
                await self._push(frame, last)

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
