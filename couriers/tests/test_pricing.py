"""What an errand costs is learnt afterwards where its courier tells nobody; a late reply's fee is kept."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from couriers import record
from couriers.models import CourierAccount, CourierRest, Fee, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.base import Created
from couriers.rests import counted, door_of
from couriers.services import cancel_hand_off, hand_to_courier
from couriers.tests import fake_peisong
from couriers.tests.couriers import handed_to_courier, peisong_tells, tell_account
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.fake_peisong import FakePeisong
from couriers.tests.fake_uber import FakeUber
from couriers.tests.work import facts, handed_to, run_all
from outbox import runner
from outbox.calling import Unreachable
from outbox.models import Job
from outbox.services import enqueue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
MANY = 8  # failed calls, more than close a door


def booked(handoff: HandOff) -> list[tuple[str, int]]:
    return list(Fee.objects.filter(handoff=handoff).order_by("pk").values_list("kind", "amount"))


def fee_of(handoff: HandOff) -> int | None:
    """The hand-off's fee; its card shows the same."""
    handoff.refresh_from_db()
    handoff.order.refresh_from_db()
    assert handoff.order.delivery["fee"] == handoff.fee
    return handoff.fee


def at_peisong(peisong: FakePeisong, **values: Any) -> HandOff:
    """An errand that Peisong has, given to it without asking for its price."""
    handoff = handed_to_courier("peisong", f"{peisong.url}/api", fake_peisong.CREDENTIALS, **values)
    run_all(NOW)
    return HandOff.objects.select_related("order", "account").get(pk=handoff.pk)


def calls(peisong: FakePeisong, name: str) -> list[Any]:
    return [body for call, body in peisong.calls if call == name]


def told(handoff: HandOff, step: str, seconds: int) -> None:
    with time_machine.travel(after(seconds), tick=False):
        assert tell_account(handoff.account, peisong_tells(handoff, step, after(seconds))).status_code == 200


