"""A body of 300 MB against both real servers: refused with 413, by uvicorn without reading it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from merchant_portal.portal.ports import free_port
from tests.services import wait_for_port

ROOT = Path(__file__).resolve().parents[1]
SIZE = 300_000_000
CHUNK = b"x" * 1_000_000
SERVERS = {
    "Daphne": ["daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}", "merchant_portal.asgi:application"],
    "uvicorn": [
        *["uvicorn", "--no-access-log", "--port", "{port}", "merchant_portal.intake:application"],
        *["--http", "merchant_portal.intake:Protocol"],
    ],
}


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    """A server with the intake application on a port of its own: (name, port, process)."""
    port = free_port()
    command = [sys.executable, "-m", *(part.format(port=port) for part in SERVERS[request.param])]
    environment = {**os.environ, "PORTAL_VAR": str(tmp_path), "PORTAL_MODE": "local"}
    environment.pop("DATABASE_URL", None)
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, seconds=60)
        yield request.param, port, process
    finally:
        process.kill()
        process.wait()


def resident(process):
    """The process's memory in bytes."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_body_of_300_mb_is_refused_with_413(server):
    name, port, process = server
    before = resident(process)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sender:
        head = f"POST /intake/standard/a/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n"
        sender.sendall(head.encode())
        try:
            for _ in range(SIZE // len(CHUNK)):
                sender.sendall(CHUNK)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it did not even want to read the rest
        answer = sender.recv(200)

    assert answer.split(b" ")[1] == b"413"
    if name == "uvicorn":
        # Daphne hands the application nothing before it has read a body whole; a proxy must cap it there.
        assert resident(process) - before < 50_000_000
