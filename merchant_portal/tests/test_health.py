"""/livez, /readyz and /metrics: what they answer, and whom."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.models import StoreSequence
from outbox.models import Job
from reports.tests.rows import make_order, make_store

NOWHERE = "redis://127.0.0.1:1/0"


def test_a_live_process_says_so_without_asking_the_database(client):
    response = client.get(reverse("livez"))
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
@pytest.mark.redis
def test_ready_means_that_every_part_answers(client):
    response = client.get(reverse("readyz"))
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "parts": {"database": "ok", "redis": "ok"}}


@pytest.mark.django_db
def test_without_redis_the_portal_is_degraded_but_ready(client, settings):
    settings.REDIS_URL = NOWHERE
    response = client.get(reverse("readyz"))
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "parts": {"database": "ok", "redis": "unreachable"}}


@pytest.mark.django_db
def test_without_the_database_nothing_is_ready(client, settings, monkeypatch):
    settings.REDIS_URL = NOWHERE
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "/nowhere/portal.sqlite3")
    if connection.vendor != "sqlite":
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    response = client.get(reverse("readyz"))
    assert response.status_code == 503
    assert response.json() == {
        "status": "unready",
        "parts": {"database": "unreachable", "redis": "unreachable"},
    }


@pytest.mark.parametrize("name", ["livez", "readyz", "metrics"])
@pytest.mark.django_db
def test_answers_are_never_kept(client, settings, name):
    settings.REDIS_URL = NOWHERE
    assert "no-store" in client.get(reverse(name))["Cache-Control"]


@pytest.mark.django_db
def test_metrics_count_jobs_orders_and_events(client):
    now, store = timezone.now(), make_store()
    make_order(store, state="making")
    make_order(store, state="delivered", on_board=False)
    StoreSequence.objects.create(store=store, epoch="a", last_seq=7)
    job = {"kind": "channel.order", "queue": "platforms", "due_at": now, "created_at": now}
    for key, state in enumerate(["dead", "due", "due", "done"]):
        Job.objects.create(key=str(key), state=state, **job)
    text = client.get(reverse("metrics")).content.decode()
    assert [line for line in text.splitlines() if line.startswith("portal_")] == [
        'portal_outbox_jobs{queue="platforms",state="dead"} 1.0',
        'portal_outbox_jobs{queue="platforms",state="due"} 2.0',
        'portal_open_orders{state="making"} 1.0',
        "portal_events_total 7.0",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 403),
    ],
)
def test_without_a_token_metrics_are_for_this_machine_alone(address, headers, status):
    client = Client(headers=headers, REMOTE_ADDR=address)
    assert client.get(reverse("metrics")).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "status"),
    [("Bearer right", 200), ("Bearer wrong", 403), ("Bearer é", 403), ("right", 403), ("", 403)],
)
def test_with_a_token_metrics_are_for_its_bearer_alone(settings, given, status):
    settings.METRICS_TOKEN = "right"
    client = Client(headers={"Authorization": given})
    assert client.get(reverse("metrics")).status_code == status
