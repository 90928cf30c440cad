"""One call outside, to servers that take their time: real ones, on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from outbox.calling import Uncertain, Unreachable, beginning_within
from outbox.line import Line

HEAD = b"HTTP/1.1 200 OK\r\n"
Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that does `talk` with whoever comes, one after the other; its address."""
    listening: list[socket.socket] = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        listening.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_answer, args=(listening[-1], talk), daemon=True).start()
        return f"http://127.0.0.1:{listening[-1].getsockname()[1]}/"

    yield start
    for server in listening:
        server.close()


def _answer(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            talk(connection)


def trickling(first: bytes, piece: bytes, told: threading.Event) -> Callable[[socket.socket], None]:
    """Say something every 50 ms until the other side has gone, and `told` that it went before us."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(first)
        connection.settimeout(0.05)
        for _ in range(400):  # 20 seconds
            try:
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                connection.sendall(piece)
            except OSError:
                break
        else:
            return
        told.set()

    return talk


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        pytest.param(HEAD, b"X-More: 1\r\n", id="the head"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", id="the body"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="answers before the answer"),
    ],
)
def test_who_trickles_does_not_hold_a_call_for_longer_than_its_time(
    serve: Serve, first: bytes, piece: bytes
) -> None:
    gone = threading.Event()
    url = serve(trickling(first, piece, gone))
    with pytest.raises(Uncertain):
        Line(httpx.Timeout(1.0), total_seconds=0.3).post(url, b"{}")
    assert gone.wait(timeout=10), "the call held on until the server had enough"


def test_a_kept_connection_has_the_time_of_each_call(serve: Serve) -> None:
    connections = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        while part := connection.recv(65_536):
            if part.endswith(b"{}"):  # the head of a request comes alone
                connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    line, url = Line(httpx.Timeout(5.0), total_seconds=5.0), serve(talk)
    assert [line.post(url, b"{}") for _ in range(3)] == [b"{}"] * 3
    assert len(connections) == 1


def test_a_process_frozen_between_its_claim_and_the_request_writes_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    url = serve(lambda connection: heard.append(connection.recv(65_536)))
    connect = httpcore.SyncBackend.connect_tcp

    def freeze(*args: Any, **words: Any) -> Any:
        """The connection stands, and then the machine does, for longer than the call may begin."""
        stream = connect(*args, **words)
        time.sleep(0.3)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", freeze)
    with pytest.raises(Unreachable, match="too late"), beginning_within(0.2):
        Line().post(url, b"{}")
    until = time.monotonic() + 10
    while not heard:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert heard == [b""]  # it hung up
