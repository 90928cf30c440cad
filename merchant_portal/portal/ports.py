"""Loopback ports: can one be used, and give me one that can."""

import random
import socket
from collections.abc import Collection, Sequence
from errno import EADDRINUSE

from merchant_portal.portal.errors import CannotStart

EXAMPLE = 8080
# Below the ports a system gives to outgoing connections (Linux from 32768, others from 49152). One of those
# may be taken by a connection between our choice and a server's start, or while a server is started again.
CHOICE: Sequence[int] = range(20_000, 32_000)


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


def free_port(host: str = "127.0.0.1", *, prefer: int = 0, besides: Collection[int] = ()) -> int:
    """Return `prefer` if it is free, else any free port. Raises CannotStart if there is none.

    `besides`: ports that are meant for somebody who does not listen yet.
    """
    others = random.SystemRandom().sample(CHOICE, len(CHOICE))
    for port in [prefer, *others] if prefer else others:
        if port not in besides and not obstacle(host, port):
            return port
    raise CannotStart(f"No port from {CHOICE[0]} to {CHOICE[-1]} can be used on {host}.")
