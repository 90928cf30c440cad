"""A portal that three couriers call back, and how it calls them."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import peisong_wire, uber_wire
from sandbox.app import Options, create_app

ADDRESS = json.dumps({"street_address": ["淮海中路1号"], "city": "Shanghai", "country": "CN"})
PARCEL = {
    "pickup_name": "清禾茶",
    "pickup_address": ADDRESS,
    "pickup_phone_number": "+862155500101",
    "dropoff_name": "王女士",
    "dropoff_address": ADDRESS,
    "dropoff_phone_number": "+8613800000000",
    "manifest_items": [{"name": "茉莉鲜奶茶", "quantity": 1, "size": "small"}],
    "manifest_reference": "17",
}
JOB = {
    "shop_id": "QHSH01",
    "delivery_service_code": "4011",
    "receiver_name": "王女士",
    "receiver_address": "淮海中路1号",
    "receiver_phone": "13800000000",
    "receiver_lng": "121470000",
    "receiver_lat": "31230000",
    "goods_value": "15.00",
    "goods_weight": "0.60",
    "poi_seq": "17",
}
DROP = {
    "pickup_address": "西藏中路268号, Shanghai",
    "dropoff_address": "淮海中路1号, Shanghai",
    "dropoff_phone_number": "+8613800000000",
    "pickup_reference_tag": "17",
    "order_value": 1500,
}
DOORDASH = {"developer_id": "test_developer", "key_id": "test_key"}
DOORDASH_SECRET = b"the-signing-secret-of-the-sandbox"


@dataclass
class Heard:
    """One callback as it came."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode()))

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Listener:
    """Keeps what couriers tell; answers what `answers` says, then {"code": 0}."""

    answers: list[Response] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.heard.append(Heard(request.url.path, dict(request.headers), await request.body()))
        return self.answers.pop(0) if self.answers else JSONResponse({"code": 0})

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.take, methods=["POST"])])


@dataclass
class Street:
    """A sandbox with its QA accounts, as a client sees it."""

    http: httpx.AsyncClient
    portal: Listener
    token: str = ""
    jobs: dict[str, str] = field(default_factory=dict)

    async def peisong(self, path: str, *, secret: str = "test_secret", **fields: str) -> dict[str, Any]:
        """Sign and send a form; return the reply."""
        system = {"appkey": "test_appkey", "timestamp": str(int(time.time())), "version": "1.0"}
        form = {**system, **fields}
        form["sign"] = peisong_wire.sign(secret, form)
        return (await self.http.post(f"/peisong/api/{path}", data=form)).json()

    async def job(self, number: str, **changes: str) -> dict[str, Any]:
        """Create one at Peisong: delivery_id is the number, order_id "mp" and the number."""
        names = {"delivery_id": number, "order_id": f"mp{number}"}
        reply = await self.peisong("order/createByShop", **{**JOB, **names, **changes})
        self.jobs[number] = (reply["data"] or {}).get("mt_peisong_id", "")
        return reply

    async def about_job(self, path: str, number: str = "7", **fields: str) -> dict[str, Any]:
        """Call Peisong about one that was created, by both its names."""
        return await self.peisong(
            path, **{"delivery_id": number, "mt_peisong_id": self.jobs[number], **fields}
        )

    async def fetch_token(self, **changes: str) -> httpx.Response:
        named = {"client_id": "test_client", "client_secret": "test_secret"}
        wanted = {"grant_type": "client_credentials", "scope": "eats.deliveries"}
        return await self.http.post("/uber/oauth/v2/token", data={**named, **wanted, **changes})

    async def uber(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Call Uber with a token that is fetched once."""
        if not self.token:
            self.token = (await self.fetch_token()).json()["access_token"]
        url = f"/uber/v1/customers/test_customer/{path}"
        return await self.http.request(
            method, url, json=body, headers={"authorization": f"Bearer {self.token}"}
        )

    async def parcel(self, name: str, **changes: Any) -> httpx.Response:
        """Create one at Uber: external_id and idempotency_key are the name."""
        return await self.uber(
            "POST", "deliveries", {**PARCEL, "external_id": name, "idempotency_key": name, **changes}
        )

    async def doordash(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str = ""
    ) -> httpx.Response:
        """Call DoorDash with a token of its own for every call."""
        headers = {"authorization": f"Bearer {token or make_token()}"}
        return await self.http.request(method, f"/doordash/drive/v2/{path}", json=body, headers=headers)

    async def drop(self, name: str) -> httpx.Response:
        """Create one at DoorDash."""
        return await self.doordash("POST", "deliveries", {**DROP, "external_delivery_id": name})

    async def fault(self, target: str, kind: str, **facts: Any) -> None:
        answer = await self.http.post("/control/faults", json={"target": target, "kind": kind, **facts})
        assert answer.status_code == 200, answer.text

    async def step(self, courier: str, origin: str, *steps: str) -> None:
        """Play the rider."""
        for step in steps:
            wish = {"courier": courier, "origin_id": origin, "step": step}
            answer = await self.http.post("/control/couriers", json=wish)
            assert answer.status_code == 200, answer.text

    async def told(self, courier: str, **counted: int) -> dict[str, Any]:
        """How a courier stands as soon as it has counted so many `answers` or `forged`."""
        while True:
            state = (await self.http.get("/control/couriers")).json()["couriers"][courier]
            if all(sum(state[name].values()) >= wanted for name, wanted in counted.items()):
                return state
            await asyncio.sleep(0.01)

    async def ledger(self) -> list[dict[str, Any]]:
        """Every errand there ever was, by column."""
        found = (await self.http.get("/control/ledger", params={"couriers": 1})).json()
        return [dict(zip(found["columns"], row, strict=True)) for row in found["errands"]]


def make_token(*, secret: bytes = DOORDASH_SECRET, head: Any = None, **claims: Any) -> str:
    """A token for DoorDash by hand, right unless told otherwise."""
    now = int(time.time())
    told = {
        "aud": "doordash",
        "iss": DOORDASH["developer_id"],
        "kid": DOORDASH["key_id"],
        "iat": now,
        "exp": now + 300,
        **claims,
    }
    first = head or {"alg": "HS256", "typ": "JWT", "dd-ver": "DD-JWT-V1"}
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in (first, told))
    return (signed + b"." + _encoded(hmac.new(secret, signed, hashlib.sha256).digest())).decode()


def genuine(heard: Heard) -> bool:
    """Whether an event is signed by Uber with the key of the QA account."""
    return heard.headers.get("x-uber-signature") == uber_wire.signature("test_signing_key", heard.raw)


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@asynccontextmanager
async def street(state_dir: Path, portal: Listener, **options: Any) -> AsyncIterator[Street]:
    """Run a sandbox whose couriers call `portal` back; riders wait to be told unless asked otherwise."""
    app = create_app(
        Options(state_dir, **{"riders": False, "rider_scale": 0.01, **options}),
        httpx.AsyncClient(transport=httpx.ASGITransport(portal.app)),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http,
    ):
        for courier in ("peisong", "uber", "doordash"):
            wish = {"courier": courier, "callback_url": f"http://portal/couriers/{courier}/account/token/"}
            await http.post("/control/couriers", json=wish)
        yield Street(http, portal)
