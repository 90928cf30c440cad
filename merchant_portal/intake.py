"""Intake as a process of its own: `uvicorn merchant_portal.intake:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Both need the loaded apps, or come after them.
from merchant_portal.garbage import settle  # noqa: E402
from orders.intake.app import IntakeApp  # noqa: E402

application = IntakeApp()
settle()
