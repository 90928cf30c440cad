"""A sandbox with one platform account and one Dada customer, and a pretend portal it talks to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import dada_wire
from sandbox.app import Options, create_app

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BRAND: dict[str, Any] = {
    "portal_url": "http://portal",
    "campaign": {"code": "0206-free-tea", "name": "Free tea"},
    "menu": {
        "drinks": [{"sku": "T1", "name": "茉莉鲜奶茶", "price": 1500, "share": 1}],
        "sugar": ["五分糖"],
        "ice": ["少冰"],
        "toppings": [{"name": "珍珠", "price": 200}, {"name": "椰果", "price": 200}],
    },
    "accounts": [
        {
            "slug": "tea",
            "secret": SECRET,
            "intake_path": "/intake/standard/tea/",
            "stores": [
                {
                    "code": "SH-01",
                    "city": "Shanghai",
                    "latitude": 31.2,
                    "longitude": 121.4,
                    "cups_per_hour": 120,
                }
            ],
        }
    ],
    "dada": [{"source_id": "73800", "app_key": "key", "app_secret": "secret", "shops": ["QHSH01"]}],
    "crew": [],
}
ERRAND = {
    "shop_no": "QHSH01",
    "origin_id": "mp1",
    "cargo_price": 15.0,
    "cargo_weight": 0.6,
    "is_prepay": 0,
    "receiver_name": "王女士",
    "receiver_address": "淮海中路1号",
    "receiver_phone": "13800000000",
    "receiver_lat": 31.21,
    "receiver_lng": 121.41,
    "callback": "http://portal/callback/token/",
}


@dataclass
class Portal:
    """Answers what `answers` says (then 200) and keeps what it got."""

    answers: list[Response] = field(default_factory=list)
    pushes: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    callbacks: list[dict[str, object]] = field(default_factory=list)

    async def take_push(self, request: Request) -> Response:
        self.pushes.append((dict(request.headers), await request.body()))
        return self.answers.pop(0) if self.answers else JSONResponse({"outcome": "stored"})

    async def take_callback(self, request: Request) -> Response:
        self.callbacks.append(json.loads(await request.body()))
        return self.answers.pop(0) if self.answers else JSONResponse({"status": "ok"})

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/intake/standard/tea/", self.take_push, methods=["POST"]),
                Route("/callback/token/", self.take_callback, methods=["POST"]),
            ]
        )


@dataclass
class Sandbox:
    """A running sandbox as a client sees it."""

    http: httpx.AsyncClient
    portal: Portal

    async def dada(
        self,
        path: str,
        body: dict[str, object],
        secret: str = BRAND["dada"][0]["app_secret"],
        area: str = "order",
    ) -> httpx.Response:
        fields: dict[str, object] = {
            "app_key": "key",
            "body": json.dumps(body, ensure_ascii=False),
            "format": "json",
            "source_id": "73800",
            "timestamp": 1770343200,
            "v": "1.0",
        }
        fields["signature"] = dada_wire.sign(secret, fields)
        return await self.http.post(f"/dada/api/{area}/{path}", json=fields)

    async def fault(self, target: str, kind: str, **facts: object) -> None:
        answer = await self.http.post("/control/faults", json={"target": target, "kind": kind, **facts})
        assert answer.status_code == 200

    async def ledger(self) -> dict[str, list[dict[str, object]]]:
        return (await self.http.get("/control/ledger")).json()


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    (tmp_path / "brand.json").write_text(json.dumps(BRAND))
    return tmp_path


@pytest.fixture
async def sandbox(state_dir: Path, portal: Portal) -> AsyncIterator[Sandbox]:
    options = Options(state_dir, riders=False, rider_scale=0.001)
    async for found in run_sandbox(options, portal):
        yield found


async def run_sandbox(options: Options, portal: Portal) -> AsyncIterator[Sandbox]:
    to_portal = httpx.AsyncClient(transport=httpx.ASGITransport(portal.app))
    app = create_app(options, to_portal)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http,
    ):
        yield Sandbox(http, portal)


async def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when the condition holds; fail if it never does."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
