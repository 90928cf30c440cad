"""`manage.py portal`: the whole portal on this machine, until Ctrl-C."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from merchant_portal.demo.logins import Logins
from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.plan import Plan
from merchant_portal.portal.run import Wishes, run

SHOWN_LOGINS = 6  # enough to start with; `demo_credentials` has them all


class Command(BaseCommand):
    """Redis, database, site, worker, beat and (with --demo) the sandbox."""

    help = "Run the whole portal on this machine; Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; the Makefile passes them."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--sandbox-port", type=int, default=0, help="default: the port after --port")
        parser.add_argument("--demo", action="store_true", help="load a fictional tea brand and its sandbox")
        parser.add_argument("--traffic", action=BooleanOptionalAction, default=True, help="play 6 February")
        parser.add_argument("--crew", action=BooleanOptionalAction, default=True, help="pretend staff")
        parser.add_argument("--speed", type=float, default=60.0, help="day-seconds per second")

    def handle(self, **options: Any) -> None:
        """Run until a signal; one line on stderr and exit code 1 if it cannot start."""
        names = ("host", "port", "sandbox_port", "demo", "traffic", "crew", "speed")
        wishes = Wishes(settings.BASE_DIR, settings.VAR_DIR, **{name: options[name] for name in names})
        try:
            run(wishes, say=self._say, ready=self._ready)
        except CannotStart as problem:
            self.stderr.write(str(problem))
            raise SystemExit(1) from None

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _ready(self, plan: Plan) -> None:
        self._say(f"\nMerchant Portal is ready: {plan.url}/\n")
        if plan.demo:
            logins = Logins(plan.var_dir).all()
            for name, password in list(logins.items())[:SHOWN_LOGINS]:
                self._say(f"  {name:<16} {password}")
            self._say(f"  … all {len(logins)} logins: {plan.var_dir / 'demo-logins.json'}\n")
        self._say(f"Logs are in {plan.var_dir / 'log'}. Ctrl-C stops everything.")
