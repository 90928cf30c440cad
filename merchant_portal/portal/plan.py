"""What runs in a one-machine installation: commands, environment and readiness of every process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from celery import Celery

from merchant_portal.portal import redis_server
from merchant_portal.portal.supervisor import Service

PYTHON = sys.executable
QUEUES = "portal,platforms,reconciliation,couriers,searches,prices"
THREADS = "59"  # one for each place of `settings.OUTBOX_PLACES`, and six for all else; most of them wait


@dataclass(frozen=True, slots=True)
class Plan:
    """What the person asked for, with every address decided."""

    base_dir: Path
    var_dir: Path
    host: str
    port: int
    sandbox_port: int
    redis_url: str
    public_url: str
    demo: bool
    traffic: bool
    crew: bool
    speed: float

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the portal."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared only
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """Where the pretend platforms and couriers listen."""
        return f"http://127.0.0.1:{self.sandbox_port}"


def environment(plan: Plan, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment every child gets."""
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "merchant_portal.settings",
        "PORTAL_VAR": str(plan.var_dir),
        "PORTAL_PUBLIC_URL": plan.public_url,
        "PORTAL_DEMO": "1" if plan.demo else "0",
        "REDIS_URL": plan.redis_url,
        "PYTHONUNBUFFERED": "1",
    }


def manage(plan: Plan, *words: str) -> list[str]:
    """Return a `manage.py` command."""
    return [PYTHON, str(plan.base_dir / "manage.py"), *words]


def services(plan: Plan) -> list[Service]:
    """Return everything but Redis, in the order it is started."""
    found = [_site(plan), _worker(plan), _beat(plan)]
    return [_sandbox(plan), *found] if plan.demo else found


def _site(plan: Plan) -> Service:
    endpoint = f"tcp:port={plan.port}:interface={plan.host.replace(':', chr(92) + ':')}:backlog=2048"
    argv = [PYTHON, "-m", "daphne", "-e", endpoint, "-v", "0", "--websocket_connect_timeout", "20"]
    return Service("daphne", [*argv, "merchant_portal.asgi:application"], _serves(f"{plan.url}/readyz"))


def _worker(plan: Plan) -> Service:
    node = f"portal{plan.port}@localhost"
    argv = [PYTHON, "-m", "celery", "-A", "merchant_portal", "worker", "-n", node]
    hands = ["-P", "threads", "-c", THREADS, "-Q", QUEUES]
    quiet = ["-l", "WARNING", "--without-gossip", "--without-mingle"]
    return Service("worker", [*argv, *hands, *quiet], _pongs(plan.redis_url, node))


def _beat(plan: Plan) -> Service:
    schedule, pidfile = plan.var_dir / "celerybeat-schedule", plan.var_dir / "beat.pid"
    argv = [PYTHON, "-m", "celery", "-A", "merchant_portal", "beat", "-l", "WARNING"]
    files = ["-s", str(schedule), "--pidfile", str(pidfile)]  # the latter is written when it begins to tick
    return Service("beat", [*argv, *files], pidfile.exists, pidfile=pidfile)


def _sandbox(plan: Plan) -> Service:
    argv = [
        PYTHON,
        "-m",
        "sandbox",
        "--port",
        str(plan.sandbox_port),
        "--state",
        str(plan.var_dir / "sandbox"),
    ]
    wishes = ["--speed", str(plan.speed)]
    wishes += ["--traffic"] if plan.traffic else []
    wishes += ["--crew"] if plan.crew and plan.traffic else []
    return Service("sandbox", [*argv, *wishes], _serves(f"{plan.sandbox_url}/control/health"))


def _serves(url: str) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return httpx.get(url, timeout=3).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return check


def _pongs(redis_url: str, node: str) -> Callable[[], bool]:
    broker = Celery(broker=redis_url, set_as_current=False)

    def check() -> bool:
        return redis_server.answers(redis_url) and bool(broker.control.ping([node], timeout=0.5))

    return check
