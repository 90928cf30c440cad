"""Chromium and a running portal for the tests of this folder."""

import os
import shutil
from pathlib import Path

import pytest

from reports.tests.rows import PASSWORD
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
