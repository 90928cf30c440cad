"""Dada takes the errand and its reply never arrives."""

import pytest

from tests.chaos.eventually import eventually
from tests.chaos.shift import STORES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


LOST = {"target": "dada", "kind": "lost_reply", "path": "/api/order/addOrder", "times": len(STORES)}
SILENT = {"target": "dada", "kind": "no_callbacks", "times": -1}


async def test_an_errand_whose_reply_was_lost_is_asked_for_and_adopted(begin_shift):
    async with begin_shift() as shift:
        orders = {code: (await shift.make(code, 1))[0] for code in STORES}
        with shift.truth.misbehaving(LOST, SILENT):
            for code in STORES:
                await shift.hand_to_courier(code, orders[code])
            await eventually(lambda: shift.states() <= {"sent", "confirmed", "delivered"}, "adopted")
        await shift.check(answers={200})
        handed, creates = shift.truth.hand_offs(shift.name), shift.truth.creates()
        assert {origin: creates[origin] for origin in handed} == dict.fromkeys(handed, 1)
        for code in STORES:
            assert "unknown" in shift.delivery_states(code, orders[code])
