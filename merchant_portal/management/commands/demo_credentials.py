"""`manage.py demo_credentials`: how to sign in to the demo, as JSON for scripts."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from merchant_portal.demo.credentials import NoDemo, credentials


class Command(BaseCommand):
    """Refuses outside the demo."""

    help = "Print the demo's addresses, logins and channel secrets as JSON."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        """Print JSON, or one line on stderr and exit code 1."""
        try:
            found = credentials(var_dir=settings.VAR_DIR, demo=settings.DEMO, public_url=settings.PUBLIC_URL)
        except NoDemo as refusal:
            raise CommandError(str(refusal)) from None
        except DatabaseError:
            raise CommandError("The demo is not loaded. Start it with: make run") from None
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
