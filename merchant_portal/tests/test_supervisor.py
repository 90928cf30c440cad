"""The supervisor on small real processes: restart, stop, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.supervisor import Service, Stopped, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); "
STUBBORN = [sys.executable, "-c", DEAF + "time.sleep(600)"]
ROOT = Path(__file__).resolve().parents[2]


class Watched:
    """A supervisor, what it said, and the process ids it told."""

    def __init__(self, var_dir):
        (var_dir / "log").mkdir(parents=True)
        self.said: list[str] = []
        self.pids: dict[str, int] = {}
        self.log = var_dir / "log"
        self.supervisor = Supervisor(
            var_dir=var_dir, cwd=var_dir, env=os.environ, say=self.said.append, changed=self.pids.update
        )

    def start(self, argv=SLEEP, *, is_ready=lambda: True, grace=5.0):
        self.supervisor.start(Service("sleeper", argv, is_ready, grace))
        return self.pids["sleeper"]

    def tend_until(self, condition):
        until(condition, self.supervisor.tend)


def until(condition, meanwhile=lambda: None):
    for _ in range(1000):
        meanwhile()
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def watched(tmp_path):
    found = Watched(tmp_path)
    yield found
    found.supervisor.stop()


def test_a_killed_child_is_started_again_under_a_new_id(watched):
    first = watched.start()
    os.kill(first, signal.SIGKILL)
    watched.tend_until(lambda: watched.pids["sleeper"] != first)
    assert alive(watched.pids["sleeper"])
    assert watched.said == ["sleeper ended (signal 9); starting it again in 0.2 s"]


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(watched):
    watched.start([sys.executable, "-c", "raise SystemExit(3)"])
    watched.tend_until(lambda: len(watched.said) == 3)
    assert watched.said == [
        f"sleeper ended (exit code 3); starting it again in {pause} s" for pause in ("0.2", "0.4", "0.8")
    ]


def test_stop_leaves_nothing_behind_not_even_what_ignores_sigterm(watched):
    pid = watched.start(STUBBORN, grace=0.2)
    until(lambda: "up" in (watched.log / "sleeper.log").read_text())
    watched.supervisor.stop()
    assert not alive(pid)
    assert watched.supervisor.children == {}


def test_the_pidfile_of_a_killed_child_is_no_obstacle_to_the_next(watched, tmp_path):
    pidfile = tmp_path / "sleeper.pid"
    pidfile.write_text("1")
    watched.supervisor.start(Service("sleeper", SLEEP, pidfile.exists, pidfile=pidfile))
    assert not pidfile.exists()


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_last_words(watched):
    watched.start(
        [sys.executable, "-c", "print('first', flush=True); raise SystemExit('no database')"],
        is_ready=lambda: False,
    )
    with pytest.raises(CannotStart, match="sleeper ended: no database"):
        watched.supervisor.wait_ready(seconds=30)


def test_a_child_that_never_gets_ready_is_told(watched):
    watched.start(is_ready=lambda: False)
    with pytest.raises(CannotStart, match="sleeper was not ready after 0 s"):
        watched.supervisor.wait_ready(seconds=0)


def test_a_signal_while_starting_ends_the_wait(watched):
    watched.start(is_ready=lambda: False)
    threading.Timer(0.1, watched.supervisor.stopping.set).start()
    with pytest.raises(Stopped):
        watched.supervisor.wait_ready(seconds=60)


def test_a_step_that_fails_is_told_with_its_last_words(watched):
    watched.supervisor.run_once("step", [sys.executable, "-c", "pass"])
    with pytest.raises(CannotStart, match="step failed: broken"):
        watched.supervisor.run_once("step", [sys.executable, "-c", "raise SystemExit('broken')"])
    assert watched.supervisor.children == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_end_even_when_the_supervisor_is_killed(tmp_path):
    script = f"""
import json, os, pathlib, sys, time
from merchant_portal.portal.supervisor import Service, Supervisor
var = pathlib.Path({str(tmp_path)!r})
(var / "log").mkdir()
told = lambda pids: (var / "pids").write_text(json.dumps(pids))
supervisor = Supervisor(var_dir=var, cwd=var, env=os.environ, say=print, changed=told)
supervisor.start(Service("sleeper", {SLEEP!r}, lambda: True))
(var / "ready").touch()
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    until((tmp_path / "ready").exists)
    pid = json.loads((tmp_path / "pids").read_text())["sleeper"]
    assert alive(pid)
    parent.kill()
    parent.wait()
    until(lambda: not alive(pid))
