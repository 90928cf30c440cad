"""Web servers as child processes on free loopback ports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.databases import ROOT
from merchant_portal.portal.ports import free_port
from tests.services import wait_for_port

# What follows `python -m`; "{port}" is filled in, and the application is the last word.
UVICORN = (
    "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--no-access-log", "--log-level", "warning",
    "--loop", "uvloop",
)  # fmt: skip
DAPHNE = ("daphne", "-b", "127.0.0.1", "-v", "0", "-p", "{port}")
# As many workers as gunicorn's own documentation advises.
GUNICORN = (
    "gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "warning", "--keep-alive", "60",
    "--worker-class", "gthread", "--workers", str(2 * (os.cpu_count() or 1) + 1), "--threads", "4",
)  # fmt: skip


class Server:
    """`python -m <command> <application>`."""

    def __init__(
        self, command: Sequence[str], application: str, *, environment: Mapping[str, str], log: Path
    ) -> None:
        self.port = free_port()
        words = [word.format(port=self.port) for word in command]
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", *words, application],
            env=environment,
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        """Return once it listens. Raises TimeoutError."""
        wait_for_port(self.port, seconds=60)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
