"""Web servers as child processes on free loopback ports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.databases import ROOT
from tests.services import free_port, wait_for_port

UVICORN = ("uvicorn", "--host", "127.0.0.1", "--no-access-log", "--log-level", "warning", "--loop", "uvloop")
DAPHNE = ("daphne", "-b", "127.0.0.1", "-v", "0")


class Server:
    """`python -m <module and options> -p <port> <application>`."""

    def __init__(
        self, command: Sequence[str], application: str, *, environment: Mapping[str, str], log: Path
    ) -> None:
        self.port = free_port()
        port = "--port" if command[0] == "uvicorn" else "-p"
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command, port, str(self.port), application],
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
