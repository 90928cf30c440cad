"""Loopback ports: can one be used, and give me one that can."""

import socket
from errno import EADDRINUSE

from merchant_portal.portal.errors import CannotStart

EXAMPLE = 8080


def obstacle(host: str, port: int) -> str:
    """Return why a server could not listen there now; empty if it could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            taken = error.errno == EADDRINUSE
            return "is taken by another program" if taken else f"cannot be used: {error.strerror}"
        except OverflowError:
            return "is not between 1 and 65535"
    return ""


def require_free(host: str, port: int) -> None:
    """Raise CannotStart if a server cannot listen there."""
    if reason := obstacle(host, port):
        raise CannotStart(f"Port {port} {reason}. Choose another, for example: make run PORT={EXAMPLE}")


def free_port(host: str = "127.0.0.1", *, prefer: int = 0) -> int:
    """Return `prefer` if it is free, else any free port."""
    if prefer and not obstacle(host, prefer):
        return prefer
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
