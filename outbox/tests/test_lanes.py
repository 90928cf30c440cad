"""A full lane's jobs wait in the table, untouched, while others' are run."""

from datetime import timedelta

import pytest
import time_machine

from outbox import runner
from outbox.errors import LaneShut
from outbox.lanes import Lanes
from outbox.models import Job
from outbox.services import claim, enqueue, put_lane_off

QUEUE = "tests"
done = []


def note(job):
    """A handler that works."""
    done.append(job.key)


def refuse(job):
    """A handler that finds that none of its lane has a turn."""
    done.append(job.key)
    raise LaneShut(20, "others go first")


@pytest.fixture(autouse=True)
def own_queue(settings):
    done.clear()
    here = "outbox.tests.test_lanes"
    settings.OUTBOX_HANDLERS = {"note": (f"{here}.note", QUEUE), "refuse": (f"{here}.refuse", QUEUE)}
    settings.OUTBOX_PLACES = {QUEUE: 2}


def write(now, **lanes):
    for key, lane in lanes.items():
        enqueue(kind="note", key=key, payload={}, now=now, lane=lane)


def test_a_lane_is_full_alone_and_a_group_with_all_its_lanes(now):
    lanes = Lanes(most_in_lane=2, most_in_group=3)
    for lane in ("dada/1", "dada/1", "dada/2", "uber/1", "", "", "", ""):
        lanes.enter(lane)

    assert lanes.shut(now) == ["dada/1", "dada/"]
    lanes.leave("dada/1")
    assert lanes.shut(now) == []


def test_a_lane_is_shut_until_its_time(now):
    lanes = Lanes()
    for seconds in (3, 5, 1):
        lanes.close("dada/1", until=now + timedelta(seconds=seconds))
    assert [lanes.shut(now + timedelta(seconds=wait)) for wait in (0, 4, 5)] == [["dada/1"], ["dada/1"], []]


@pytest.mark.django_db
@pytest.mark.both_databases
def test_jobs_of_shut_lanes_and_groups_are_not_claimed(now):
    write(now, a="dada/1", b="dada/2", c="uber/1", d="uber/10", e="")

    claimed = [claim(queue=QUEUE, now=now, shut=["dada/", "uber/1"]) for _ in range(3)]

    assert [job and job.key for job in claimed] == ["d", "e", None]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_crowd_before_one_door_does_not_stand_before_another(now):
    write(now, a="dada/1", b="dada/1", c="uber/1", d="")
    for _ in range(20):
        runner._lanes(QUEUE).enter("dada/1")

    assert runner.drain(queue=QUEUE, seconds=5) == 2

    assert done == ["c", "d"]
    waiting = Job.objects.filter(state="due").values_list("key", "attempts", "lease_until")
    assert sorted(waiting) == [("a", 0, None), ("b", 0, None)]
    assert runner._lanes(QUEUE).shut(now) == ["dada/1", "dada/"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_of_a_lane_without_a_turn_one_job_is_tried_for_all(now):
    for key in "abc":
        enqueue(kind="refuse", key=key, payload={}, now=now, lane="dada/1")
    write(now, d="dada/2")

    def drain(seconds):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            return runner.drain(queue=QUEUE, seconds=5)

    assert (drain(0), sorted(done)) == (2, ["a", "d"])
    assert drain(19) == 0
    assert (drain(20), len(done)) == (1, 3)
    waiting = Job.objects.filter(state="due").values_list("attempts", "lease_until")
    assert list(waiting) == [(0, None)] * 3


@pytest.mark.django_db
@pytest.mark.both_databases
def test_a_lane_is_put_off_but_for_what_runs_and_what_is_another_kind_or_lane(now):
    write(now, a="dada/1", b="dada/1", c="dada/2")
    enqueue(kind="refuse", key="d", payload={}, now=now, lane="dada/1")
    taken = claim(queue=QUEUE, now=now)
    put_lane_off(job=taken, now=now, seconds=20)
    later = Job.objects.filter(due_at=now + timedelta(seconds=20))
    assert (taken.key, list(later.values_list("key", flat=True))) == ("a", ["b"])
    put_lane_off(job=taken, now=now, seconds=5)  # not sooner than somebody said
    assert later.count() == 1
