"""One courier lets every call hang: another store's hand-offs to another courier do not notice."""

import asyncio

import pytest

from tests.chaos.eventually import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
HANGING, OTHER = ("SH-01", "dada"), ("CD-01", "peisong")
CROWD = 15  # more than one account's calls at a time
FEW = 3


async def hand_off(shift, code, orders, provider):
    """Give orders to the store's account with one courier."""
    known = (await shift.staff[code].get("/carriers"))["couriers"]
    account = next(courier["id"] for courier in known if courier["provider"] == provider)
    for order in orders:
        await shift.staff[code].hand_off(order, account)


def states(shift, provider):
    """The state of each of this shift's hand-offs to a courier."""
    return [
        state
        for (state,) in shift.truth.rows(
            "SELECT h.state FROM couriers_handoff h JOIN couriers_courieraccount a ON a.id = h.account_id"
            " JOIN orders_order o ON o.id = h.order_id WHERE a.provider = ? AND o.external_id LIKE ?",
            provider,
            f"{shift.name}-%",
        )
    ]


async def test_a_courier_that_hangs_slows_no_other_courier_and_no_other_store(begin_shift):
    async with begin_shift() as shift:
        (slow, dada), (quick, peisong) = HANGING, OTHER
        crowd, few = await shift.make(slow, CROWD), await shift.make(quick, FEW)
        shift.truth.misbehave(target=dada, kind="hang", times=-1, seconds=60)
        await asyncio.gather(*(hand_off(shift, slow, [order], dada) for order in crowd))
        await eventually(lambda: "claimed" in states(shift, dada), "calls that hang", every=0.02)
        await hand_off(shift, quick, few, peisong)

        def taken():
            return [state for state in states(shift, peisong) if state not in {"pending", "claimed"}]

        await eventually(lambda: len(taken()) == FEW, "the other courier asked", every=0.02)

        assert "claimed" in states(shift, dada), "it was not asked before the calls that hang were over"
        shift.truth.behave()
        await shift.check(answers={200})
