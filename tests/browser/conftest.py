"""Chromium and a running portal for the tests of this folder."""

import os
import shutil
import signal
from pathlib import Path

import httpx
import pytest

from reports.tests.rows import PASSWORD
from tests import processes
from tests.browser.counter import open_board, sign_in
from tests.browser.inspect import policy_breaks, watch
from tests.browser.portal import Portal
from tests.services import QUIET


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """The Chromium of the machine; Playwright brings none."""
    chromium = os.environ.get("PORTAL_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    return {"executable_path": chromium, "args": list(QUIET), "headless": True}


@pytest.fixture(scope="session")
def portal(tmp_path_factory):
    running = Portal(Path(tmp_path_factory.mktemp("portal")))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sessions(portal, browser):
    """Cookies of signed-in people by user name, "" for nobody; each signs in once."""
    states = {"": None}
    for name in ("staff", "manager", "admin"):
        context = browser.new_context(base_url=portal.url)
        page = context.new_page()
        page.goto("/login/")
        page.fill("[name=username]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login/" not in url)
        states[name] = context.storage_state()
        context.close()
    return states


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The demo without traffic and without pretend staff: nothing happens unless the test does it."""
    flags = ["--demo", "--no-traffic", "--no-crew", "--speed", "600"]
    running = processes.Portal(tmp_path_factory.mktemp("shop"), *flags)
    running.spawn()
    try:
        running.wait_ready()
        httpx.post(f"{running.sandbox_url}/control/riders", json={"scale": 0.1}).raise_for_status()
        yield running
    finally:
        running.stop()
        for pid in running.survivors():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def staff(shop):
    """Somebody who works at exactly one counter."""
    return next(user for user in shop.credentials()["users"] if user["role"] == "staff")


@pytest.fixture(scope="session")
def session(shop, staff, browser):
    """The cookies of the signed-in person."""
    return sign_in(shop, staff, browser)


@pytest.fixture
def board(shop, staff, session, browser):
    """A screen with the board open and live; afterwards no policy break and no script error.

    It is high enough for every card of this file: what does not fit a column is only counted.
    """
    context = browser.new_context(
        base_url=shop.url, storage_state=session, viewport={"width": 1280, "height": 4_000}
    )
    errors = watch(context)
    page = open_board(context, staff["stores"][0])
    yield page
    assert (policy_breaks(page), errors) == ([], [])
    context.close()


@pytest.fixture
def order(shop, staff):
    """Have the pretend platform push orders; returns the daily number of the last."""

    def push(**wanted):
        wanted = {"store_code": staff["stores"][0]["code"], "count": 1, "fulfilment": "pickup", **wanted}
        answer = httpx.post(f"{shop.sandbox_url}/control/orders", json=wanted, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return push
