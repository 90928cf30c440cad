"""Dada takes the errand and its reply never arrives."""

import pytest

from tests.chaos.eventually import eventually
from tests.chaos.shift import STORES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


async def test_an_errand_whose_reply_was_lost_is_asked_for_and_adopted(begin_shift):
    async with begin_shift() as shift:
        orders = {code: await shift.make(code, 1) for code in STORES}
        shift.truth.misbehave(target="dada", kind="lost_reply", path="/api/order/addOrder", times=len(STORES))
        for code in STORES:
            await shift.hand_to_courier(code, orders[code][0])
        await eventually(lambda: shift.states() <= {"sent", "confirmed", "delivered"}, "adopted")
        await shift.check(answers={200})
        handed = shift.truth.hand_offs(shift.name)
        creates = shift.truth.creates()
        assert [creates[origin] for origin in handed] == [1] * len(STORES)
        for code in STORES:
            assert "unknown" in shift.delivery_states(code, orders[code][0])
