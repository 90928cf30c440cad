"""Calling couriers: what is sent once, what is asked, and how orders come back to the shelf."""

from contextlib import ExitStack

import pytest
import time_machine

from couriers import record
from couriers.errors import LiveHandOff
from couriers.models import HandOff
from couriers.providers.base import Created
from couriers.rests import door_of
from couriers.services import cancel_hand_off, hand_to_courier, hand_to_rider
from couriers.tests.factories import MEI, NOW, after, make_account, make_order, make_rider
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.work import all_at_once, call_back, facts, handed_to, run_jobs
from couriers.watching import watch
from orders.models import OrderEvent
from orders.services import step
from outbox.calling import Unreachable
from outbox.guard import MOST_AT_ONCE
from outbox.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def claimed(handoff: HandOff) -> HandOff:
    taken = record.claim(handoff.pk, now=NOW)
    assert taken is not None
    return taken


def test_a_courier_that_takes_the_errand_looks_for_a_rider(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert (handoff.fee, handoff.fence, handoff.asks, handoff.lease_until) == (850, 1, 1, None)
    assert dada.ledger == [handoff.origin_id]
    call, errand = dada.calls[0]
    assert call == "addOrder"
    assert errand["callback"].endswith(f"/couriers/dada/callback/{handoff.callback_token}/")
    assert (errand["receiver_phone"], errand["shop_no"]) == ("13800000000", "11047059")


def test_a_refusal_puts_the_order_back_on_the_shelf_with_the_reason(dada: FakeDada) -> None:
    dada.script["addOrder"].append("no riders today")
    handoff = handed_to(dada)
    run_jobs(NOW)
    assert facts(handoff) == ("failed", "", "no riders today", "ready")
    assert handoff.order.delivery["reason"] == "no riders today"
    assert dada.ledger == []


def test_an_order_without_a_position_is_refused_before_the_courier_hears_of_it(dada: FakeDada) -> None:
    handoff = handed_to(dada, latitude=None)
    run_jobs(NOW)
    assert facts(handoff) == ("failed", "", "The order has no position to deliver to.", "ready")
    assert dada.calls == []


def test_after_a_failure_somebody_else_may_carry_it(dada: FakeDada) -> None:
    dada.script["addOrder"].append("no riders today")
    handoff = handed_to(dada)
    run_jobs(NOW)
    hand_to_rider(order_id=handoff.order_id, rider=make_rider(handoff.store), actor=MEI, now=after(5))
    assert list(HandOff.objects.order_by("id").values_list("state", flat=True)) == ["failed", "confirmed"]


@pytest.mark.parametrize("trouble", ["cut", "garbage", "500"])
def test_a_call_without_an_answer_is_unknown_and_asked_about(dada: FakeDada, trouble: str) -> None:
    dada.script["addOrder"].append(trouble)
    handoff = handed_to(dada)
    run_jobs(NOW)
    assert facts(handoff)[0] == "unknown"
    assert Job.objects.filter(kind="handoff.query", state="due").count() == 1


def test_a_lost_reply_is_found_out_and_nothing_is_sent_twice(dada: FakeDada) -> None:
    dada.script["addOrder"].append("cut")
    handoff = handed_to(dada)
    run_jobs(NOW)
    run_jobs(after(3))
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert dada.ledger == [handoff.origin_id]
    assert [call for call, _ in dada.calls] == ["addOrder", ["status", "query"][1]]


def test_a_lost_call_is_sent_again_under_the_same_id_once_the_courier_surely_has_none(dada: FakeDada) -> None:
    dada.script["addOrder"].append("lose")
    handoff = handed_to(dada)
    run_jobs(NOW)
    run_jobs(after(3))
    assert facts(handoff)[0] == "unknown"
    run_jobs(after(16.9))
    assert facts(handoff)[0] == "unknown"  # it may still be under way
    run_jobs(after(17.1))
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert (dada.ledger, handoff.asks) == ([handoff.origin_id], 2)


def test_a_second_sending_that_is_refused_as_a_duplicate_adopts_the_first(dada: FakeDada) -> None:
    dada.script["addOrder"].append("lose")
    handoff = handed_to(dada)
    run_jobs(NOW)
    run_jobs(after(3))
    late_first_call = lambda: dada.statuses.setdefault(handoff.origin_id, 2)  # noqa: E731
    dada.before_reply = late_first_call
    run_jobs(after(18))
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")
    assert dada.ledger == []


def test_a_courier_nobody_reaches_is_tried_again_and_then_given_up() -> None:
    order = make_order()
    account = make_account(order.store, "http://127.0.0.1:9/dada")
    hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    handoff = HandOff.objects.get(order=order)
    run_jobs(NOW)
    assert facts(handoff) == ("pending", "", "The courier cannot be reached; trying again.", "ready")
    for seconds in (3, 10, 20, 40):
        run_jobs(after(seconds))
    assert facts(handoff) == ("failed", "", "The courier cannot be reached.", "ready")


def test_a_courier_that_asks_for_patience_gets_it(dada: FakeDada) -> None:
    dada.script["addOrder"].append("429")
    handoff = handed_to(dada)
    run_jobs(NOW)
    run_jobs(after(6))
    assert dada.ledger == []
    run_jobs(after(8))
    assert dada.ledger == [handoff.origin_id]


def test_one_of_many_workers_calls(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    claims = all_at_once(*[lambda: record.claim(handoff.pk, now=NOW)] * 5)
    assert sum(claim is not None for claim in claims) == 1


def test_a_worker_killed_before_its_call_is_noticed_and_the_errand_is_sent_once(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    record.claim(handoff.pk, now=NOW)
    assert watch(now=after(10)) == {"ended": 0, "expired": 0, "asked": 0}
    assert watch(now=after(16)) == {"ended": 0, "expired": 1, "asked": 0}
    run_jobs(after(17))
    assert facts(handoff)[0] == "sent"
    assert dada.ledger == [handoff.origin_id]


def test_a_worker_killed_after_the_couriers_yes_is_reconciled_not_repeated(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    record.claim(handoff.pk, now=NOW)
    dada.ledger.append(handoff.origin_id)
    dada.statuses[handoff.origin_id] = 2
    run_jobs(after(16))
    run_jobs(after(17))
    assert facts(handoff)[:2] == ("confirmed", "assigned")
    assert [call for call, _ in dada.calls] == ["query"]


def test_a_worker_that_slept_past_its_lease_writes_nothing_back(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    asleep = claimed(handoff)
    watch(now=after(16))
    before = facts(handoff)
    assert record.record_sent(asleep, Created(fee=1), now=after(20)) is False
    assert record.record_refused(asleep, "no", now=after(20)) is False
    assert record.release(asleep, "no", now=after(20)) is False
    assert facts(handoff) == before
    assert handoff.fee is None


def test_a_late_yes_of_a_hand_off_that_was_given_up_is_called_off(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    dada.ledger.append(handoff.origin_id)
    dada.statuses[handoff.origin_id] = 1
    HandOff.objects.filter(pk=handoff.pk).update(state="failed", asks=1)
    with time_machine.travel(after(60), tick=False):
        call_back(handoff, callback_body(handoff.origin_id, 1))
    run_jobs(after(60))
    assert dada.statuses[handoff.origin_id] == 5
    assert facts(handoff)[0] == "failed"


def test_a_sent_errand_is_cancelled_when_the_courier_confirms_it(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(5), reason="guest came by")
    assert facts(handoff) == ("cancelling", "searching", "guest came by", "ready")
    with pytest.raises(LiveHandOff):
        hand_to_rider(order_id=handoff.order_id, rider=make_rider(handoff.store), actor=MEI, now=after(6))
    run_jobs(after(6))
    assert facts(handoff) == ("cancelled", "searching", "guest came by", "ready")
    assert (handoff.fee, dada.statuses) == (200, {handoff.origin_id: 5})


def test_a_cancel_without_an_answer_is_repeated_until_the_courier_confirms(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    dada.script["formalCancel"].append("cut")
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(5))
    run_jobs(after(6))
    assert facts(handoff)[0] == "cancelling"
    run_jobs(after(15))
    assert facts(handoff)[0] == "cancelled"


def test_a_cancel_that_comes_after_the_pick_up_leaves_the_rider_on_the_way(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    dada.statuses[handoff.origin_id] = 3
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(5))
    run_jobs(after(6))
    assert facts(handoff) == ("confirmed", "picked_up", "cannot be cancelled", "collected")


def test_news_that_arrive_during_a_cancel_do_not_leave_it_hanging(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(5))
    news = callback_body(handoff.origin_id, 2, update_time=int(after(5).timestamp()))
    dada.before_reply = lambda: all_at_once(lambda: call_back(handoff, news))
    run_jobs(after(6))
    assert facts(handoff)[:2] == ("cancelling", "assigned")
    run_jobs(after(8))
    assert facts(handoff)[0] == "cancelled"


def test_a_cancel_during_the_call_waits_for_the_call_and_then_calls_off(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    calling = claimed(handoff)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(1))
    run_jobs(after(1))
    assert dada.calls == []
    dada.statuses[handoff.origin_id] = 1
    assert record.record_sent(calling, Created(fee=850), now=after(2)) is True
    run_jobs(after(16))
    assert facts(handoff)[0] == "cancelled"
    assert dada.statuses == {handoff.origin_id: 5}


def test_a_cancel_of_an_errand_the_courier_never_got_is_confirmed_after_a_while(dada: FakeDada) -> None:
    dada.script["addOrder"].append("lose")
    handoff = handed_to(dada)
    run_jobs(NOW)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(1))
    run_jobs(after(2))
    assert facts(handoff)[0] == "cancelling"
    run_jobs(after(18))
    assert facts(handoff)[0] == "cancelled"
    assert dada.ledger == []


def test_a_cancelled_orders_courier_is_called_off(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    step(order_id=handoff.order_id, verb="cancel", actor=MEI, now=after(5), reason="guest changed their mind")
    assert watch(now=after(15))["ended"] == 1
    run_jobs(after(15))
    assert facts(handoff) == ("cancelled", "searching", "guest changed their mind", "cancelled")
    assert watch(now=after(30))["ended"] == 0


def test_a_cancelled_orders_rider_on_the_way_is_left_alone(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    HandOff.objects.filter(pk=handoff.pk).update(state="confirmed", progress="picked_up")
    step(order_id=handoff.order_id, verb="cancel", actor=MEI, now=after(5), reason="late")
    assert watch(now=after(15)) == {"ended": 0, "expired": 0, "asked": 0}


def test_an_order_cancelled_before_its_courier_was_called_is_not_sent(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    step(order_id=handoff.order_id, verb="cancel", actor=MEI, now=after(1), reason="late")
    run_jobs(after(2))
    assert facts(handoff)[0] == "cancelled"
    assert dada.calls == []


def test_an_own_riders_hand_off_ends_with_its_order() -> None:
    delivered, cancelled = make_order(), make_order()
    for order in (delivered, cancelled):
        hand_to_rider(order_id=order.pk, rider=make_rider(order.store), actor=MEI, now=NOW)
    step(order_id=delivered.pk, verb="deliver", actor=MEI, now=after(5))
    step(order_id=cancelled.pk, verb="cancel", actor=MEI, now=after(5), reason="late")
    assert watch(now=after(15))["ended"] == 2
    states = dict(HandOff.objects.values_list("order_id", "state"))
    assert states == {delivered.pk: "delivered", cancelled.pk: "cancelled"}


def test_a_courier_that_falls_silent_is_asked(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    dada.statuses[handoff.origin_id] = 4
    assert watch(now=after(59))["asked"] == 0
    assert watch(now=after(60))["asked"] == 1
    run_jobs(after(60))
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")


def test_an_errand_the_courier_forgot_stays_live_and_says_so(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    dada.statuses.clear()
    watch(now=after(60))
    run_jobs(after(60))
    assert facts(handoff) == ("sent", "searching", "The courier does not know this order.", "ready")


def test_asking_again_without_news_makes_no_event(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    before = OrderEvent.objects.count()
    watch(now=after(60))
    run_jobs(after(60))
    assert OrderEvent.objects.count() == before
    handoff.refresh_from_db()
    assert handoff.heard_at == after(60)


def test_an_order_for_a_resting_courier_waits_for_it(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    with pytest.raises(Unreachable), door_of(handoff.account).counted(now=NOW):
        raise Unreachable("too many calls", wait=30)
    run_jobs(NOW)
    assert facts(handoff) == ("pending", "", "The courier cannot be reached; trying again.", "ready")
    run_jobs(after(31))
    assert facts(handoff) == ("sent", "searching", "", "ready")


def test_an_order_waits_no_longer_than_a_minute_for_a_resting_courier(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    with pytest.raises(Unreachable), door_of(handoff.account).counted(now=after(55)):
        raise Unreachable("too many calls", wait=120)
    run_jobs(after(60))
    assert facts(handoff) == ("failed", "", "The courier cannot be reached.", "ready")
    assert dada.calls == []


def test_a_courier_that_hangs_does_not_hold_up_another(dada: FakeDada) -> None:
    hanging, other = handed_to(dada), handed_to(dada)
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(door_of(hanging.account).admitted(now=NOW))
        run_jobs(NOW)
        assert (facts(hanging)[0], facts(other)[0]) == ("pending", "sent")
    run_jobs(after(3))
    assert facts(hanging)[0] == "sent"
