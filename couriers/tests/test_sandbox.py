"""A hand-off from the counter to the guest, against the sandbox's Dada over real HTTP, callbacks included."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as project

from couriers.models import HandOff
from couriers.services import cancel_hand_off, hand_to_courier
from couriers.tests.factories import MEI, NOW, make_account, make_order
from couriers.tests.work import facts
from outbox.runner import drain

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 30  # seconds until a test that waits for the sandbox gives up


class Sandbox:
    """The sandbox as a process of its own; its riders need about a second from door to door."""

    def __init__(self, state: Path) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        options = ["--port", str(port), "--state", str(state), "--rider-scale", "0.03"]
        self.process = subprocess.Popen([sys.executable, "-m", "sandbox", *options], cwd=project.BASE_DIR)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/control/health").status_code == 200
        except httpx.ConnectError:
            return False

    def misbehave(self, kind: str, **more: object) -> None:
        httpx.post(
            f"{self.url}/control/faults", json={"target": "dada", "kind": kind, **more}
        ).raise_for_status()

    def created(self) -> list[str]:
        """The errands that were really created, by our number."""
        return [
            entry["origin_id"]
            for entry in httpx.get(f"{self.url}/control/ledger").json()["creates"]
            if entry["new"]
        ]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    server = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield server
    server.stop()


@pytest.fixture
def handoff(sandbox: Sandbox, live_server: Any, settings: Any) -> HandOff:
    """An order given to the sandbox's Dada, which calls back to a live portal."""
    settings.PUBLIC_URL = live_server.url
    httpx.delete(f"{sandbox.url}/control/faults").raise_for_status()
    order = make_order()
    account = make_account(order.store, f"{sandbox.url}/dada")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    return HandOff.objects.select_related("order").get(order=order)


def comes_to(handoff: HandOff, *expected: str) -> None:
    """Run jobs until state, progress and the order's state are as expected."""

    def there() -> bool:
        drain(queue="couriers", seconds=5)
        state, progress, _, order_state = facts(handoff)
        return (state, progress, order_state) == expected

    until(there)


def test_an_order_reaches_the_guest_and_the_card_followed_the_rider(
    sandbox: Sandbox, handoff: HandOff
) -> None:
    comes_to(handoff, "delivered", "delivered", "delivered")
    assert sandbox.created().count(handoff.origin_id) == 1
    assert handoff.rider_name
    assert handoff.fee
    assert handoff.confirmed_at <= handoff.picked_up_at <= handoff.delivered_at


def test_a_lost_reply_makes_no_second_errand(sandbox: Sandbox, handoff: HandOff) -> None:
    sandbox.misbehave("lost_reply", path="addOrder")
    comes_to(handoff, "delivered", "delivered", "delivered")
    assert sandbox.created().count(handoff.origin_id) == 1


def test_callbacks_that_come_twice_and_out_of_order_end_well(sandbox: Sandbox, handoff: HandOff) -> None:
    sandbox.misbehave("duplicate_callbacks", times=2)
    sandbox.misbehave("shuffled_callbacks", times=2)
    comes_to(handoff, "delivered", "delivered", "delivered")


def test_a_busy_dada_puts_the_order_back_on_the_shelf(sandbox: Sandbox, handoff: HandOff) -> None:
    sandbox.misbehave("refuse", path="addOrder")
    comes_to(handoff, "failed", "", "ready")
    assert handoff.reason == "运力紧张，暂不接单"
    assert sandbox.created().count(handoff.origin_id) == 0


def test_a_rider_search_is_called_off(sandbox: Sandbox, handoff: HandOff) -> None:
    sandbox.misbehave("nobody_accepts", seconds=10_000)
    comes_to(handoff, "sent", "searching", "ready")
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=NOW, reason="guest came by")
    comes_to(handoff, "cancelled", "searching", "ready")
