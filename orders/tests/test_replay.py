"""Doing a message of any content again: on real platforms' messages, nothing is done a second time."""

from datetime import timedelta

import pytest

from orders.intake.routing import replay
from orders.models import IncomingMessage, Order, OrderEvent
from orders.tests.stored import ELEME, MEITUAN, eleme_shop, meituan_shop, store_message
from outbox.models import Job
from stores.actors import Actor
from stores.models import StoreChannel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

MEI = Actor("Mei")
NOT_READ = {"unknown", "to be asked"}


def everything():
    """All that a message can change, but for comparisons with the platform, which may be asked for again."""
    jobs = Job.objects.exclude(kind="channel.reconcile")
    tables = (Order.objects, OrderEvent.objects, IncomingMessage.objects, StoreChannel.objects, jobs)
    return [list(table.order_by("pk").values()) for table in tables]


@pytest.fixture(params=[(eleme_shop, ELEME), (meituan_shop, MEITUAN)], ids=["eleme", "meituan"])
def told(request, settings, now):
    """Every content there is, carried out as it came; by name."""
    settings.PUBLIC_URL = "https://portal.example"
    make, pushes = request.param
    account = make().account
    return {
        name: store_message(account, push, now=now + timedelta(seconds=number))
        for number, (name, push) in enumerate(pushes.items())
    }


def test_all_of_it_was_done_before(told, now):
    assert [name for name, message in told.items() if message.outcome != "stored"] == sorted(
        NOT_READ, reverse=True
    )
    before = everything()
    assert (Order.objects.get().state, Order.objects.get().urges) == ("cancelled", 1)

    for name, message in told.items():
        done = replay(message_id=message.pk, actor=MEI, now=now + timedelta(hours=1))
        outcome = "unknown" if name in NOT_READ else "stored"
        assert (done.outcome, done.placed, done.changes, done.events) == (outcome, False, {}, ()), name

    assert everything() == before


def test_all_of_it_is_done_if_it_was_not_understood_then(told, now):
    """As after an update that reads what was unknown before; the order first, then the last to the first."""
    expected = Order.objects.values("state", "urges", "request", "conflict", "platform_state").get()
    OrderEvent.objects.all().delete()
    Order.objects.all().delete()
    IncomingMessage.objects.update(outcome="unknown", external_id="", store_code="")
    later = now + timedelta(hours=1)

    placed = replay(message_id=told["placed"].pk, actor=MEI, now=later)
    for name in reversed([name for name in told if name != "placed"]):
        replay(message_id=told[name].pk, actor=MEI, now=later)

    assert (placed.placed, placed.events) == (True, ("order.placed",))
    assert Order.objects.values("state", "urges", "request", "conflict", "platform_state").get() == expected
    unread = IncomingMessage.objects.filter(outcome="unknown")
    assert {message.pk for message in unread} == {told[name].pk for name in NOT_READ}


def test_an_old_word_about_a_store_makes_us_ask_for_the_new_one(told, now):
    StoreChannel.objects.update(reported_level="open")
    message = told["store status"]
    IncomingMessage.objects.filter(pk=message.pk).update(outcome="unknown")
    Job.objects.all().delete()

    replay(message_id=message.pk, actor=MEI, now=now)

    assert Job.objects.get().payload == {"account": message.account_id, "levels": True}
    assert StoreChannel.objects.get().reported_level == "open"
