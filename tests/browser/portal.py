"""A portal of its own for browser tests: Daphne on a free port, SQLite and secrets in a folder."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from merchant_portal.portal.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
FILL = """
import json
from django.utils import timezone
from reports.tests.world import build
print(json.dumps(build(timezone.now())))
"""


class Portal:
    """Migrates, fills, serves. `url` has no slash at its end; `rows` is what `fill` printed, as JSON.

    It can be stopped and started again, on the same port with the same data.
    """

    def __init__(self, folder: Path, fill: str = FILL) -> None:
        self._port = free_port()
        self._folder = folder
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            **os.environ,
            "PORTAL_MODE": "local",
            "PORTAL_VAR": str(folder),
            "PORTAL_PUBLIC_URL": self.url,
            "PORTAL_LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "merchant_portal.settings",
        }
        self._environment.pop("DATABASE_URL", None)
        self._python("manage.py", "migrate", "-v0")
        self.rows: dict[str, Any] = self.shell(fill)
        self.start()

    def shell(self, code: str) -> Any:
        """Run Python within the portal's settings; returns what it prints, read as JSON."""
        return json.loads(self._python("manage.py", "shell", "-v0", "-c", code))

    def start(self) -> None:
        """Serve; returns once it answers."""
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self._port), "-v", "0"]
        self._log = (self._folder / "daphne.log").open("a")
        self._process = subprocess.Popen(
            [*command, "merchant_portal.asgi:application"],
            env=self._environment,
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def _wait(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                urlopen(f"{self.url}/livez", timeout=1).close()  # noqa: S310 -- our own address
            except (URLError, TimeoutError):
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"Daphne did not answer: {Path(self._log.name).read_text()[-2000:]}")

    def start_again(self) -> None:
        """For whoever comes after a test that stopped it and failed."""
        if self._process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """As a machine that is switched off: what a browser still has open must not keep it waiting."""
        self._process.kill()
        self._process.wait(timeout=20)
        self._log.close()
