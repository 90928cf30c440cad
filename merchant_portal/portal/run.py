"""From a command line to a running portal, and back to nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from merchant_portal.portal import plan as plans
from merchant_portal.portal import redis_server, var
from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.plan import Plan
from merchant_portal.portal.ports import free_port, require_free
from merchant_portal.portal.supervisor import Service, Stopped, Supervisor

READY_WITHIN = 90.0  # seconds, on a slow machine


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    base_dir: Path
    var_dir: Path
    host: str
    port: int
    sandbox_port: int
    demo: bool
    traffic: bool
    crew: bool
    speed: float


def run(wishes: Wishes, *, say: Callable[[str], None], ready: Callable[[Plan], None]) -> None:
    """Run the portal until a signal ends it. Raises CannotStart, with nothing left running."""
    os.umask(0o077)  # the database and the logs hold guests' data: nobody else's business
    with var.lock(wishes.var_dir):
        require_free(wishes.host, wishes.port)
        plan, private = decide(wishes)
        supervisor = Supervisor(
            var_dir=plan.var_dir,
            cwd=plan.base_dir,
            env=plans.environment(plan, os.environ),
            say=say,
            changed=partial(_remember, plan),
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.stopping.set())
        try:
            _start(supervisor, plan, private, say)
            ready(plan)
            while not supervisor.stopping.wait(0.2):
                supervisor.tend()
        except Stopped:
            pass
        finally:
            say("Stopping …")
            supervisor.stop()
            _remember(plan, {})


def decide(wishes: Wishes) -> tuple[Plan, redis_server.PrivateRedis | None]:
    """Settle addresses: the person's own Redis if REDIS_URL is set, else a private one."""
    own = os.environ.get("REDIS_URL", "")
    sandbox_port = wishes.sandbox_port or free_port(prefer=wishes.port + 1, besides={wishes.port})
    meant = {wishes.port, sandbox_port}  # nobody listens there yet
    private = None if own else redis_server.prepare(wishes.var_dir, besides=meant)
    plan = Plan(
        base_dir=wishes.base_dir,
        var_dir=wishes.var_dir,
        host=wishes.host,
        port=wishes.port,
        sandbox_port=sandbox_port,
        redis_url=private.url if private else own,
        public_url="",
        demo=wishes.demo,
        traffic=wishes.traffic,
        crew=wishes.crew,
        speed=wishes.speed,
    )
    return replace(plan, public_url=os.environ.get("PORTAL_PUBLIC_URL") or plan.url), private


def _start(
    supervisor: Supervisor, plan: Plan, private: redis_server.PrivateRedis | None, say: Callable[[str], None]
) -> None:
    if private:
        supervisor.start(Service("redis", private.argv, partial(redis_server.answers, private.url)))
    elif not redis_server.answers(plan.redis_url):
        raise CannotStart("No Redis answers at REDIS_URL.")
    say("Preparing the database …")
    supervisor.run_once("migrate", plans.manage(plan, "migrate", "--noinput"))
    if plan.demo:
        say("Loading the demo brand …")
        load = ("load_demo", "--portal-url", plan.url, "--sandbox-url", plan.sandbox_url)
        supervisor.run_once("load-demo", plans.manage(plan, *load))
    say("Starting …")
    for service in plans.services(plan):
        supervisor.start(service)
    supervisor.wait_ready(seconds=READY_WITHIN)


def _remember(plan: Plan, pids: dict[str, int]) -> None:
    state = {
        "url": plan.url,
        "sandbox_url": plan.sandbox_url if plan.demo else None,
        "redis_url": plan.redis_url,
        "demo": plan.demo,
        "pid": os.getpid() if pids else None,
        "children": pids,
    }
    var.write_state(plan.var_dir, state)
