"""The feed: whole gaps or snapshots, live events over the socket, and who is let in."""

import asyncio
import json
import threading

import pytest
from django.test import Client

from orders.feed.chores import Chores, for_ever
from orders.feed.hub import Hub
from orders.feed.publisher import Committed, message
from orders.models import OrderEvent, StoreSequence
from orders.queries import catch_up, snapshot
from orders.tests.factories import place_order
from stores.actors import Actor
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
        assert (frame["type"], frame["seq"], [event["seq"] for event in frame["events"]]) == (
            "events",
            5,
            [3, 4, 5],
        )

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


class Quiet:
    """A board that wants nothing."""


async def test_the_hub_remembers_only_stores_somebody_looks_at():
    hub, board, other = Hub(), Quiet(), Quiet()
    hub.leave(7, board)
    assert hub.watched() == []
    await hub.join(1, board)
    await hub.join(1, other)
    hub.leave(1, board)
    assert hub.watched() == [1]
    hub.leave(1, other)
    assert hub.watched() == []


async def test_work_goes_on_for_ever_after_a_fault(monkeypatch, caplog):
    monkeypatch.setattr("orders.feed.chores.RETRY", 0)
    rounds, third = [], asyncio.Event()

    async def work():
        rounds.append(len(rounds))
        if len(rounds) == 2:
            raise KeyError("a fault")
        if len(rounds) == 3:
            third.set()
        await asyncio.sleep(0)

    task = asyncio.create_task(for_ever(work))
    await third.wait()
    task.cancel()
    assert [record.message for record in caplog.records] == ["a fault in the feed, going on"]


class TestChores:
    """What a board does beside the hub's loops."""

    async def test_one_kind_of_work_is_done_once_at_a_time_and_again_later(self):
        chores, begun, go_on = Chores(), [], asyncio.Event()

        async def work():
            begun.append(1)
            await go_on.wait()

        for _ in range(3):
            chores.start(work)
            await asyncio.sleep(0)
        assert (len(begun), chores.doing(work)) == (1, True)
        go_on.set()
        await asyncio.sleep(0.01)
        chores.start(work)
        await asyncio.sleep(0.01)
        assert (len(begun), chores.doing(work)) == (2, False)

    async def test_a_fault_is_logged_and_does_not_stop_the_next_start(self, caplog):
        chores = Chores()

        async def work():
            raise KeyError("a fault")

        for _ in range(2):
            chores.start(work)
            await asyncio.sleep(0.01)
        said = "a board could not be served, the next heartbeat tries again"
        assert [record.message for record in caplog.records] == [said, said]

    async def test_work_ends_with_its_board(self):
        chores, ended = Chores(), asyncio.Event()

        async def work():
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()

        chores.start(work)
        await asyncio.sleep(0)
        chores.cancel()
        await ended.wait()
        assert chores.doing(work) is False
