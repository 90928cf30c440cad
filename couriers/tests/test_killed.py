"""Workers that die or freeze in the middle of a call: real processes, real signals."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.utils import timezone

from couriers.services import cancel_hand_off
from couriers.tests.factories import MEI
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import courier, pass_time, policy, shelved, tried
from couriers.tests.work import facts, handed_to, run_jobs
from couriers.watching import watch
from orders.services import step

Workers = tuple[list[subprocess.Popen[bytes]], Callable[[], int]]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def start_worker() -> subprocess.Popen[bytes]:
    """Start a worker on the test's own database."""
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        place = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
        url = f"postgres://{database['USER']}:{database['PASSWORD']}@{place}"
    environment = {**os.environ, "DATABASE_URL": url, "PORTAL_SECRET_KEY": settings.SECRET_KEY}
    command = [sys.executable, "-m", "couriers.tests.worker"]
    return subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR)


@pytest.fixture
def worker_died() -> Iterator[Workers]:
    """Start a worker and wait for its end, whatever that is."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> int:
        started.append(start_worker())
        return started[-1].wait(timeout=60)

    yield started, run
    for process in started:
        process.kill()
        process.wait()


def seconds_on(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def recover() -> None:
    """What beat and the other workers do in the next half minute."""
    watch(now=seconds_on(16))
    for seconds in (17, 19, 30):
        run_jobs(seconds_on(seconds))


@pytest.mark.parametrize("moment", ["before_call", "before_reply"])
def test_a_worker_killed_during_its_call_leaves_one_errand_and_a_true_card(
    dada: FakeDada, worker_died: Workers, moment: str
) -> None:
    started, run = worker_died
    handoff = handed_to(dada)

    def kill() -> None:
        setattr(dada, moment, None)
        started[0].kill()

    setattr(dada, moment, kill)
    assert run() == -signal.SIGKILL
    assert facts(handoff)[0] == "claimed"
    recover()
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert dada.ledger == [handoff.origin_id]


def test_a_worker_killed_while_it_races_quotes_leaves_an_order_that_one_courier_is_asked_for(
    dada: FakeDada, worker_died: Workers
) -> None:
    started, run = worker_died
    order = shelved()
    policy(order.store)
    for label in ("A", "B"):
        courier(order.store, dada, label)
    step(order_id=order.pk, verb="ready", actor=MEI, now=timezone.now())

    def kill() -> None:
        started[0].kill()

    dada.before_reply = kill
    assert run() == -signal.SIGKILL
    dada.before_reply = None
    assert tried(order) == []
    for seconds in (31, 35):
        pass_time(seconds_on(seconds))
    assert tried(order) == [("A", "sent", "")]
    assert len(dada.ledger) == 1


def test_a_worker_frozen_past_its_lease_cannot_undo_what_others_did_meanwhile(
    dada: FakeDada, worker_died: Workers
) -> None:
    started, _ = worker_died
    handoff = handed_to(dada)
    frozen = Frozen(dada)
    started.append(start_worker())
    frozen.wait_until_it_calls(started[0])
    recover()
    assert facts(handoff)[0] == "sent"
    with time_machine.travel(seconds_on(40), tick=False):
        cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=timezone.now(), reason="guest came by")
    run_jobs(seconds_on(41))
    before = facts(handoff)
    frozen.thaw(started[0])
    assert started[0].wait(timeout=60) == 0
    run_jobs(seconds_on(42))
    assert facts(handoff) == before == ("cancelled", "searching", "guest came by", "ready")
    assert dada.ledger == [handoff.origin_id]


class Frozen:
    """Stops the calling process while Dada holds its reply back, until it is thawed."""

    def __init__(self, dada: FakeDada) -> None:
        self.calling, self.thawed = threading.Event(), threading.Event()
        dada.before_reply = self._hold
        self._dada = dada

    def _hold(self) -> None:
        self._dada.before_reply = None
        self.calling.set()
        self.thawed.wait(30)

    def wait_until_it_calls(self, process: subprocess.Popen[bytes]) -> None:
        assert self.calling.wait(60)
        process.send_signal(signal.SIGSTOP)

    def thaw(self, process: subprocess.Popen[bytes]) -> None:
        self.thawed.set()
        process.send_signal(signal.SIGCONT)
