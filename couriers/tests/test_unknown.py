"""Nobody can say whether the courier has it: after five minutes a person is asked, and has the word."""

from typing import Any

import pytest

from couriers import record
from couriers.deciding import ask_again, settle
from couriers.models import HandOff
from couriers.services import cancel_hand_off, hand_to_courier
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.fake_uber import FakeUber
from couriers.tests.searches import courier, news, pass_time, policy, search_of, tried
from couriers.tests.work import facts, run_all
from orders.errors import NotPossible, Stale
from orders.models import Order
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def in_doubt(dada: FakeDada, **values: Any) -> HandOff:
    """An errand that Dada took without a reply, and of which it then says nothing to anybody."""
    order = make_order()
    policy(order.store, automatic=False, accept_within=1800, **values)
    dada.script["addOrder"].append("cut")
    dada.script["query"].extend(["garbage"] * 30)
    account = courier(order.store, dada)
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    for seconds in (60, 120, 240, 299):
        pass_time(after(seconds))
    return HandOff.objects.select_related("order").get(order=order)


def card(order: Order) -> Any:
    order.refresh_from_db()
    return order.delivery


def test_a_person_is_asked_after_five_minutes_with_what_is_known(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    assert (facts(handoff)[0], card(handoff.order)["asks"]) == ("unknown", None)
    pass_time(after(301))
    assert card(handoff.order)["asks"] == {
        "since": "2026-02-06T04:05:01.000Z",
        "sent_at": "2026-02-06T04:00:00.000Z",
        "attempts": 1,
        "reason": "The courier did not answer; asking whether it has the order.",
        "number": handoff.origin_id,
    }


def test_nobody_answers_what_is_not_asked(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    for answer in (
        lambda: settle(order_id=handoff.order_id, has=True, actor=MEI, now=after(300)),
        lambda: ask_again(order_id=handoff.order_id, actor=MEI, now=after(300)),
    ):
        with pytest.raises(Stale):
            answer()


def test_a_person_who_knows_that_the_courier_has_it_lets_it_go_on(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    settle(order_id=handoff.order_id, has=True, actor=MEI, now=after(310))
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert card(handoff.order)["asks"] is None
    dada.script["query"].clear()
    dada.statuses[handoff.origin_id] = 2
    news(handoff, 2, after(320))
    assert facts(handoff)[:2] == ("confirmed", "assigned")


def test_a_person_who_knows_that_it_does_not_have_it_frees_the_order_for_the_next(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    courier(handoff.order.store, dada, "Zebra")
    pass_time(after(301))
    dada.statuses.clear()
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))
    run_all(after(310))
    assert tried(handoff.order) == [("Dada", "failed", "person"), ("Zebra", "sent", "")]


def test_a_courier_that_has_it_nevertheless_is_called_off(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    assert dada.statuses[handoff.origin_id] == 1
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))
    run_all(after(310))
    run_all(after(340))  # when the account has rested
    assert dada.statuses[handoff.origin_id] == 5
    assert (facts(handoff)[0], search_of(handoff.order).state) == ("failed", "nobody")


def test_who_has_it_nevertheless_and_does_not_cancel_is_a_matter_for_people(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    dada.statuses[handoff.origin_id] = 3  # its rider has left with it
    dada.script["query"].clear()
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))
    for seconds in (310, 340, 400, 500, 700):
        run_all(after(seconds))
    job = Job.objects.get(kind="handoff.cancel")
    assert (job.state, dada.statuses[handoff.origin_id]) == (Job.State.DEAD, 3)
    assert job.last_error == (
        "The courier has this order nevertheless and does not cancel it. Please call the courier."
    )


def test_what_had_come_to_its_end_there_needs_nobody(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    dada.statuses[handoff.origin_id] = 4
    dada.script["query"].clear()
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))
    for seconds in (310, 340, 400):
        run_all(after(seconds))
    assert Job.objects.get(kind="handoff.cancel").state == Job.State.DONE


