"""Intake from the push to the rows: stored once, refused clearly, never a 5xx."""

import asyncio
import time

import httpx
import pytest
from django.db import DataError, OperationalError, connection
from django.utils import timezone

from orders.intake.app import IntakeApp
from orders.intake.changes import settle_early
from orders.intake.writer import write_batch
from orders.models import Conflict, IncomingMessage, Order, OrderEvent
from orders.tests.boards import watched
from orders.tests.intake_client import IntakeClient
from orders.tests.messages import cancelled, created, encoded, order_data, signed, urged
from outbox.models import Job
from stores.models import ChannelAccount
from stores.tests.factories import SECRET, StoreChannelFactory

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
    assert (order.store, order.external_id, order.state, order.funding) == (
        channel.store,
        "E-1001",
        "placed",
        "free",
    )
    assert (order.customer_phone, order.phone_mask, order.cups) == ("13812345678", "····5678", 2)
    assert [line.options for line in order.lines.all()] == [
        [{"name": "糖", "value": "三分糖"}, {"name": "冰", "value": "少冰"}]
    ]
    assert [(e.seq, e.kind, e.order_id) for e in OrderEvent.objects.all()] == [(1, "order.placed", order.pk)]
    assert IncomingMessage.objects.get().body == encoded(created(store_code=channel.external_code)).decode()
    assert not Job.objects.exists()


def test_the_same_push_twice_is_one_order(channel, push):
    envelope = created(store_code=channel.external_code)

    assert push(("msg-1", envelope)) == [(200, {"outcome": "stored"})]
    assert push(("msg-1", envelope)) == [(200, {"outcome": "duplicate"})]
    assert (Order.objects.count(), OrderEvent.objects.count(), IncomingMessage.objects.count()) == (1, 1, 1)


def test_fifty_concurrent_duplicates_are_one_order_and_fifty_acknowledgements(channel, push):
    envelope = created(store_code=channel.external_code)

    answers = push(*[("msg-1", envelope)] * 50)

    assert [status for status, _ in answers] == [200] * 50
    assert (Order.objects.count(), OrderEvent.objects.count(), Conflict.objects.count()) == (1, 1, 0)


def test_the_same_order_under_another_delivery_id_is_a_duplicate(channel, push):
    envelope = created(store_code=channel.external_code)

    assert push(("msg-1", envelope), ("msg-2", {**envelope, "timestamp": "2026-02-06T10:05:00+08:00"})) == [
        (200, {"outcome": "stored"}),
        (200, {"outcome": "duplicate"}),
    ]
    assert (Order.objects.count(), IncomingMessage.objects.count()) == (1, 2)


@pytest.mark.parametrize("delivery_id", ["msg-1", "msg-2"], ids=["same delivery", "other delivery"])
def test_the_same_id_with_another_body_is_a_conflict_every_time(channel, push, delivery_id):
    push(("msg-1", created(store_code=channel.external_code)))
    before = list(Order.objects.values())
    other = created(store_code=channel.external_code, daily_number="99")

    assert push((delivery_id, other)) == [(409, {"outcome": "conflict"})]
    assert push((delivery_id, other)) == [(409, {"outcome": "conflict"})]
    assert list(Order.objects.values()) == before
    assert [(c.delivery_id, c.body) for c in Conflict.objects.all()] == [
        (delivery_id, encoded(other).decode())
    ]
    assert (OrderEvent.objects.count(), IncomingMessage.objects.count()) == (1, 1)


def test_a_conflict_within_one_batch_keeps_the_first(channel, push):
    first = created(store_code=channel.external_code)
    other = created(store_code=channel.external_code, daily_number="99")

    assert push(("msg-1", first), ("msg-1", other)) == [
        (200, {"outcome": "stored"}),
        (409, {"outcome": "conflict"}),
    ]
    assert Order.objects.get().daily_number == "17"


@pytest.mark.parametrize("order", [("create", "cancel"), ("cancel", "create")], ids=" then ".join)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_create_and_cancel_in_any_order_end_cancelled(channel, push, order, together):
    messages = {
        "create": ("msg-1", created(store_code=channel.external_code)),
        "cancel": ("msg-2", cancelled(store_code=channel.external_code)),
    }
    pushes = [messages[name] for name in order]

    answers = push(*pushes) if together else [*push(pushes[0]), *push(pushes[1])]

    assert answers == [(200, {"outcome": "stored"})] * 2
    stored = Order.objects.get()
    assert (stored.state, stored.end_reason, stored.ended_by, stored.on_board) == (
        "cancelled", "改主意了", "customer", True,
    )  # fmt: skip