def test_a_price_nobody_told_is_asked_for_once_the_errand_is_sent(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    assert (fee_of(handoff), booked(handoff)) == (None, [])
    run_all(after(29))
    assert calls(peisong, "preCreateByShop") == []
    run_all(after(31))
    assert (fee_of(handoff), booked(handoff)) == (850, [("delivery", 850)])
    told(handoff, "assigned", 40)
    run_all(after(300))
    assert [len(calls(peisong, name)) for name in ("createByShop", "preCreateByShop")] == [1, 1]


def test_it_is_asked_under_a_number_of_its_own(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    run_all(after(31))
    (created,), (quoted,) = calls(peisong, "createByShop"), calls(peisong, "preCreateByShop")
    assert quoted["delivery_id"] != created["delivery_id"]
    assert quoted["order_id"] != created["order_id"] == handoff.origin_id
    assert peisong.ledger == [handoff.origin_id]


def test_a_price_that_was_raced_is_not_asked_for_again(peisong: FakePeisong) -> None:
    handoff = handed_to_courier("peisong", f"{peisong.url}/api", fake_peisong.CREDENTIALS)
    HandOff.objects.update(quote_ref="790", quoted_fee=790)
    run_all(NOW)
    assert (fee_of(handoff), booked(handoff)) == (790, [("delivery", 790)])
    assert not Job.objects.filter(kind="handoff.price").exists()


def test_couriers_that_tell_their_fee_are_asked_for_no_price(uber: FakeUber) -> None:
    """Not even where the fee they told does not count."""
    handoff = handed_to_courier("uber", f"{uber.url}/v1", uber.credentials, currency="CAD")
    run_all(NOW)
    assert facts(handoff)[0] == "sent"
    assert not Job.objects.filter(kind="handoff.price").exists()
    assert [name for name, provider in PROVIDERS.items() if not provider.can.tells_fee] == ["peisong"]


def test_a_delivery_that_ended_meanwhile_has_its_price_too(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    told(handoff, "picked_up", 10)
    told(handoff, "delivered", 20)
    run_all(after(31))
    ended_at = HandOff.objects.get(pk=handoff.pk).ended_at
    assert (fee_of(handoff), booked(handoff), ended_at) == (850, [("delivery", 850)], after(20))


def test_what_was_called_off_meanwhile_costs_nothing(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(5))
    run_all(after(5))
    run_all(after(31))
    assert (fee_of(handoff), booked(handoff)) == (None, [])
    assert calls(peisong, "preCreateByShop") == []


def test_what_is_called_off_after_its_price_was_learnt_is_not_owed(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    run_all(after(31))
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(40))
    run_all(after(40))
    assert booked(handoff) == [("delivery", 850), ("correction", -850)]


@pytest.mark.parametrize("trouble", ["500", "garbage", "cut", "429"])
def test_a_price_that_cannot_be_had_now_is_asked_for_again_and_harms_nothing(
    peisong: FakePeisong, trouble: str
) -> None:
    handoff = at_peisong(peisong)
    peisong.script["preCreateByShop"].append(trouble)
    run_all(after(31))
    assert (facts(handoff)[:2], fee_of(handoff)) == (("sent", "searching"), None)
    run_all(after(67))
    assert (fee_of(handoff), peisong.ledger) == (850, [handoff.origin_id])


def test_a_price_that_is_refused_stays_unknown_and_is_no_matter_for_people(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    no: Any = (200, {"code": 110, "message": "超出配送范围"})
    peisong.script["preCreateByShop"].append(no)
    run_all(after(31))
    run_all(after(300))
    assert (fee_of(handoff), facts(handoff)[:3]) == (None, ("sent", "searching", ""))
    assert Job.objects.get(kind="handoff.price").state == Job.State.DONE


def test_who_never_answers_is_not_asked_for_ever(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    peisong.script["preCreateByShop"].extend(["500"] * 20)
    for seconds in range(31, 200, 10):
        run_all(after(seconds))
    assert fee_of(handoff) is None
    assert len(calls(peisong, "preCreateByShop")) == 4
    assert Job.objects.get(kind="handoff.price").state == Job.State.DONE


def test_prices_that_fail_close_no_door_to_errands(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    account = CourierAccount.objects.get(pk=handoff.account_id)
    orders = [make_order(handoff.order.store) for _ in range(MANY)]
    for order in orders[:-1]:
        hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    peisong.script["preCreateByShop"].extend(["500"] * 50)
    for seconds in (31, 65):  # half of the account's calls stay for errands
        run_all(after(seconds))
    assert len(calls(peisong, "preCreateByShop")) >= MANY
    hand_to_courier(order_id=orders[-1].pk, account=account, actor=MEI, now=after(66))
    run_all(after(67))
    assert HandOff.objects.get(order=orders[-1]).state == "sent"
    assert not CourierRest.objects.exists()


def test_errands_that_wait_for_the_account_go_first(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    account = CourierAccount.objects.get(pk=handoff.account_id)
    more = make_order(handoff.order.store)
    hand_to_courier(order_id=more.pk, account=account, actor=MEI, now=after(31))
    later = Job.objects.filter(kind="handoff.create", state=Job.State.DUE)
    later.update(due_at=after(31.5))  # its turn at the door comes in half a second
    run_all(after(31))
    assert calls(peisong, "preCreateByShop") == []
    run_all(after(62))
    assert [call for call, _ in peisong.calls] == ["createByShop", "createByShop", "preCreateByShop"]
    assert fee_of(handoff) == 850


def test_while_an_errand_waits_one_look_does_for_all_prices_of_the_account(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    account = CourierAccount.objects.get(pk=handoff.account_id)
    orders = [make_order(handoff.order.store) for _ in range(4)]
    for order in orders[:-1]:
        hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    hand_to_courier(order_id=orders[-1].pk, account=account, actor=MEI, now=after(31))
    waits = Job.objects.filter(kind="handoff.create", state=Job.State.DUE)
    waits.update(due_at=after(31.5))  # its turn at the door comes in half a second
    run_all(after(31))
    prices = Job.objects.filter(kind="handoff.price")
    assert sorted(prices.values_list("fence", flat=True)) == [0, 0, 0, 1]
    assert calls(peisong, "preCreateByShop") == []
    for seconds in (62, 95):
        run_all(after(seconds))
    assert (len(calls(peisong, "preCreateByShop")), prices.filter(state=Job.State.DUE).count()) == (5, 0)


def test_while_the_account_rests_its_prices_wait_together_and_leave_it_to_an_errand_to_try(
    peisong: FakePeisong,
) -> None:
    handoff = at_peisong(peisong)
    account = CourierAccount.objects.get(pk=handoff.account_id)
    first, second, last = (make_order(handoff.order.store) for _ in range(3))
    for order in (first, second):
        hand_to_courier(order_id=order.pk, account=account, actor=MEI, now=NOW)
    run_all(NOW)
    with pytest.raises(Unreachable), counted(account, now=after(20)):
        raise Unreachable("429", wait=600)
    run_all(after(31))
    prices = Job.objects.filter(kind="handoff.price")
    assert sorted(prices.values_list("fence", flat=True)) == [0, 0, 1]
    assert prices.filter(due_at__gte=after(620)).count() == 3
    run_all(after(625))
    run_all(after(650))
    assert calls(peisong, "preCreateByShop") == []
    hand_to_courier(order_id=last.pk, account=account, actor=MEI, now=after(651))
    run_all(after(651))
    run_all(after(690))
    assert (len(calls(peisong, "createByShop")), len(calls(peisong, "preCreateByShop"))) == (4, 4)


def test_prices_that_wait_for_their_turn_hold_up_no_errand_of_their_account(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    for _ in range(int(PROVIDERS["peisong"].can.per_second * 0.7)):
        with door_of(handoff.account).admitted(now=after(31)):
            pass
    run_all(after(31))
    price = Job.objects.get(kind="handoff.price")
    assert after(31) < price.due_at < after(32)
    assert runner._lanes("prices").shut(after(31)) == [price.lane]
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(31))
    run_all(after(31))
    assert facts(handoff)[0] == "cancelled"


def test_a_price_of_hours_later_says_nothing(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    run_all(after(3_601))
    assert calls(peisong, "preCreateByShop") == []
    assert fee_of(handoff) is None


def test_an_errand_in_doubt_that_is_there_after_all_is_priced(peisong: FakePeisong) -> None:
    peisong.script["createByShop"].append("cut")
    handoff = at_peisong(peisong)
    run_all(after(5))
    assert facts(handoff)[0] == "sent"
    run_all(after(40))
    assert (fee_of(handoff), peisong.ledger) == (850, [handoff.origin_id])


def test_a_fee_is_learnt_once_and_a_second_telling_changes_nothing(peisong: FakePeisong) -> None:
    handoff = at_peisong(peisong)
    run_all(after(31))
    peisong.price = 9.9
    enqueue(kind="handoff.price", key="again", payload={"handoff": handoff.pk}, now=after(60))
    run_all(after(60))
    record.learn_fee(handoff.pk, 990, now=after(61))
    assert (fee_of(handoff), booked(handoff)) == (850, [("delivery", 850)])


@pytest.mark.parametrize(
    ("state", "fee", "ledger"),
    [
        ("unknown", 850, [("delivery", 850)]),
        ("delivered", 850, [("delivery", 850)]),
        ("failed", None, [("cancel", 200)]),  # not owed; it is called off, for what Dada keeps
    ],
)
def test_a_reply_that_comes_when_its_claim_is_lost_still_tells_the_fee(
    dada: FakeDada, state: str, fee: int | None, ledger: list[tuple[str, int]]
) -> None:
    """Whoever sent it slept past the lease; others acted on that."""
    handoff = handed_to(dada)

    def others_act() -> None:
        dada.before_reply = None
        late = timezone.now() + timedelta(seconds=16)
        record.expire(record.load(handoff.pk), now=late)
        if state != "unknown":
            record.move_and_publish(record.load(handoff.pk), state, now=late)
        dada.script["query"].extend(["garbage"] * 9)

    dada.before_reply = others_act
    run_all(NOW)
    assert facts(handoff)[0] == state
    assert (HandOff.objects.get(pk=handoff.pk).fee, booked(handoff)) == (fee, ledger)


def test_a_fee_told_while_it_is_being_called_off_counts_if_the_courier_goes_on(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    claimed = record.claim(handoff.pk, now=NOW)
    assert claimed is not None
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=NOW)
    assert record.record_sent(claimed, Created(fee=850, reference=""), now=NOW)
    assert (fee_of(handoff), booked(handoff)) == (850, [("delivery", 850)])
    seen = record.load(handoff.pk)
    assert seen.state == "cancelling"
    assert record.keep(seen, "too late", now=after(1))
    assert booked(handoff) == [("delivery", 850)]
