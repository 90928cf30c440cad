"""Intake from the push to the rows: stored once, refused clearly, never a 5xx."""

import asyncio

import pytest

from orders.models import Conflict, IncomingMessage, Order, OrderEvent
from orders.tests.intake_client import IntakeClient
from orders.tests.messages import cancelled, created, encoded, order_data, signed, urged
from outbox.models import Job
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def account(channel):
    return channel.account.slug


@pytest.fixture
def push(channel):
    """Push envelopes to the channel's account, all at once; returns their (status, body)."""

    def push_all(*pushes):
        async def run():
            async with IntakeClient() as client:
                account = channel.account.slug
                return await asyncio.gather(
                    *(client.push(account, envelope, delivery_id=name) for name, envelope in pushes)
                )

        return [(answer.status_code, answer.json()) for answer in asyncio.run(run())]

    return push_all


def test_an_order_is_stored_with_its_message_lines_and_event(channel, push):
    answers = push(("msg-1", created(store_code=channel.external_code)))

    assert answers == [(200, {"outcome": "stored"})]
    order = Order.objects.get()
    assert (order.store, order.external_id, order.state, order.funding) == (channel.store, "E-1001", "placed", "free")
    assert (order.customer_phone, order.phone_mask, order.cups) == ("13812345678", "····5678", 2)
    assert [line.options for line in order.lines.all()] == [
        [{"name": "糖", "value": "三分糖"}, {"name": "冰", "value": "少冰"}]
    ]
    assert [(e.seq, e.kind, e.order_id) for e in OrderEvent.objects.all()] == [(1, "order.placed", order.pk)]
    assert IncomingMessage.objects.get().body == encoded(created(store_code=channel.external_code)).decode()
    assert not Job.objects.exists()
