"""Asking several couriers for a price at once: whoever is late is out. No database in the threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache, partial
from time import monotonic

from django.utils import timezone
from django.utils.translation import gettext_noop

from couriers.models import CourierAccount
from couriers.providers import PROVIDERS
from couriers.providers.base import Access, Errand, Quote
from couriers.rests import door_of, keep_rest
from outbox.calling import CallFailed
from outbox.connections import lend_connection
from outbox.guard import Guard, Resting

SECONDS = 1.5
LATE = gettext_noop("No price in time.")
# Of one courier, of all its accounts together: more than its doors let in, so that one that hangs holds up
# no other's questions.
THREADS = 24
# Of an account's calls in reserve, what prices leave to sending, calling off and asking: without a price a
# carrier is found all the same.
SPARE = 0.5
# Accounts that were late the last time: they are asked, but nobody waits for them while others answer.
SLOW: set[int] = set()


@dataclass(frozen=True, slots=True)
class Question:
    """What one courier is asked; `key` is the carrier's."""

    key: str
    account: CourierAccount
    access: Access
    errand: Errand


@dataclass(frozen=True, slots=True)
class Answer:
    """A price, or why there is none."""

    quote: Quote | None
    error: str = ""


def race(questions: Sequence[Question], *, seconds: float = SECONDS) -> dict[str, Answer]:
    """Ask all at once; returns an answer for each within `seconds`, whatever they do."""
    until = monotonic() + seconds
    asked = {question.key: _start(question, until) for question in questions}
    lend_connection()
    quick = [asked[question.key] for question in questions if question.account.pk not in SLOW]
    wait(quick or asked.values(), timeout=seconds)
    for question in questions:
        keep_rest(question.account)
        if not asked[question.key].done():
            SLOW.add(question.account.pk)
    return {key: future.result() if future.done() else Answer(None, LATE) for key, future in asked.items()}


def _start(question: Question, until: float) -> Future[Answer]:
    door = door_of(question.account)
    return _threads(question.account.provider).submit(partial(_ask, question, door, until))


@cache
def _threads(provider: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"quotes-{provider}")


def _ask(question: Question, door: Guard, until: float) -> Answer:
    began = monotonic()
    if began >= until:
        return Answer(None, LATE)
    provider, now = PROVIDERS[question.account.provider], timezone.now()
    try:
        with door.admitted(now=now, spare=SPARE), door.counted(now=now):
            return Answer(provider.quote(question.access, question.errand, now=now))
    except (CallFailed, Resting) as error:
        return Answer(None, str(error))
    finally:
        if monotonic() - began < SECONDS:
            SLOW.discard(question.account.pk)
