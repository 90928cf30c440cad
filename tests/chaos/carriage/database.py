"""Looking into a run's database from outside, past the portal: PostgreSQL, or SQLite where there is none."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.services import Postgres, find_postgres

Rows = list[tuple[Any, ...]]


class Database:
    """`url` is what the portal's processes are told."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str) -> Rows:
        """Run one SELECT."""
        if self.url.startswith("postgres"):
            with psycopg.connect(self.url, autocommit=True) as connection:
                return connection.execute(statement.encode()).fetchall()
        with closing(self._open()) as file:
            return file.execute(statement).fetchall()

    def change(self, statement: str) -> int:
        """Run one UPDATE and return how many rows it hit."""
        if self.url.startswith("postgres"):
            with psycopg.connect(self.url, autocommit=True) as connection:
                return connection.execute(statement.encode()).rowcount
        with closing(self._open()) as file, file:
            return file.execute(statement).rowcount

    def text(self, moment: datetime) -> str:
        """A moment in UTC as it stands in a statement: SQLite compares texts without a zone."""
        zone = "+00" if self.url.startswith("postgres") else ""
        return f"'{moment:%Y-%m-%d %H:%M:%S}{zone}'"

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)


def open_database(stack: ExitStack, folder: Path) -> Database:
    """A PostgreSQL of its own that ends with `stack`; without its binaries, an SQLite file."""
    if (binaries := find_postgres()) is None:
        return Database(f"sqlite:///{folder / 'portal.sqlite3'}")
    server = Postgres(folder / "postgres", binaries)
    stack.callback(server.stop)
    return Database(server.url)
