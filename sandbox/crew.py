"""Pretend staff: signs in to the portal and works every counter through the portal's own API."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from sandbox import habits
from sandbox.brand import Brand, CrewMember
from sandbox.phones import keep_open

log = logging.getLogger(__name__)
LOOK_EVERY = 1.5  # seconds between two looks at the board
MOST_CREDIT = 10.0  # cups a counter can be ahead
CAREFUL = 3  # every third counter pauses intake by itself; the others leave that to whoever watches
RETRY = 5.0  # seconds after the portal could not be reached


class SignedOut(Exception):
    """The portal wants a login."""


class Counter:
    """One store's counter and the person behind it."""

    def __init__(self, portal_url: str, member: CrewMember, *, careful: bool) -> None:
        self.member, self.careful = member, careful
        self.api = f"{portal_url}/api/v1/stores/{member.store_id}"
        self.login_url = f"{portal_url}/login/"
        self.client = httpx.AsyncClient(timeout=15.0)
        self.cups_per_second = member.cups_per_hour / 3600
        self.cards: dict[int, habits.Card] = {}
        self.epoch, self.seq, self.level = "", 0, "open"
        self.credit, self.looked = 0.0, time.monotonic()

    async def work(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                try:
                    await self._sign_in()
                    while True:
                        await self._look()
                        await self._act()
                        await asyncio.sleep(LOOK_EVERY)
                except (httpx.HTTPError, SignedOut) as reason:
                    log.info("%s: %s", self.member.login, reason)
                    await asyncio.sleep(RETRY)
        finally:
            await self.client.aclose()

    async def _sign_in(self) -> None:
        self.client.cookies.clear()
        await self.client.get(self.login_url)
        form = {
            "username": self.member.login,
            "password": self.member.password,
            "csrfmiddlewaretoken": self.client.cookies.get("csrftoken", ""),
        }
        answer = await self.client.post(self.login_url, data=form)
        if answer.status_code != httpx.codes.FOUND:
            raise SignedOut(f"the login answered {answer.status_code}")

    async def _look(self) -> None:
        """Bring the board up to date from the feed."""
        query = {"epoch": self.epoch, "seq": str(self.seq)}
        answer = _checked(await self.client.get(f"{self.api}/feed", params=query))
        frame = answer.json()
        self.epoch, self.seq = frame["epoch"], frame["seq"]
        if frame["type"] == "snapshot":
            self.cards = {card["id"]: card for card in frame["cards"]}
            self.level = frame["intake"]["level"]
        for event in frame.get("events", []):
            if "card" in event:
                self._keep(event["card"])
            elif "intake" in event:
                self.level = event["intake"]["level"]
        now = time.monotonic()
        made = (now - self.looked) * self.cups_per_second
        self.credit, self.looked = min(self.credit + made, max(MOST_CREDIT, made)), now

    def _keep(self, card: habits.Card) -> None:
        if card["on_board"]:
            self.cards[card["id"]] = card
        else:
            self.cards.pop(card["id"], None)

    async def _act(self) -> None:
        now = datetime.now(UTC)
        todo, self.credit = habits.presses(self.cards.values(), self.credit, now)
        for press in todo:
            await self._press(press)
        if self.careful:
            await self._mind_intake()

    async def _press(self, press: habits.Press) -> None:
        body: dict[str, Any] = {}
        if press.verb == "handoff":
            body = await self._choose_carrier(press.order_id)
        answer = await self._post(f"/orders/{press.order_id}/{press.verb}", body)
        if answer.is_success:
            self._keep(answer.json()["card"])

    async def _choose_carrier(self, order_id: int) -> dict[str, Any]:
        """Every other order goes to the cheapest courier, the rest to whom the portal thinks of."""
        if order_id % 2 == 0:
            return {"auto": True}
        offers = await self.client.get(f"{self.api}/orders/{order_id}/offers")
        return habits.take_offer(offers.json() if offers.is_success else [])

    async def _mind_intake(self) -> None:
        waiting = habits.cups_waiting(self.cards.values())
        wish = habits.intake_wish(self.level, waiting, self.cups_per_second)
        if wish != self.level:
            body = {"level": wish, "reason": "门口排满了" if wish == "paused" else "", "lasts": ""}
            if (await self._post("/intake", body)).is_success:
                self.level = wish

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {
            "X-CSRFToken": self.client.cookies.get("csrftoken") or "",
            "Idempotency-Key": secrets.token_hex(16),
        }
        return _checked(await self.client.post(self.api + path, json=body, headers=headers))


def _checked(answer: httpx.Response) -> httpx.Response:
    """Return the answer unless the portal is in trouble or wants a login; a 409 is part of the work."""
    if answer.status_code in {401, 403, 302}:
        raise SignedOut(f"{answer.request.url.path} answered {answer.status_code}")
    if answer.status_code >= 500 or (answer.request.method == "GET" and not answer.is_success):
        raise httpx.HTTPError(f"{answer.request.url.path} answered {answer.status_code}")
    return answer


class Crew:
    """All counters; `/control/crew` sends everybody home or back to work."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def working(self) -> bool:
        """Whether anybody is behind the counters."""
        return bool(self._tasks)

    def start(self) -> None:
        """Everybody to work."""
        if self.working:
            return
        for place, member in enumerate(self.brand.crew):
            counter = Counter(self.brand.portal_url, member, careful=place % CAREFUL == CAREFUL - 1)
            self._tasks.append(asyncio.create_task(counter.work()))
        self._tasks.append(asyncio.create_task(keep_open(self.brand.portal_url, self.brand.phones)))

    async def stop(self) -> None:
        """Everybody home."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
