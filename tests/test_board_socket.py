"""The board's WebSocket through the whole ASGI application and a real Redis: live, and who is let in."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from merchant_portal.asgi import application
from orders import services
from orders.feed.hub import READERS
from orders.feed.publisher import group_name
from orders.models import StoreSequence
from orders.tests.factories import place_order
from stores.actors import Actor
from stores.models import Membership
from stores.tests.factories import StaffFactory, StoreChannelFactory

LIN = Actor("Lin")


@pytest.fixture
def channel():
    return StoreChannelFactory()


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
            await sync_to_async(client.force_login)(user, backend="django.contrib.auth.backends.ModelBackend")
            headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
        if origin is not None:
            headers.append((b"origin", origin))
        socket = WebsocketCommunicator(application, f"/ws/v1/stores/{store.pk}/feed", headers=headers)
        socket.accepted, _ = await socket.connect(timeout=5)
        try:
            yield socket
        finally:
            await socket.disconnect()

    async def tell(self, store, **fields):
        """Send the hub a message of our own making."""
        message = {"type": "feed.events", "store": store.pk, **fields}
        await get_channel_layer().group_send(group_name(store.pk), message)

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
        assert [(event["seq"], event["kind"]) for event in events] == [
            (1, "order.placed"),
            (2, "order.accepted"),
        ]

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

    def test_a_silent_socket_stays_open_and_hears_the_heartbeat(self, channel, staff, monkeypatch):
        monkeypatch.setattr("orders.consumers.RESUME_WITHIN", 2)

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
        [
            "[]",
            "{",
            '{"type":"shout"}',
            '{"type":"resume","seq":"1"}',
            '{"type":"ack","seq":-1}',
            "x" * 2_000,
        ],
    )
    def test_a_socket_that_talks_nonsense_is_closed(self, channel, staff, text):
        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_to(text_data=text)
                return await socket.receive_output(timeout=5)

        assert asyncio.run(run())["code"] == 4400

    def test_a_browser_that_does_not_acknowledge_gets_a_mark_and_then_the_whole_gap(
        self, channel, staff, monkeypatch
    ):
        monkeypatch.setattr("orders.consumers.WINDOW", 2)

        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await self.next_frame(socket, kind="snapshot")
                await sync_to_async(place_order)(channel, now=timezone.now(), order_id="E-0")
                first = await self.next_frame(socket, kind="events")  # now two frames wait for an answer
                for number in range(1, 20):
                    await sync_to_async(place_order)(channel, now=timezone.now(), order_id=f"E-{number}")
                pushed = await self.next_frame(socket)
                await socket.send_json_to({"type": "ack", "seq": first["seq"]})
                rest = await self.next_frame(socket, kind="events")
                return first["seq"], pushed["type"], [event["seq"] for event in rest["events"]]

        assert asyncio.run(run()) == (1, "beat", list(range(2, 21)))

    def test_a_socket_that_never_resumes_is_closed(self, channel, staff, monkeypatch):
        monkeypatch.setattr("orders.consumers.RESUME_WITHIN", 0.2)

        async def run():
            async with self.board(staff, channel.store) as socket:
                return await socket.receive_output(timeout=10)

        assert asyncio.run(run()) == {"type": "websocket.close", "code": 4408}

    def test_many_resumes_are_answered_by_few_reads_and_the_last_one_counts(self, channel, staff, now):
        place_order(channel, now=now)
        epoch = StoreSequence.objects.get().epoch

        async def run():
            async with self.board(staff, channel.store) as socket:
                for _ in range(20):
                    await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await socket.send_json_to({"type": "resume", "epoch": epoch, "seq": 0})
                frames = [await self.next_frame(socket)]
                while frames[-1]["type"] != "beat":
                    frames.append(await self.next_frame(socket))
                return [frame["type"] for frame in frames]

        assert asyncio.run(run()) in (["events", "beat"], ["snapshot", "events", "beat"])

    def test_a_store_that_waits_for_the_database_does_not_hold_up_another(
        self, channel, staff, now, monkeypatch
    ):
        monkeypatch.setattr("orders.feed.hub.BEAT", 60)
        quiet = StoreChannelFactory()
        quiet_staff = StaffFactory(store=quiet.store)
        free = threading.Event()

        async def run():
            async with self.board(staff, channel.store) as hot, self.board(quiet_staff, quiet.store) as other:
                for socket in (hot, other):
                    await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                    await self.next_frame(socket, kind="snapshot")
                await asyncio.sleep(0.5)  # until the subscriptions stand
                for _ in range(4):
                    READERS.submit(free.wait)
                try:
                    await self.tell(channel.store, epoch="another", first=1, last=1, frame="")
                    await sync_to_async(place_order)(quiet, now=now)
                    return await self.next_frame(other)
                finally:
                    free.set()

        assert asyncio.run(run())["seq"] == 1

    def test_a_message_nobody_understands_does_not_end_the_live_feed(
        self, channel, staff, now, monkeypatch, caplog
    ):
        monkeypatch.setattr("orders.feed.hub.BEAT", 60)

        async def run():
            async with self.board(staff, channel.store) as socket:
                await socket.send_json_to({"type": "resume", "epoch": None, "seq": 0})
                await self.next_frame(socket, kind="snapshot")
                await asyncio.sleep(0.5)  # until the subscription stands
                await self.tell(channel.store)
                await sync_to_async(place_order)(channel, now=now)
                return await self.next_frame(socket)

        assert asyncio.run(run())["seq"] == 1
        assert "a fault in the feed, going on" in caplog.text
