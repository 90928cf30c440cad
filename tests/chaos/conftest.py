"""One portal for all tests of this folder; every test leaves it healed."""

import os
import secrets
import signal
from functools import partial
from random import Random

import pytest

from tests.chaos import shift
from tests.processes import Portal

SEED = os.environ.get("PORTAL_CHAOS_SEED") or secrets.token_hex(4)
USED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def portal(tmp_path_factory, request):
    """A demo without traffic of its own; at the end SIGTERM must leave no process."""
    request.config.stash[USED] = True
    running = Portal(tmp_path_factory.mktemp("chaos"), "--demo", "--no-traffic")
    running.spawn()
    try:
        running.wait_ready()
        yield running
        assert running.stop() == 0
        assert running.survivors() == []
    finally:
        for pid in running.survivors():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def credentials(portal):
    return portal.credentials()


@pytest.fixture
def dice(request):
    """Everything random of one test comes from here; PORTAL_CHAOS_SEED brings a run back."""
    print(f"chaos seed: {SEED}")  # noqa: T201 -- shown when the test fails
    return Random(f"{SEED} {request.node.name}")


@pytest.fixture
def begin_shift(portal, credentials, dice, request):
    """`async with begin_shift() as shift`: everybody at work."""
    if not portal.is_running():  # a test before this one failed
        portal.spawn()
        portal.wait_ready()
    name = f"{request.node.name[5:25]}-{secrets.token_hex(3)}"
    return partial(shift.begin, portal, credentials, dice, name)


def pytest_terminal_summary(terminalreporter, config):
    if config.stash.get(USED, False):
        terminalreporter.write_line(f"chaos seed: {SEED}")
