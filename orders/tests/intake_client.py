"""Pushing to the intake application in the test's own event loop, without a server in between."""

import asyncio
from typing import Any, Self

import httpx

from orders.intake.app import IntakeApp
from orders.tests.messages import encoded, signed


class IntakeClient:
    """Speaks HTTP to a fresh intake application."""

    async def __aenter__(self) -> Self:
        self._app = IntakeApp()
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://intake")
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self._http.aclose()
        await self._app.close()

    async def push(
        self, account: str, envelope: dict[str, Any], *, delivery_id: str, **signing: Any
    ) -> httpx.Response:
        """Sign and push one message."""
        body = encoded(envelope)
        return await self.raw(account, body, signed(body, delivery_id=delivery_id, **signing))

    async def raw(self, account: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Push any bytes with any headers."""
        return await self._http.post(f"/intake/standard/{account}/", content=body, headers=headers)


def push_all(account: str, *pushes: tuple[str, dict[str, Any]]) -> list[tuple[int, Any]]:
    """Push envelopes to an account, all at once; returns their (status, body)."""

    async def run() -> list[httpx.Response]:
        async with IntakeClient() as client:
            sent = (client.push(account, envelope, delivery_id=name) for name, envelope in pushes)
            return await asyncio.gather(*sent)

    return [(answer.status_code, answer.json()) for answer in asyncio.run(run())]
