"""Ele.me's API on loopback: real HTTP; checks every signature without any code of ours."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from orders.channels.calling import Access

APP_KEY, SECRET, TOKEN = "78194582", "call-secret-0123456789", "token-1"
CALL_ID = re.compile(r"[0-9A-F]{32}\|\d{13}")
WITHOUT_TOKEN = {"eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg"}


@dataclass
class ElemePlatform:
    """Answers by action: a result, a list of results to give one by one, or an error code in `errors`.

    `calls` are (action, params) of what was rightly signed, `ids` the ids of all calls, `forms` what the
    token address got.
    """

    url: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    @property
    def access(self) -> Access:
        """How we call it."""
        return Access(self.url, APP_KEY, SECRET, TOKEN)

    def reply(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer."""
        if path == "/platform/eleme/token":
            return self._token(headers, dict(parse_qsl(body.decode())))
        if path != "/platform/eleme/api/v1":
            return 404, b""
        call = json.loads(body)
        self.ids.append(call["id"])
        if fault := fault_of(call, headers, body):
            return self._answer(call, error={"code": fault, "message": fault})
        action = call["action"]
        self.calls.append((action, call["params"]))
        if action in self.replies:
            return self.replies[action]
        if code := self.errors.get(action):
            return self._answer(call, error={"code": code, "message": "因为"})
        result = self.results.get(action)
        return self._answer(call, result=result.pop(0) if isinstance(result, Pages) else result)

    def _answer(self, call: dict[str, Any], **fields: Any) -> tuple[int, bytes]:
        answer = {"id": call["id"], "result": None, "error": None, **fields}
        return 200, json.dumps(answer).encode()

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, bytes]:
        known = base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
        if headers.get("authorization") != f"Basic {known}":
            return 401, b"{}"
        self.forms.append(form)
        return self.replies.get("token", (200, b'{"error":"invalid_grant","error_description":"stale"}'))


class Pages(list):
    """Results that are given one by one."""


def fault_of(call: dict[str, Any], headers: dict[str, str], body: bytes) -> str:
    """The code the platform refuses a call with, "" if it is as it should be."""
    if call["nop"] != "1.0.0" or not CALL_ID.fullmatch(call["id"]):
        return "ILLEGAL_REQUEST"
    if headers.get("x-eleme-requestid") != call["id"] or "application/json" not in headers["content-type"]:
        return "ILLEGAL_REQUEST"
    if call["token"] != ("" if call["action"] in WITHOUT_TOKEN else TOKEN):
        return "UNAUTHORIZED"
    # Sent as it is encoded here, so that signing what is encoded here is signing what was sent.
    if compact(call).encode() != body:
        return "ILLEGAL_REQUEST"
    return "" if call["signature"] == signature(call) else "INVALID_SIGNATURE"


def signature(call: dict[str, Any], secret: str = SECRET) -> str:
    """MD5 over action, token, key=JSON of metas and parameters in the order of the keys, and the secret."""
    merged = {**call["metas"], **call["params"]}
    joined = "".join(f"{key}={compact(merged[key])}" for key in sorted(merged))
    covered = call["action"] + call["token"] + joined + secret
    return hashlib.md5(covered.encode(), usedforsecurity=False).hexdigest().upper()


def compact(value: Any) -> str:
    """JSON as the platform wants it signed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def running_eleme():
    """A platform that listens until the block ends."""
    platform = ElemePlatform()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = platform.reply(self.path, headers, body)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    platform.url = f"http://127.0.0.1:{server.server_port}/platform/eleme/api/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
