"""Intake as a process of its own: `uvicorn merchant_portal.intake:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

from orders.intake.app import IntakeApp  # noqa: E402 -- needs the loaded apps

application = IntakeApp()
