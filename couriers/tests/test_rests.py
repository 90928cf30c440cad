"""Rests of courier accounts: one row each, whichever process learnt of it."""

from datetime import datetime

import pytest
import redis

from couriers.models import CourierAccount, CourierRest
from couriers.rests import counted, guarded, resting
from couriers.tests.factories import after, make_account, make_store
from couriers.tests.work import all_at_once
from outbox.calling import CallFailed, Uncertain, Unreachable
from outbox.doors import FAULTS_IN_A_ROW, REST
from outbox.guard import Resting, guard_of
from tests.services import Redis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
Row = tuple[int, datetime, datetime, int, str]


@pytest.fixture
def account() -> CourierAccount:
    return make_account(make_store())


def fail(account: CourierAccount, error: CallFailed, seconds: float = 0) -> None:
    with pytest.raises(type(error)), guarded(account, now=after(seconds)):
        raise error


def rows() -> list[Row]:
    return list(
        CourierRest.objects.order_by("pk").values_list("account", "began_at", "until", "faults", "reason")
    )


def another_process() -> None:
    """What one process knows of its doors, the next does not."""
    guard_of.cache_clear()


def test_failures_in_a_row_are_one_row_and_a_longer_rest_prolongs_it(account: CourierAccount) -> None:
    for _ in range(FAULTS_IN_A_ROW):
        fail(account, Uncertain("no reply"))
    assert rows() == [(account.pk, after(0), after(REST), 5, "no reply")]
    fail(account, Uncertain("HTTP 500"), REST)
    fail(account, Uncertain("HTTP 502"), REST * 2 + 10)
    assert rows() == [(account.pk, after(0), after(REST * 3 + 10), 7, "HTTP 502")]


def test_calls_that_work_or_are_refused_at_the_door_write_nothing(account: CourierAccount) -> None:
    with guarded(account, now=after(0)):
        pass
    fail(account, Unreachable("too many calls", wait=30))
    with pytest.raises(Resting), guarded(account, now=after(29)):
        pass
    assert rows() == [(account.pk, after(0), after(30), 1, "too many calls")]


def test_a_rest_after_a_success_is_another_row(account: CourierAccount) -> None:
    fail(account, Unreachable("too many calls", wait=7))
    with guarded(account, now=after(7)):
        pass
    fail(account, Unreachable("too many calls", wait=7), 8)
    assert [(began, until) for _, began, until, _, _ in rows()] == [
        (after(0), after(7)),
        (after(8), after(15)),
    ]


def test_processes_that_find_out_at_the_same_time_share_a_row(account: CourierAccount) -> None:
    fail(account, Unreachable("too many calls", wait=7))
    another_process()
    fail(account, Unreachable("still too many", wait=7), 3)
    assert rows() == [(account.pk, after(0), after(10), 1, "still too many")]


@pytest.mark.redis
def test_a_rest_that_processes_share_is_written_by_whose_call_closed_the_door(
    account: CourierAccount, shared_redis: Redis, settings
) -> None:
    settings.OUTBOX_DOORS_URL = shared_redis.url
    with redis.Redis.from_url(shared_redis.url) as client:
        client.flushall()  # other tests have accounts of the same number
    another_process()
    fail(account, Unreachable("too many calls", wait=7))
    CourierRest.objects.update(reason="as it was")
    another_process()
    with pytest.raises(Resting) as resting, guarded(account, now=after(3)):
        pass
    assert (resting.value.wait, rows()) == (4, [(account.pk, after(0), after(7), 1, "as it was")])
    fail(account, Uncertain("no reply"), 7)
    fail(account, Unreachable("still too many", wait=7), 8)
    assert rows() == [(account.pk, after(0), after(15), 3, "still too many")]


def test_threads_that_fail_at_once_write_one_row(account: CourierAccount) -> None:
    def one() -> None:
        with counted(account, now=after(0)):
            raise Unreachable("too many calls", wait=7)

    outcomes = all_at_once(*[one] * 6)
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * 6
    ((_, began, until, faults, _),) = rows()
    assert (began.replace(microsecond=0), until.replace(microsecond=0), faults) == (after(0), after(7), 6)


def test_a_long_reason_is_cut(account: CourierAccount) -> None:
    fail(account, Unreachable("x" * 500, wait=7))
    assert rows()[0][4] == "x" * 200


def test_who_rests_and_until_when(account: CourierAccount) -> None:
    quiet, foreign = make_account(make_store()), make_account(make_store())
    fail(account, Unreachable("too many calls", wait=7))
    another_process()
    CourierRest.objects.create(account=account, began_at=after(2), until=after(20), faults=5, reason="x")
    fail(foreign, Unreachable("too many calls", wait=7))
    assert resting([account, quiet], after(5)) == {account.pk: after(20)}
    assert resting([account.pk, foreign.pk], after(19)) == {account.pk: after(20)}
    assert resting([account, foreign], after(20)) == {}
