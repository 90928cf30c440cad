"""Many errands at once, for instance after the workers were away: waiting one's turn is no failure."""

from contextlib import ExitStack

import pytest

from couriers.rests import door_of
from couriers.tests.factories import after
from couriers.tests.fake_dada import FakeDada
from couriers.tests.work import facts, handed_to, run_jobs
from outbox.guard import MOST_AT_ONCE

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_errand_that_waited_long_for_its_turn_is_sent_and_not_given_up(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    assert handoff.account_id is not None
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(door_of(handoff.account).admitted(now=after(61)))
        run_jobs(after(61))
        assert facts(handoff) == ("pending", "", "", "ready")
    run_jobs(after(64))
    assert facts(handoff) == ("sent", "searching", "", "ready")
