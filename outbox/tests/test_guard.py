"""One courier's trouble stays its own."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from outbox.calling import CallFailed, Refused, Uncertain, Unreachable
from outbox.guard import FAULTS_IN_A_ROW, MOST_AT_ONCE, REST, Guard, Resting

NOW = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def fail(guard: Guard, error: CallFailed, seconds: float = 0) -> None:
    now = after(seconds)
    with pytest.raises(type(error)), guard.admitted(now=now), guard.counted(now=now):
        raise error


def call(guard: Guard, seconds: float = 0) -> str:
    with guard.admitted(now=after(seconds)), guard.counted(now=after(seconds)):
        return "called"


def test_only_so_many_calls_run_at_once() -> None:
    guard = Guard()
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(guard.admitted(now=NOW))
        with pytest.raises(Resting):
            call(guard)
    assert call(guard) == "called"


def test_failures_in_a_row_close_the_door_for_a_while() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW):
        fail(guard, Uncertain("no reply"))
    with pytest.raises(Resting) as resting:
        call(guard)
    assert resting.value.wait == REST
    assert call(guard, REST) == "called"


def test_after_a_rest_one_call_tries_alone() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW):
        fail(guard, Uncertain("no reply"))
    with guard.admitted(now=after(REST)), pytest.raises(Resting):
        call(guard, REST)
    fail(guard, Uncertain("still no reply"), REST)
    with pytest.raises(Resting):
        call(guard, REST + 1)


def test_a_success_between_failures_keeps_the_door_open() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW):
        fail(guard, Uncertain("no reply"))
        call(guard)
    assert call(guard) == "called"


def test_refusals_are_answers_and_no_failures() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW * 2):
        fail(guard, Refused("no riders"))
    assert call(guard) == "called"


def test_a_courier_that_asks_for_patience_gets_it_for_all_orders() -> None:
    guard = Guard()
    fail(guard, Unreachable("too many calls", wait=7))
    with pytest.raises(Resting):
        call(guard, 6.9)
    assert call(guard, 7) == "called"


def test_an_account_may_be_called_less_than_once_a_second() -> None:
    guard = Guard(per_second=0.5)
    assert call(guard) == "called"
    with pytest.raises(Resting) as resting:
        call(guard)
    assert resting.value.wait == 2
    assert call(guard, 2) == "called"


def test_an_account_is_called_so_often_a_second_and_not_more() -> None:
    guard = Guard(per_second=2.0)
    assert [call(guard), call(guard)] == ["called", "called"]
    with pytest.raises(Resting) as resting:
        call(guard)
    assert (resting.value.wait, resting.value.busy) == (0.5, True)
    assert call(guard, 0.5) == "called"
    with pytest.raises(Resting):
        call(guard, 0.5)
