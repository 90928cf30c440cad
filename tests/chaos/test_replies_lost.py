"""Dada takes the errand and its reply never arrives."""

import pytest

from tests.chaos.shift import STORES
from tests.chaos.truth import SILENT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


LOST = {"target": "dada", "kind": "lost_reply", "path": "/api/order/addOrder", "times": len(STORES)}


async def test_an_errand_whose_reply_was_lost_is_asked_for_and_adopted(begin_shift):
    async with begin_shift() as shift:
        orders = {code: (await shift.make(code, 1))[0] for code in STORES}
        shift.truth.misbehave(**LOST)
        shift.truth.misbehave(**SILENT)
        for code in STORES:
            await shift.hand_to_courier(code, orders[code])
        await shift.check(answers={200})
        handed, creates = shift.truth.hand_offs(shift.name), shift.truth.creates()
        assert {origin: creates[origin] for origin in handed} == dict.fromkeys(handed, 1)
        assert shift.states() <= {"sent", "confirmed", "delivered"}
        for code in STORES:
            assert "unknown" in shift.delivery_states(code, orders[code])
