"""The end of the portal in the middle of a wave, orderly or not: nothing keeps running, nothing is lost."""

import signal

import pytest

from tests.chaos.eventually import eventually
from tests.chaos.shift import RUSH

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
async def test_no_process_is_left_and_the_next_start_goes_on_where_it_was(begin_shift, portal, number):
    async with begin_shift() as shift:
        async with shift.platform.rush(RUSH, per_second=8):
            await shift.platform.more_acknowledged(20)
            code = await shift.end(number)
            if number == signal.SIGINT:
                assert (code, portal.survivors()) == (0, [])
            await eventually(lambda: not portal.survivors(), "no process left")
            portal.spawn()
            await eventually(portal.is_ready, "ready again")
            await shift.platform.more_acknowledged(20)
        await shift.check(answers={200, None})