def test_a_cancellation_that_crossed_with_its_order_is_settled(channel, push, now):
    """As two intake processes would leave it: the order is stored, and so is the early cancellation."""
    push(("msg-1", created(store_code=channel.external_code)))
    for name, order_id in (("msg-2", "E-1001"), ("msg-3", "E-other")):
        body = encoded(cancelled(store_code=channel.external_code, order_id=order_id)).decode()
        IncomingMessage.objects.create(
            account=channel.account, delivery_id=name, kind="order.cancelled", external_id=order_id,
            body=body, body_hash=name, received_at=now, outcome="early",
        )  # fmt: skip

    with watched(channel.store, now=timezone.now()) as events:
        assert settle_early(now=now) == 1
        assert settle_early(now=now) == 0

    assert [(event["kind"], event["actor"]) for event in events] == [("order.cancelled", "customer")]
    waiting = IncomingMessage.objects.filter(outcome="early")
    assert list(waiting.values_list("external_id", flat=True)) == ["E-other"]


def test_an_urge_is_counted_and_shown(channel, push):
    push(("msg-1", created(store_code=channel.external_code)))
    push(("msg-2", urged(store_code=channel.external_code)))
    push(("msg-2", urged(store_code=channel.external_code)))

    assert Order.objects.get().urges == 1
    assert [event.kind for event in OrderEvent.objects.order_by("seq")] == ["order.placed", "order.urged"]


def test_automatic_acceptance_is_told_to_the_platform(channel, push):
    channel.auto_accept = True
    channel.save()

    push(("msg-1", created(store_code=channel.external_code)))

    order = Order.objects.get()
    assert (order.state, order.accepted_at == order.received_at) == ("accepted", True)
    assert [(job.kind, job.key, job.payload) for job in Job.objects.all()] == [
        (
            "channel.order",
            f"order.accept.{order.pk}",
            {"order": order.pk, "call": "order.accepted", "data": {"reason": ""}},
        )
    ]


def test_orders_that_leak_into_a_paused_store_are_held_and_counted(channel, push):
    channel.store.intake.level = "paused"
    channel.store.intake.save()

    answers = push(
        *[(f"msg-{n}", created(store_code=channel.external_code, order_id=f"E-{n}")) for n in range(3)]
    )

    assert answers == [(200, {"outcome": "stored"})] * 3
    assert {(order.state, order.held_reason) for order in Order.objects.all()} == {("held", "paused")}
    channel.refresh_from_db()
    assert channel.leaked == 3
    assert OrderEvent.objects.filter(kind="intake.changed").exists()
    assert not Job.objects.exists()


def test_numbers_of_a_store_have_no_gap_and_stores_do_not_share_them(push, channel):
    other = StoreChannelFactory(account=channel.account, store__franchise=channel.store.franchise)
    codes = [channel.external_code, other.external_code]

    push(*[(f"msg-{n}", created(store_code=codes[n % 2], order_id=f"E-{n}")) for n in range(20)])

    for store in (channel.store, other.store):
        seqs = OrderEvent.objects.filter(store=store).order_by("seq").values_list("seq", flat=True)
        assert list(seqs) == list(range(1, 11))


def test_a_message_of_an_unknown_kind_is_only_stored(channel, push):
    unknown = {"type": "menu.changed", "timestamp": "2026-02-06T10:00:00+08:00", "data": {}}

    assert push(("msg-1", unknown)) == [(200, {"outcome": "stored"})]
    assert (IncomingMessage.objects.get().kind, Order.objects.count()) == ("menu.changed", 0)


def _body_with(**changes):
    return encoded({"type": "order.created", "timestamp": "2026-02-06T10:00:01+08:00", "data": {**changes}})


