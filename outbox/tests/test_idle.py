"""Threads without a job: who calls wakes one, and now and then one looks without being called."""

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from outbox import runner, tasks
from outbox.idle import EVERY, Idle, idle_at
from outbox.models import Job
from outbox.nudge import Nudger, nudger
from outbox.services import enqueue

FAR = 60.0  # seconds; a test that needs them has failed


def until(condition):
    """Wait for what another thread does."""
    end = time.monotonic() + FAR
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def staying(idle, seconds, outcomes):
    """A thread that is idle; what its wait returned is appended."""
    thread = threading.Thread(target=lambda: outcomes.append(idle.wait(seconds)))
    thread.start()
    return thread


@pytest.fixture
def never(monkeypatch):
    """Nobody looks uncalled."""
    monkeypatch.setattr("outbox.idle.EVERY", FAR)


def test_nobody_is_called_where_nobody_waits():
    assert not Idle().call()


def test_one_call_wakes_one_and_a_third_for_two_finds_nobody(never):
    idle, outcomes = Idle(), []
    threads = [staying(idle, FAR, outcomes) for _ in range(2)]
    until(lambda: idle._waiting == 2)

    assert [idle.call() for _ in range(3)] == [True, True, False]
    for thread in threads:
        thread.join(FAR)
    assert outcomes == [True, True]
    assert not idle.call()


def test_who_is_not_called_leaves_when_the_time_is_over(never):
    idle = Idle()
    idle._looked = time.monotonic()

    assert not idle.wait(0.01)
    assert not idle.call()


def test_of_all_who_wait_one_looks_each_time():
    idle, outcomes = Idle(), []
    threads = [staying(idle, EVERY * 1.9, outcomes) for _ in range(20)]
    for thread in threads:
        thread.join(FAR)

    assert 1 <= sum(outcomes) < len(threads)


@pytest.mark.django_db(transaction=True)
def test_an_idle_thread_takes_what_is_written_here_without_a_message(never, settings, monkeypatch):
    settings.OUTBOX_HANDLERS = {"idle.test": ("outbox.tests.test_idle.handle", "portal")}
    settings.OUTBOX_PLACES = {"portal": 2}
    runner._places.cache_clear()
    monkeypatch.setattr(runner, "LATE", timedelta(days=1))
    sent = []
    monkeypatch.setattr(nudger, "_send", sent.append)
    drain = threading.Thread(target=lambda: runner.drain(queue="portal", seconds=FAR, linger=0.5))
    idle_at("portal")._looked = time.monotonic()
    drain.start()
    until(lambda: idle_at("portal")._waiting == 1)

    enqueue(kind="idle.test", key="1", payload={}, now=timezone.now())

    until(lambda: Job.objects.get().state == Job.State.DONE)
    drain.join(FAR)
    assert "portal" not in sent  # what earlier tests wrote may be called for late


def test_who_is_called_looks_even_when_its_time_is_up(never, monkeypatch):
    looks = []
    monkeypatch.setattr(runner, "_run_next", looks.append)
    monkeypatch.setattr(runner, "_places", lambda queue: threading.BoundedSemaphore(1))
    idle_at("edge")._looked = time.monotonic()
    drain = threading.Thread(target=lambda: runner.drain(queue="edge", seconds=0.3, linger=FAR))
    drain.start()
    until(lambda: idle_at("edge")._waiting == 1)
    before = len(looks)

    while not idle_at("edge").call():
        assert drain.is_alive()
    drain.join(FAR)

    assert len(looks) > before


class Said:
    """Stands in for the nudger, and keeps what it is told."""

    def __init__(self):
        self.told = []

    def call(self, queue):
        self.told.append(("call", queue))

    def remind(self, queue):
        self.told.append(("remind", queue))


@pytest.fixture
def said(monkeypatch, settings):
    settings.OUTBOX_PLACES = {"late": 2}
    runner._places.cache_clear()
    idle_at.cache_clear()
    told = Said()
    monkeypatch.setattr(runner, "nudger", told)
    return told.told


def beside_the_main_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(FAR)


def ask_for_help():
    beside_the_main_thread(lambda: runner._call_for_help("late"))


def test_who_finds_nobody_idle_calls_one_more_thread(said):
    ask_for_help()
    assert said == [("call", "late")]


def test_who_is_idle_may_not_be_let_in_so_others_are_reminded(said, never):
    idle_at("late")._looked = time.monotonic()
    outcomes = []
    thread = staying(idle_at("late"), FAR, outcomes)
    until(idle_at("late").anybody)

    ask_for_help()

    assert said == [("remind", "late")]
    assert idle_at("late").call()
    thread.join(FAR)
    assert outcomes == [True]


def test_a_full_process_reminds_the_others(said):
    places = runner._places("late")
    assert places.acquire(blocking=False)
    assert places.acquire(blocking=False)
    ask_for_help()
    assert said == [("remind", "late")]


def test_a_process_with_one_thread_reminds_others(said):
    runner._call_for_help("late")
    assert said == [("remind", "late")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("late_by", "told"), [(5.0, [("call", "late")]), (0.0, [])])
def test_help_is_called_for_where_a_job_is_late(said, settings, late_by, told):
    settings.OUTBOX_HANDLERS = {"late.test": ("outbox.tests.test_idle.handle", "late")}
    now = timezone.now() + timedelta(seconds=60)
    enqueue(kind="late.test", key="1", payload={}, now=now, due_at=now - timedelta(seconds=late_by))

    with time_machine.travel(now, tick=False):
        beside_the_main_thread(lambda: done_and_closed(runner._run_next("late")))

    assert said == told
    assert Job.objects.get().state == Job.State.DONE


def done_and_closed(done):
    connection.close()
    assert done


def test_who_leaves_in_the_middle_of_a_wave_calls_somebody_in_its_place(said, monkeypatch):
    monkeypatch.setattr(runner, "_run_next", lambda queue: True)
    runner.drain(queue="late", seconds=0.0)
    assert said == [("call", "late")]


def test_threads_do_not_leave_together_and_one_alone_does_not_stay(monkeypatch):
    turns = []
    monkeypatch.setattr(
        tasks, "drain_queue", lambda **words: turns.append((words["seconds"], words["linger"]))
    )
    for _ in range(20):
        beside_the_main_thread(lambda: tasks.drain(queue="late"))
    assert len({seconds for seconds, _ in turns}) > 1
    assert {linger for _, linger in turns} == {tasks.LINGER}

    tasks.drain(queue="late")
    seconds, linger = turns[-1]
    assert seconds <= max(tasks.TURN_ALONE)
    assert linger == 0


@pytest.fixture
def own_nudger(monkeypatch):
    """A nudger that keeps what it sends, and has just sent to "slow"."""
    monkeypatch.setattr("outbox.nudge.PAUSE", FAR)
    monkeypatch.setattr("outbox.nudge.GAP", 0.0)
    own, sent = Nudger(), []
    own._send = sent.append
    own._sent["slow"] = time.monotonic()
    return own, sent


def test_a_nudge_waits_for_the_pause_and_a_call_does_not(own_nudger):
    own, sent = own_nudger
    own.nudge("slow")
    own.call("fast")
    until(lambda: sent == ["fast"])
    own.call("slow")
    until(lambda: sent == ["fast", "slow"])


def test_calls_have_a_gap_between_them(own_nudger, monkeypatch):
    monkeypatch.setattr("outbox.nudge.GAP", FAR)
    own, sent = own_nudger
    own.call("slow")
    own.call("fast")
    until(lambda: sent == ["fast"])
    assert "slow" in own._wanted


def handle(job):
    """Nothing is to be done."""
