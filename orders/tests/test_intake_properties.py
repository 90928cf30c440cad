"""Whatever bytes come, and in whatever order the same messages come: the same answers, the same end."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.channels.incoming import Keys, Message, Rejected, Request
from orders.channels.standard.push import parse, verify
from orders.intake.writer import write_batch
from orders.models import Order, OrderEvent
from orders.tests.factories import delivery_of
from orders.tests.intake_client import IntakeClient
from orders.tests.messages import cancelled, created, encoded, signed, urged
from stores.tests.factories import SECRET, StoreChannelFactory

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
FIELDS = sorted(created(store_code="SH-00")["data"])


def sent(envelope):
    """The body, or None: half a surrogate cannot even be sent."""
    try:
        return encoded(envelope)
    except UnicodeEncodeError:
        return None


def parsed(body):
    """`Message`, or the status of the refusal."""
    try:
        return type(parse(kind="", raw=body.decode()))
    except Rejected as rejected:
        return rejected.status


@given(st.text(max_size=400))
def test_any_text_parses_or_is_refused_with_400(text):
    assert parsed(text.encode(errors="ignore")) in {Message, 400}


@given(st.sampled_from(FIELDS), JSON)
def test_any_value_in_any_field_parses_or_is_refused_with_400(field, value):
    envelope = created(store_code="SH-00")
    envelope["data"][field] = value
    assert sent(envelope) is None or parsed(sent(envelope)) in {Message, 400}


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text(st.characters(max_codepoint=255), max_size=80),
    ),
    st.binary(max_size=50),
)
def test_any_headers_are_refused_with_400_or_401(headers, body):
    with pytest.raises(Rejected) as rejected:
        verify(keys=Keys("", [SECRET]), request=Request("POST", "", "", "", headers, body))
    assert rejected.value.status in {400, 401}


@pytest.mark.django_db(transaction=True)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=JSON, field=st.sampled_from(FIELDS))
def test_any_signed_push_is_stored_or_refused_never_a_fault(db, value, field):
    channel = StoreChannelFactory()
    envelope = created(store_code=channel.external_code)
    envelope["data"][field] = value
    if (body := sent(envelope)) is None:
        return

    async def push():
        async with IntakeClient() as client:
            return await client.raw(channel.account.slug, body, signed(body, delivery_id="msg-1"))

    assert asyncio.run(push()).status_code in {200, 400, 404}


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "order", list(itertools.permutations(["create", "again", "cancel", "other"])), ids=" ".join
)
@pytest.mark.parametrize("sizes", [(4,), (2, 2), (1, 1, 1, 1)], ids=str)
def test_the_same_messages_in_any_order_and_any_batches_end_the_same(now, order, sizes):
    channel = StoreChannelFactory()
    code = channel.external_code
    messages = {
        "create": ("m1", created(store_code=code)),
        "again": ("m2", created(store_code=code)),
        "cancel": ("m3", cancelled(store_code=code)),
        "other": ("m4", urged(store_code=code, order_id="E-unknown")),
    }
    deliveries = iter(
        [delivery_of(channel, messages[name][1], delivery_id=messages[name][0]) for name in order]
    )
    for size in sizes:
        write_batch(list(itertools.islice(deliveries, size)), now=now)

    stored = Order.objects.get()
    assert (stored.state, stored.ended_by, stored.on_board) == ("cancelled", "customer", True)
    seqs = OrderEvent.objects.order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, len(seqs) + 1))
