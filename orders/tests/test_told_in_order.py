"""Calls that depend on another: told in their order, told once, given up only by a platform's own word."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders import services
from orders.errors import CannotUndo
from orders.models import Order
from orders.tests import eleme_messages as eleme
from orders.tests.eleme_platform import running_eleme
from orders.tests.eleme_shop import bound_shop, placed, pushed
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.actors import Actor
from stores.models import ChannelAccount, ChannelToken

pytestmark = pytest.mark.django_db
LIN = Actor("Lin")


@pytest.fixture
def platform():
    guard_of.cache_clear()
    with running_eleme() as running:
        yield running


@pytest.fixture
def shop(platform, now):
    return bound_shop(platform, now=now)


def run_next(*, hours=0):
    job = claim(queue="platforms", now=timezone.now() + timedelta(hours=hours))
    run(job)
    job.refresh_from_db()
    return job


def made_ready(order):
    """Long enough ago for nobody to undo it."""
    begun = timezone.now() - timedelta(seconds=60)
    for verb in ("start", "ready"):
        services.step(order_id=order.pk, verb=verb, actor=LIN, now=begun)


def test_ready_waits_for_an_acceptance_that_is_still_on_its_way(platform, shop):
    order = placed(shop, now=timezone.now())
    Job.objects.update(due_at=timezone.now() + timedelta(minutes=5), attempts=6, last_error="no connection")
    made_ready(order)

    job = run_next()

    assert (job.key, job.state, job.attempts) == (f"order.ready.{order.pk}", "due", 0)
    assert platform.calls == []


def test_a_step_that_was_taken_though_nobody_answered_is_told(platform, shop):
    order = placed(shop, now=timezone.now())
    run_next()
    made_ready(order)
    platform.replies["eleme.order.setOrderPrepared"] = (500, b"")
    assert run_next().state == "due"
    del platform.replies["eleme.order.setOrderPrepared"]
    platform.errors["eleme.order.setOrderPrepared"] = "ORDER_ALREADY_PREPARED"
    platform.results["eleme.order.getOrder"] = eleme.order(status="valid")

    assert run_next(hours=1).state == "done"


def test_a_step_that_is_refused_at_once_is_a_dead_letter(platform, shop):
    order = placed(shop, now=timezone.now())
    run_next()
    made_ready(order)
    platform.errors["eleme.order.setOrderPrepared"] = "ORDER_TOO_STRANGE"
    platform.results["eleme.order.getOrder"] = eleme.order(status="valid")

    assert run_next().state == "dead"


@pytest.mark.parametrize("code", ["EXCEED_LIMIT", "UNAUTHORIZED"])
def test_an_acceptance_outlasts_a_platform_that_turns_calls_away(platform, shop, code):
    placed(shop, now=timezone.now())
    platform.errors["eleme.order.confirmOrderLite"] = code

    for hours in range(12):
        guard_of.cache_clear()
        job = run_next(hours=hours)
        assert (job.kind, job.state, job.attempts) == ("channel.order", "due", 0)
        Job.objects.filter(kind="channel.token").delete()

    del platform.errors["eleme.order.confirmOrderLite"]
    guard_of.cache_clear()
    assert run_next(hours=13).state == "done"


def test_no_part_of_a_token_is_written_into_a_job(platform, shop):
    placed(shop, now=timezone.now())
    platform.errors["eleme.order.confirmOrderLite"] = "UNAUTHORIZED"
    token = ChannelToken.objects.get().access

    run_next()

    name = Job.objects.get(kind="channel.token").key.partition(":")[2]
    assert not {name[start : start + 6] for start in range(len(name) - 5)} & {
        token[start : start + 6] for start in range(len(token) - 5)
    }


def test_an_account_without_secrets_has_nobody_to_tell(platform, shop):
    placed(shop, now=timezone.now())
    ChannelAccount.objects.update(secrets="")

    assert run_next().state == "dead"


def test_an_acceptance_that_the_platform_knows_is_not_undone(shop, now):
    shop.auto_accept = False
    order = placed(shop, now=now)
    services.step(order_id=order.pk, verb="accept", actor=LIN, now=now)
    pushed(shop, 12, eleme.status_change("valid"), now=now, requestId="r-12")

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now + timedelta(seconds=5))
    assert Order.objects.get().state == "accepted"
