"""`manage.py portal` as a person runs it: starts, survives kills, keeps its data, leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from merchant_portal.portal.ports import free_port
from merchant_portal.portal.var import read_state
from merchant_portal.tests.test_supervisor import alive

pytestmark = pytest.mark.chaos
ROOT = Path(__file__).resolve().parents[2]
CHILDREN = {"redis", "sandbox", "daphne", "worker", "beat"}
FOREIGN = {"REDIS_URL", "DATABASE_URL", "PORTAL_PUBLIC_URL", "PORTAL_DEMO", "DJANGO_SETTINGS_MODULE"}


class Portal:
    """The demo without traffic on ports and a folder of its own."""

    def __init__(self, var_dir):
        self.var_dir, self.port = var_dir, free_port()
        inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.env = {**inherited, "PORTAL_VAR": str(var_dir)}
        self.process = None

    def command(self, *words):
        return [sys.executable, "manage.py", *words]

    def run(self, *words):
        """Run a command to its end: exit code, stdout, stderr."""
        done = subprocess.run(
            self.command(*words),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def start(self):
        sandbox = free_port(besides={self.port})
        options = ["--demo", "--no-traffic", "--port", str(self.port), "--sandbox-port", str(sandbox)]
        output = (self.var_dir / "output").open("w")
        self.process = subprocess.Popen(
            self.command("portal", *options), cwd=ROOT, env=self.env, stdout=output, stderr=output
        )
        until(lambda: "is ready" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said

    @property
    def said(self):
        return (self.var_dir / "output").read_text()

    @property
    def pids(self):
        return (read_state(self.var_dir) or {})["children"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def answers(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).json()["status"] == "ready"
        except (httpx.HTTPError, ValueError):
            return False


def until(condition, seconds=90):
    for _ in range(seconds * 10):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    found = Portal(tmp_path_factory.mktemp("var"))
    found.start()
    yield found
    if found.process.poll() is None:
        found.stop()


def test_it_prints_where_it_is_and_how_to_sign_in(portal):
    logins = json.loads((portal.var_dir / "demo-logins.json").read_text())
    assert f"Merchant Portal is ready: http://127.0.0.1:{portal.port}/" in portal.said
    assert f"admin            {logins['admin']}" in portal.said
    assert set(portal.pids) == CHILDREN


def test_credentials_are_printed_for_scripts(portal):
    code, out, _ = portal.run("demo_credentials")
    assert (code, json.loads(out)["base_url"]) == (0, f"http://127.0.0.1:{portal.port}")


def test_a_second_one_on_the_same_folder_is_refused_in_one_line(portal):
    code, _, err = portal.run("portal", "--port", str(free_port()))
    where = f"{portal.var_dir} at http://127.0.0.1:{portal.port}"
    assert (code, err) == (1, f"A portal already runs on {where}.\n")


def test_a_taken_port_is_refused_in_one_line(portal, tmp_path):
    other = Portal(tmp_path)
    code, _, err = other.run("portal", "--port", str(portal.port))
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"Port {portal.port} is taken")


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_what_is_killed_comes_back(portal, name):
    before = portal.pids[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: portal.pids[name] != before)
    until(portal.answers)
    assert all(alive(pid) for pid in portal.pids.values())


def test_it_ends_without_leaving_a_process_and_starts_again_with_its_data(portal):
    key, pids = (portal.var_dir / "secret-key").read_text(), portal.pids
    code, before, _ = portal.run("demo_credentials")
    assert code == 0
    assert portal.stop() == 0
    assert [name for name, pid in pids.items() if alive(pid)] == []
    assert portal.pids == {}
    portal.start()
    assert (portal.var_dir / "secret-key").read_text() == key
    users = [json.loads(text)["users"] for text in (before, portal.run("demo_credentials")[1])]
    assert users[0] == users[1]
