"""kill -9 of the Celery worker again and again, while it tells platforms and calls Dada."""

import asyncio
import signal

import pytest

from tests.chaos.eventually import eventually
from tests.chaos.shift import RUSH, STORES
from tests.chaos.truth import SILENT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
ON_THE_WAY = 0.5  # seconds from the claim until the call has surely left the worker
HANGING = 3  # of the eight threads of the worker
AT_ONCE = 3  # hand-offs at each store before the worker is killed


async def kill_during_a_call(shift, hand_off):
    """Dada gets the call when the worker that made it is dead already: it does the work, nobody hears."""
    shift.portal.send("sandbox", signal.SIGSTOP)
    try:
        await hand_off()
        await eventually(lambda: "claimed" in shift.states(), "a hand-off claimed", every=0.02)
        await asyncio.sleep(ON_THE_WAY)
        pid = shift.portal.send("worker", signal.SIGKILL)
    finally:
        shift.portal.send("sandbox", signal.SIGCONT)
    await shift.restarted("worker", pid)


async def kill_after_a_call(shift, hand_off):
    """Dada has done the work; the worker may or may not have written that down."""
    before = shift.truth.creates().total()
    await hand_off()
    await eventually(lambda: shift.truth.creates().total() > before, "Dada called", every=0.01)
    await shift.kill("worker")


async def kill_during_platform_calls(shift, hand_off):
    """The platform holds some calls back and takes none of them: they must be made again."""
    shift.truth.misbehave(target="standard", kind="hang", path="order.accepted", times=HANGING, seconds=20)
    await hand_off()
    await eventually(lambda: not shift.truth.still_to_strike("hang"), "calls held back")
    await shift.kill("worker")


KILLS = (kill_during_a_call, kill_after_a_call, kill_during_platform_calls)


async def test_no_order_is_handed_off_twice_and_every_call_is_made(begin_shift, dice):
    async with begin_shift() as shift:
        rounds = [*dice.sample(KILLS, len(KILLS)), dice.choice(KILLS)]
        orders = {code: await shift.make(code, AT_ONCE * len(rounds)) for code in STORES}

        async def hand_off():
            for code in STORES:
                for order in [orders[code].pop() for _ in range(AT_ONCE)]:
                    await shift.hand_to_courier(code, order)

        shift.truth.misbehave(**SILENT)
        async with shift.platform.rush(RUSH, per_second=4):
            for kill in rounds:
                await kill(shift, hand_off)
        await shift.check(answers={200})
        handed, creates = shift.truth.hand_offs(shift.name), shift.truth.creates()
        assert {origin: creates[origin] for origin in handed} == dict.fromkeys(handed, 1)
        assert {state for _, state in handed.values()} <= {"sent", "confirmed", "delivered"}
        assert len(handed) == len({order for order, _ in handed.values()}) == 2 * AT_ONCE * len(rounds)
