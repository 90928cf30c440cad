"""A whole portal in a folder of its own: start it, do it harm, end it, and see that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from merchant_portal.portal.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
LAUNCH = ROOT / "merchant_portal" / "portal" / "launch.py"
INHERITED = ("REDIS_URL", "DATABASE_URL", "PORTAL_", "DJANGO_")


class Portal:
    """`manage.py portal` with a Redis and a SQLite file of its own. `url` has no slash at its end."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_port = free_port(besides={self.port})
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self._flags = flags
        self._output = folder.with_name(f"{folder.name}.out")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
        self._environment = {**kept, "PORTAL_MODE": "local", "PORTAL_VAR": str(folder)}
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Begin to start it; `is_ready` says when it works. It cannot outlive the calling thread."""
        ports = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port)]
        portal = [sys.executable, str(ROOT / "manage.py"), "portal", *ports, *self._flags]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(LAUNCH), str(os.getpid()), *portal],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        """Whether the supervisor lives."""
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Whether every process works. Raises RuntimeError if the portal has ended instead."""
        if not self.is_running():
            raise RuntimeError(f"The portal did not start: {self.said()}")
        return "is ready" in self.said()

    def wait_ready(self, *, seconds: float = 150) -> None:
        """Return when every process works. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > until:
                raise TimeoutError(f"The portal is not ready: {self.said()}")
            time.sleep(0.1)

    def said(self) -> str:
        """What the supervisor wrote since it was started."""
        return self._output.read_text(errors="replace")

    def pid(self, name: str) -> int:
        """The process id of a service (or "portal", the supervisor) as it runs now."""
        if name == "portal":
            assert self.process is not None
            return self.process.pid
        children: dict[str, int] = json.loads((self.folder / "portal.json").read_text())["children"]
        return children[name]

    def send(self, name: str, number: int) -> int:
        """Send a signal to one process; returns its id."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the supervisor and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def survivors(self) -> list[int]:
        """Every process of this portal that runs, found by its environment, whoever its parent is now."""
        mark = f"PORTAL_VAR={self.folder}".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if _holds(path, mark)]

    def credentials(self) -> dict[str, Any]:
        """What `manage.py demo_credentials` prints."""
        command = [sys.executable, str(ROOT / "manage.py"), "demo_credentials"]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, check=True, stdout=subprocess.PIPE)
        credentials: dict[str, Any] = json.loads(done.stdout)
        return credentials


def _holds(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is another user's
        return False
