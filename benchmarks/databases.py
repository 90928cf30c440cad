"""Migrated and filled databases, one per contender, and counting what is in them afterwards."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("orders_incomingmessage", "orders_order", "outbox_job", "orders_orderevent")
COUNT = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in TABLES)  # noqa: S608 -- our tables


def prepare(environment: Mapping[str, str]) -> dict[str, Any]:
    """Migrate the database of `environment` and build the world in it; returns what the world printed."""
    run_python(environment, "manage.py", "migrate", "-v0")
    world: dict[str, Any] = json.loads(run_python(environment, "-m", "benchmarks.world"))
    return world


def run_python(environment: Mapping[str, str], *arguments: str, seconds: float = 120) -> str:
    """Run Python in the project's folder and return what it printed. Raises CalledProcessError."""
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=seconds
    )
    return done.stdout


class PostgresCopy:
    """A database of its own in the cluster, copied from the filled one."""

    def __init__(self, template_url: str, name: str) -> None:
        base, _, template = template_url.rpartition("/")
        self.url = f"{base}/{name}"
        with psycopg.connect(f"{base}/template1", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())

    def stored(self) -> int:
        """Orders stored whole. Raises AssertionError if a table has more or fewer rows than another."""
        with psycopg.connect(self.url) as connection:
            return _same([row[0] for row in connection.execute(COUNT.encode()).fetchall()])


class SqliteCopy:
    """A file of its own, copied from the filled one."""

    def __init__(self, template: Path, folder: Path) -> None:
        folder.mkdir()
        self._path = folder / "portal.sqlite3"
        self.url = f"sqlite:///{self._path}"
        shutil.copy(template, self._path)

    def stored(self) -> int:
        """Orders stored whole. Raises AssertionError if a table has more or fewer rows than another."""
        connection = sqlite3.connect(self._path)
        try:
            return _same([row[0] for row in connection.execute(COUNT)])
        finally:
            connection.close()


Database = PostgresCopy | SqliteCopy


def _same(counts: list[int]) -> int:
    assert len(set(counts)) == 1, f"rows per table: {dict(zip(TABLES, counts, strict=True))}"
    return counts[0]