MALFORMED = {
    "not JSON": b"{",
    "not an object": b"[1, 2]",
    "empty": b"",
    "not UTF-8": b'{"type": "\xff"}',
    "deep": b'{"type":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "no data": encoded({"type": "order.created", "timestamp": "2026-02-06T10:00:01+08:00"}),
    "a NUL": _body_with(**order_data(store_code="SH-00", note="a\x00b")),
    "half a surrogate": b'{"type": "order.created", "data": {"note": "\\ud800"}}',
    "a fraction of a fen": _body_with(**order_data(store_code="SH-00", amounts={"goods": 1.5})),
    "no time zone": _body_with(**order_data(store_code="SH-00", placed_at="2026-02-06T10:00:00")),
    "no items": _body_with(**order_data(store_code="SH-00", items=[])),
    "order number not text": _body_with(**order_data(store_code="SH-00", order_id=17)),
    "huge number": _body_with(**order_data(store_code="SH-00", daily_number=10**4000)),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bodies_are_refused_and_nothing_is_stored(account, body):
    async def push():
        async with IntakeClient() as client:
            signable = body if body != MALFORMED["not UTF-8"] else b""
            return await client.raw(account, body, signed(signable, delivery_id="msg-1"))

    answer = asyncio.run(push())

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert not IncomingMessage.objects.exists()


def test_an_account_with_a_spoilt_secret_still_takes_what_the_others_signed(channel, push):
    channel.account.secrets = f"not base64!!\nwhsec_\n{SECRET}"
    channel.account.save()

    assert push(("msg-1", created(store_code=channel.external_code))) == [(200, {"outcome": "stored"})]


def test_an_account_sealed_with_a_lost_key_shuts_out_nobody_else(channel, push):
    other = StoreChannelFactory().account
    ChannelAccount.objects.filter(pk=other.pk).update(slug="lost")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE stores_channelaccount SET secrets = 'gAAAAA' WHERE slug = 'lost'")

    assert push(("msg-1", created(store_code=channel.external_code))) == [(200, {"outcome": "stored"})]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_moments_no_database_can_hold_are_refused(channel, push, moment):
    [(status, body)] = push(("msg-1", created(store_code=channel.external_code, placed_at=moment)))

    assert (status, body["error"].split(":")[0]) == (400, "data.placed_at")


def test_an_order_for_a_store_nobody_bound_is_taken_and_waits(account, push):
    assert push(("msg-1", created(store_code="nowhere"))) == [(200, {"outcome": "stored"})]
    assert push(("msg-1", created(store_code="nowhere"))) == [(200, {"outcome": "duplicate"})]

    message = IncomingMessage.objects.get()
    assert (message.outcome, message.store_code, message.external_id) == ("unrouted", "nowhere", "E-1001")
    assert not Order.objects.exists()


HEADERS = {
    "no id": (400, {"webhook-id": None}),
    "id with spaces": (400, {"webhook-id": "a b"}),
    "no timestamp": (400, {"webhook-timestamp": None}),
    "timestamp not a number": (401, {"webhook-timestamp": "noon"}),
    "timestamp of another age": (401, {"webhook-timestamp": "9" * 40}),
    "no signature": (400, {"webhook-signature": None}),
    "signature without version": (400, {"webhook-signature": "abc"}),
    "signature not base64": (400, {"webhook-signature": "v1,a"}),
    "signature not ASCII": (400, {"webhook-signature": "v1,é"}),
    "another signature": (401, {"webhook-signature": "v1," + "A" * 43 + "="}),
    "unknown version": (401, {"webhook-signature": "v9,abc"}),
}


@pytest.mark.parametrize(("status", "changes"), HEADERS.values(), ids=HEADERS.keys())
def test_malformed_and_wrong_headers_are_refused(channel, status, changes):
    async def push():
        body = encoded(created(store_code=channel.external_code))
        headers = {**signed(body, delivery_id="msg-1"), **changes}
        async with IntakeClient() as client:
            present = {name: value.encode("latin-1") for name, value in headers.items() if value is not None}
            return await client.raw(channel.account.slug, body, present)

    assert asyncio.run(push()).status_code == status
    assert not IncomingMessage.objects.exists()


@pytest.mark.parametrize("minutes", [-6, 6, -1440, 1440])
def test_a_push_signed_at_another_time_is_refused(channel, minutes):
    async def push():
        async with IntakeClient() as client:
            envelope = created(store_code=channel.external_code)
            at = time.time() + 60 * minutes
            return await client.push(channel.account.slug, envelope, delivery_id="msg-1", at=at)

    assert asyncio.run(push()).status_code == 401
    assert not Order.objects.exists()


def test_during_a_rotation_both_secrets_are_good_and_no_third(channel):
    new = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldw=="
    channel.account.secrets = f"{new}\n{channel.account.secrets}"
    channel.account.save()

    async def push():
        async with IntakeClient() as client:
            envelope = created(store_code=channel.external_code)
            secrets = [new, SECRET, "whsec_dGhpcmQtdGhpcmQtdGhpcmQtdGhpcmQ="]
            return [
                (
                    await client.push(channel.account.slug, envelope, delivery_id="msg-1", secret=secret)
                ).status_code
                for secret in secrets
            ]

    assert asyncio.run(push()) == [200, 200, 401]


def test_one_that_cannot_be_stored_does_not_take_its_batch_with_it(channel, push, monkeypatch):
    def spoilt(deliveries, *, now):
        if any(delivery.proof.delivery_id == "bad" for delivery in deliveries):
            raise DataError("value out of range")
        return write_batch(deliveries, now=now)

    monkeypatch.setattr("orders.intake.app.write_batch", spoilt)
    pushes = [(name, created(store_code=channel.external_code, order_id=name)) for name in ("a", "bad", "c")]

    assert [status for status, _ in push(*pushes)] == [200, 400, 200]
    assert set(Order.objects.values_list("external_id", flat=True)) == {"a", "c"}


def test_while_the_database_is_away_pushes_get_503_and_a_time_to_come_back(channel, monkeypatch):
    def away(deliveries, *, now):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("orders.intake.app.write_batch", away)

    async def push():
        async with IntakeClient() as client:
            envelope = created(store_code=channel.external_code)
            return await client.push(channel.account.slug, envelope, delivery_id="msg-1")

    answer = asyncio.run(push())
    assert (answer.status_code, 5 <= int(answer.headers["retry-after"]) <= 8) == (503, True)


def test_beyond_the_cap_pushes_get_503_at_once(channel, settings):
    settings.INTAKE_MAX_WAITING = 10

    async def push():
        async with IntakeClient() as client:
            envelopes = [created(store_code=channel.external_code, order_id=f"E-{n}") for n in range(40)]
            pushes = (
                client.push(channel.account.slug, envelope, delivery_id=envelope["data"]["order_id"])
                for envelope in envelopes
            )
            return await asyncio.gather(*pushes)

    statuses = [answer.status_code for answer in asyncio.run(push())]
    assert set(statuses) == {200, 503}
    assert Order.objects.count() == statuses.count(200)


def test_the_door_turns_away_in_the_words_of_the_house(channel, settings):
    settings.INTAKE_MAX_WAITING = 0
    path = f"/intake/standard/{channel.account.slug}/"

    async def refusals():
        app = IntakeApp()
        try:
            unknown = app.turn_away(path, inside=0)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://intake") as http:
                body = encoded(created(store_code=channel.external_code))
                inside = await http.post(path, content=body, headers=signed(body, delivery_id="msg-1"))
            return unknown, inside, app.turn_away(path, inside=0), app.turn_away("/livez", inside=0)
        finally:
            await app.close()

    unknown, inside, door, elsewhere = asyncio.run(refusals())
    head, _, body = door.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert (unknown, elsewhere) == (None, None)
    assert (status, body) == ("HTTP/1.1 503 Service Unavailable", inside.content)
    assert headers.keys() == inside.headers.keys()
    assert {**headers, "retry-after": ""} == {**inside.headers, "retry-after": ""}
    assert 1 <= int(headers["retry-after"]) <= 2


async def _ask_raw(scope_changes, body_events):
    """Drive the application by hand; returns the status."""
    sent = []
    events = iter(body_events)

    async def receive():
        return next(events)

    async def send(event):
        sent.append(event)

    app = IntakeApp()
    scope = {"type": "http", "method": "POST", "path": "/intake/standard/a/", "headers": [], **scope_changes}
    await app(scope, receive, send)
    await app.close()
    return sent[0]["status"]


def test_a_body_declared_too_large_is_refused_unread():
    headers = [(b"content-length", b"300000000")]
    assert asyncio.run(_ask_raw({"headers": headers}, [])) == 413


def test_a_body_that_grows_too_large_is_refused_without_reading_on(account):
    chunk = {"type": "http.request", "body": b"x" * 100_000, "more_body": True}
    assert asyncio.run(_ask_raw({"path": f"/intake/standard/{account}/"}, [chunk] * 3)) == 413


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "GET"}, 405),
        ({"path": "/intake/nobody/a/"}, 404),
        ({"path": "/intake/standard/"}, 404),
        ({"headers": [(b"content-length", b"many")]}, 413),
    ],
)
def test_wrong_addresses_and_methods_are_refused(changes, status):
    assert asyncio.run(_ask_raw(changes, [])) == status
