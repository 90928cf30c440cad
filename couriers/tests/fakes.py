"""What the pretend couriers have in common: a loopback server that keeps calls and misbehaves by a script."""

import json
import threading
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fields = dict[str, Any]
Answer = tuple[int, Fields]
BROKEN = {"500", "garbage", "hang", "lose", "429"}


class Fake(ThreadingHTTPServer):
    """`script[call]` is what the next calls do: "hang", "500", "429", "garbage", "cut", "lose", or an answer.

    "cut" carries the call out and drops the reply; "lose" drops it before. `calls` is what came, as
    (call, body); `ledger` every errand that was created. Subclasses say in `name_of` what a call is called
    and in `carry_out` what comes of it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: defaultdict[str, deque[str | Answer]] = defaultdict(deque)
        self.calls: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.ledger: list[str] = []
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def name_of(self, method: str, path: str) -> str:
        return f"{method} {path}"

    def read(self, raw: bytes) -> Any:
        return json.loads(raw) if raw else None

    def carry_out(self, call: str, body: Any, headers: dict[str, str]) -> Answer:
        raise NotImplementedError

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what the test wanted."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Fake

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call, body = self.server.name_of(self.command, self.path), self.server.read(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append((call, body))
        self.server.headers.append(headers)
        act = self.server.script[call].popleft() if self.server.script[call] else None
        if isinstance(act, str) and act in BROKEN:
            self._break(act)
            return
        status, reply = act if isinstance(act, tuple) else self.server.carry_out(call, body, headers)
        if act == "cut":
            self.close_connection = True
            return
        self._send(status, json.dumps(reply).encode())

    do_GET = do_POST = do_PUT = _serve

    def _break(self, act: str) -> None:
        if act in {"hang", "lose"}:
            self.close_connection = True
        if act == "hang":
            self.server.closing.wait(5)
        if act == "500":
            self._send(500, b'{"code": "internal_server_error", "message": "oops"}')
        if act == "429":
            self._send(429, b"slow down", {"Retry-After": "7"})
        if act == "garbage":
            self._send(200, b"<html>\xff")

    def _send(self, status: int, body: bytes, headers: Fields | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Quiet."""
