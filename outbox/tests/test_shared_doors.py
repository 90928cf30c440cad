"""One account's door for several processes: real ones, with a real Redis that may go."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbox.doors import FAULTS_IN_A_ROW, REST, TRIAL_LASTS, TRIAL_WAIT, Door, Known, Pace
from outbox.guard import Guard, Resting
from outbox.shared_doors import AWAY, KEPT, KEY, LONGEST
from outbox.tests.neighbour import Neighbour, after, call, fail
from tests.services import Redis, find_redis

pytestmark = pytest.mark.redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """One that the test may stop."""
    if (binary := find_redis()) is None:
        pytest.skip("no redis-server on PATH, and it could not be installed")
    server = Redis(tmp_path / "redis", binary)
    yield server
    server.thaw()
    server.stop()


@contextmanager
def neighbours(server: Redis, per_second: float = 0.0) -> Iterator[tuple[Neighbour, Neighbour]]:
    """Two processes with the same account."""
    facts = {"name": token_hex(8), "url": server.url, "per_second": per_second}
    with ExitStack() as stack:
        one, other = (stack.enter_context(Neighbour(**facts)) for _ in range(2))
        yield one, other


def a_pair(server: Redis, per_second: float = 0.0) -> tuple[Guard, Guard]:
    """Two guards that know nothing of each other but what Redis tells them."""
    facts = {"name": token_hex(8), "url": server.url}
    return Guard(per_second, **facts), Guard(per_second, **facts)


def test_two_processes_make_as_many_calls_as_one_may(shared_redis: Redis) -> None:
    with neighbours(shared_redis, per_second=20) as both:
        for process in both:
            process.do("call", at=0)  # it has begun
        begin, seconds = time.time() + 0.2, 2.0
        for process in both:
            process.begin("knock", begin=begin, end=begin + seconds)
        let_in = [process.result() for process in both]
    assert min(let_in) > 0
    assert 20 + 20 * seconds * 0.5 <= sum(let_in) <= 20 + 20 * seconds


def test_a_rest_that_one_process_was_told_of_closes_the_door_of_the_other(shared_redis: Redis) -> None:
    with neighbours(shared_redis) as (one, other):
        assert other.do("call", at=0) == "called"
        assert one.do("fail", at=1, wait=30) == [1, 31, 1]
        assert other.do("call", at=2) == ["resting", 29]
        assert other.do("call", at=31) == "called"
        assert one.do("call", at=31) == "called"


def test_faults_in_a_row_are_counted_together(shared_redis: Redis) -> None:
    with neighbours(shared_redis) as (one, other):
        assert one.do("fail", at=0, times=FAULTS_IN_A_ROW - 2) is None
        assert other.do("fail", at=1) is None
        assert one.do("fail", at=2) == [2, 2 + REST, FAULTS_IN_A_ROW]
        assert other.do("call", at=3) == ["resting", REST - 1]


def test_what_works_in_one_process_is_a_fault_less_in_the_other(shared_redis: Redis) -> None:
    with neighbours(shared_redis) as (one, other):
        one.do("fail", at=0, times=FAULTS_IN_A_ROW - 1)
        assert other.do("call", at=1) == "called"
        assert one.do("fail", at=2) is None
        assert one.do("call", at=2) == "called"


def test_after_a_rest_one_call_of_all_processes_tries(shared_redis: Redis) -> None:
    with neighbours(shared_redis) as both:
        both[0].do("fail", at=0, wait=7)
        begin = time.time() + 0.3
        for process in both:
            process.begin("rush", at=7, threads=8, begin=begin)
        assert sum(process.result() for process in both) == 1


def test_who_is_not_counted_finds_out_for_no_process_whether_a_rest_is_over(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis)
    fail(one, 0, wait=7)
    for guard in (one, other):
        with pytest.raises(Resting) as resting, guard.admitted(now=after(8), tries=False):
            raise AssertionError("let in")
        assert (resting.value.wait, resting.value.busy) == (TRIAL_WAIT, False)
    assert call(other, 8) == "called"
    with one.admitted(now=after(8), tries=False):
        pass


def test_who_is_killed_while_trying_keeps_the_door_shut_for_a_while_only(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis)
    fail(one, 0, wait=7)
    dying = ExitStack()
    dying.enter_context(one.admitted(now=after(7)))
    assert call(other, 7 + TRIAL_LASTS - 1) == ["resting", 1]
    assert call(other, 7 + TRIAL_LASTS) == "called"
    dying.close()
    assert call(other, 40) == call(one, 40) == "called"


def test_a_trial_that_says_nothing_leaves_it_to_the_next_process(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis)
    fail(one, 0, wait=7)
    with one.admitted(now=after(7)):
        assert call(other, 7) == ["resting", 1]
    assert call(other, 7) == "called"


def test_a_call_from_before_a_rest_does_not_end_it_for_the_other_process(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis)
    with one.admitted(now=after(0)):
        fail(one, 0, wait=7)
        with one.counted(now=after(1)):
            pass
    assert call(other, 2) == ["resting", 5]


def test_an_answer_that_comes_late_takes_no_rest_away() -> None:
    door, rest = Door(Pace.of(0)), Known(faults=1, began=1_000_000, ends=8_000_000)
    door.learn(rest, 1_000_000)
    door.learn(Known(full_at=5), 1_000_000)
    assert door.known == rest._replace(full_at=5, faults=0)
    door.learn(Known(full_at=5), 8_000_000)
    assert door.known == Known(full_at=5)


def test_of_a_rest_the_one_whose_call_it_was_tells(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis)
    fail(one, 0, wait=7)
    assert call(other, 1) == ["resting", 6]
    assert other.take_rest() is None
    assert fail(other, 8, wait=7) == [0, 15, 2]
    assert one.take_rest() is None


def test_a_call_asks_once_and_a_good_one_of_a_healthy_account_tells_nothing(own_redis: Redis) -> None:
    with redis.Redis.from_url(own_redis.url) as client:

        def asked() -> int:
            return int(client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

        one, _ = a_pair(own_redis)
        call(one, 0)
        before = asked()
        assert [call(one, 1), call(one, 2)] == ["called"] * 2
        assert asked() - before == 2
        fail(one, 3)  # asked, told
        call(one, 4)  # asked, told that it is over
        call(one, 5)
        assert asked() - before == 2 + 2 + 2 + 1
        fail(one, 6, wait=7)
        before = asked()
        assert call(one, 7) == ["resting", 6]
        assert asked() == before


def test_doors_are_forgotten(own_redis: Redis) -> None:
    guard = Guard(name="courier:3", url=own_redis.url)
    with redis.Redis.from_url(own_redis.url) as client:
        call(guard, 0)
        assert client.keys() == [KEY.format("courier:3").encode()]
        assert KEPT - 5 <= client.ttl(KEY.format("courier:3")) <= KEPT
        fail(guard, 1, wait=300)
        assert KEPT + 295 <= client.ttl(KEY.format("courier:3")) <= KEPT + 300


@contextmanager
def stopped(server: Redis) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def frozen(server: Redis) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def full(server: Redis) -> Iterator[None]:
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@pytest.mark.parametrize("gone", [stopped, frozen, full])
def test_without_redis_each_process_goes_by_what_it_knows_until_it_is_back(own_redis: Redis, gone) -> None:
    with neighbours(own_redis, per_second=2) as (one, other):
        assert [process.do("call", at=0) for process in (other, one)] == ["called"] * 2
        with gone(own_redis):
            began = time.monotonic()
            assert one.do("call", at=0.5) == "called"
            assert time.monotonic() - began < LONGEST + 0.5
            began = time.monotonic()
            assert one.do("call", at=0.5) == ["busy", 0.5]  # it knew what the other had used
            assert one.do("fail", at=1, wait=30) == [1, 31, 1]
            assert one.do("call", at=2) == ["resting", 29]
            assert time.monotonic() - began < 2 * LONGEST  # no call waits for it again
            assert other.do("call", at=2) == "called"
        time.sleep(AWAY + 0.1)
        assert other.do("call", at=3) == "called"
        assert one.do("call", at=4) == ["resting", 27]
        other.do("fail", at=40, wait=7)
        assert one.do("call", at=41) == ["resting", 6]
        assert one.errors().count("each process counts for itself") == 1


def test_a_redis_that_was_never_there_costs_no_call_anything() -> None:
    guard = Guard(2.0, name="courier:3", url="redis://127.0.0.1:1/0")
    began = time.monotonic()
    assert [call(guard, 0), call(guard, 0)] == ["called"] * 2
    assert call(guard, 0) == ["busy", 0.5]
    assert time.monotonic() - began < 1


def test_an_emptied_redis_forgets_no_rest_that_a_process_knows(own_redis: Redis) -> None:
    one, other = a_pair(own_redis)
    fail(one, 0, wait=7)
    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()
    assert call(one, 6) == ["resting", 1]
    assert call(other, 6) == "called"
    with one.admitted(now=after(7)):
        assert call(other, 7) == ["resting", 1]
    assert call(one, 7) == call(other, 7) == "called"


def test_a_rest_from_while_redis_was_away_is_tried_by_one_when_it_is_back(own_redis: Redis) -> None:
    one, other = a_pair(own_redis)
    assert call(one, 0) == call(other, 0) == "called"
    with frozen(own_redis):
        fail(one, 0, wait=7)
    time.sleep(AWAY + 0.1)
    assert call(other, 1) == "called"
    with one.admitted(now=after(7)):
        assert call(other, 7) == ["resting", 1]


def test_a_clock_that_was_set_back_shuts_no_door_for_long(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis, per_second=2.0)
    assert [call(one, 3600), call(one, 3600)] == ["called"] * 2
    assert call(other, 0) == ["busy", 0.5]
    assert call(other, 0.5) == "called"


def test_a_clock_that_is_a_little_behind_gets_nothing_extra(shared_redis: Redis) -> None:
    one, other = a_pair(shared_redis, per_second=2.0)
    assert [call(one, 1), call(one, 1)] == ["called"] * 2
    for _ in range(5):
        assert call(other, 0.9) == ["busy", 0.6]
    assert call(one, 1.4) == ["busy", pytest.approx(0.1)]


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "price", "afterwards", "fault", "wait"]),
        st.sampled_from([0, 0, 0.05, 0.3, 1, 19.9, 20, 65, -0.1]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=HAPPENINGS, per_second=st.sampled_from([0, 0.5, 2, 3, 2.5]))
def test_a_door_in_redis_is_what_it_is_in_one_process(
    shared_redis: Redis, happenings: list[tuple[str, float]], per_second: float
) -> None:
    alone, (shared, _) = Guard(per_second), a_pair(shared_redis, per_second)

    def does(guard: Guard, happening: str, at: float) -> object:
        if happening in {"fault", "wait"}:
            try:
                return fail(guard, at, wait=3 if happening == "wait" else 0)
            except Exception as error:  # noqa: BLE001 -- both shall do the same
                return repr(error)
        tries, spare = happening != "afterwards", 0.0 if happening == "call" else 0.5
        try:
            with guard.admitted(now=after(at), spare=spare, tries=tries), guard.counted(now=after(at)):
                return "called"
        except Exception as error:  # noqa: BLE001 -- both shall do the same
            return repr(error), getattr(error, "wait", None)

    at = 0.0
    for happening, seconds in happenings:
        at = round(at + seconds, 3)
        assert does(alone, happening, at) == does(shared, happening, at)
    assert alone._door.known == shared._door.known
