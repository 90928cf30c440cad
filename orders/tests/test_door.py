"""What is turned away at the door of the intake process, and what goes the ordinary way."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from orders.intake.door import DoorProtocol, whole_request

ADDRESS = "/intake/standard/jx/"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nretry-after: 7\r\n\r\nfull"


def request(body: bytes = b"{}", *, path: str = ADDRESS, headers: str = "", method: str = "POST") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: portal\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (request(), ADDRESS),
        (request(b""), ADDRESS),
        (request(path=f"{ADDRESS}?sig=1&app_id=2"), ADDRESS),
        (request(method="GET"), None),
        (request(path="/livez"), None),
        (request(path="/intake/standard/jx/ x"), None),
        (request()[:-1], None),
        (request() + b"P", None),
        (request()[:40], None),
        (request(headers="Content-Length: 2\r\n"), None),
        (request(headers="Transfer-Encoding: chunked\r\n"), None),
        (request(headers="expect: 100-continue\r\n"), None),
        (request(headers="Connection: close\r\n"), None),
        (b"\x00\xff" * 50, None),
        (b"", None),
    ],
)
def test_only_one_whole_and_plain_push_is_judged_at_the_door(data, path):
    assert whole_request(data) == path


class Intake:
    """Full or not; tells by its answers what reached it."""

    def __init__(self) -> None:
        self.full = False
        self.turned_away: list[str] = []

    def turn_away(self, path: str, *, inside: int) -> bytes | None:
        if self.full:
            self.turned_away.append(path)
        return REFUSAL if self.full else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"%02d" % len(body)})


@asynccontextmanager
async def serving(intake: Intake):
    """A connection to a real server with that intake behind the door."""
    protocol = type("Protocol", (DoorProtocol,), {"intake": intake})
    config = uvicorn.Config(intake, port=0, http=protocol, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await task


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    return int(head.split(b" ")[1]), await reader.readexactly(length)


async def test_one_connection_is_turned_away_and_let_in_as_there_is_room():
    intake = Intake()
    async with serving(intake) as (reader, writer):
        seen = []
        for intake.full in (False, True, True, False, True, False):
            writer.write(request(b"12345"))
            seen.append(await answer(reader))

    stored, refused = (200, b"05"), (503, b"full")
    assert seen == [stored, refused, refused, stored, refused, stored]
    assert intake.turned_away == [ADDRESS] * 3


async def test_what_comes_in_pieces_or_in_a_row_is_not_judged_by_its_end():
    intake = Intake()
    async with serving(intake) as (reader, writer):
        intake.full = True
        for piece in (request(b"123")[:30], request(b"123")[30:-1], b"3"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)  # a packet of its own
        pieces = await answer(reader)
        writer.write(request(b"1") + request(b"22"))
        row = [await answer(reader), await answer(reader)]
        writer.write(request(b"1"))
        alone = await answer(reader)

    assert (pieces, row, alone) == ((200, b"03"), [(200, b"01"), (200, b"02")], (503, b"full"))


async def test_a_push_inside_another_ones_body_is_not_taken_for_one():
    intake = Intake()
    async with serving(intake) as (reader, writer):
        intake.full = True
        inner = request(b"x")
        writer.write(request(inner)[: -len(inner)])
        await writer.drain()
        await asyncio.sleep(0.05)  # a packet of its own
        writer.write(inner)
        seen = await answer(reader)

    assert seen == (200, b"%02d" % len(inner))
    assert intake.turned_away == []
