"""What happens when whoever was asked does not carry it: the next one, never the same, and never two."""

import pytest

from couriers.models import Fee, HandOff
from couriers.seeking_watch import watch as watch_searches
from couriers.services import cancel_hand_off, hand_to_courier, rider_picked_up, seek
from couriers.tests.factories import MEI, NOW, after
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import (
    at_work,
    courier,
    news,
    pass_time,
    policy,
    ready,
    search_of,
    shelved,
    tried,
)
from couriers.tests.work import run_all
from orders.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def looked_for(dada: FakeDada, *labels: str, **values: object) -> tuple[Order, HandOff]:
    """A ready order that was offered to the first of these couriers, all of them one pretend Dada."""
    order = shelved()
    policy(order.store, **values)
    for label in labels:
        courier(order.store, dada, label)
    ready(order)
    return order, HandOff.objects.get(order=order)


def live_errands(dada: FakeDada) -> int:
    return sum(status not in {4, 5} for status in dada.statuses.values())


def test_a_refusal_asks_the_next_one_by_itself(dada: FakeDada) -> None:
    dada.script["addAfterQuery"].append("too late")
    dada.script["addOrder"].append("no riders today")
    order = shelved()
    policy(order.store)
    courier(order.store, dada, "A")
    courier(order.store, dada, "B")
    ready(order)
    assert tried(order) == [("A", "failed", "refused"), ("B", "sent", "")]
    order.refresh_from_db()
    assert order.delivery["search"]["tried"] == [
        {"name": "A", "reason": "no riders today", "cause": "refused"}
    ]


def test_who_finds_no_rider_in_time_is_called_off_before_the_next_one_is_asked(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    dada.script["formalCancel"].append("cut")
    pass_time(after(119))
    assert tried(order) == [("A", "sent", "")]
    pass_time(after(121))
    assert tried(order) == [("A", "cancelling", "no_rider")]
    pass_time(after(135))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("B", "sent", "")]
    assert dada.statuses[first.origin_id] == 5
    assert live_errands(dada) == 1


def test_after_the_last_one_the_order_is_back_on_the_shelf_with_an_alarm(dada: FakeDada) -> None:
    order, _ = looked_for(dada, "A")
    pass_time(after(120))
    assert tried(order) == [("A", "cancelled", "no_rider")]
    order.refresh_from_db()
    assert order.state == "ready"
    assert order.delivery["search"]["state"] == "nobody"
    pass_time(after(600))
    assert len(tried(order)) == 1


