"""Threads without a job: who calls wakes one, and now and then one looks without being called."""

import threading
import time
from datetime import timedelta

import pytest
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
    nudger._wanted.clear()
    drain = threading.Thread(target=lambda: runner.drain(queue="portal", seconds=FAR, linger=0.5))
    idle_at("portal")._looked = time.monotonic()
    drain.start()
    until(lambda: idle_at("portal")._waiting == 1)

    enqueue(kind="idle.test", key="1", payload={}, now=timezone.now())

    until(lambda: Job.objects.get().state == Job.State.DONE)
    drain.join(FAR)
    assert sent == []


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


@pytest.fixture
def messages(monkeypatch, settings):
    """The queues a message was sent for, by a nudger of its own."""
    settings.OUTBOX_PLACES = {"late": 2}
    runner._places.cache_clear()
    idle_at.cache_clear()
    sent, own = [], Nudger()
    own._send = sent.append
    monkeypatch.setattr(runner, "nudger", own)
    return sent


def beside_the_main_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(FAR)


def test_who_takes_a_late_job_calls_the_next_thread_at_once(messages):
    for count in (1, 2, 3):
        beside_the_main_thread(lambda: runner._call_for_help("late"))
        until(lambda count=count: len(messages) == count)


def test_nobody_is_called_while_somebody_is_idle(messages, never):
    idle_at("late")._looked = time.monotonic()
    thread = staying(idle_at("late"), 1.0, [])
    until(idle_at("late").anybody)

    beside_the_main_thread(lambda: runner._call_for_help("late"))

    assert runner.nudger._wanted == {}
    idle_at("late").call()
    thread.join(FAR)


def test_a_full_process_reminds_the_others_but_not_each_time(messages, monkeypatch):
    monkeypatch.setattr("outbox.nudge.PAUSE", FAR)
    places = runner._places("late")
    assert places.acquire(blocking=False)
    assert places.acquire(blocking=False)

    for _ in range(3):
        beside_the_main_thread(lambda: runner._call_for_help("late"))

    until(lambda: runner.nudger._wanted or messages)
    assert len(messages) <= 1


def test_a_process_with_one_thread_reminds_others_and_does_not_stay(messages, monkeypatch):
    monkeypatch.setattr(runner.nudger, "call", lambda queue: pytest.fail("it has no other thread"))
    runner._call_for_help("late")
    assert "late" in runner.nudger._wanted or messages == ["late"]

    stayed = []
    monkeypatch.setattr(tasks, "drain_queue", lambda **words: stayed.append(words["linger"]))
    tasks.drain(queue="late")
    beside_the_main_thread(lambda: tasks.drain(queue="late"))
    assert stayed == [0.0, tasks.LINGER]


def test_who_leaves_in_the_middle_of_a_wave_calls_somebody_in_its_place(messages, monkeypatch):
    monkeypatch.setattr(runner, "_run_next", lambda queue: True)
    runner.drain(queue="late", seconds=0.0)
    until(lambda: messages == ["late"])


def test_nudges_wait_for_the_pause_and_a_call_does_not(monkeypatch):
    monkeypatch.setattr("outbox.nudge.PAUSE", FAR)
    sent, own = [], Nudger()
    own._send = sent.append
    own._sent["slow"] = time.monotonic()
    own.nudge("slow")
    own.call("fast")
    until(lambda: sent == ["fast"])
    own.call("slow")
    until(lambda: sent == ["fast", "slow"])


def handle(job):
    """Nothing is to be done."""
