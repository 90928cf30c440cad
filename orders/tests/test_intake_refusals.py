"""What intake refuses: clearly, with nothing stored, and never with a 5xx of its own making."""

import asyncio
import time

import httpx
import pytest
from django.db import DataError, OperationalError, connection

from orders.intake.app import IntakeApp
from orders.intake.writer import write_batch
from orders.models import IncomingMessage, Order
from orders.tests.intake_client import IntakeClient
from orders.tests.messages import created, encoded, order_data, signed
from stores.models import ChannelAccount
from stores.tests.factories import SECRET, StoreChannelFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


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
