"""Loopback ports: is one free, and give me one that is."""

import socket
from errno import EADDRINUSE

from merchant_portal.portal.errors import CannotStart

EXAMPLE = 8080


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(host: str, port: int) -> None:
    """Raise CannotStart if something listens there."""
    if not is_free(host, port):
        raise CannotStart(
            f"Port {port} is taken by another program. Choose another: make run PORT={port + 10}"
        )


def free_port(host: str = "127.0.0.1", *, prefer: int = 0) -> int:
    """Return `prefer` if it is free, else any free port."""
    if prefer and not obstacle(host, prefer):
        return prefer
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
