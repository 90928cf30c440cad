"""Telling platforms, over real HTTP: signed, the same id on every attempt, and honest about failure."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from orders import services
from orders.intake_switch import set_intake
from orders.tests.boards import watched
from orders.tests.factories import place_order
from orders.tests.platform import running_platform
from outbox.guard import MOST_AT_ONCE, guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.sealed import seal
from stores.tests.factories import SECRET, StoreChannelFactory

pytestmark = pytest.mark.django_db

LIN = Actor("Lin")


@pytest.fixture(autouse=True)
def open_doors():
    """Test databases number their accounts alike."""
    guard_of.cache_clear()


@pytest.fixture
def platform():
    with running_platform() as platform:
        yield platform


@pytest.fixture
def channel(platform):
    channel = StoreChannelFactory()
    channel.account.callback_url = platform.url
    channel.account.save()
    return channel


@pytest.fixture
def accepted(channel, now):
    order = place_order(channel, now=now)
    services.step(order_id=order.pk, verb="accept", actor=LIN, now=now)
    return order


@pytest.fixture
def paused(channel, now):
    set_intake(store_id=channel.store_id, level=IntakeLevel.PAUSED, reason="爆单了", actor=LIN, now=now)
    return channel


def run_next():
    """Run the oldest job whenever it is due; returns its row afterwards."""
    job = claim(queue="platforms", now=datetime.max.replace(tzinfo=UTC, year=2100))
    run(job)
    return Job.objects.get(pk=job.pk)


def test_a_step_is_told_signed_with_the_newest_secret(platform, channel, accepted):
    newest = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldw=="
    channel.account.secrets = f"{newest}\n{SECRET}"
    channel.account.save()

    assert run_next().state == "done"

    headers, body = platform.calls[0]
    Webhook(newest).verify(body, headers)
    message = json.loads(body)
    assert (message["type"], message["data"]) == (
        "order.accepted",
        {"order_id": "E-1001", "store_code": channel.external_code, "reason": ""},
    )
    assert headers["webhook-id"] == f"channel.order:order.accept.{accepted.pk}"


@pytest.mark.parametrize(("status", "state"), [(500, "due"), (429, "due"), (400, "dead"), (410, "dead")])
def test_only_what_may_pass_later_is_tried_again(platform, accepted, status, state):
    platform.status = status

    job = run_next()

    assert (job.state, f"HTTP {status}" in job.last_error) == (state, True)


def test_every_attempt_carries_the_same_id(platform, accepted):
    platform.status = 500
    run_next()
    platform.status = 200
    Job.objects.update(lease_until=None)
    assert run_next().state == "done"

    assert len({headers["webhook-id"] for headers, _ in platform.calls}) == 1


def test_a_platform_nobody_answers_for_is_tried_again(channel, accepted):
    channel.account.callback_url = "http://127.0.0.1:9/calls"
    channel.account.save()

    job = run_next()

    assert (job.state, job.last_error.startswith("Unreachable: no connection")) == ("due", True)


def test_an_account_without_an_address_is_a_dead_letter(channel, accepted):
    channel.account.callback_url = ""
    channel.account.save()

    assert run_next().state == "dead"


@pytest.mark.parametrize(
    ("answer", "state"),
    [(b'{"level": "paused"}', "confirmed"), (b'{"level": "open"}', "told"), (b"fine", "told")],
)
def test_a_pause_is_confirmed_only_by_repeating_the_level(platform, paused, now, answer, state):
    platform.answer = answer

    with watched(paused.store, now=now) as events:
        run_next()

    assert [message["data"]["level"] for message in platform.messages] == ["paused"]
    assert [event["intake"]["channels"][0]["state"] for event in events] == [state]


def test_a_pause_that_cannot_be_told_shows_why(platform, paused, now):
    platform.status = 503

    with watched(paused.store, now=now) as events:
        assert run_next().state == "due"

    channel = events[-1]["intake"]["channels"][0]
    assert (channel["state"], channel["error"]) == ("failed", "HTTP 503")


def test_news_that_is_out_of_date_is_not_told(platform, paused, now):
    set_intake(store_id=paused.store_id, level=IntakeLevel.OPEN, reason="", actor=LIN, now=now)

    assert [run_next().state, run_next().state] == ["done", "done"]
    assert [message["data"]["level"] for message in platform.messages] == ["open"]


def test_a_step_of_an_order_that_was_called_off_is_not_told_any_more(platform, accepted, now):
    services.step(order_id=accepted.pk, verb="cancel", actor=LIN, now=now)

    assert {run_next().state, run_next().state} == {"done"}
    assert [message["type"] for message in platform.messages] == ["order.cancelled"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [200, 500])
def test_news_that_crossed_with_newer_news_is_followed_by_the_newest(platform, paused, now, status):
    """Whatever became of the old call, the platform hears the newest level last."""

    def change_during_the_call():
        set_intake(store_id=paused.store_id, level=IntakeLevel.OPEN, reason="", actor=LIN, now=now)
        connection.close()

    platform.during, platform.status = change_during_the_call, status
    run_next()
    platform.status, platform.answer = 200, b'{"level": "open"}'
    while job := claim(queue="platforms", now=datetime.max.replace(tzinfo=UTC, year=2100)):
        run(job)

    assert [message["data"]["level"] for message in platform.messages][-1] == "open"
    assert {job.key for job in Job.objects.all()} == {
        f"{paused.pk}:1", f"{paused.pk}:2", f"{paused.pk}:2:after1",
    }  # fmt: skip
    paused.refresh_from_db()
    assert (paused.told_version, paused.confirmed_version, paused.last_error) == (2, 2, "")


def test_who_brings_an_order_of_the_stores_own_delivery_is_told(platform, channel, now):
    order = place_order(channel, now=now)
    for verb in ("accept", "start", "ready"):
        services.step(order_id=order.pk, verb=verb, actor=LIN, now=now)
    Job.objects.all().delete()
    summary = {"carrier": "own", "rider": "老周", "rider_phone": "····0001"}
    carrier = {"rider_name": "老周", "rider_phone": seal("13900000001"), "carrier": "own", "reference": "H-1"}

    services.follow_delivery(
        order_id=order.pk, summary=summary, actor=LIN, now=now, verb="collect", carrier=carrier
    )

    assert "13900000001" not in json.dumps(Job.objects.get().payload)
    assert run_next().state == "done"
    assert [(call["type"], call["data"]) for call in platform.messages] == [
        (
            "order.collected",
            {
                "order_id": "E-1001",
                "store_code": channel.external_code,
                "rider_name": "老周",
                "rider_phone": "13900000001",
                "carrier": "own",
                "reference": "H-1",
                "reason": "",
            },
        )
    ]


def test_a_platform_that_delivers_by_itself_is_not_told_who_fetched_it(channel, now):
    order = place_order(channel, now=now, fulfilment="platform_courier")
    for verb in ("accept", "start", "ready", "collect"):
        services.step(order_id=order.pk, verb=verb, actor=LIN, now=now)

    assert not Job.objects.filter(key__contains="collect").exists()


def test_a_busy_account_costs_no_attempt(channel, accepted):
    guard = guard_of(f"channel:{channel.account.pk}", settings.CHANNEL_CALLS_PER_SECOND)
    with ExitStack() as calls:
        for _ in range(MOST_AT_ONCE):
            calls.enter_context(guard.admitted(now=timezone.now()))
        job = run_next()

    assert (job.state, job.attempts, job.last_error) == ("due", 0, "the account is busy")
