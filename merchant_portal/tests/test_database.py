"""What the database is told, by its address."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRINT = """
import json
from django.conf import settings
print(json.dumps(settings.DATABASES["default"]["OPTIONS"]))
"""


def told(address: str) -> dict[str, object]:
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "DJANGO_SETTINGS_MODULE": "merchant_portal.settings",
    }
    command = [sys.executable, "-c", PRINT]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    options: dict[str, object] = json.loads(done.stdout)
    return options


def test_what_the_address_says_is_kept_beside_our_own() -> None:
    options = told("postgres://portal@db.test/portal?sslmode=require&options=-c%20search_path%3Dtea")
    assert options["sslmode"] == "require"
    assert options["options"] == "-c idle_in_transaction_session_timeout=10s -c search_path=tea"


def test_an_address_that_says_nothing_has_our_own_alone() -> None:
    options = told("postgres://portal@db.test/portal")
    assert "sslmode" not in options
    assert options["options"] == "-c idle_in_transaction_session_timeout=10s"