def test_a_courier_that_gives_the_order_back_is_not_asked_again(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    dada.statuses[first.origin_id] = 5
    news(first, 5, after(10))
    assert tried(order) == [("A", "failed", "courier"), ("B", "sent", "")]
    assert search_of(order).excluded == [f"courier:{first.account_id}"]


def test_a_rider_who_gives_up_makes_room_for_the_next_carrier(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    dada.statuses[first.origin_id] = 2
    news(first, 2, after(10))
    assert search_of(order).state == "carried"
    dada.statuses[first.origin_id] = 1
    news(first, 1, after(20))
    assert tried(order) == [("A", "cancelled", "rider"), ("B", "sent", "")]
    assert live_errands(dada) == 1


def test_a_rider_who_gives_up_where_nobody_else_is_left_is_replaced_by_the_same_courier(
    dada: FakeDada,
) -> None:
    order, first = looked_for(dada, "A")
    dada.statuses[first.origin_id] = 2
    news(first, 2, after(10))
    dada.statuses[first.origin_id] = 1
    news(first, 1, after(20))
    assert tried(order) == [("A", "sent", "")]
    assert (search_of(order).state, search_of(order).accept_by) == ("offered", after(140))
    dada.statuses[first.origin_id] = 2
    news(first, 2, after(30))
    assert (search_of(order).state, search_of(order).accept_by) == ("carried", None)


def test_what_is_on_the_road_is_not_offered_to_the_next_one(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    for status, seconds in ((3, 10), (10, 900)):
        dada.statuses[first.origin_id] = status
        news(first, status, after(seconds))
    assert tried(order) == [("A", "failed", "returned")]
    assert search_of(order).state == "nobody"
    order.refresh_from_db()
    assert order.state == "ready"


def test_an_order_whose_own_rider_took_it_back_in_waits_for_a_person(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    at_work(order.store)
    courier(order.store, dada)
    ready(order)
    rider_picked_up(order_id=order.pk, actor=MEI, now=after(5))
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(9))
    pass_time(after(60))
    assert (tried(order), search_of(order).state) == ([("Old Wang", "cancelled", "store")], "stopped")


def test_a_courier_that_cannot_be_reached_is_left_for_another(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store, otherwise={"by": "order", "carriers": []} | {"by": "reliable"})
    away = courier(order.store, dada, "A")
    away.base_url = "http://127.0.0.1:9/dada"
    away.save()
    courier(order.store, dada, "B")
    ready(order)
    for seconds in (3, 10, 20, 40):
        pass_time(after(seconds))
    assert tried(order) == [("A", "failed", "unreachable"), ("B", "sent", "")]


def test_a_courier_that_will_not_cancel_keeps_the_order(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    dada.script["formalCancel"].append("a rider is at the door")
    pass_time(after(120))
    assert tried(order) == [("A", "sent", "")]
    assert (search_of(order).state, search_of(order).accept_by) == ("offered", after(240))
    dada.statuses[first.origin_id] = 2
    news(first, 2, after(130))
    assert search_of(order).state == "carried"


def test_who_will_not_be_called_off_by_a_person_is_left_to_people(dada: FakeDada) -> None:
    order, _ = looked_for(dada, "A", "B")
    dada.script["formalCancel"].append("a rider is at the door")
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(10))
    for seconds in (11, 140, 300):
        pass_time(after(seconds))
    assert tried(order) == [("A", "sent", "")]
    assert (search_of(order).state, search_of(order).automatic) == ("offered", False)


def test_search_again_may_ask_everybody_once_more(dada: FakeDada) -> None:
    order, _ = looked_for(dada, "A")
    pass_time(after(120))
    seek(order_id=order.pk, actor=MEI, now=after(200))
    pass_time(after(200))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("A", "sent", "")]


def test_a_person_may_pick_who_failed_before(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A")
    pass_time(after(120))
    assert first.account is not None
    hand_to_courier(order_id=order.pk, account=first.account, actor=MEI, now=after(130))
    pass_time(after(131))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("A", "sent", "")]


def test_what_is_paid_adds_up_to_what_is_owed(dada: FakeDada) -> None:
    order, first = looked_for(dada, "A", "B")
    pass_time(after(120))
    second = HandOff.objects.get(order=order, state="sent")
    dada.statuses[second.origin_id] = 2
    news(second, 2, after(130))
    rows = Fee.objects.order_by("pk").values_list("handoff", "kind", "amount", "currency", "at")
    assert list(rows) == [
        (first.pk, "delivery", 850, "CNY", NOW),
        (first.pk, "correction", -850, "CNY", after(120)),
        (first.pk, "cancel", 200, "CNY", after(120)),
        (second.pk, "delivery", 850, "CNY", after(120)),
    ]


def test_a_fee_told_anew_is_a_correction_and_the_same_news_twice_cost_once(dada: FakeDada) -> None:
    _, first = looked_for(dada, "A")
    for seconds in (60, 130, 200):
        dada.statuses[first.origin_id] = 2
        dada.rider = {"deliveryFee": 9.5}
        pass_time(after(seconds))
    assert list(Fee.objects.order_by("pk").values_list("kind", "key", "amount")) == [
        ("delivery", "delivery0", 850),
        ("correction", "delivery1", 100),
    ]


def test_the_wait_for_a_turn_at_the_courier_is_not_taken_for_riders_who_do_not_come(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store, automatic=False)
    first, _ = courier(order.store, dada, "A"), courier(order.store, dada, "B")
    hand_to_courier(order_id=order.pk, account=first, actor=MEI, now=NOW)
    watch_searches(now=after(200))
    run_all(after(200))
    assert tried(order) == [("A", "sent", "")]
    assert search_of(order).accept_by == after(320)
    pass_time(after(321))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("B", "sent", "")]


def test_nobody_waits_for_a_turn_for_ever(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store, automatic=False)
    first, _ = courier(order.store, dada, "A"), courier(order.store, dada, "B")
    hand_to_courier(order_id=order.pk, account=first, actor=MEI, now=NOW)
    watch_searches(now=after(899))
    assert tried(order) == [("A", "pending", "")]
    watch_searches(now=after(901))
    run_all(after(901))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("B", "sent", "")]