def test_a_pick_up_of_what_has_ended_is_followed(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    dada.statuses.clear()
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))
    run_all(after(340))
    Job.objects.all().delete()
    dada.statuses[handoff.origin_id] = 3
    dada.script["query"].clear()
    news(handoff, 3, after(400))
    for seconds in (440, 500, 600, 800):
        run_all(after(seconds))
    assert Job.objects.get(kind="handoff.cancel").state == Job.State.DEAD


def test_a_person_may_have_it_asked_once_more(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    pass_time(after(301))
    dada.script["query"].clear()
    ask_again(order_id=handoff.order_id, actor=MEI, now=after(310))
    run_all(after(310))
    run_all(after(340))  # when the account has rested
    assert facts(handoff) == ("sent", "searching", "", "ready")


def test_a_cancel_that_nobody_confirms_is_asked_about_too(dada: FakeDada) -> None:
    handoff = in_doubt(dada)
    dada.script["formalCancel"].extend(["garbage"] * 30)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(300), reason="too late")
    for seconds in (360, 420, 480, 540, 601):
        pass_time(after(seconds))
    assert card(handoff.order)["asks"] is not None
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(610))
    run_all(after(610))
    assert tried(handoff.order) == [("Dada", "cancelled", "store")]
    assert search_of(handoff.order).state == "stopped"


def test_a_courier_that_cannot_be_asked_by_our_number_is_sent_the_same_errand_again(uber: FakeUber) -> None:
    order = make_order()
    policy(order.store, automatic=False)
    account = courier(order.store, uber, "Uber")
    uber.script["POST deliveries"].append("cut")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    handoff = HandOff.objects.get(order=order)
    assert (handoff.state, handoff.provider_ref) == ("unknown", "")
    run_all(after(3))
    handoff.refresh_from_db()
    assert (handoff.state, handoff.provider_ref, handoff.asks) == ("sent", "del_1", 2)
    assert uber.ledger == [handoff.origin_id]


def test_such_an_errand_is_called_off_once_its_number_is_known(uber: FakeUber) -> None:
    order = make_order()
    policy(order.store, automatic=False)
    account = courier(order.store, uber, "Uber")
    uber.script["POST deliveries"].append("cut")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(1))
    pass_time(after(2))
    assert tried(order) == [("Uber", "cancelled", "store")]
    assert len(uber.ledger) == 1
    assert [one["status"] for one in uber.deliveries.values()] == ["canceled"]


REFUSALS = [
    (400, {"code": "address_undeliverable", "message": "no", "kind": "error"}),
    (503, {"code": "couriers_busy", "message": "busy", "kind": "error"}),
    "429",
]


def sent_without_an_answer(uber: FakeUber) -> HandOff:
    """An errand Uber has and we have no number of."""
    order = make_order()
    policy(order.store, automatic=False, accept_within=1800)
    account = courier(order.store, uber, "Uber")
    uber.script["POST deliveries"].append("cut")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    return HandOff.objects.select_related("order").get(order=order)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_is_answered_to_the_second_sending_says_nothing_of_the_first(
    uber: FakeUber, refusal: Any
) -> None:
    handoff = sent_without_an_answer(uber)
    uber.script["POST deliveries"].extend([refusal] * 30)
    for seconds in (3, 10, 30):
        pass_time(after(seconds))
        handoff.refresh_from_db()
        assert (handoff.state, handoff.live) == ("unknown", True)
    uber.script.clear()
    for seconds in (120, 240):
        pass_time(after(seconds))
    handoff.refresh_from_db()
    assert (handoff.state, handoff.provider_ref, uber.ledger) == ("sent", "del_1", [handoff.origin_id])


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_is_in_doubt_is_not_taken_for_called_off(uber: FakeUber, refusal: Any) -> None:
    handoff = sent_without_an_answer(uber)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(1))
    uber.script["POST deliveries"].extend([refusal] * 30)
    for seconds in (2, 30, 100, 200, 303):
        pass_time(after(seconds))
    handoff.refresh_from_db()
    assert (handoff.state, handoff.human_asked_at is not None) == ("cancelling", True)
    uber.script.clear()
    for seconds in (420, 500):
        pass_time(after(seconds))
    assert tried(handoff.order) == [("Uber", "cancelled", "store")]
    assert [one["status"] for one in uber.deliveries.values()] == ["canceled"]


