"""`/control/…`: what tests, benchmarks and the curious may ask of the sandbox."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.crew import Crew
from sandbox.dada_riders import Riders
from sandbox.faults import Faults, UnknownFault
from sandbox.ledger import Ledger
from sandbox.standard import Platform
from sandbox.traffic import Traffic

ACK_WITHIN = 20.0  # seconds that `/control/orders` waits for the portal


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Handlers over the parts of the sandbox."""

    ledger: Ledger
    faults: Faults
    platform: Platform
    traffic: Traffic
    riders: Riders
    crew: Crew

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/health", self.health),
            Route("/ledger", self.show_ledger),
            Route("/faults", self.show_faults, methods=["GET", "POST", "DELETE"]),
            Route("/wave", self.wave, methods=["GET", "POST"]),
            Route("/riders", self.show_riders, methods=["GET", "POST"]),
            Route("/crew", self.show_crew, methods=["GET", "POST"]),
            Route("/orders", self.orders, methods=["POST"]),
            Route("/messages", self.messages, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Say that it runs, and what it has done so far."""
        totals = self.ledger.totals()
        return JSONResponse({"status": "ok", "totals": totals, "wave": self.traffic.state()})

    async def show_ledger(self, request: Request) -> Response:
        """Return what was sent, acknowledged, called and created; `?account=` narrows it."""
        return JSONResponse(self.ledger.public(request.query_params.get("account", "")))

    async def show_faults(self, request: Request) -> Response:
        """List, add or clear faults."""
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.add(await _body(request))
            except UnknownFault as problem:
                return JSONResponse({"error": str(problem)}, 422)
        return JSONResponse({"faults": self.faults.listed()})

    async def wave(self, request: Request) -> Response:
        """Show or change the day's clock."""
        if request.method == "GET":
            return JSONResponse(self.traffic.state())
        try:
            return JSONResponse(self.traffic.change(await _body(request)))
        except (ValueError, TypeError) as problem:
            return JSONResponse({"error": str(problem)}, 422)

    async def show_riders(self, request: Request) -> Response:
        """Show or change how Dada's riders work: automatic (or by QA calls), scale of their time."""
        if request.method == "POST":
            wish = await _body(request)
            self.riders.automatic = bool(wish.get("automatic", self.riders.automatic))
            self.riders.scale = float(wish.get("scale", self.riders.scale))
        return JSONResponse({"automatic": self.riders.automatic, "scale": self.riders.scale})

    async def show_crew(self, request: Request) -> Response:
        """Show whether the pretend staff works, or send it: {"working": true}."""
        if request.method == "POST":
            if (await _body(request)).get("working"):
                self.crew.start()
            else:
                await self.crew.stop()
        return JSONResponse({"working": self.crew.working})

    async def orders(self, request: Request) -> Response:
        """Place orders at a store now: store_code, count, funding, fulfilment; waits for the portal."""
        wish = await _body(request)
        if wish.get("store_code") not in self.platform.shops:
            return JSONResponse({"error": "unknown store_code"}, 404)
        placed = [
            self.platform.place(
                wish["store_code"],
                funding=wish.get("funding", "free"),
                fulfilment=wish.get("fulfilment", ""),
                follow_up=False,
            )
            for _ in range(int(wish.get("count", 1)))
        ]
        await self._wait([message.id for message in placed])
        return JSONResponse({"orders": [self.ledger.messages[message.id].public() for message in placed]})

    async def messages(self, request: Request) -> Response:
        """Push a message about an order: type (order.cancelled, order.urged), order_id, store_code, …"""
        wish = await _body(request)
        code, kind, order_id = wish.pop("store_code"), wish.pop("type"), wish.pop("order_id")
        if code not in self.platform.shops:
            return JSONResponse({"error": "unknown store_code"}, 404)
        message = self.platform.tell(code, kind, order_id, **wish)
        await self._wait([message.id])
        return JSONResponse(self.ledger.messages[message.id].public())

    async def _wait(self, ids: list[str]) -> None:
        for _ in range(round(ACK_WITHIN / 0.05)):
            if all(self.ledger.messages[message_id].acknowledged for message_id in ids):
                return
            await asyncio.sleep(0.05)


async def _body(request: Request) -> dict[str, Any]:
    found = json.loads(await request.body() or b"{}")
    return found if isinstance(found, dict) else {}
