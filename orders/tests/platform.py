"""A platform's address on loopback: real HTTP, answers as told, remembers what it was sent."""

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Platform:
    """What to answer with, every call as (headers, body text), and what happens during the next one."""

    url: str = ""
    status: int = 200
    answer: bytes = b"{}"
    calls: list[tuple[dict[str, str], str]] = field(default_factory=list)
    during: Callable[[], None] | None = None

    @property
    def messages(self):
        """The bodies of the calls, parsed."""
        return [json.loads(body) for _, body in self.calls]


@contextmanager
def running_platform():
    """A platform that listens until the block ends."""
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            platform.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if platform.during is not None:
                during, platform.during = platform.during, None
                during()
            self.send_response(platform.status)
            self.send_header("content-length", str(len(platform.answer)))
            self.end_headers()
            self.wfile.write(platform.answer)

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    platform.url = f"http://127.0.0.1:{server.server_port}/calls"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
