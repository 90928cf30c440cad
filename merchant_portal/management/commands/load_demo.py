"""`manage.py load_demo`: the fictional tea brand; running it twice is harmless."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from merchant_portal.demo.loader import load_brand
from merchant_portal.demo.sandbox_config import write_sandbox_config


class Command(BaseCommand):
    """Stores, people and accounts of the demo, and what its sandbox must know of them."""

    help = "Load the demo brand; what is there stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the addresses; `manage.py portal` passes them."""
        parser.add_argument("--portal-url", default=settings.PUBLIC_URL)
        parser.add_argument("--sandbox-url", default="http://127.0.0.1:8001")

    def handle(self, **options: Any) -> None:
        """Load it, if this is a place for a demo."""
        if not settings.LOCAL:
            raise CommandError("The demo is for PORTAL_MODE=local only.")
        now = timezone.now()
        load_brand(var_dir=settings.VAR_DIR, sandbox_url=options["sandbox_url"], now=now)
        write_sandbox_config(var_dir=settings.VAR_DIR, portal_url=options["portal_url"], now=now)
        self.stdout.write("The demo brand is loaded.")
