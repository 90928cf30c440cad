"""Whatever is pushed, intake answers 2xx or 4xx and does not grow.

A few thousand attempts here; `make fuzz` makes 100,000. The seed is in the test's name.
"""

import asyncio
import gc
import os
from collections import Counter
from random import Random

import pytest

from orders.intake.app import IntakeApp
from orders.models import Order
from orders.tests import eleme_messages, meituan_messages
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory
from tests.fuzz.senders import HONEST, SENDERS

ATTEMPTS = int(os.environ.get("PORTAL_FUZZ", "2000"))
SEED = int(os.environ.get("PORTAL_FUZZ_SEED", "20260206"))
AT_ONCE = 50
MOST_GROWTH = 24 * 1024 * 1024  # bytes, after the first fifth has filled every cache

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1_800)]


@pytest.fixture
def accounts():
    for channel, slug, code, keys in (
        ("standard", "tea", "SH-01", {}),
        ("eleme", "tea-ele", str(eleme_messages.SHOP), _keys(eleme_messages)),
        ("meituan", "tea-mt", "jx-sh-001", _keys(meituan_messages)),
    ):
        account = ChannelAccountFactory(channel=channel, slug=slug, **keys)
        StoreChannelFactory(account=account, external_code=code)


def _keys(messages):
    return {"app_id": messages.APP_ID, "secrets": messages.SECRET}


async def ask(app, attempt):
    """The status of one request's answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": attempt.body, "more_body": False}

    async def send(event):
        sent.append(event)

    scope = {
        "type": "http", "method": attempt.method, "path": attempt.path, "query_string": attempt.query,
        "headers": attempt.headers,
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"]


async def storm(dice, senders, attempts):
    """Statuses counted, and how much the process grew after the first fifth, in bytes."""
    app, statuses, begun = IntakeApp(), Counter(), 0
    for first in range(0, attempts, AT_ONCE):
        batch = [dice.choice(senders)(dice, number) for number in range(first, first + AT_ONCE)]
        statuses.update(await asyncio.gather(*(ask(app, attempt) for attempt in batch)))
        if not begun and first >= attempts / 5:
            begun = resident()
    await app.close()
    return statuses, resident() - begun


def resident():
    """Bytes of memory this process holds."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("seed", [SEED])
def test_malformed_pushes_are_stored_or_refused_and_memory_stays_flat(accounts, seed):
    statuses, grown = asyncio.run(storm(Random(seed), SENDERS, ATTEMPTS))

    assert not {status for status in statuses if status >= 500}, statuses
    assert {200, 400, 401} <= set(statuses), statuses  # all kinds of ends were met
    assert grown < MOST_GROWTH, f"{grown / 2**20:.1f} MiB more"


@pytest.mark.parametrize("seed", [SEED])
def test_spoilt_but_signed_pushes_get_through_to_orders(accounts, seed):
    """The dice are not so wild that nothing is left to test behind the first check."""
    asyncio.run(storm(Random(seed), HONEST, 300))

    by_channel = Counter(Order.objects.values_list("account__channel", flat=True))
    assert set(by_channel) == {"standard", "eleme", "meituan"}
