"""A pretend Dada on a loopback port: keeps a ledger, and misbehaves when a test's script says so."""

import hashlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from couriers.tests.factories import CREDENTIALS

BROKEN = {"500", "429", "garbage", "hang", "lose"}
Fields = dict[str, Any]
Hook = Callable[[], object]


class FakeDada(ThreadingHTTPServer):
    """`script[call]` is what the next calls do: "hang", "500", "429", "garbage", "cut", "lose", a refusal.

    "cut" carries the call out and drops the reply; "lose" drops the call before it is carried out.
    `ledger` is every errand that was created, in order; `statuses` is how each stands, `kept` what it kept of
    each that was called off, in yuan.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: defaultdict[str, deque[str]] = defaultdict(deque)
        self.ledger: list[str] = []
        self.calls: list[tuple[str, Fields]] = []
        self.statuses: dict[str, int] = {}
        self.kept: dict[str, float] = {}
        self.rider: Fields = {}
        self.quoted: dict[str, Fields] = {}
        self.before_call: Hook | None = None
        self.before_reply: Hook | None = None
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/dada"

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeDada

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        envelope = json.loads(raw)
        call, body = self.path.rsplit("/", 1)[1], json.loads(envelope["body"] or "{}")
        self.server.calls.append((call, body))
        trouble = self.server.script[call].popleft() if self.server.script[call] else None
        if trouble is not None and trouble in BROKEN:
            self._trouble(trouble)
            return
        reply: Fields = {"status": "fail", "code": 9999, "msg": trouble}
        if self.server.before_call:
            self.server.before_call()
        if trouble in {None, "cut"}:
            reply: Fields = {"status": "success"} | self._carry_out(call, body, envelope)
        if self.server.before_reply:
            self.server.before_reply()
        if trouble == "cut":
            self.close_connection = True
            return
        self._send(200, json.dumps(reply).encode())

    def _trouble(self, trouble: str) -> None:
        if trouble in {"hang", "lose"}:
            self.close_connection = True
        if trouble == "hang":
            self.server.closing.wait(5)
        if trouble == "500":
            self._send(500, b"oops")
        if trouble == "429":
            self._send(429, b"slow down", {"Retry-After": "7"})
        if trouble == "garbage":
            self._send(200, b"<html>\xff")

    def _carry_out(self, call: str, body: Fields, envelope: Fields) -> Fields:
        if envelope["signature"] != expected_signature(envelope):
            return {"code": 2003, "msg": "signature"}
        if call in self._begins:
            return self._begins[call](body)
        if body["order_id"] not in self.server.statuses:
            return {"code": 2005, "msg": "no such order"}
        if call == "formalCancel":
            return self._cancel(body["order_id"])
        told = {"orderId": body["order_id"], "statusCode": self.server.statuses[body["order_id"]]}
        return {"code": 0, "result": told | {"statusMsg": ""} | self._kept(body) | self.server.rider}

    @property
    def _begins(self) -> dict[str, Callable[[Fields], Fields]]:
        return {
            "queryDeliverFee": self._quote,
            "addAfterQuery": lambda body: self._add(self.server.quoted[body["deliveryNo"]]["origin_id"]),
            "addOrder": lambda body: self._add(body["origin_id"]),
            "confirm": lambda body: {"code": 0, "result": None},
        }

    def _quote(self, body: Fields) -> Fields:
        number = f"D{len(self.server.quoted) + 1}"
        self.server.quoted[number] = body
        priced = {"fee": 8.5, "distance": 1234.0, "deliveryNo": number, "expiredTime": 1770350580}
        return {"code": 0, "result": priced}

    def _add(self, origin_id: str) -> Fields:
        if origin_id in self.server.statuses:
            return {"code": 2105, "msg": "order exists"}
        self.server.ledger.append(origin_id)
        self.server.statuses[origin_id] = 1
        return {"code": 0, "result": {"fee": 8.5, "distance": 1234}}

    def _kept(self, body: Fields) -> Fields:
        kept = self.server.kept.get(body["order_id"])
        return {} if kept is None else {"deductFee": kept}

    def _cancel(self, origin_id: str) -> Fields:
        if self.server.statuses[origin_id] not in {1, 2, 8, 100}:
            return {"code": 2076, "msg": "cannot be cancelled"}
        self.server.statuses[origin_id] = 5
        self.server.kept[origin_id] = 2.0
        return {"code": 0, "result": {"deduct_fee": 2.0}}

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Quiet."""


def expected_signature(envelope: Fields) -> str:
    names = ["app_key", "body", "format", "source_id", "timestamp", "v"]
    text = "".join(f"{name}{envelope[name]}" for name in names)
    secret = CREDENTIALS["app_secret"]
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()  # noqa: S324 -- Dada's own choice


def callback_body(
    origin_id: str,
    status: int,
    update_time: int | str = 1770350400,
    client_id: str = "1357061741749469184",
    **more: object,
) -> bytes:
    """A callback as Dada writes it, with a right checksum."""
    joined = "".join(sorted([client_id, origin_id, str(update_time)]))
    fields: Fields = {
        "client_id": client_id,
        "order_id": origin_id,
        "order_status": status,
        "cancel_reason": "",
        "cancel_from": 0,
        "update_time": update_time,
        "signature": hashlib.md5(joined.encode()).hexdigest(),  # noqa: S324 -- Dada's own choice
    }
    return json.dumps(fields | more).encode()
