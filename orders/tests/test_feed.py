"""The feed: whole gaps or snapshots, live events over the socket, and who is let in."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from merchant_portal.asgi import application
from orders import services
from orders.feed.publisher import Committed, message
from orders.models import OrderEvent, StoreSequence
from orders.queries import catch_up, snapshot
from orders.tests.factories import place_order
from stores.actors import Actor
from stores.models import Membership
from stores.tests.factories import StaffFactory, StoreChannelFactory

LIN = Actor("Lin")


@pytest.fixture
def channel():
    return StoreChannelFactory()


def frame_after(store, epoch, seq, now):
    return json.loads(catch_up(store, epoch=epoch, seq=seq, now=now)[0])


@pytest.mark.django_db
class TestCatchingUp:
    """What a board gets that names the number it has."""

    @pytest.fixture
    def store(self, channel, now):
        for number in range(5):
            place_order(channel, now=now, order_id=f"E-{number}")
        return channel.store

    def test_a_short_gap_is_answered_with_every_event_in_it(self, store, now):
        epoch = StoreSequence.objects.get().epoch
        frame = frame_after(store, epoch, 2, now)
        assert (frame["type"], frame["seq"], [event["seq"] for event in frame["events"]]) == ("events", 5, [3, 4, 5])

    def test_who_missed_nothing_gets_nothing(self, store, now):
        frame = frame_after(store, StoreSequence.objects.get().epoch, 5, now)
        assert (frame["type"], frame["events"]) == ("events", [])

    @pytest.mark.parametrize(("epoch", "seq"), [(None, 0), ("another", 3), ("same", 6), ("same", -1)])
    def test_a_board_of_another_history_gets_a_snapshot(self, store, now, epoch, seq):
        epoch = StoreSequence.objects.get().epoch if epoch == "same" else epoch
        frame = frame_after(store, epoch, seq, now)
        assert (frame["type"], frame["seq"], len(frame["cards"])) == ("snapshot", 5, 5)

    def test_a_gap_that_was_purged_is_answered_with_a_snapshot(self, store, now):
        OrderEvent.objects.filter(seq=3).delete()
        assert frame_after(store, StoreSequence.objects.get().epoch, 2, now)["type"] == "snapshot"

    def test_a_long_gap_is_answered_with_a_snapshot(self, store, now, settings):
        settings.EVENTS_REPLAY_LIMIT = 3
        assert frame_after(store, StoreSequence.objects.get().epoch, 1, now)["type"] == "snapshot"


def test_a_large_commit_travels_as_a_bare_hint():
    committed = Committed(store_id=1, epoch="e", first=1, last=2, bodies=('{"seq":1}', "x" * 200_000))
    assert message(committed) == {
        "type": "feed.events", "store": 1, "epoch": "e", "first": 1, "last": 2, "frame": "",
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_snapshot_and_its_number_are_of_one_moment(channel, now):
    """While orders stream in, every snapshot holds exactly as many orders as its number says."""
    done = threading.Event()

    def stream():
        for number in range(60):
            place_order(channel, now=now, order_id=f"E-{number}")
        done.set()

    thread = threading.Thread(target=stream)
    thread.start()
    while not done.is_set():
        whole = snapshot(channel.store, now=now)
        assert len(whole["cards"]) == whole["seq"]
        assert sum(sum(row[1:]) for row in whole["wave"]) == whole["seq"]
    thread.join()


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
class TestSocket:
    """The board's WebSocket, through the whole ASGI application and a real Redis."""

    @pytest.fixture
    def staff(self, channel):
        return StaffFactory(store=channel.store)

    @asynccontextmanager
    async def board(self, user, store, *, origin=b"http://localhost"):
        headers = [(b"host", b"localhost")]
        if user is not None:
            client = Client()
            await sync_to_async(client.force_login)(
                user, backend="django.contrib.auth.backends.ModelBackend"
            )
            headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
        if origin is not None:
            headers.append((b"origin", origin))
        socket = WebsocketCommunicator(application, f"/ws/v1/stores/{store.pk}/feed", headers=headers)
        socket.accepted, _ = await socket.connect(timeout=5)
        try:
            yield socket
        finally:
            await socket.disconnect()

    async def next_frame(self, socket, *, kind=None):
        while True:
            frame = await socket.receive_json_from(timeout=10)
            if kind is None or frame["type"] == kind:
                return frame

    def test_a_board_gets_a_snapshot_then_events(self, channel, staff, now):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                first = await self.next_frame(socket)
                await asyncio.sleep(0.5)  # until the subscription stands; before it the heartbeat delivers
                order = await sync_to_async(place_order)(channel, now=now)
                await sync_to_async(services.step)(order_id=order.pk, verb="accept", actor=LIN, now=now)
                events = []
                while len(events) < 2:
                    events += (await self.next_frame(socket, kind="events"))["events"]
                return first, events

        first, events = asyncio.run(run())
        assert (first["type"], first["seq"], first["cards"]) == ("snapshot", 0, [])
        assert [(event["seq"], event["kind"]) for event in events] == [(1, "order.placed"), (2, "order.accepted")]

    def test_a_board_that_comes_back_gets_exactly_what_it_missed(self, channel, staff, now):
        place_order(channel, now=now, order_id="E-1")
        epoch = StoreSequence.objects.get().epoch
        place_order(channel, now=now, order_id="E-2")

        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": epoch, "seq": 1})
                return await self.next_frame(socket)

        frame = asyncio.run(run())
        assert (frame["type"], [event["seq"] for event in frame["events"]]) == ("events", [2])

    def test_a_silent_socket_stays_open_and_hears_the_heartbeat(self, channel, staff):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await self.next_frame(socket)
                return [(await self.next_frame(socket))["type"] for _ in range(2)]

        assert asyncio.run(run()) == ["beat", "beat"]

    @pytest.mark.parametrize("origin", [b"https://evil.example", b"null", None])
    def test_a_foreign_page_cannot_open_a_socket(self, channel, staff, origin):
        async def run():
            async with self.board(staff, channel.store, origin=origin) as socket:
                return socket.accepted

        assert asyncio.run(run()) is False

    @pytest.mark.parametrize(("who", "code"), [("foreign staff", 4404), ("nobody", 4401)])
    def test_a_socket_for_a_foreign_store_is_refused(self, channel, now, who, code):
        place_order(channel, now=now)
        user = StaffFactory(store=StoreChannelFactory().store) if who == "foreign staff" else None

        async def run():
            async with self.board(user, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                return await socket.receive_output(timeout=5)

        assert asyncio.run(run()) == {"type": "websocket.close", "code": code}

    def test_who_loses_the_store_loses_the_socket(self, channel, staff):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await self.next_frame(socket)
                await sync_to_async(Membership.objects.all().delete)()
                while True:
                    event = await socket.receive_output(timeout=15)
                    if event["type"] == "websocket.close":
                        return event["code"]

        assert asyncio.run(run()) == 4401

    @pytest.mark.parametrize(
        "text",
        ["[]", "{", '{"type":"shout"}', '{"type":"resume","seq":"1"}', '{"type":"ack","seq":-1}', "x" * 2_000],
    )
    def test_a_socket_that_talks_nonsense_is_closed(self, channel, staff, text):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_to(text_data=text)
                return await socket.receive_output(timeout=5)

        assert asyncio.run(run())["code"] == 4400

    def test_a_browser_that_does_not_acknowledge_gets_a_mark_and_then_the_whole_gap(self, channel, staff):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await self.next_frame(socket)
                await asyncio.sleep(0.5)
                for number in range(60):
                    await sync_to_async(place_order)(channel, now=timezone.now(), order_id=f"E-{number}")
                await asyncio.sleep(1)
                frames = []
                while not await socket.receive_nothing(timeout=0.3):
                    frames.append(await socket.receive_json_from())
                frames = [frame for frame in frames if frame["type"] == "events"]
                seen = max(frame["seq"] for frame in frames)
                await socket.send_json_to({"type": "ack", "seq": seen})
                rest = await self.next_frame(socket, kind="events")
                return seen, [event["seq"] for event in rest["events"]]

        seen, rest = asyncio.run(run())
        assert seen < 60
        assert rest == list(range(seen + 1, 61))


@pytest.mark.django_db
def test_reading_the_feed_over_http_is_scoped_and_gives_the_same_frames(channel, now):
    place_order(channel, now=now)
    staff = StaffFactory(store=channel.store)
    stranger = StaffFactory(store=StoreChannelFactory().store)
    client = Client()
    url = f"/api/v1/stores/{channel.store_id}/feed"

    assert client.get(url).status_code == 401
    client.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(url).status_code == 404
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    frame = client.get(url).json()
    assert (frame["type"], frame["seq"]) == ("snapshot", 1)
    assert client.get(url, {"epoch": frame["epoch"], "seq": 1}).json()["events"] == []
