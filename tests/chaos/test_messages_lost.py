"""Platforms that lose 5 % of their pushes and send 10 % twice: in the end both sides hold the same orders."""

import asyncio

import httpx
import pytest

from tests.chaos.eventually import eventually
from tests.chaos.truth import Truth

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
STORES = ("SH-01", "HZ-03")  # one of each franchise; both accept by themselves
CHANNELS = ("eleme", "meituan")
ORDERS = 60  # at each store and channel
SAME = {"placed": "placed", "accepted": "accepted", "ready": "accepted", "completed": "completed",
    "cancelled": "cancelled"}  # fmt: skip


@pytest.fixture
def truth(portal):
    found = Truth(portal.folder, portal.sandbox_url)
    yield found
    found.behave()


def shops(truth):
    """(account, store code there) of each store and channel."""
    return truth.rows(
        "SELECT a.slug, sc.external_code FROM stores_storechannel sc"
        " JOIN stores_channelaccount a ON a.id = sc.account_id JOIN stores_store s ON s.id = sc.store_id"
        f" WHERE s.code IN {STORES} AND a.channel IN {CHANNELS}"
    )


def believed(truth):
    """What the platforms hold: (account, order number) → (store code, state)."""
    return {
        (order["account"], order["order_id"]): (order["store_code"], SAME[order["state"]])
        for order in truth.ledger()["orders"]
        if order["channel"] in CHANNELS
    }


def stored(truth):
    """What the portal holds, of the same form; fails if an order is there twice."""
    rows = truth.rows(
        "SELECT a.slug, o.external_id, o.platform_store_code, o.platform_state FROM orders_order o"
        " JOIN stores_channelaccount a ON a.id = o.account_id"
        f" WHERE a.channel IN {CHANNELS}"
    )
    found = {(account, number): (code, state) for account, number, code, state in rows}
    assert len(found) == len(rows), "an order is stored twice"
    return found


def recovered(truth):
    """Orders nobody told the portal of."""
    rows = truth.rows(
        "SELECT a.slug, o.external_id FROM orders_order o JOIN stores_channelaccount a ON a.id = o.account_id"
        " WHERE o.recovered_at IS NOT NULL"
    )
    return set(rows)


async def place(sandbox_url, account, code):
    async with httpx.AsyncClient(timeout=60) as client:
        wish = {"account": account, "store_code": code, "count": ORDERS}
        (await client.post(f"{sandbox_url}/control/orders", json=wish)).raise_for_status()


async def test_after_reconciliation_the_ledger_and_the_boards_agree(portal, credentials, truth):
    for channel in CHANNELS:
        truth.misbehave(target=channel, kind="drop", times=-1, share=0.05)
        truth.misbehave(target=channel, kind="duplicate", times=-1, share=0.10)
        truth.misbehave(target=channel, kind="swap", times=-1, share=0.05)

    await asyncio.gather(*(place(portal.sandbox_url, *shop) for shop in shops(truth)))
    lost = {
        (order["account"], order["order_id"]) for order in truth.ledger()["orders"] if not order["pushed"]
    }

    assert lost, "nothing was lost: there is nothing to see"
    assert len(believed(truth)) == ORDERS * len(STORES) * len(CHANNELS)
    await eventually(lambda: stored(truth) == believed(truth), "both sides the same", every=1.0)
    assert lost <= recovered(truth)
    assert truth.rows("SELECT external_id, conflict FROM orders_order WHERE conflict != ''") == []
