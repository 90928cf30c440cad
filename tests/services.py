"""A private Redis and a private PostgreSQL for the tests, on ports and folders of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from merchant_portal.portal.ports import free_port

# Chromium without asking anybody outside this machine for anything.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def apt_install(*packages: str) -> bool:
    """Install Debian packages if this is Debian and we are root; False if that cannot be."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-q"], check=False, **quiet)  # type: ignore[call-overload]
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, env=environment, **quiet).returncode == 0  # type: ignore[call-overload,no-any-return]


def wait_for_port(port: int, *, seconds: float = 20) -> None:
    """Return once something listens. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Nothing listens on port {port}.")


class Redis:
    """A Redis without persistence."""

    def __init__(self, folder: Path, binary: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir(parents=True)
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command = [binary, *where, "--save", "", "--appendonly", "no"]
        self.start()

    def start(self) -> None:
        """Let it run, empty; it does already when it is made."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def freeze(self) -> None:
        """It holds its connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers what it was asked meanwhile."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


class Postgres:
    """A PostgreSQL cluster of its own; as root it runs as Debian's user `postgres`.

    Tests throw the data away, so nothing need survive a power cut; with `durable` every commit does.
    """

    def __init__(self, folder: Path, binaries: Path, *, durable: bool = False) -> None:
        self.port = free_port()
        self.url = f"postgres://portal@127.0.0.1:{self.port}/postgres"
        self._binaries = binaries
        self._data = folder / "data"
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "portal", "-A", "trust", "-E", "UTF8", "--locale=C")
        fsync = "on" if durable else "off"
        options = f"-p {self.port} -k {folder} -h 127.0.0.1 -c fsync={fsync} -c max_connections=200"
        log = str(folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """End it."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def _run(self, name: str, *arguments: str) -> None:
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*user, str(self._binaries / name), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def find_redis() -> str | None:
    """redis-server on PATH, installed if it can be, else None."""
    if shutil.which("redis-server") is None:
        apt_install("redis-server")
    return shutil.which("redis-server")


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's server binaries, installed if it can be, else None."""
    return _postgres_binaries() or (_postgres_binaries() if apt_install("postgresql") else None)


def _postgres_binaries() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def find_chromium() -> str | None:
    """Debian's Chromium, installed if it can be, else None."""
    if shutil.which("chromium") is None:
        apt_install("chromium", "fonts-noto-cjk")
    return shutil.which("chromium") or shutil.which("chromium-browser")
