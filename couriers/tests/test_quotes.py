"""Racing quotes: all are asked at once, whoever is late is out, and trouble stays with its account."""

import threading
import time
from contextlib import ExitStack

import pytest
import time_machine

from couriers.drafts import draft_for, question_of
from couriers.models import CarrierSearch, CourierAccount, CourierRest, HandOff
from couriers.providers.base import Quote
from couriers.quotes import SLOW, Answer, Question, race
from couriers.rests import door_of
from couriers.services import hand_to_courier
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import courier, policy, ready, shelved, tried
from couriers.tests.work import run_all
from orders.models import Order
from outbox.doors import FAULTS_IN_A_ROW
from outbox.guard import MOST_AT_ONCE, Resting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order() -> Order:
    return make_order()


def question(order: Order, account: CourierAccount) -> Question:
    search = CarrierSearch(order=order, store=order.store, started_at=NOW, changed_at=NOW)
    return question_of(f"courier:{account.pk}", draft_for(search, account=account, now=NOW))


def other_dada() -> FakeDada:
    return FakeDada()


def test_all_are_asked_at_the_same_time(dada: FakeDada, order: Order) -> None:
    together = threading.Barrier(3)
    dada.before_reply = lambda: together.wait(10)
    questions = [question(order, courier(order.store, dada, label)) for label in ("A", "B", "C")]
    answers = race(questions, seconds=10)
    assert [answer.quote and answer.quote.fee for answer in answers.values()] == [850, 850, 850]


def test_who_is_late_is_out_and_its_answer_is_ignored(dada: FakeDada, order: Order) -> None:
    slow = other_dada()
    answering = threading.Event()
    slow.before_reply = lambda: answering.wait(10)
    quick = courier(order.store, dada, "Quick")
    late = courier(order.store, slow, "Slow")
    answers = race([question(order, quick), question(order, late)], seconds=0.5)
    answering.set()
    assert isinstance(answers[f"courier:{quick.pk}"].quote, Quote)
    assert answers[f"courier:{late.pk}"] == Answer(None, "No price in time.")
    slow.stop()


def test_nobody_waits_a_second_time_for_who_was_late_until_it_is_quick_again(
    dada: FakeDada, order: Order
) -> None:
    slow, answering = other_dada(), threading.Event()
    slow.before_reply = lambda: answering.wait(4)
    questions = [question(order, courier(order.store, dada, "Quick"))]
    questions.append(question(order, courier(order.store, slow, "Slow")))
    race(questions, seconds=0.3)
    assert {questions[1].account.pk} == SLOW
    told = race(questions, seconds=60)
    assert [answer.error for answer in told.values()] == ["", "No price in time."]
    answering.set()
    race(questions[1:], seconds=60)
    assert not SLOW
    slow.stop()


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("500", "HTTP 500"),
        ("429", "too many calls (HTTP 429)"),
        ("garbage", "the reply is not JSON"),
        ("cut", "no reply (RemoteProtocolError)"),
        ("out of range", "out of range"),
    ],
)
def test_trouble_is_told_and_costs_nobody_else_anything(
    dada: FakeDada, order: Order, trouble: str, told: str
) -> None:
    troubled = other_dada()
    troubled.script["queryDeliverFee"].append(trouble)
    bad, good = courier(order.store, troubled, "Bad"), courier(order.store, dada, "Good")
    answers = race([question(order, bad), question(order, good)])
    assert answers[f"courier:{bad.pk}"] == Answer(None, told)
    assert answers[f"courier:{good.pk}"].quote is not None
    troubled.stop()


def test_too_many_failures_give_the_account_a_rest_that_is_kept(dada: FakeDada, order: Order) -> None:
    account = courier(order.store, dada)
    dada.script["queryDeliverFee"].extend(["500"] * FAULTS_IN_A_ROW)
    for _ in range(FAULTS_IN_A_ROW):
        race([question(order, account)])
    answers = race([question(order, account)])
    assert [answer.error for answer in answers.values()] == ["the account is resting"]
    assert len(dada.calls) == FAULTS_IN_A_ROW
    assert CourierRest.objects.filter(account=account).count() == 1


def test_quotes_wait_at_the_same_door_as_all_calls_of_the_account(dada: FakeDada, order: Order) -> None:
    account = courier(order.store, dada)
    asked = question(order, account)
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(door_of(account).admitted(now=NOW))
        assert [answer.error for answer in race([asked]).values()] == ["the account is busy"]


def test_prices_leave_half_of_the_calls_in_reserve_to_what_must_be_done(dada: FakeDada, order: Order) -> None:
    account = courier(order.store, dada)
    with time_machine.travel(NOW, tick=False):
        door, questions = door_of(account), [question(order, account)]
        answers = [race(questions)[f"courier:{account.pk}"] for _ in range(12)]
        assert [answer.error for answer in answers] == [""] * 10 + ["the account is busy"] * 2
        for _ in range(10):
            with door.admitted(now=NOW):
                pass
        with pytest.raises(Resting), door.admitted(now=NOW):
            pass
    assert len(dada.calls) == 10


def test_the_cheapest_that_answers_in_time_is_asked_at_the_price_it_named(dada: FakeDada) -> None:
    hanging = other_dada()
    hanging.script["queryDeliverFee"].append("hang")
    order = shelved()
    policy(order.store)
    courier(order.store, hanging, "Hanging")
    courier(order.store, dada, "Dada")
    began = time.monotonic()
    ready(order)
    assert time.monotonic() - began < 5
    hanging.stop()
    assert tried(order) == [("Dada", "sent", "")]
    assert [call for call, _ in dada.calls] == ["queryDeliverFee", "addAfterQuery"]
    assert HandOff.objects.get().quote_ref.startswith("D1.")


def test_a_quote_whose_time_is_up_is_not_placed(dada: FakeDada) -> None:
    order = make_order()
    account = courier(order.store, dada)
    search = CarrierSearch(order=order, store=order.store, started_at=NOW, changed_at=NOW)
    draft = draft_for(search, account=account, now=NOW)
    draft.quote_ref, draft.quote_until = "D1.x", after(3)
    hand_to_courier(order_id=order.pk, account=account, quoted=draft, actor=MEI, now=NOW)
    run_all(NOW)
    assert dada.ledger == [draft.origin_id]
    assert [call for call, _ in dada.calls] == ["addOrder"]
