"""One courier's trouble stays its own."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from outbox.calling import CallFailed, Refused, Uncertain, Unreachable
from outbox.doors import FAULTS_IN_A_ROW, REST, SAME_REST
from outbox.guard import MOST_AT_ONCE, Guard, Rest, Resting

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


def wait_of_price(guard: Guard, seconds: float) -> float:
    with pytest.raises(Resting) as resting, guard.admitted(now=after(seconds), spare=0.5):
        raise AssertionError("let in")
    assert resting.value.busy
    return resting.value.wait


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


def test_after_a_rest_who_is_not_counted_waits_until_somebody_has_tried() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW):
        fail(guard, Uncertain("no reply"))
    with pytest.raises(Resting) as resting, guard.admitted(now=after(REST), tries=False):
        raise AssertionError("let in")
    assert not resting.value.busy
    assert call(guard, REST) == "called"
    with guard.admitted(now=after(REST), tries=False):
        pass


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


def test_calls_one_can_do_without_leave_their_share_of_the_reserve_to_others() -> None:
    guard = Guard(per_second=4.0)
    for _ in range(2):
        with guard.admitted(now=NOW, spare=0.5):
            pass
    assert wait_of_price(guard, 0) == 0.25
    assert [call(guard), call(guard)] == ["called", "called"]
    assert wait_of_price(guard, 0) == 0.75
    assert wait_of_price(guard, 0.5) == 0.25
    with guard.admitted(now=after(0.75), spare=0.5):
        assert wait_of_price(guard, 0.75) == 0.25


def test_an_account_that_is_hardly_ever_called_may_be_asked_for_a_price() -> None:
    guard = Guard(per_second=0.5)
    with guard.admitted(now=NOW, spare=0.5):
        assert wait_of_price(guard, 0) == 2


def test_a_courier_that_says_how_long_gets_exactly_that_long_also_after_many_failures() -> None:
    guard = Guard()
    for _ in range(FAULTS_IN_A_ROW - 1):
        fail(guard, Uncertain("no reply"))
    fail(guard, Unreachable("too many calls", wait=3))
    with pytest.raises(Resting) as resting:
        call(guard)
    assert resting.value.wait == 3
    assert call(guard, 3) == "called"


def test_a_call_from_before_neither_ends_a_rest_nor_cuts_it_short() -> None:
    guard = Guard()
    with guard.admitted(now=NOW), guard.admitted(now=NOW):
        fail(guard, Unreachable("too many calls", wait=60))
        with guard.counted(now=after(1)):
            pass
        with pytest.raises(Unreachable), guard.counted(now=after(2)):
            raise Unreachable("too many calls", wait=5)
    with pytest.raises(Resting) as resting:
        call(guard, 2)
    assert resting.value.wait == 58


def test_a_call_that_only_refuses_ends_a_rest_too() -> None:
    guard = Guard()
    fail(guard, Unreachable("too many calls", wait=7))
    fail(guard, Refused("no riders"), 7)
    with guard.admitted(now=after(7)):
        assert call(guard, 7) == "called"


def test_a_trial_that_was_let_in_but_did_not_call_leaves_the_trial_to_the_next() -> None:
    guard = Guard()
    fail(guard, Unreachable("too many calls", wait=7))
    with guard.admitted(now=after(7)):
        pass
    with guard.admitted(now=after(7)), pytest.raises(Resting):
        call(guard, 7)


def test_of_many_threads_after_a_rest_one_alone_tries() -> None:
    guard, start, tried = Guard(), threading.Barrier(20), threading.Barrier(20)
    fail(guard, Unreachable("too many calls", wait=7))
    outcomes: list[str] = []

    def knock() -> None:
        start.wait(10)
        try:
            with guard.admitted(now=after(7)):
                outcomes.append("let in")
                tried.wait(10)
        except Resting:
            outcomes.append("sent away")
            tried.wait(10)

    threads = [threading.Thread(target=knock) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["let in", *["sent away"] * 19]
    assert call(guard, 7) == "called"


def test_a_rest_is_told_once_and_again_when_it_grows() -> None:
    guard = Guard()
    for number in range(FAULTS_IN_A_ROW):
        assert guard.take_rest() is None
        fail(guard, Uncertain(f"no reply {number}"))
    assert guard.take_rest() == Rest(NOW, after(REST), 5, "no reply 4")
    assert guard.take_rest() is None
    fail(guard, Uncertain("still no reply"), REST + 5)
    assert guard.take_rest() == Rest(NOW, after(2 * REST + 5), 6, "still no reply")
    call(guard, 2 * REST + 5)
    assert guard.take_rest() is None


def test_a_trial_long_after_a_rest_begins_another() -> None:
    guard = Guard()
    fail(guard, Unreachable("too many calls", wait=7))
    late = 7 + SAME_REST.total_seconds() + 1
    fail(guard, Unreachable("too many calls", wait=7), late)
    assert guard.take_rest() == Rest(after(late), after(late + 7), 2, "too many calls")
