"""kill -9 of Daphne, which serves intake, the API and the boards, in the middle of a wave."""

import asyncio

import pytest

from tests.chaos.shift import RUSH

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


async def work(shift):
    """Begin to make whatever is accepted, one card after the other."""
    while True:
        for code, board in shift.boards.items():
            ready = [card for card in board.state["cards"] if card["state"] == "accepted"]
            if ready:
                await shift.staff[code].step(ready[0]["id"], "start", "order.started")
        await asyncio.sleep(0.2)


async def test_no_acknowledged_order_or_command_is_lost_and_no_board_has_a_gap(begin_shift, dice):
    async with begin_shift() as shift:
        working = asyncio.create_task(work(shift))
        async with shift.platform.rush(RUSH, per_second=20):
            for _ in range(3):
                await shift.platform.more_acknowledged(dice.randint(5, 40))
                await shift.kill("daphne")
            await shift.platform.more_acknowledged(40)
        working.cancel()
        await shift.check(answers={200, None})
        assert all(board.connections > 1 for board in shift.boards.values())
