"""The intake application: `POST /intake/<channel>/<account>/`, answered once it is committed.

Plain ASGI: every Django middleware and every hop to a thread costs more than storing an order does.
Mounted in front of Django in the one-process default, and a process of its own in a deployment.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import Error
from django.utils import timezone
from pydantic_core import to_json

from orders.channels.incoming import Placed, Rejected, Request
from orders.channels.registry import PUSHES, Push
from orders.intake.committer import Committer, NotStored, Unstorable
from orders.intake.delivery import Account, Delivery, Outcome
from orders.intake.directory import Directory
from orders.intake.tally import Counts, Refusal
from orders.intake.writer import write_batch

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

PATH = re.compile(r"/intake/(?P<channel>[a-z0-9_-]+)/(?P<account>[\w-]+)/?(?P<kind>[a-z-]+)?/?", re.ASCII)
READ_TIMEOUT = 10.0  # seconds for a sender to deliver its body
RETRY_AFTER = 5  # seconds, where nothing better is known
TOO_LONG = "A message has at most %d bytes."
NOT_STORED = "Not stored; send it again."
Answer = tuple[int, dict[str, Any]]


class SenderLeft(Exception):
    """The connection closed before the message was whole."""


class Later(Exception):
    """Nothing is stored; `answer` says so in the platform's words, and to come back in so many seconds."""

    def __init__(self, answer: Answer, seconds: int) -> None:
        super().__init__(seconds)
        self.answer = answer
        self.seconds = seconds


class IntakeApp:
    """Body cap, verify over the raw bytes, parse, hand to the committer, await, answer."""

    def __init__(self) -> None:
        self._directory = Directory()
        self._committer = Committer(
            write_batch, most_waiting=settings.INTAKE_MAX_WAITING, deadline=settings.INTAKE_DEADLINE
        )
        self._counts = Counts()
        self._public_url = settings.PUBLIC_URL.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (or a server's lifespan messages)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            answer, retry_after = await self._answer(scope, receive), RETRY_AFTER
        except Rejected as rejected:
            answer, retry_after = (rejected.status, {"error": rejected.detail}), RETRY_AFTER
        except Later as later:
            answer, retry_after = later.answer, later.seconds
        except SenderLeft:
            return
        except Error as error:
            logger.warning("intake answers 503: %r", error)
            answer, retry_after = (503, {"error": NOT_STORED}), RETRY_AFTER
        await _respond(send, *answer, retry_after=retry_after)

    def turn_away(self, path: str, *, inside: int) -> bytes | None:
        """The whole response that refuses a POST to `path` unread, or None if there is room for it.

        `inside` is how many requests the server has let in and not answered.
        """
        match = PATH.fullmatch(path)
        push = PUSHES.get(match["channel"]) if match else None
        account = self._directory.known(match["channel"], match["account"]) if match else None
        if push is None or account is None or "POST" not in push.METHODS:
            return None
        seconds = self._committer.turns_away(account.id, inside=inside)
        if seconds is None:
            return None
        self._counts.note(account.id, "503")
        return _refusal_in_one(account.channel, seconds)

    async def close(self) -> None:
        """End the committer; call it when no request is under way."""
        await self._committer.close()
        await self._counts.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        match = PATH.fullmatch(scope["path"])
        push = PUSHES.get(match["channel"]) if match else None
        if match is None or push is None:
            raise Rejected(404, "There is no such intake address.")
        if scope["method"] not in push.METHODS:
            raise Rejected(405, "This method is not understood here.")
        name = match["channel"], match["account"]
        known = self._directory.known(*name)
        if known is not None and (later := self._no_room(known, push)):
            raise later
        request = _request(scope, self._public_url, match["kind"] or "")
        try:
            _check_length(request.headers)
        except Rejected as rejected:
            return self._refuse(known, push, request, rejected)
        account = await self._directory.account(*name)
        if account is None:
            raise Rejected(404, "There is no such account.")
        return await self._take(account, push, request, receive)

    def _refuse(self, account: Account | None, push: Push, request: Request, rejected: Rejected) -> Answer:
        if account is not None:
            refusal = Refusal(account.id, timezone.now(), rejected.status, rejected.detail, request)
            self._counts.refuse(refusal)
        return push.refusal(rejected.status, rejected.detail)

    def _no_room(self, account: Account, push: Push) -> Later | None:
        """Refuse before any work is done on a message: in a flood that is most of what there is to do."""
        seconds = self._committer.turns_away(account.id)
        return None if seconds is None else self._later(account, push, seconds)

    def _later(self, account: Account, push: Push, seconds: int) -> Later:
        self._counts.note(account.id, "503")
        return Later(push.refusal(503, NOT_STORED), seconds)

    async def _take(self, account: Account, push: Push, request: Request, receive: Receive) -> Answer:
        try:
            request = replace(request, body=await _read_body(receive))
            if request.kind not in (push.KINDS or {""}):
                raise Rejected(404, "There is no such intake address.")
            if push.is_ping(request):
                return push.answer("ping")
            outcome = await self._commit(await self._delivery(account, push, request))
        except Rejected as rejected:
            return self._refuse(account, push, request, rejected)
        except NotStored as refused:
            raise self._later(account, push, refused.retry_after) from refused
        self._counts.note(account.id, outcome)
        return push.answer(outcome)

    async def _delivery(self, account: Account, push: Push, request: Request) -> Delivery:
        proof = push.verify(keys=account.keys, request=request)
        message = push.parse(kind=proof.kind, raw=proof.raw)
        place = None
        if isinstance(message.content, Placed):
            place = await self._directory.place(account, message.store_code)
        return Delivery(account=account, place=place, proof=proof, message=message)

    async def _commit(self, delivery: Delivery) -> Outcome:
        try:
            return await self._committer.submit(delivery)
        except Unstorable as error:
            raise Rejected(400, f"The message cannot be stored ({error}).") from error


def _request(scope: Scope, public_url: str, kind: str) -> Request:
    """The request without its body."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        url=public_url + scope["path"],
        kind=kind,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        body=b"",
    )


def _check_length(headers: Mapping[str, str]) -> None:
    """Raise Rejected(413) for what is declared too long, before anything else is done for it."""
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > settings.INTAKE_MAX_BODY:
        raise Rejected(413, TOO_LONG % settings.INTAKE_MAX_BODY)


async def _read_body(receive: Receive) -> bytes:
    """Return the body. Raises Rejected(413), Rejected(408)."""
    most = settings.INTAKE_MAX_BODY
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            more = True
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise SenderLeft
                body += event.get("body", b"")
                more = event.get("more_body", False)
                if len(body) > most:
                    raise Rejected(413, TOO_LONG % most)
    except TimeoutError as error:
        raise Rejected(408, "The body did not arrive in time.") from error
    return bytes(body)


@cache
def _refusal_in_one(channel: str, seconds: int) -> bytes:
    """What `_respond` would send where there is no room, as HTTP/1.1."""
    status, document = PUSHES[channel].refusal(503, NOT_STORED)
    body = to_json(document)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nretry-after: {seconds}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def _respond(send: Send, status: int, document: Mapping[str, Any], *, retry_after: int) -> None:
    body = to_json(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(retry_after).encode()))
    if status in {408, 413}:
        headers.append((b"connection", b"close"))  # the rest of the body is not wanted
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
