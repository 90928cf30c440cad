"""The private machines of a run: Redis, a durable PostgreSQL, filled databases to copy from."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.databases import Database, PostgresCopy, SqliteCopy, prepare
from tests.services import Postgres, Redis, find_postgres, find_redis


class Missing(Exception):
    """Something the benchmark cannot do without is not on this machine."""


class Lab:
    """Everything under one folder; it ends with `stack`. `world` is what `benchmarks.world` printed."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        self.environment = _environment(folder)
        if (redis := find_redis()) is None:
            raise Missing("no redis-server on PATH, and it could not be installed")
        server = Redis(folder / "redis", redis)
        stack.callback(server.stop)
        self.environment["REDIS_URL"] = server.url
        seed = folder / "seed"
        seed.mkdir()
        self._sqlite = seed / "portal.sqlite3"
        self.world: dict[str, Any] = prepare({**self.environment, "PORTAL_VAR": str(seed)})
        self._postgres = self._start_postgres(stack)

    @property
    def has_postgres(self) -> bool:
        """Whether PostgreSQL's server was found."""
        return self._postgres is not None

    def database(self, kind: str, name: str) -> Database:
        """A fresh copy."""
        if kind == "SQLite":
            return SqliteCopy(self._sqlite, self.folder / name)
        assert self._postgres is not None
        return PostgresCopy(self._postgres.url, name)

    def _start_postgres(self, stack: ExitStack) -> Postgres | None:
        if (binaries := find_postgres()) is None:
            return None
        postgres = Postgres(self.folder / "postgres", binaries, durable=True)
        stack.callback(postgres.stop)
        prepare({**self.environment, "DATABASE_URL": postgres.url})
        return postgres


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    kept.pop("DATABASE_URL", None)
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    own = {"PORTAL_MODE": "local", "PORTAL_VAR": str(folder / "var"), "PORTAL_LOG_LEVEL": "ERROR"}
    return {**kept, **own, "PORTAL_SECRET_KEY": secrets.token_urlsafe(50)}
