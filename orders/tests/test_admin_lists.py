"""The admin's lists of messages: found by exact numbers, and no dearer the more rows there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.admin.lists import LongLog
from orders.intake.writer import write_batch
from orders.models import IncomingMessage
from orders.tests import admins
from orders.tests.admins import address
from orders.tests.factories import delivery_of, place_order
from orders.tests.messages import cancelled
from stores.tests.factories import StoreChannelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return admins.boss()


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def many(channel, now):
    """Some orders with their messages."""

    def make(numbers):
        for number in numbers:
            place_order(channel, now=now, order_id=f"E-{number}")

    return make


def found(client, **query):
    response = client.get(reverse("admin:orders_incomingmessage_changelist"), query)
    return sorted(row.delivery_id for row in response.context["cl"].result_list)


def test_messages_are_found_by_their_exact_numbers(many, boss):
    many([1, 11])
    assert found(boss, q="msg-E-1") == found(boss, q=" E-1 ") == ["msg-E-1"]
    assert found(boss, q="E-") == []


def test_messages_are_narrowed_by_what_is_known_of_them(channel, many, boss, now):
    many([1])
    early = cancelled(store_code="T-9", order_id="E-2")
    write_batch([delivery_of(channel, early, delivery_id="msg-2")], now=now)
    assert found(boss, outcome__exact="early") == found(boss, kind="order.cancelled") == ["msg-2"]
    assert found(boss, account__id__exact=channel.account_id) == ["msg-2", "msg-E-1"]
    assert found(boss, source__exact="pull") == []
    assert found(boss, received_at__gte="2026-02-07 00:00:00+00:00") == []


def test_a_list_fetches_no_bodies_and_counts_to_an_end(many, boss):
    many([1, 2])
    with CaptureQueriesContext(connection) as queries:
        boss.get(reverse("admin:orders_incomingmessage_changelist"))
    about = [query["sql"] for query in queries if "orders_incomingmessage" in query["sql"]]
    assert [sql for sql in about if '"body"' in sql] == []
    assert [sql for sql in about if "COUNT(*)" in sql and "LIMIT" not in sql] == []


def test_a_list_that_is_not_counted_to_its_end_says_so(many, boss, monkeypatch):
    monkeypatch.setattr("orders.admin.lists.MOST_COUNTED", 2)
    monkeypatch.setattr(LongLog, "most_counted", 2)
    many([1, 2, 3])
    page = boss.get(reverse("admin:orders_incomingmessage_changelist")).content.decode()
    assert "2 platform messages or more" in page


def test_a_page_asks_as_much_of_one_message_as_among_many(many, boss):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            boss.get(reverse("admin:orders_incomingmessage_changelist"))
            boss.get(address(IncomingMessage.objects.earliest("pk")))
        return len(queries)

    many([1])
    asked()
    before = asked()
    many(range(2, 12))
    assert asked() == before
