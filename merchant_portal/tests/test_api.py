"""The HTTP API as a whole: described, and honest while the database is away."""

import subprocess
import sys

import pytest
from django.db import OperationalError

from merchant_portal.api import api
from stores.models import Store
from stores.tests.factories import StaffFactory, StoreFactory


def test_every_operation_is_described():
    schema = api.get_openapi_schema()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) >= 12
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []


@pytest.mark.django_db
def test_while_the_database_is_away_the_api_says_so_and_when_to_come_back(client, monkeypatch):
    store = StoreFactory()
    client.force_login(StaffFactory(store=store), backend="django.contrib.auth.backends.ModelBackend")

    def away(user):
        raise OperationalError("no connection is free")

    monkeypatch.setattr(Store.objects, "visible_to", away)
    answer = client.get("/api/v1/stores/")

    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "2", "busy")


@pytest.mark.django_db
def test_a_reason_no_database_can_hold_is_refused(client):
    store = StoreFactory()
    client.force_login(StaffFactory(store=store), backend="django.contrib.auth.backends.ModelBackend")
    wanted = {"level": "paused", "reason": "a\x00b"}

    answer = client.post(f"/api/v1/stores/{store.pk}/intake", wanted, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


GOOD = {
    "PORTAL_SECRET_KEY": "k" * 50,
    "PORTAL_HOSTS": "tea.example",
    "PORTAL_PUBLIC_URL": "https://tea.example",
}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, ""),
        ({"PORTAL_SECRET_KEY": None}, "PORTAL_SECRET_KEY"),
        ({"PORTAL_SECRET_KEY": "short"}, "PORTAL_SECRET_KEY"),
        ({"PORTAL_HOSTS": None}, "PORTAL_HOSTS"),
        ({"PORTAL_HOSTS": ""}, "PORTAL_HOSTS"),
        ({"PORTAL_PUBLIC_URL": None}, "PORTAL_PUBLIC_URL"),
        ({"PORTAL_PUBLIC_URL": "http://tea.example"}, "PORTAL_PUBLIC_URL"),
    ],
)
def test_production_refuses_to_start_without_what_it_needs(tmp_path, changes, complaint):
    given = {"PORTAL_MODE": "production", "PORTAL_VAR": str(tmp_path), **GOOD, **changes}
    environment = {name: value for name, value in given.items() if value is not None}
    command = [sys.executable, "-c", "import merchant_portal.settings"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode == 0) is (complaint == "")
    assert complaint in done.stderr
