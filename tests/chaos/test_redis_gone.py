"""Redis dead, frozen, full or deaf in the middle of a wave: it carries hints, so only speed may suffer."""

import json
import signal
from contextlib import asynccontextmanager

import pytest
import redis

from tests.chaos.board import Board
from tests.chaos.eventually import eventually
from tests.chaos.shift import RUSH

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@asynccontextmanager
async def dead(shift):
    """kill -9, and nobody starts it again until the block ends; it comes back empty."""
    shift.portal.send("portal", signal.SIGSTOP)
    try:
        pid = shift.portal.send("redis", signal.SIGKILL)
        yield
    finally:
        shift.portal.send("portal", signal.SIGCONT)
    await shift.restarted("redis", pid)


@asynccontextmanager
async def frozen(shift):
    """Connections open and nobody at the other end."""
    shift.portal.send("redis", signal.SIGSTOP)
    try:
        yield
    finally:
        shift.portal.send("redis", signal.SIGCONT)


def client(shift):
    """A connection of our own to the portal's Redis."""
    state = json.loads((shift.portal.folder / "portal.json").read_text())
    return redis.Redis.from_url(state["redis_url"])


@asynccontextmanager
async def full(shift):
    """Out of memory: it answers, and takes nothing in."""
    client(shift).config_set("maxmemory", 1)
    try:
        yield
    finally:
        client(shift).config_set("maxmemory", 0)


@asynccontextmanager
async def unsubscribed(shift):
    """Everybody who listened is cut off, without a word."""
    assert client(shift).client_kill_filter(_type="pubsub") > 0
    yield


async def newcomer(shift, code):
    """A board that connects now; returns once it has loaded."""
    settled = shift.boards[code]
    board = Board(shift.portal.url, settled.store_id, settled.cookie)
    async with board.running():
        await eventually(lambda: board.state, "a new board loaded")


async def pushed_again(shift):
    """Orders reach every board by themselves again, not only after a heartbeat."""
    for code, board in shift.boards.items():
        before = board.pushed

        def pushed(code=code, board=board, before=before):
            shift.platform.place(code)
            return board.pushed > before

        await eventually(pushed, f"live at {code}", every=1)


@pytest.mark.parametrize("gone", [dead, frozen, full, unsubscribed])
async def test_intake_boards_and_commands_work_without_redis_and_all_is_done_after(begin_shift, gone):
    async with begin_shift() as shift:
        async with shift.platform.rush(RUSH, per_second=10):
            await shift.platform.more_acknowledged(20)
            async with gone(shift):
                await shift.platform.more_acknowledged(60)
                await shift.boards_complete()
                await newcomer(shift, "SH-01")
                await shift.make("SH-01", 1)
            await shift.platform.more_acknowledged(20)
            await pushed_again(shift)
        await shift.check(answers={200})
        assert [board.connections for board in shift.boards.values()] == [1, 1]
