"""The processes of a run: Redis, the sandbox, the site, beat and several workers; each can be harmed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from merchant_portal.portal import plan
from merchant_portal.portal.ports import free_port
from tests.chaos.carriage.database import Database
from tests.processes import INHERITED, LAUNCH, ROOT
from tests.services import find_redis, wait_for_port

THREADS = ("-P", "threads", "-c", plan.THREADS)
CHILDREN = ("-P", "prefork", "-c", "2")
QUIET = ("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers: a module that takes the words of `celery`, and the pool of each."""

    pools: Sequence[Sequence[str]]
    module: str = "celery"
    environment: Mapping[str, str] = field(default_factory=dict)


class Process:
    """One command that is started anew when it is dead, unless it is to stay so (`wanted`)."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.wanted = name, True
        self._argv, self._environment, self._log = argv, environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []

    def tend(self) -> None:
        """Start it if it should run and does not."""
        if not self.wanted or (self._process is not None and self._process.poll() is None):
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(LAUNCH), str(os.getpid()), *self._argv],
                cwd=ROOT,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(self._process.pid)

    @property
    def pid(self) -> int:
        """Of the main process as it runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9 it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill it and whatever it ever left behind."""
        self.wanted = False
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()


class Worker(Process):
    """A worker that `mortal` forks; the process that is started here stays."""

    frozen = False

    def main(self) -> int | None:
        """The worker as it runs now; None in the moment between two."""
        return next(iter(_children(self.pid)), None)

    def kill(self) -> None:
        """kill -9 of the main process; what it leaves behind goes on as long as it can."""
        _signal(self.main(), signal.SIGKILL)

    def kill_child(self, dice: Random) -> bool:
        """kill -9 of one process of its pool; False if it has none."""
        children = _children(self.main())
        if children:
            _signal(dice.choice(children), signal.SIGKILL)
        return bool(children)

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does."""
        self.frozen = True
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)
        self.frozen = False

    def _signal_all(self, number: int) -> None:
        main = self.main()
        for pid in (main, *_children(main)):
            _signal(pid, number)


def _children(pid: int | None) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _signal(pid: int | None, number: int) -> None:
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, number)


class Works:
    """Everything around one database; it ends with `stack`."""

    def __init__(self, stack: ExitStack, folder: Path, database: Database, crew: Crew) -> None:
        self.folder, self.database, self._crew = folder, database, crew
        self._ports: dict[str, int] = {}
        for name in ("redis", "sandbox", "site"):
            self._ports[name] = free_port(besides=self._ports.values())
        self.sandbox_url = f"http://127.0.0.1:{self._ports['sandbox']}"
        self.redis_url = f"redis://127.0.0.1:{self._ports['redis']}/0"
        self.site_url = f"http://127.0.0.1:{self._ports['site']}"
        self.environment = self._own_environment()
        (folder / "log").mkdir()
        self.redis = self._process("redis", *self._redis())
        self.sandbox = self._process("sandbox", *self._python("sandbox", *self._sandbox()))
        self.site = self._process("site", *self._python("uvicorn", *self._site()))
        self.beat = self._process("beat", *self._python("celery", *self._beat()))
        self.people = self._process("people", *self._python("tests.chaos.carriage.people"))
        self.people.wanted = False  # until somebody lets them in
        self.workers = [self._worker(number, pool) for number, pool in enumerate(crew.pools)]
        for process in self.everything():
            stack.callback(process.end)

    def everything(self) -> list[Process]:
        """In the order in which they are started."""
        return [self.redis, self.sandbox, self.site, self.beat, self.people, *self.workers]

    def prepare(self, **wishes: object) -> None:
        """Have the database and the sandbox's brand made as `world` is told."""
        told = {"portal_url": self.site_url, "sandbox_url": self.sandbox_url, **wishes}
        command = [sys.executable, "-m", "tests.chaos.carriage.world", json.dumps(told)]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True)

    def start(self) -> None:
        """Start everything; returns when the sandbox and the site answer."""
        self.tend()
        for port in self._ports.values():
            wait_for_port(port, seconds=60)

    def tend(self) -> None:
        """Start anew what is dead and should not be."""
        for process in self.everything():
            process.tend()

    def tell(self, path: str, wish: Mapping[str, object]) -> None:
        """POST to the sandbox's control."""
        httpx.post(f"{self.sandbox_url}/control/{path}", json=wish, timeout=30).raise_for_status()

    def faults(self) -> list[dict[str, Any]]:
        """What the sandbox still does wrong, and how often."""
        answer = httpx.get(f"{self.sandbox_url}/control/faults", timeout=30)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["faults"]
        return found

    def behave(self) -> None:
        """Clear every fault of the sandbox."""
        httpx.delete(f"{self.sandbox_url}/control/faults", timeout=30).raise_for_status()

    def errands(self) -> list[dict[str, Any]]:
        """The couriers' own ledger: every errand that ever came to be, with its beginning and end."""
        found: list[dict[str, Any]] = []
        asked = {"couriers": "1", "after": ""}
        while True:
            answer = httpx.get(f"{self.sandbox_url}/control/ledger", params=asked, timeout=120)
            page = answer.raise_for_status().json()
            found += (dict(zip(page["columns"], row, strict=True)) for row in page["errands"])
            asked["after"] = page["next"]
            if not page["next"]:
                return found

    def _process(self, name: str, *argv: str) -> Process:
        return Process(name, argv, self.environment, self.folder / "log" / f"{name}.log")

    def _python(self, *words: str) -> list[str]:
        return [sys.executable, "-m", *words]

    def _redis(self) -> list[str]:
        binary = find_redis()
        assert binary is not None, "no redis-server on PATH, and it could not be installed"
        quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [binary, "--port", str(self._ports["redis"]), *quiet]

    def _sandbox(self) -> list[str]:
        state = str(self.folder / "sandbox")
        return ["--port", str(self._ports["sandbox"]), "--state", state, "--rider-scale", "0"]

    def _site(self) -> list[str]:
        quiet = ["--no-access-log", "--log-level", "warning"]
        return ["--port", str(self._ports["site"]), *quiet, "merchant_portal.asgi:application"]

    def _beat(self) -> list[str]:
        files = ["-s", str(self.folder / "beat-schedule"), "--pidfile", ""]
        return ["-A", "merchant_portal", "beat", "-l", "WARNING", *files]

    def _worker(self, number: int, pool: Sequence[str]) -> Worker:
        name = f"worker{number}"
        words = ["-A", "merchant_portal", "worker", "-n", f"{name}@localhost", "-Q", plan.QUEUES, *QUIET]
        argv = self._python(self._crew.module, *words, *pool)
        return Worker(name, argv, self.environment, self.folder / "log" / f"{name}.log")

    def _own_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
        own = {"PORTAL_MODE": "local", "PORTAL_VAR": str(self.folder), "PORTAL_DEMO": "1"}
        where = {"PORTAL_PUBLIC_URL": self.site_url, "REDIS_URL": self.redis_url}
        how = {"PORTAL_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "merchant_portal.settings"}
        where["DATABASE_URL"] = self.database.url
        return {**kept, **own, **where, **how, **self._crew.environment}
