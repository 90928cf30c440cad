"""Whether a store is open there: asked when a platform hints at it and now and then; only news is shown."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.comparison import PERIOD
from orders.reconciliation import reconcile
from orders.store_levels import comparable, settle
from orders.tests.boards import watched
from orders.tests.eleme_messages import SHOP
from orders.tests.eleme_platform import running_eleme
from orders.tests.eleme_shop import bound_shop, pushed
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import StoreChannel
from stores.services import change_level, tell_channel

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

STATUS = "eleme.shop.mgetShopStatus"
OFF_BEAT = timedelta(seconds=PERIOD)


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.CHANNEL_CALLS_PER_SECOND = 0
    guard_of.cache_clear()


@pytest.fixture
def eleme():
    with running_eleme() as platform:
        yield platform


@pytest.fixture
def shop(eleme, now):
    return bound_shop(eleme, now=now)


def is_open(eleme, value):
    eleme.results[STATUS] = {str(SHOP): {"id": SHOP, "isOpen": value}}


def reported(shop):
    return StoreChannel.objects.values_list("reported_level", "reported_at").get(pk=shop.pk)


def test_a_push_about_the_shop_has_it_asked_for(eleme, shop, now):
    is_open(eleme, 0)
    pushed(shop, 91, {"shopId": SHOP}, now=now)

    run(claim(queue="reconciliation", now=timezone.now()))

    assert (STATUS, {"shopIds": [SHOP]}) in eleme.calls
    assert reported(shop)[0] == "paused"


def test_what_the_shop_is_there_is_asked_with_the_whole_list(eleme, shop, now):
    for whole, asked in ((False, 0), (True, 1)):
        reconcile(shop.account, now + OFF_BEAT, whole=whole)
        assert [action for action, _ in eleme.calls].count(STATUS) == asked


def test_only_news_is_shown(eleme, shop, now):
    seen = []
    for value in (1, 0, 0, 1):
        is_open(eleme, value)
        with watched(shop.store, now=now) as events:
            reconcile(shop.account, now, whole=True)
        seen.append(([event["kind"] for event in events], reported(shop)))

    assert seen == [
        ([], ("", None)),
        (["intake.changed"], ("paused", now)),
        ([], ("paused", now)),
        (["intake.changed"], ("open", now)),
    ]


def test_a_platform_that_is_still_to_hear_of_a_pause_is_not_asked(eleme, shop, now):
    is_open(eleme, 1)
    tell_channel(store_channel_id=shop.pk, version=1, now=now)
    stores = StoreChannel.objects.filter(account=shop.account)

    assert comparable(stores, code=str(SHOP)) is None
    Job.objects.update(state="dead")
    assert comparable(stores, code=str(SHOP)) == shop


@pytest.mark.parametrize("meanwhile", ["the store paused", "the platform said so itself", "it does not say"])
def test_what_was_true_before_is_no_news(shop, now, meanwhile):
    read = comparable(StoreChannel.objects.filter(account=shop.account), code=str(SHOP))
    if meanwhile == "the store paused":
        change_level(
            store_id=shop.store_id, level=IntakeLevel.PAUSED, reason="", actor=Actor("Lin"), now=now,
            resumes_at=None,
        )  # fmt: skip
    if meanwhile == "the platform said so itself":
        StoreChannel.objects.update(reported_level="paused", reported_at=now)

    assert not settle(read, "" if meanwhile == "it does not say" else "paused", now=now)
