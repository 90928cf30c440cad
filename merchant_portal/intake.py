"""Intake as a process of its own.

`uvicorn merchant_portal.intake:application --http merchant_portal.intake:Protocol`
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Both need the loaded apps, or come after them.
from merchant_portal.garbage import settle  # noqa: E402
from orders.intake.app import IntakeApp  # noqa: E402
from orders.intake.door import DoorProtocol  # noqa: E402

application = IntakeApp()


class Protocol(DoorProtocol):
    """How it is spoken with under uvicorn: refuses at the door what there is no room for."""

    intake = application


settle()
