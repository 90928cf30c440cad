"""The message inspector: what it shows of a message, to whom, and what it never shows."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse

from orders.admin.parsed import hide_phones, parsed
from orders.admin.words import RULES
from orders.channels.registry import PUSHES
from orders.intake.writer import write_batch
from orders.models import Conflict, IncomingMessage, Order, RefusedMessage
from orders.tests import admins
from orders.tests.admins import address, text_of
from orders.tests.factories import delivery_of, place_order
from orders.tests.messages import cancelled, created, encoded
from orders.tests.stored import (
    ELEME,
    MEITUAN,
    PUBLIC_URL,
    eleme_shop,
    meituan_shop,
    store_message,
)
from stores.models import ChannelAccount
from stores.tests.factories import StoreChannelFactory

pytestmark = pytest.mark.django_db

LATER = timedelta(minutes=3)
TELEPHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
PLATFORMS = pytest.mark.parametrize(
    ("make", "pushes"), [(eleme_shop, ELEME), (meituan_shop, MEITUAN)], ids=["eleme", "meituan"]
)


@pytest.fixture
def boss():
    return admins.boss()


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = PUBLIC_URL


@pytest.fixture
def channel():
    return StoreChannelFactory()


def message_of(channel, envelope, *, now, name="msg-1"):
    write_batch([delivery_of(channel, envelope, delivery_id=name)], now=now)
    return IncomingMessage.objects.get(delivery_id=name)


# What it says


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("打 13812345678 我", "打 ····5678 我"),
        ("138 1234 5678", "····5678"),
        ("+86-138-1234-5678 或 010-12345678", "····5678 或 ····5678"),
        ("13812345678_2041", "····5678_2041"),
        ("8091550120260206101", "8091550120260206101"),
        ("3 杯 500 ml 2026", "3 杯 500 ml 2026"),
    ],
)
def test_whatever_looks_like_a_telephone_is_masked(text, shown):
    assert hide_phones(text) == shown


def test_every_field_of_a_message_is_a_row(channel, boss, now):
    page = text_of(boss, message_of(channel, created(store_code=channel.external_code), now=now))

    for said in (
        "Says New order", "Order number at the platform E-1001", "Placed at 2026-02-06 02:00:00",
        "Promised at 2026-02-06 02:40:00", "Phone, masked ····5678", "Note 不要吸管", "Campaign 免单日",
        "Platform subsidy 3299", "Customer paid 1", "2 茉莉奶绿 糖: 三分糖, 冰: 少冰 1500 JT-01",
    ):  # fmt: skip
        assert said in page, said


@pytest.mark.parametrize(
    ("make", "pushes"), [(eleme_shop, ELEME), (meituan_shop, MEITUAN)], ids=["eleme", "meituan"]
)
def test_no_content_of_any_platform_shows_a_telephone(make, pushes, boss, now):
    account = make().account
    for name, push in pushes.items():
        message = store_message(account, push, now=now)
        page, telephones = text_of(boss, message), TELEPHONE.findall(message.body)
        assert bool(telephones) == ("····" in page) == (name in {"placed", "carried"}), name
        assert [telephone for telephone in telephones if telephone in page] == [], name


@pytest.mark.parametrize("place", ["note", "customer", "items", "campaign"])
def test_a_telephone_a_guest_wrote_anywhere_is_masked(channel, place):
    phone, envelope = "139 0000 1111", created(store_code=channel.external_code)
    written = {
        "note": f"打 {phone}",
        "customer": {"name": f"王 {phone}", "phone": phone, "address": f"{phone} 收"},
        "items": [{**envelope["data"]["items"][0], "name": phone, "note": phone, "sku": "1"}],
        "campaign": {"code": "1", "name": phone},
    }
    envelope["data"][place] = written[place]

    view = parsed(delivery_of(channel, envelope, delivery_id="msg-1").message)

    assert phone not in str(view)
    assert "····1111" in str(view)


def test_one_that_cannot_be_read_says_why(channel, boss, now):
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    IncomingMessage.objects.update(body="{")
    assert "It cannot be read: Not JSON" in text_of(boss, message)


def test_one_sealed_with_a_lost_key_takes_no_page_away(channel, boss, now):
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_incomingmessage SET body = 'gAAAAA'")

    assert "sealed with a key that is not known" in text_of(boss, message)
    assert "sealed with a key that is not known" in boss.post(address(message, "raw")).content.decode()
    assert boss.get(reverse("admin:orders_incomingmessage_changelist")).status_code == 200


# What proves it


@pytest.mark.parametrize(
    ("make", "pushes"), [(eleme_shop, ELEME), (meituan_shop, MEITUAN)], ids=["eleme", "meituan"]
)
def test_it_says_with_which_secret_it_was_valid_and_whether_it_would_be_now(make, pushes, boss, now):
    account = make().account
    ChannelAccount.objects.update(secrets=f"newer\n{account.secrets}")
    account.refresh_from_db()
    message = store_message(account, pushes["placed"], now=now)

    page = text_of(boss, message)
    assert "When it came valid, secret no. 2 (older)" in page
    assert "Would verify now yes" in page

    ChannelAccount.objects.update(secrets="newer")
    assert "Would verify now no – The signature does not match." in text_of(boss, message)


def test_of_a_signature_in_the_head_only_the_result_is_known(channel, boss, now):
    page = text_of(boss, message_of(channel, created(store_code=channel.external_code), now=now))
    assert "Rule Standard Webhooks: HMAC-SHA256" in page
    assert "When it came valid, newest secret" in page
    assert "Would verify now cannot be told – its signature came in the head, which is not kept" in page


def test_what_we_asked_for_nobody_signed(channel, boss, now):
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    IncomingMessage.objects.update(secret=None, source="pull")
    assert "When it came asked for by us: nobody signed it" in text_of(boss, message)


def test_every_channel_has_a_rule():
    assert set(RULES) == set(PUSHES)


# What it caused


def test_it_shows_the_order_the_event_and_the_call(channel, boss, now):
    channel.auto_accept = True
    channel.save()
    order = place_order(channel, now=now)
    message_of(channel, cancelled(store_code=channel.external_code), name="msg-2", now=now + LATER)

    first = text_of(boss, IncomingMessage.objects.get(delivery_id="msg-E-1001"))
    assert f"Order #17 (E-1001) · {channel.store} · Cancelled" in first
    assert "Events #1 order.placed Calls to the platform" in first
    assert f"Calls to the platform order.accept.{order.pk} · Due" in first
    second = text_of(boss, IncomingMessage.objects.get(delivery_id="msg-2"))
    assert "Events #2 order.cancelled Calls to the platform – Contradicted by –" in second


def test_what_waited_for_its_order_shows_the_order_it_became(channel, boss, now):
    early = message_of(channel, cancelled(store_code=channel.external_code), name="msg-0", now=now)
    assert "Outcome Waits for its order Order – Events –" in text_of(boss, early)

    place_order(channel, now=now + LATER)
    assert "Events #1 order.placed" in text_of(boss, early)


# Who may do what


def test_a_body_is_opened_by_a_superuser_and_that_is_written_down(channel, boss, now):
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    assert boss.get(address(message, "raw")).status_code == 405

    assert "13812345678" in boss.post(address(message, "raw")).content.decode()

    assert [(entry.user.username, entry.change_message) for entry in LogEntry.objects.all()] == [
        ("boss", "Opened the raw message.")
    ]
    assert "Opened the raw message." in boss.get(address(message, "history")).content.decode()


def test_who_may_only_look_neither_opens_nor_replays(channel, now):
    helper = admins.helper()
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    page = text_of(helper, message)
    assert ("Open the raw message" in page, "Replay" in page) == (False, False)

    assert [helper.post(address(message, page)).status_code for page in ("raw", "replay")] == [403, 403]
    assert not LogEntry.objects.exists()


def replayed(client, message):
    """What the button says, and what stands in the history then."""
    response = client.post(address(message, "replay"), follow=True)
    said = str(next(iter(response.context["messages"])))
    return said, list(LogEntry.objects.values_list("change_message", flat=True))


def test_replay_says_that_nothing_was_left_to_do(channel, boss, now):
    message = message_of(channel, created(store_code=channel.external_code), now=now)
    text = "Nothing changed: all of it was done before."
    assert replayed(boss, message) == (text, [f"Replayed. {text}"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"kind": "order.created", "outcome": "unrouted", "external_id": "E-2"},
            "No store is bound to its code",
        ),
        ({}, "Its order is not here yet: it waits."),
        ({"body": '{"type": "new", "timestamp": "2026-02-06T10:00:00Z"}'}, "It is still of a kind"),
        ({"body": "{"}, "It cannot be read: Not JSON"),
    ],
    ids=["unrouted", "early", "unknown", "unreadable"],
)
def test_replay_says_why_it_waits_on(channel, boss, now, changes, said):
    message = message_of(channel, cancelled(store_code="T-9"), now=now)
    if "kind" in changes:
        changes = {**changes, "body": encoded(created(store_code="T-9", order_id="E-2")).decode()}
    IncomingMessage.objects.filter(pk=message.pk).update(**changes)
    assert replayed(boss, message)[0].startswith(said)


def test_replay_says_what_changed(channel, boss, now):
    place_order(channel, now=now)
    message = message_of(channel, cancelled(store_code=channel.external_code), now=now)
    Order.objects.update(state="placed", platform_state="placed", ended_at=None, end_reason="", ended_by="")
    said, _history = replayed(boss, message)
    assert said.startswith("Changed: order.cancelled; ")
    assert "State: placed → cancelled" in said


# What contradicts it, and what was refused


def contradict(channel, now, **changes):
    """A push with the same delivery id and another body; returns the conflict."""
    place_order(channel, now=now)
    other = created(store_code=channel.external_code, **changes)
    write_batch([delivery_of(channel, other, delivery_id="msg-E-1001")], now=now)
    return Conflict.objects.get()


def test_a_conflict_is_shown_as_a_difference(channel, boss, now):
    page = text_of(boss, contradict(channel, now, daily_number="99", note="打 13812345678"))
    assert "-daily number: 17 +daily number: 99" in page
    assert "-note: 不要吸管 +note: 打 ····5678" in page
    assert "placed at: 2026-02-06 02:00:00 promised at" in page


def test_a_conflict_of_masked_digits_says_so(channel, boss, now):
    customer = created(store_code="")["data"]["customer"]
    page = text_of(boss, contradict(channel, now, customer={**customer, "phone": "13900005678"}))
    assert "They differ only in what is not shown here" in page


def test_a_contradiction_under_another_delivery_id_is_compared_with_the_orders_message(channel, boss, now):
    place_order(channel, now=now)
    other = created(store_code=channel.external_code, daily_number="99")
    write_batch([delivery_of(channel, other, delivery_id="msg-9")], now=now)
    assert "-daily number: 17 +daily number: 99" in text_of(boss, Conflict.objects.get())


def test_a_conflict_outlives_the_message_it_is_with(channel, boss, now):
    conflict = contradict(channel, now, daily_number="99")
    IncomingMessage.objects.all().delete()
    assert "The message that was stored first is not kept any more." in text_of(boss, conflict)


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "The signature does not fit."), (418, "The platform will send it")]
)
def test_a_refused_message_says_what_to_check(channel, boss, now, status, advice):
    refused = RefusedMessage.objects.create(
        account=channel.account, at=now, status=status, reason="No.", head="POST /intake/", body="13812345678"
    )
    page = text_of(boss, refused)
    assert (advice in page, "POST /intake/" in page, "13812345678" in page) == (True, True, False)
    assert "13812345678" in boss.post(address(refused, "raw")).content.decode()
