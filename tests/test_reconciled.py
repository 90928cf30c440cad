"""Platforms that drop, hide, repeat and cripple pushes: after asking, both sides tell the same story."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from merchant_portal.portal.ports import free_port
from orders.intake.app import IntakeApp
from orders.models import Conflict, IncomingMessage, Order, Reconciliation
from orders.reconciliation import reconcile
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.models import ChannelAccount, ChannelToken
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory
from tests.services import wait_for_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ROOT = Path(__file__).resolve().parents[1]
PLACE = {"city": "Shanghai", "latitude": 31.2335, "longitude": 121.4755, "cups_per_hour": 2400}
ELEME = {
    "slug": "jx-ele", "channel": "eleme", "app_id": "78194582", "secret": "ele-secret", "token": "token-1",
    "refresh_token": "refresh-1", "intake_path": "/intake/eleme/jx-ele/", "spacing": 0.1,
    "stores": [{"code": "720032", **PLACE}, {"code": "720033", **PLACE}],
}  # fmt: skip
MEITUAN = {
    "slug": "jx-mt", "channel": "meituan", "app_id": "1234", "secret": "mt-secret", "spacing": 0.1,
    "intake_path": "/intake/meituan/jx-mt/",
    "stores": [{"code": "poi_1", **PLACE}, {"code": "poi_2", **PLACE}],
}  # fmt: skip
MENU = {
    "drinks": [{"sku": "T1", "name": "茉莉奶绿", "price": 1500, "share": 1}],
    "sugar": ["三分糖"], "ice": ["少冰"],
    "toppings": [{"name": "珍珠", "price": 200}, {"name": "椰果", "price": 100}],
}  # fmt: skip
NEW_ORDERS = {"eleme": "push/10", "meituan": "push/paid"}
LATER = timedelta(minutes=3)  # what happened just now is given time
OURS = {
    "held": "placed", "placed": "placed", "accepted": "accepted", "delivered": "completed",
    "rejected": "cancelled", "cancelled": "cancelled",
}  # fmt: skip


@pytest.fixture
def intake(settings):
    """Our intake under its real server; gives its address."""
    port = free_port()
    settings.PUBLIC_URL = f"http://127.0.0.1:{port}"
    settings.CHANNEL_CALLS_PER_SECOND = 0
    guard_of.cache_clear()
    server = uvicorn.Server(uvicorn.Config(IntakeApp(), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for_port(port)
    yield settings.PUBLIC_URL
    server.should_exit = True
    thread.join()
    # In the thread in which intake reads what it knows: the database is to be dropped.
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture
def sandbox(intake, tmp_path):
    """The pretend platforms; gives their address."""
    brand = {"portal_url": intake, "accounts": [ELEME, MEITUAN], "menu": MENU, "dada": [], "crew": []}
    campaign = {"code": "0206", "name": "Free tea"}
    (tmp_path / "brand.json").write_text(json.dumps({**brand, "campaign": campaign}))
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(tmp_path), "--no-riders"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def accounts(sandbox):
    """The same accounts on our side."""
    made = [_account(entry, f"{sandbox}/platform/{entry['channel']}/api/v1") for entry in (ELEME, MEITUAN)]
    expires_at = timezone.now() + timedelta(days=30)
    ChannelToken.objects.create(account=made[0], access="token-1", refresh="refresh-1", expires_at=expires_at)
    return made


def _account(entry, url) -> ChannelAccount:
    facts = {name: entry[name] for name in ("slug", "channel", "app_id")}
    account = ChannelAccountFactory(**facts, secrets=entry["secret"], callback_url=url)
    for shop in entry["stores"]:
        StoreChannelFactory(
            account=account, store__franchise=account.franchise, external_code=shop["code"], auto_accept=True
        )
    return account


def post(sandbox, call, **wish):
    answer = httpx.post(f"{sandbox}/control/{call}", json=wish, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def misbehave(sandbox, kind, times, *, pushes):
    for target, path in pushes.items():
        post(sandbox, "faults", target=target, kind=kind, times=times, path=path)


def ledger(sandbox):
    found = httpx.get(f"{sandbox}/control/ledger", timeout=60).json()
    settled = all(message["acknowledged"] or message["given_up"] for message in found["sent"])
    return found["orders"], settled


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def ask(accounts, *, later=LATER):
    """What two runs do, and the calls they lead to; returns how many orders were recovered."""
    recovered = 0
    for account in accounts:
        for _ in range(2):
            row = reconcile(account, timezone.now() + later, whole=True)
            assert (row.error, row.finished_at is not None) == ("", True)
            recovered += row.recovered
            while job := claim(queue="platforms", now=timezone.now() + 2 * later):
                run(job)
    return recovered


def both_sides(sandbox):
    theirs = {(o["account"], o["order_id"]): o["state"] for o in ledger(sandbox)[0]}
    rows = Order.objects.values_list("account__slug", "external_id", "state")
    return theirs, {(slug, number): OURS[state] for slug, number, state in rows}


def test_what_was_dropped_hidden_repeated_or_crippled_is_on_the_boards_in_the_end(sandbox, accounts):
    for kind, times in (("drop", 3), ("vanish", 2), ("degraded", 2), ("duplicate", 3)):
        misbehave(sandbox, kind, times, pushes=NEW_ORDERS)
    for entry in (ELEME, MEITUAN):
        for shop in entry["stores"]:
            post(sandbox, "orders", store_code=shop["code"], account=entry["slug"], count=8)
    eventually(lambda: ledger(sandbox)[1])
    assert Order.objects.count() == 32 - 2 * (3 + 2)

    assert ask(accounts) == 10

    theirs, ours = both_sides(sandbox)
    assert (len(theirs), ours) == (32, theirs)
    assert set(ours.values()) == {"accepted"}
    assert Order.objects.filter(recovered_at__isnull=False).count() == 10
    assert Order.objects.exclude(complete=True, conflict="").count() == 0
    assert IncomingMessage.objects.exclude(outcome="stored").count() == Conflict.objects.count() == 0


def test_what_happened_there_unheard_happens_here(sandbox, accounts):
    """Guests cancel and the platform completes, and not one push of it arrives."""
    for entry in (ELEME, MEITUAN):
        post(sandbox, "orders", store_code=entry["stores"][0]["code"], account=entry["slug"], count=3)
    eventually(lambda: Order.objects.count() == 6)
    ask(accounts)
    misbehave(sandbox, "vanish", -1, pushes={"eleme": "push/", "meituan": "push/"})
    for entry in (ELEME, MEITUAN):
        numbers = [o["order_id"] for o in ledger(sandbox)[0] if o["account"] == entry["slug"]]
        facts = {"account": entry["slug"], "store_code": entry["stores"][0]["code"]}
        post(sandbox, "messages", type="order.cancelled", order_id=numbers[0], **facts)
        post(sandbox, "messages", type="order.completed", order_id=numbers[1], **facts)

    ask(accounts, later=2 * LATER)

    theirs, ours = both_sides(sandbox)
    assert ours == theirs
    assert sorted(ours.values()) == ["accepted"] * 2 + ["cancelled"] * 2 + ["completed"] * 2
    assert Job.objects.filter(state="dead").count() == 0
    assert Reconciliation.objects.exclude(error="").count() == 0