def test_what_is_called_off_while_its_sender_dies_is_in_doubt(uber: FakeUber) -> None:
    order = make_order()
    policy(order.store, automatic=False, accept_within=1800)
    hand_to_courier(order_id=order.pk, account=courier(order.store, uber, "Uber"), actor=MEI, now=NOW)
    handoff = HandOff.objects.get(order=order)
    assert record.claim(handoff.pk, now=NOW) is not None
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(1))
    uber.script["POST deliveries"].append(REFUSALS[0])
    pass_time(after(30))
    handoff.refresh_from_db()
    assert (handoff.state, handoff.doubted) == ("cancelling", True)


def test_what_surely_never_arrived_is_called_off_without_being_sent(uber: FakeUber) -> None:
    order = make_order()
    policy(order.store, automatic=False, accept_within=1800)
    hand_to_courier(order_id=order.pk, account=courier(order.store, uber, "Uber"), actor=MEI, now=NOW)
    handoff = HandOff.objects.get(order=order)
    claimed = record.claim(handoff.pk, now=NOW)
    assert claimed is not None
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(1))
    record.release(claimed, "too many calls", now=after(2))
    pass_time(after(30))
    assert (tried(order), uber.ledger) == ([("Uber", "cancelled", "store")], [])


def test_what_was_sent_long_ago_is_not_sent_again_to_ask(uber: FakeUber) -> None:
    handoff = sent_without_an_answer(uber)
    uber.script["POST deliveries"].extend(["500"] * 30)
    for seconds in (100, 305):
        pass_time(after(seconds))
    uber.script.clear()
    pass_time(after(46 * 60))
    handoff.refresh_from_db()
    assert (handoff.state, handoff.human_asked_at is not None) == ("unknown", True)
    assert uber.ledger == [handoff.origin_id]


def test_what_ended_in_doubt_is_looked_for_and_called_off(uber: FakeUber) -> None:
    handoff = sent_without_an_answer(uber)
    told_that_it_is_not_there(uber, handoff)
    uber.script.clear()
    for seconds in (320, 380):
        run_all(after(seconds))
    assert [one["status"] for one in uber.deliveries.values()] == ["canceled"]
    assert uber.ledger == [handoff.origin_id]


def test_what_ended_in_doubt_and_is_not_found_is_left_to_people_with_clear_words(uber: FakeUber) -> None:
    handoff = sent_without_an_answer(uber)
    told_that_it_is_not_there(uber, handoff)
    uber.script.clear()
    uber.deliveries.clear()
    for seconds in (320, 380, 440, 500, 560):
        run_all(after(seconds))
    dead = Job.objects.get(kind="handoff.cancel", state=Job.State.DEAD)
    assert dead.last_error == (
        "The courier may have this order nevertheless. "
        "Its number there is not known: please call the courier."
    )
    assert uber.ledger == [handoff.origin_id]


def told_that_it_is_not_there(uber: FakeUber, handoff: HandOff) -> None:
    """By a person, and that may be wrong."""
    uber.script["POST deliveries"].extend(["500"] * 30)
    for seconds in (100, 305):
        pass_time(after(seconds))
    settle(order_id=handoff.order_id, has=False, actor=MEI, now=after(310))


def test_asking_again_too_late_says_so(uber: FakeUber) -> None:
    handoff = sent_without_an_answer(uber)
    uber.script["POST deliveries"].extend(["500"] * 30)
    for seconds in (100, 305):
        pass_time(after(seconds))
    with pytest.raises(NotPossible):
        ask_again(order_id=handoff.order_id, actor=MEI, now=after(45 * 60))
