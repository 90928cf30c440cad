"""The committer: batches, turns, refusals, and an answer for everybody whatever happens."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest
from django.db import IntegrityError, OperationalError

from orders.channels.incoming import Keys, Message, Proof
from orders.intake.committer import Committer, NotCommitted, Overloaded, Unstorable
from orders.intake.delivery import Account, Delivery, Outcome

ACCOUNT = Account(1, "standard", "jx", Keys("", ("secret",)))
POISON = "poison"


def delivery(name, *, store="S-1", account=ACCOUNT):
    """A message of that name for a store."""
    message = Message(kind="order.created", external_id=name, store_code=store)
    return Delivery(account, None, Proof(name, "", "{}", ""), message)


class Writer:
    """Writes nothing down but the names in each batch; holds every batch while `gate` is closed."""

    def __init__(self):
        self.batches = []
        self.fault = None
        self.began = threading.Event()
        self.lasts = 0.0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, deliveries, *, now):
        names = [delivery.proof.delivery_id for delivery in deliveries]
        self.batches.append(names)
        self.began.set()
        self.gate.wait(30)
        time.sleep(self.lasts)
        if self.fault:
            raise self.fault
        if POISON in names:
            raise IntegrityError("check constraint")
        return [Outcome.STORED] * len(names)


@pytest.fixture
def writer():
    return Writer()


@asynccontextmanager
async def running(writer, *, most_waiting=1000, deadline=30.0):
    committer = Committer(writer, most_waiting=most_waiting, deadline=deadline)
    try:
        yield committer
    finally:
        writer.gate.set()
        await committer.close()


async def held(committer, writer, *waiting):
    """Keep one delivery in its batch, with `waiting` behind it; returns all their tasks."""
    writer.gate.clear()
    tasks = [asyncio.create_task(committer.submit(delivery("first", store="S-0")))]
    await asyncio.to_thread(writer.began.wait, 30)
    tasks += [asyncio.create_task(committer.submit(one)) for one in waiting]
    await asyncio.sleep(0)
    return tasks


async def the_next_held(writer):
    """Let the batch under way end, and keep the one after it."""
    first, writer.gate = writer.gate, threading.Event()
    writer.began.clear()
    first.set()
    await asyncio.to_thread(writer.began.wait, 30)


async def told(*tasks):
    """What each task ended with: its outcome, or the class of its error."""
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(answer) if isinstance(answer, Exception) else answer for answer in answers]


async def test_what_arrives_during_a_commit_is_the_next_batch(writer):
    async with running(writer) as committer:
        tasks = await held(committer, writer, delivery("a"), delivery("b"))
        writer.gate.set()

        assert await told(*tasks) == [Outcome.STORED] * 3
    assert writer.batches == [["first"], ["a", "b"]]


async def test_a_batch_holds_at_most_512(writer):
    async with running(writer) as committer:
        tasks = await held(committer, writer, *(delivery(str(n)) for n in range(600)))
        writer.gate.set()
        await asyncio.gather(*tasks)

    assert [len(batch) for batch in writer.batches] == [1, 512, 88]


async def test_the_thread_finds_a_whole_batch_ready_however_busy_the_loop_is(writer):
    async with running(writer, most_waiting=2_000) as committer:
        tasks = await held(committer, writer, *(delivery(str(n)) for n in range(1_200)))
        await the_next_held(writer)
        writer.began.clear()
        writer.gate.set()

        assert writer.began.wait(30), "the loop, which stands still here, had to bring it"
        assert await told(*tasks) == [Outcome.STORED] * 1_201
    assert [len(batch) for batch in writer.batches] == [1, 512, 512, 176]


async def test_what_lies_ready_counts_as_waiting(writer):
    async with running(writer, most_waiting=2_000) as committer:
        tasks = await held(committer, writer, *(delivery(str(n)) for n in range(1_200)))
        await the_next_held(writer)
        await asyncio.sleep(0)
        more = [delivery(f"more {n}", store=f"T-{n}") for n in range(1_500)]
        crowd = [asyncio.create_task(committer.submit(one)) for one in more]
        await asyncio.sleep(0)
        writer.gate.set()

        assert await told(*tasks) == [Outcome.STORED] * 1_201
        # 512 are being written, 512 lie ready, and 176 wait: of an account's 1,750 places, 1,062 are left.
        assert (await told(*crowd)).count(Outcome.STORED) == 1_062


async def test_how_fast_it_writes_is_told_by_the_thread_however_late_the_loop_looks(writer):
    async with running(writer) as committer:
        tasks = [asyncio.create_task(committer.submit(delivery(str(n)))) for n in range(1_000)]
        writer.lasts = 0.02
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            time.sleep(0.05)  # noqa: ASYNC251 -- the loop has its hands full
        assert 500 < committer._pace < 512 / 0.02


async def test_a_fault_that_slips_through_costs_its_batch_and_nothing_else(writer, monkeypatch):
    async with running(writer) as committer:
        commit = committer._commit
        monkeypatch.setattr(committer, "_commit", broken)
        assert await told(asyncio.create_task(committer.submit(delivery("a")))) == [NotCommitted]
        monkeypatch.setattr(committer, "_commit", commit)

        assert await told(asyncio.create_task(committer.submit(delivery("b")))) == [Outcome.STORED]


def broken(deliveries):
    raise RuntimeError("the connection cannot even be closed")


async def test_what_lies_ready_is_answered_and_not_written_when_intake_ends(writer):
    async with running(writer, most_waiting=2_000, deadline=0.2) as committer:
        tasks = await held(committer, writer, *(delivery(str(n)) for n in range(1_200)))
        await the_next_held(writer)
        await asyncio.sleep(0)
        closing = asyncio.create_task(committer.close())
        await asyncio.sleep(0.3)
        writer.gate.set()
        await closing
        assert (await told(*tasks))[-1] == NotCommitted
    assert [len(batch) for batch in writer.batches] == [1, 512]


async def test_a_quiet_store_does_not_wait_behind_a_flood(writer):
    async with running(writer) as committer:
        flood = [delivery(f"flood {n}", store="S-1") for n in range(600)]
        tasks = await held(committer, writer, *flood, delivery("quiet", store="S-2"))
        writer.gate.set()
        await asyncio.gather(*tasks)

    assert writer.batches[1][:3] == ["flood 0", "quiet", "flood 1"]


async def test_a_flooded_store_is_refused_while_others_are_taken(writer):
    async with running(writer, most_waiting=100) as committer:
        tasks = await held(committer, writer, *(delivery(f"flood {n}") for n in range(200)))
        assert committer.turns_away(ACCOUNT.id) is None
        quiet = asyncio.create_task(committer.submit(delivery("quiet", store="S-2")))
        writer.gate.set()

        assert await told(*tasks) == [Outcome.STORED] * 76 + [Overloaded] * 125
        assert await told(quiet) == [Outcome.STORED]


async def test_a_flooded_account_is_refused_before_any_work_while_others_are_taken(writer):
    other = Account(2, "standard", "other", Keys("", ("secret",)))
    async with running(writer, most_waiting=100) as committer:
        crowd = [delivery(f"{n}", store=f"S-{n % 30}") for n in range(200)]
        tasks = await held(committer, writer, *crowd)
        assert committer.turns_away(ACCOUNT.id) in range(1, 91)
        assert committer.turns_away(other.id) is None
        quiet = asyncio.create_task(committer.submit(delivery("quiet", account=other)))
        writer.gate.set()

        assert await told(quiet) == [Outcome.STORED]
        assert await told(*tasks) == [Outcome.STORED] * 89 + [Overloaded] * 112


async def test_who_is_refused_later_is_asked_to_stay_away_longer(writer):
    async with running(writer, most_waiting=10) as committer:
        tasks = await held(committer, writer, *(delivery(str(n)) for n in range(5_000)))
        writer.gate.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

    waits = [answer.retry_after for answer in answers if isinstance(answer, Overloaded)]
    assert len(waits) > 4_900
    assert max(waits[:100]) < min(waits[-100:])
    assert all(isinstance(wait, int) and 1 <= wait <= 90 for wait in waits)
    assert len(set(waits[-100:])) > 1


async def test_a_database_that_is_away_is_no_loss_and_the_next_batch_has_its_turn(writer):
    async with running(writer) as committer:
        writer.fault = OperationalError("server closed the connection")
        assert await told(committer.submit(delivery("a"))) == [NotCommitted]
        writer.fault = None
        assert await told(committer.submit(delivery("a"))) == [Outcome.STORED]


async def test_a_poisoned_message_spoils_nobody_elses(writer):
    async with running(writer) as committer:
        names = ["a", "b", "c", POISON, "e"]
        tasks = await held(committer, writer, *map(delivery, names))
        writer.gate.set()

        stored = Outcome.STORED
        assert await told(*tasks) == [stored, stored, stored, stored, Unstorable, stored]
    assert writer.batches[1:] == [
        names,
        ["a", "b"],
        ["c", POISON, "e"],
        ["c"],
        [POISON, "e"],
        [POISON],
        ["e"],
    ]


async def test_a_fault_of_our_own_is_answered_too(writer):
    async with running(writer) as committer:
        writer.fault = KeyError("a mistake")
        assert (
            await told(committer.submit(delivery("a")), committer.submit(delivery("b"))) == [NotCommitted] * 2
        )


async def test_who_gives_up_before_his_turn_is_not_written(writer):
    async with running(writer) as committer:
        first, gone, stays = await held(committer, writer, delivery("gone"), delivery("stays"))
        gone.cancel()
        await asyncio.sleep(0)
        writer.gate.set()
        assert await told(first, stays) == [Outcome.STORED] * 2

    assert writer.batches == [["first"], ["stays"]]


async def test_who_waits_too_long_is_answered_and_not_written_if_his_turn_never_came(writer):
    async with running(writer, deadline=0.0) as committer:
        tasks = await held(committer, writer, delivery("late"))
        assert await told(*tasks) == [NotCommitted] * 2

    assert writer.batches == [["first"]]


async def test_closing_answers_everybody_and_lets_the_batch_under_way_end(writer):
    async with running(writer) as committer:
        first, waiting = await held(committer, writer, delivery("waiting"))
        closing = asyncio.create_task(committer.close())

        assert await told(waiting) == [NotCommitted]
        assert await told(committer.submit(delivery("late"))) == [NotCommitted]
        writer.gate.set()
        assert await told(first, closing) == [Outcome.STORED, None]
    assert writer.batches == [["first"]]


async def test_closing_does_not_wait_for_a_database_that_hangs(writer):
    async with running(writer, deadline=0.0) as committer:
        tasks = await held(committer, writer)
        await committer.close()

        assert not tasks[0].done()
        writer.gate.set()
        assert await told(*tasks) == [Outcome.STORED]
