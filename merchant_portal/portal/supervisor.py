"""Starts services, restarts what dies, stops everything. Knows nothing about what they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.var import last_line, open_log

LAUNCH = str(Path(__file__).with_name("launch.py"))
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0  # seconds before a dead service is started again
STEADY = 5.0  # a service that lived longer did not die of itself: it comes back at once
TICK = 0.1


class Stopped(Exception):
    """Somebody asked the portal to end while it was starting."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep alive. `is_ready` is asked until it says yes; `grace` is its time to end.

    `pidfile`: one the process writes itself and which a killed one leaves behind.
    """

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool]
    grace: float = 6.0
    pidfile: Path | None = None


@dataclass(slots=True)
class Child:
    """A service as it runs now."""

    service: Service
    process: subprocess.Popen[bytes]
    started: float
    delay: float = FIRST_DELAY
    restart_at: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Keeps services alive from one thread; the kernel ties the children's lives to that thread.

    `env` is the environment of every child. `say` takes one line for the person watching.
    `changed` is told the process ids, by name, after every start.
    """

    var_dir: Path
    cwd: Path
    env: Mapping[str, str]
    say: Callable[[str], None]
    changed: Callable[[dict[str, int]], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, service: Service) -> None:
        """Start a service; `wait_ready` says when it works."""
        self.children[service.name] = Child(service, self._spawn(service), time.monotonic())
        self._report()

    def wait_ready(self, *, seconds: float) -> None:
        """Return when every service is ready. Raises CannotStart if one ends or takes too long."""
        deadline = time.monotonic() + seconds
        waiting = list(self.children.values())
        while waiting:
            for child in waiting:
                if child.process.poll() is not None:
                    raise CannotStart(self._why(child, "ended"))
            waiting = [child for child in waiting if not child.service.is_ready()]
            if waiting and time.monotonic() > deadline:
                raise CannotStart(self._why(waiting[0], f"was not ready after {seconds:.0f} s"))
            self._pause()

    def tend(self) -> None:
        """Look once at every child: start again what is dead, a little later each time."""
        now = time.monotonic()
        for child in self.children.values():
            if child.restart_at is not None:
                self._restart_if_due(child, now)
            elif (code := child.process.poll()) is not None:
                self._schedule(child, code, now)

    def stop(self) -> None:
        """End all children; what was started first goes last, for the others rest on it."""
        children = list(self.children.values())
        for group in (children[1:], children[:1]):
            for child in group:
                _signal(child, signal.SIGTERM)
            for child in group:
                _end(child)
        self.children.clear()

    def run_once(self, name: str, argv: Sequence[str]) -> None:
        """Run a command to its end. Raises CannotStart with its last words if it fails."""
        service = Service(name, argv, is_ready=lambda: True)
        child = Child(service, self._spawn(service), time.monotonic())
        self.children[name] = child
        while child.process.poll() is None:
            self._pause()
        del self.children[name]
        if child.process.returncode:
            raise CannotStart(self._why(child, "failed"))

    def _pause(self) -> None:
        if self.stopping.wait(TICK):
            raise Stopped

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        if service.pidfile:
            service.pidfile.unlink(missing_ok=True)
        with open_log(self.var_dir, service.name) as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), *service.argv],
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches the portal alone
            )

    def _schedule(self, child: Child, code: int, now: float) -> None:
        if now - child.started > STEADY:
            child.delay = FIRST_DELAY
        child.restart_at = now + child.delay
        self.say(f"{child.service.name} ended ({_words(code)}); starting it again in {child.delay:.1f} s")
        child.delay = min(child.delay * 2, LONGEST_DELAY)

    def _restart_if_due(self, child: Child, now: float) -> None:
        if child.restart_at is not None and now >= child.restart_at:
            child.process, child.started, child.restart_at = self._spawn(child.service), now, None
            self._report()

    def _report(self) -> None:
        self.changed({name: child.process.pid for name, child in self.children.items()})

    def _why(self, child: Child, what: str) -> str:
        name = child.service.name
        words = last_line(self.var_dir, name)
        return f"{name} {what}: {words or 'it said nothing'} (log: {self.var_dir / 'log' / name}.log)"


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _signal(child: Child, number: int) -> None:
    if child.process.poll() is None:
        os.killpg(child.process.pid, number)


def _end(child: Child) -> None:
    try:
        child.process.wait(timeout=child.service.grace)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)
        child.process.wait()
