"""From the commit to the counter: a pushed order on its way into a WebSocket and onto a real board.

Orders are pushed one by one into the whole site (Daphne, SQLite, Redis). Time runs from the order's
`received_at`, which intake takes just before it writes, so it includes the commit itself. All clocks are this
machine's; `received_at` is cut to milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from playwright.async_api import Browser, Error, Page, async_playwright
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.figures import Aim, percentile, spread
from benchmarks.lab import Lab
from benchmarks.pushes import PATH, Push, make_pushes, sign
from benchmarks.servers import DAPHNE, Server
from tests.services import find_chromium

ORDERS = 12  # per store: a column draws no more than 16 cards
EVERY = 0.1  # seconds between two orders
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PATIENCE = 10.0  # seconds for the last order to arrive at the socket
SETTLE = 1.0  # seconds before the orders, and after the last one before the page is asked

# Notes when a card's number is first in the page, by the wall clock.
WATCH = """
window.seen = {};
new MutationObserver(() => {
  const at = performance.timeOrigin + performance.now();
  for (const place of document.querySelectorAll(".card-number")) window.seen[place.textContent.trim()] ??= at;
}).observe(document, { childList: true, subtree: true, characterData: true });
"""


@dataclass(slots=True)
class Ways:
    """Milliseconds from the commit, per order. `note` says why the page was not measured."""

    websocket: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)
    note: str = ""
    name: str = "commit_to_counter_ms"

    def lines(self) -> Iterator[str]:
        yield "From the commit to the counter, whole site under Daphne:"
        for name, values in (("WebSocket client", self.websocket), ("card in Chromium", self.page)):
            if values:
                yield f"{name:33} {spread(values)}  of {len(values)} orders"
        if self.note:
            yield self.note

    def aims(self) -> Iterator[Aim]:
        yield from ()

    def document(self) -> Any:
        return {
            name: {"p50": percentile(values, 50), "p99": percentile(values, 99), "orders": len(values)}
            for name, values in (("websocket", self.websocket), ("page", self.page))
            if values
        }


def measure_ways(lab: Lab, *, stores: int) -> Ways:
    """Push `ORDERS` orders into each of some stores while a socket and a board watch it."""
    with ExitStack() as stack:
        environment = {**lab.environment, "DATABASE_URL": lab.database("SQLite", "ways").url}
        log = lab.folder / "ways.log"
        server = Server(DAPHNE, "merchant_portal.asgi:application", environment=environment, log=log)
        stack.callback(server.stop)
        server.wait()
        return asyncio.run(_watch_stores(f"127.0.0.1:{server.port}", lab.world, stores=stores))


async def _watch_stores(host: str, world: dict[str, Any], *, stores: int) -> Ways:
    ways = Ways()
    if (chromium := find_chromium()) is None:
        ways.note = "Chromium was not found and could not be installed: the way to the page is missing."
    async with async_playwright() as playwright, httpx.AsyncClient(base_url=f"http://{host}") as http:
        browser = chromium and await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        try:
            for code, store_id in list(zip(world["codes"], world["stores"], strict=True))[:stores]:
                watch = Watch(host, world["session"], store_id)
                page = await watch.open_board(browser) if browser else None
                await watch.follow(http, make_pushes(ORDERS, run=code, codes=[code]), ways, page)
        except (Error, TimeoutError, OSError) as error:
            ways.note = f"Not measured to the end: {error!r}"
        if browser:
            await browser.close()
    return ways


class Watch:
    """One store's socket and board; times are unix milliseconds by daily number."""

    def __init__(self, host: str, session: str, store_id: int) -> None:
        self._host = host
        self._session = session
        self._store_id = store_id
        self._stamps: dict[str, float] = {}
        self._frames: dict[str, float] = {}

    async def open_board(self, browser: Browser) -> Page:
        """The store's board in a page that notes what it shows."""
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        address = f"http://{self._host}"
        await context.add_cookies([{"name": "sessionid", "value": self._session, "url": address}])
        page = await context.new_page()
        await page.add_init_script(WATCH)
        await page.goto(f"{address}/stores/{self._store_id}/")
        await page.wait_for_selector(".column-empty", timeout=PATIENCE * 1000)
        return page

    async def follow(
        self, http: httpx.AsyncClient, pushes: Sequence[Push], ways: Ways, page: Page | None
    ) -> None:
        """Push the orders and add what was seen of them to `ways`."""
        address = f"ws://{self._host}/ws/v1/stores/{self._store_id}/feed"
        headers = {"cookie": f"sessionid={self._session}"}
        origin = Origin(f"http://{self._host}")
        async with connect(address, origin=origin, additional_headers=headers) as socket:
            listening = asyncio.create_task(self._listen(socket, len(pushes)))
            await asyncio.sleep(SETTLE)
            await _push(http, pushes)
            await asyncio.wait_for(listening, PATIENCE)
        ways.websocket += [at - self._stamps[number] for number, at in self._frames.items()]
        if page is not None:
            await asyncio.sleep(SETTLE)
            seen = await page.evaluate("seen")
            ways.page += [at - self._stamps[number] for number, at in seen.items()]
            await page.context.close()

    async def _listen(self, socket: ClientConnection, expected: int) -> None:
        """Read as a board does, until every order was seen."""
        await socket.send(json.dumps({"type": "resume", "epoch": None, "seq": 0}))
        while len(self._frames) < expected:
            frame = json.loads(await socket.recv())
            at = time.time() * 1000
            for event in frame.get("events", ()):
                card = event["card"]
                self._frames[card["number"]] = at
                received_at = datetime.fromisoformat(card["received_at"])
                self._stamps[card["number"]] = received_at.timestamp() * 1000
            if frame["type"] != "beat":
                await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))


async def _push(http: httpx.AsyncClient, pushes: Sequence[Push]) -> None:
    """One order every `EVERY` seconds; each must be stored."""
    for push in pushes:
        at = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": push.delivery_id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(push.delivery_id, at, push.body),
        }
        (await http.post(PATH, content=push.body, headers=headers)).raise_for_status()
        await asyncio.sleep(EVERY)
