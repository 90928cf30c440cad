"""A portal on loopback that Ele.me and Meituan push to, and how it calls them."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import eleme_wire, meituan_wire
from sandbox.app import Options, create_app
from sandbox.tests.conftest import BRAND, eventually

ELEME_SECRET, MEITUAN_SECRET, TOKEN = "eleme-secret", "meituan-secret", "first-token"
PATIENT = {"tries": 3, "spacing": 0.01}
API = "http://sandbox/platform/meituan/api/v1/"


def three_platforms(portal_url: str, **more: Any) -> dict[str, Any]:
    """Return a brand with one store, which is on all platforms."""
    shop = {**BRAND["accounts"][0]["stores"][0], "store": "SH-01", "name": "清禾茶 人民广场店"}
    eleme = {
        "slug": "tea-ele",
        "channel": "eleme",
        "secret": ELEME_SECRET,
        "app_id": "78194582",
        "token": TOKEN,
        "refresh_token": "first-refresh",
        "intake_path": "/intake/eleme/tea-ele/",
        "stores": [{**shop, "code": "720032"}],
        **PATIENT,
        **more,
    }
    meituan = {
        "slug": "tea-mt",
        "channel": "meituan",
        "secret": MEITUAN_SECRET,
        "app_id": "1234",
        "intake_path": "/intake/meituan/tea-mt/",
        "stores": [{**shop, "code": "poi_1"}],
        **PATIENT,
        **more,
    }
    return {**BRAND, "portal_url": portal_url, "accounts": [*BRAND["accounts"], eleme, meituan]}


@dataclass
class Took:
    """One push as it came; `fields` are the envelope's, or the form's, decoded."""

    kind: str
    method: str
    fields: dict[str, Any]
    genuine: bool
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """What Ele.me says in `message`."""
        found: dict[str, Any] = json.loads(self.fields["message"])
        return found


@dataclass
class Receiver:
    """Verifies and keeps what it gets; answers what `answers` says, then exactly what is wanted."""

    url: str = ""
    answers: list[Response | float] = field(default_factory=list)
    took: list[Took] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """The types or kinds of everything that came, in the order it came."""
        return [push.kind for push in self.took]

    def of(self, kind: str) -> list[Took]:
        """What came of one kind."""
        return [push for push in self.took if push.kind == kind]

    async def eleme(self, request: Request) -> Response:
        """POST or GET /intake/eleme/<account>/."""
        if request.method == "GET":
            return JSONResponse({"message": "ok"})
        raw = await request.body()
        fields = json.loads(raw)
        genuine = fields["signature"] == eleme_wire.push_signature(ELEME_SECRET, fields)
        self.took.append(Took(str(fields["type"]), "POST", fields, genuine, raw))
        return await self._answer({"message": "ok"}, genuine)

    async def meituan(self, request: Request) -> Response:
        """POST or GET /intake/meituan/<account>/<kind>/."""
        raw = await request.body()
        text = request.url.query if request.method == "GET" else raw.decode()
        if not text:
            return JSONResponse({"data": "ok"})
        once = dict(parse_qsl(text, keep_blank_values=True))
        twice = {key: unquote_plus(value) for key, value in once.items()}
        url = str(request.url.replace(query=""))
        fits = {id(fields): meituan_wire.fits(url, fields, MEITUAN_SECRET) for fields in (once, twice)}
        fields = twice if fits[id(twice)] else once
        genuine = any(fits.values())
        self.took.append(Took(request.path_params["kind"], request.method, fields, genuine, raw))
        return await self._answer({"data": "ok"}, genuine)

    async def _answer(self, exact: dict[str, str], genuine: bool) -> Response:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Response):
            return answer
        if answer:
            await asyncio.sleep(answer)
        return JSONResponse(exact if genuine else {"message": "signature"}, 200 if genuine else 401)


@asynccontextmanager
async def on_loopback(receiver: Receiver) -> AsyncIterator[None]:
    """Serve it on a port of its own."""
    app = Starlette(
        routes=[
            Route("/intake/eleme/{account}/", receiver.eleme, methods=["GET", "POST"]),
            Route("/intake/meituan/{account}/{kind}/", receiver.meituan, methods=["GET", "POST"]),
        ]
    )
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    receiver.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@dataclass
class World:
    """A sandbox with all platforms, and the portal it pushes to."""

    http: httpx.AsyncClient
    portal: Receiver

    async def place(self, account: str, **wish: Any) -> dict[str, Any]:
        """Place one order and return its message."""
        wish = {"store_code": "SH-01", "account": account, "funding": "paid", **wish}
        answer = await self.http.post("/control/orders", json=wish)
        found: dict[str, Any] = answer.json()["orders"][0]
        return found

    async def happen(self, account: str, kind: str, order_id: str = "", **facts: Any) -> httpx.Response:
        """Let something happen at a platform."""
        body = {"store_code": "SH-01", "account": account, "type": kind, "order_id": order_id, **facts}
        return await self.http.post("/control/messages", json=body)

    async def fault(self, target: str, kind: str, **facts: object) -> None:
        """Ask for misbehaviour."""
        answer = await self.http.post("/control/faults", json={"target": target, "kind": kind, **facts})
        assert answer.status_code == 200

    async def ledger(self, account: str = "") -> dict[str, Any]:
        """What the sandbox knows."""
        found: dict[str, Any] = (await self.http.get("/control/ledger", params={"account": account})).json()
        return found

    async def state(self, order_id: str) -> str:
        """What the platform believes of an order."""
        orders = (await self.ledger())["orders"]
        return next(order["state"] for order in orders if order["order_id"] == order_id)

    async def eleme(
        self, action: str, params: Mapping[str, Any] = {}, *, token: str = TOKEN, secret: str = ELEME_SECRET
    ) -> dict[str, Any]:
        """Call Ele.me as a portal does."""
        texts = {name: eleme_wire.dumps(value) for name, value in params.items()}
        metas = {"app_key": '"78194582"', "timestamp": str(int(time.time()))}
        call_id = f"{secrets.token_hex(16).upper()}|{int(time.time() * 1000)}"
        signature = eleme_wire.call_signature(action, token, metas, texts, secret)
        members = {"nop": '"1.0.0"', "id": f'"{call_id}"', "metas": _object(metas), "params": _object(texts)}
        named = {"action": action, "token": token, "signature": signature}
        body = _object({**members, **{name: json.dumps(value) for name, value in named.items()}})
        headers = {"x-eleme-requestid": call_id}
        answer = await self.http.post("/platform/eleme/api/v1", content=body.encode(), headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    async def order_call(self, action: str, order_id: str, **params: Any) -> str:
        """Call eleme.order.… and return the error's code, "" if there is none."""
        answer = await self.eleme(f"eleme.order.{action}", {"orderId": order_id, **params})
        return answer["error"]["code"] if answer["error"] else ""

    async def meituan(
        self, path: str, *, post: bool = False, secret: str = MEITUAN_SECRET, **params: Any
    ) -> Any:
        """Call Meituan as a portal does; return its answer's data, or the error's code."""
        business = {name: str(value) for name, value in params.items()}
        system = {"app_id": "1234", "timestamp": str(int(time.time()))}
        system["sig"] = meituan_wire.sign(API + path, {**business, **system}, secret)
        if post:
            answer = await self.http.post(API + path, params=system, data=business)
        else:
            answer = await self.http.get(API + path, params={**business, **system})
        found = answer.json()
        return found["error"]["code"] if "error" in found else found["data"]


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


@asynccontextmanager
async def running(
    state_dir: Path, receiver: Receiver, *, ack_within: float = 10.0, **options: Any
) -> AsyncIterator[World]:
    """Run a sandbox that pushes to `receiver`."""
    brand = three_platforms(receiver.url, ack_within=ack_within)
    (state_dir / "brand.json").write_text(json.dumps(brand))
    wished = {"speed": 36_000.0, "request_speed": 36_000.0, "riders": False, "rider_scale": 0.001, **options}
    app = create_app(Options(state_dir, **wished))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http,
    ):
        yield World(http, receiver)
