"""`/control/…`: what tests, benchmarks and the curious may ask of the sandbox."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import couriers
from sandbox.couriers import PAGE, Couriers
from sandbox.crew import Crew
from sandbox.faults import Faults, UnknownFault
from sandbox.ledger import Ledger, Message
from sandbox.pace import Travel
from sandbox.platform import NotPossible
from sandbox.platforms import Platforms
from sandbox.traffic import Traffic

ACTORS = ("customer", "merchant", "platform", "system", "portal")
ACK_WITHIN = 20.0  # seconds that `/control/orders` waits for the portal


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Handlers over the parts of the sandbox."""

    ledger: Ledger
    faults: Faults
    platforms: Platforms
    traffic: Traffic
    travel: Travel
    crew: Crew
    couriers: Couriers

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/health", self.health),
            Route("/ledger", self.show_ledger),
            Route("/faults", self.show_faults, methods=["GET", "POST", "DELETE"]),
            Route("/wave", self.wave, methods=["GET", "POST"]),
            Route("/riders", self.show_riders, methods=["GET", "POST"]),
            Route("/couriers", self.show_couriers, methods=["GET", "POST"]),
            Route("/crew", self.show_crew, methods=["GET", "POST"]),
            Route("/orders", self.orders, methods=["POST"]),
            Route("/messages", self.messages, methods=["POST"]),
            Route("/pings", self.pings, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Say that it runs, and what it has done so far."""
        totals = self.ledger.totals()
        return JSONResponse({"status": "ok", "totals": totals, "wave": self.traffic.state()})

    async def show_ledger(self, request: Request) -> Response:
        """Return what was sent, acknowledged, called, created and believed; `?account=` narrows it.

        `?couriers=1` returns the errands of all couriers instead, page by page: `after`, `limit`.
        """
        asked = request.query_params
        if asked.get("couriers"):
            limit = asked.get("limit", "")
            page = int(limit) if limit.isdecimal() else PAGE
            return JSONResponse(self.couriers.ledger(asked.get("after", ""), max(page, 1)))
        shown = self.platforms.public(asked.get("account", ""))
        return JSONResponse({**shown, "creates": self.couriers.creates()})

    async def show_couriers(self, request: Request) -> Response:
        """Show how errands stand (`?origin_id=`: one), set where an account calls back, take a step."""
        if request.method == "POST":
            try:
                self.couriers.change(await _body(request))
            except couriers.NotPossible as reason:
                return JSONResponse({"error": str(reason)}, 422)
        if origin := request.query_params.get("origin_id"):
            return JSONResponse({"errands": self.couriers.errands(origin)})
        return JSONResponse({"couriers": self.couriers.state()})

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
        """Show or change how all riders work: automatic (or by calls only), scale of their time."""
        if request.method == "POST":
            wish = await _body(request)
            self.travel.automatic = bool(wish.get("automatic", self.travel.automatic))
            self.travel.scale = float(wish.get("scale", self.travel.scale))
        return JSONResponse({"automatic": self.travel.automatic, "scale": self.travel.scale})

    async def show_crew(self, request: Request) -> Response:
        """Show whether the pretend staff works, or send it: {"working": true}."""
        if request.method == "POST":
            if (await _body(request)).get("working"):
                self.crew.start()
            else:
                await self.crew.stop()
        return JSONResponse({"working": self.crew.working})

    async def orders(self, request: Request) -> Response:
        """Place orders now: store_code, account, count, funding, fulfilment; waits for the portal."""
        wish = await _body(request)
        place = self.platforms.find(str(wish.get("store_code")), str(wish.get("account", "")))
        if place is None:
            return JSONResponse({"error": "unknown store_code"}, 404)
        placed = [
            place.order(
                funding=wish.get("funding", "free"), fulfilment=wish.get("fulfilment", ""), follow_up=False
            )
            for _ in range(int(wish.get("count", 1)))
        ]
        await self._wait(placed)
        return JSONResponse({"orders": [message.public() for message in placed]})

    async def messages(self, request: Request) -> Response:
        """Let something happen at a platform: type, store_code, account, order_id, and more facts."""
        wish = await _body(request)
        code, kind, order_id = wish.pop("store_code"), wish.pop("type"), str(wish.pop("order_id", ""))
        place = self.platforms.find(str(code), str(wish.pop("account", "")), order_id)
        if place is None:
            return JSONResponse({"error": "unknown store_code"}, 404)
        if wish.get("by", "customer") not in ACTORS:
            return JSONResponse({"error": f"by is one of {', '.join(ACTORS)}"}, 422)
        try:
            message = place.tell(kind, order_id, **wish)
        except NotPossible as reason:
            return JSONResponse({"error": str(reason)}, 409)
        await self._wait([message])
        return JSONResponse(message.public())

    async def pings(self, request: Request) -> Response:
        """Check the address of an account by GET, as a platform does when it is saved."""
        try:
            return JSONResponse(await self.platforms.ping(str((await _body(request)).get("account"))))
        except KeyError:
            return JSONResponse({"error": "unknown account"}, 404)

    async def _wait(self, messages: list[Message]) -> None:
        for _ in range(round(ACK_WITHIN / 0.05)):
            if all(message.settled or message.held for message in messages):
                return
            await asyncio.sleep(0.05)


async def _body(request: Request) -> dict[str, Any]:
    found = json.loads(await request.body() or b"{}")
    return found if isinstance(found, dict) else {}
