"""Couriers in trouble: neither another courier of the same store nor another store notices.

One lets every call hang; others answer each with 500, with 429, with garbage.
"""

import asyncio

import pytest

from tests.chaos.eventually import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
STORE, OTHER = "SH-01", "CD-01"  # of two franchises
TROUBLES = {"dada": "error500", "uber": "error429", "doordash": "garbage"}
WELL = "peisong"
CROWD = 15  # more than one account's calls at a time
SOME, FEW = 6, 3
WAITING = {"pending", "claimed"}
IN_TROUBLE = {*WAITING, "unknown"}


async def hand_off(shift, code, orders, provider):
    """Give orders to the store's account with one courier."""
    known = (await shift.staff[code].get("/carriers"))["couriers"]
    account = next(courier["id"] for courier in known if courier["provider"] == provider)
    await asyncio.gather(*(shift.staff[code].hand_off(order, account) for order in orders))


def tried(shift, orders, provider):
    """The state of each of these orders' hand-offs to a courier, and how often it was sent."""
    places = ", ".join("?" * len(orders))
    return shift.truth.rows(
        "SELECT h.state, h.asks FROM couriers_handoff h JOIN couriers_courieraccount a ON a.id = h.account_id"
        f" WHERE a.provider = ? AND h.order_id IN ({places})",
        provider,
        *orders,
    )


def states(shift, orders, provider):
    return {state for state, _ in tried(shift, orders, provider)}


async def others_are_asked_at_once(shift, few):
    """The courier that is well is asked for what both stores give it, each order by one call."""
    await asyncio.gather(*(hand_off(shift, code, orders, WELL) for code, orders in few.items()))
    for code, orders in few.items():

        def all_taken(orders=orders):
            found = tried(shift, orders, WELL)
            return len(found) == FEW and not WAITING & {state for state, _ in found}

        await eventually(all_taken, f"the other courier asked by {code}", every=0.02)
    assert {asks for orders in few.values() for _, asks in tried(shift, orders, WELL)} == {1}


async def test_a_courier_that_hangs_slows_no_other_courier_and_no_other_store(begin_shift):
    async with begin_shift() as shift:
        crowd = await shift.make(STORE, CROWD)
        few = {code: await shift.make(code, FEW) for code in (STORE, OTHER)}
        shift.truth.misbehave(target="dada", kind="hang", times=-1, seconds=60)
        await hand_off(shift, STORE, crowd, "dada")
        await eventually(lambda: "claimed" in states(shift, crowd, "dada"), "calls that hang", every=0.02)

        await others_are_asked_at_once(shift, few)

        found = states(shift, crowd, "dada")
        assert "claimed" in found, "they were not asked before the calls that hang were over"
        assert found <= IN_TROUBLE
        shift.truth.behave()
        await shift.check(answers={200})


async def test_couriers_that_answer_with_trouble_slow_no_other_courier_and_no_other_store(begin_shift):
    async with begin_shift() as shift:
        crowds = {provider: await shift.make(STORE, SOME) for provider in TROUBLES}
        few = {code: await shift.make(code, FEW) for code in (STORE, OTHER)}
        for provider, kind in TROUBLES.items():
            shift.truth.misbehave(target=provider, kind=kind, times=-1)
        for provider, crowd in crowds.items():
            await hand_off(shift, STORE, crowd, provider)
        for provider, crowd in crowds.items():

            def all_in_trouble(crowd=crowd, provider=provider):
                found = tried(shift, crowd, provider)
                return len(found) == SOME and any(asks for _, asks in found)

            await eventually(all_in_trouble, f"{provider} in trouble", every=0.02)

        await others_are_asked_at_once(shift, few)

        for provider, crowd in crowds.items():
            assert states(shift, crowd, provider) <= {*IN_TROUBLE, "failed"}, provider
            assert states(shift, crowd, provider) & IN_TROUBLE, f"{provider} was done with before"
        shift.truth.behave()
        await shift.check(answers={200})
