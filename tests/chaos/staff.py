"""Somebody behind a counter: signs in through the form and works through the API."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx

AGAIN = 0.2  # seconds until a command without an answer is sent again


class Staff:
    """One signed-in person at one store. `done` lists what was confirmed: (kind of event, order, seq)."""

    def __init__(self, url: str, user: dict[str, Any]) -> None:
        self.url = url
        self.store_id = user["stores"][0]["id"]
        self.done: list[tuple[str, int, int]] = []
        self.answers: list[int] = []
        self._form = {"username": user["name"], "password": user["password"]}
        self._client = httpx.AsyncClient(base_url=url, timeout=30)

    async def sign_in(self) -> str:
        """Fill in the login form; returns the session's cookie."""
        await self._client.get("/login/")
        form = {**self._form, "csrfmiddlewaretoken": self._client.cookies["csrftoken"]}
        answer = await self._client.post("/login/", data=form)
        assert answer.status_code == httpx.codes.FOUND, answer.text
        return self._client.cookies["sessionid"]

    async def get(self, path: str) -> Any:
        """Read something of the own store, whatever it takes."""
        answer = await self._persist("GET", path)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    async def step(self, order: int, verb: str, kind: str) -> None:
        """Press a button on a card."""
        await self._command(f"/orders/{order}/{verb}", order, kind)

    async def hand_off(self, order: int, courier: int) -> None:
        """Give an order to a courier."""
        await self._command(f"/orders/{order}/handoff", order, "order.delivery", {"courier": courier})

    async def close(self) -> None:
        """Go home."""
        await self._client.aclose()

    async def _command(self, path: str, order: int, kind: str, body: dict[str, Any] | None = None) -> None:
        answer = await self._persist("POST", path, key=str(uuid.uuid4()), body=body or {})
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code} {answer.text}"
        self.done.append((kind, order, answer.json()["seq"]))

    async def _persist(
        self, method: str, path: str, *, key: str = "", body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Send the same request, with the same key, until somebody answers."""
        told = {"X-CSRFToken": self._client.cookies["csrftoken"], "Referer": f"{self.url}/"}
        if key:
            told["Idempotency-Key"] = key
        while True:
            try:
                answer = await self._client.request(
                    method, f"/api/v1/stores/{self.store_id}{path}", json=body, headers=told
                )
            except httpx.HTTPError:
                await asyncio.sleep(AGAIN)
            else:
                self.answers.append(answer.status_code)
                return answer
