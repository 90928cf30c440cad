"""Orders marked as delivered at the counter and taken back, while somebody carries them or carried them."""

import pytest

from couriers.models import CarrierSearch, HandOff
from couriers.services import cancel_hand_off, hand_to_courier, hand_to_rider, rider_delivered, seek
from couriers.standing import pieces_of
from couriers.summary import summarise
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import courier, news, pass_time, policy, ready, search_of, shelved, tried
from couriers.tests.work import run_all
from orders.models import Order
from orders.services import step

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def delivered(order: Order, at: float) -> None:
    """The counter marks it as delivered, and everybody follows."""
    step(order_id=order.pk, verb="deliver", actor=MEI, now=after(at))
    pass_time(after(at + 25))
    run_all(after(at + 26))
    assert search_of(order).state == "done"


def recalled(order: Order, at: float) -> None:
    step(order_id=order.pk, verb="recall", actor=MEI, now=after(at))


def offered(dada: FakeDada, *labels: str, automatic: bool = True) -> tuple[Order, HandOff]:
    """A ready order that the first of these has, and looks for a rider for."""
    order = shelved()
    policy(order.store, automatic=automatic)
    accounts = [courier(order.store, dada, label) for label in labels]
    if not automatic:
        hand_to_courier(order_id=order.pk, account=accounts[0], actor=MEI, now=NOW)
    ready(order)
    return order, HandOff.objects.get(order=order)


def test_a_search_comes_back_to_life_with_its_live_hand_off(dada: FakeDada) -> None:
    order, handoff = offered(dada, "A", "B")
    dada.statuses[handoff.origin_id] = 2
    news(handoff, 2, after(2))
    delivered(order, 10)
    recalled(order, 40)
    pass_time(after(59))
    assert search_of(order).state == "done"
    pass_time(after(61))
    assert (search_of(order).state, tried(order)) == ("carried", [("A", "confirmed", "")])
    order.refresh_from_db()
    assert order.delivery["search"]["state"] == "carried"


def test_what_finds_no_rider_after_a_recall_goes_to_the_next_one(dada: FakeDada) -> None:
    order, _ = offered(dada, "A", "B")
    delivered(order, 10)
    recalled(order, 40)
    pass_time(after(61))
    assert (search_of(order).state, search_of(order).accept_by) == ("offered", after(181))
    pass_time(after(182))
    assert tried(order) == [("A", "cancelled", "no_rider"), ("B", "sent", "")]


def test_an_end_after_a_recall_is_followed_at_once(dada: FakeDada) -> None:
    order, handoff = offered(dada, "A", "B")
    delivered(order, 10)
    recalled(order, 40)
    dada.statuses[handoff.origin_id] = 5
    news(handoff, 5, after(45))
    assert tried(order) == [("A", "failed", "courier"), ("B", "sent", "")]


def test_an_end_before_a_recall_is_followed_then(dada: FakeDada) -> None:
    order, handoff = offered(dada, "A", "B")
    delivered(order, 10)
    dada.statuses[handoff.origin_id] = 5
    news(handoff, 5, after(38))
    assert (search_of(order).state, tried(order)) == ("done", [("A", "failed", "courier")])
    recalled(order, 40)
    pass_time(after(61))
    assert tried(order) == [("A", "failed", "courier"), ("B", "sent", "")]


def test_what_a_person_called_off_stays_with_people_after_a_recall(dada: FakeDada) -> None:
    order, _ = offered(dada, "A", "B")
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(5))
    run_all(after(6))
    delivered(order, 10)
    recalled(order, 40)
    for seconds in (61, 100):
        pass_time(after(seconds))
    assert (search_of(order).state, tried(order)) == ("stopped", [("A", "cancelled", "store")])


def test_an_order_nobody_was_asked_for_may_be_sought_after_a_recall(dada: FakeDada) -> None:
    order = shelved()
    courier(order.store, dada)
    ready(order)
    delivered(order, 10)
    recalled(order, 40)
    pass_time(after(61))
    order.refresh_from_db()
    assert (search_of(order).state, order.delivery["suggestion"]["name"]) == ("idle", "Dada")


def test_a_bag_there_is_no_more_stays_done(dada: FakeDada) -> None:
    order = make_order(cups=4)
    policy(order.store)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bag=2, bags=2, actor=MEI, now=NOW)
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(1))
    hand_to_rider(order_id=order.pk, rider=rider, bags=1, actor=MEI, now=after(2))
    delivered(order, 10)
    CarrierSearch.objects.filter(order=order, bag=2).update(state="done")
    recalled(order, 40)
    for seconds in (61, 100):
        pass_time(after(seconds))
    assert search_of(order, 2).state == "done"


@pytest.mark.parametrize("bags", [1, 2])
def test_no_bag_is_with_the_guest_once_the_whole_order_was_taken_back(bags: int) -> None:
    order = make_order(cups=4)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bags=bags, actor=MEI, now=NOW)
    rider_delivered(order_id=order.pk, actor=MEI, now=after(5))
    assert [(piece.delivered, piece.picked_up) for piece in pieces_of(order.pk)] == [(True, True)] * bags
    recalled(order, 30)
    assert [(piece.delivered, piece.picked_up) for piece in pieces_of(order.pk)] == [(False, False)] * bags
    summary = summarise(pieces_of(order.pk)) or {}
    assert (summary["handoff"], summary["state"]) == (None, "")


def test_of_an_order_taken_back_every_bag_must_be_delivered_again() -> None:
    order = make_order(cups=4)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bags=2, actor=MEI, now=NOW)
    rider_delivered(order_id=order.pk, actor=MEI, now=after(5))
    recalled(order, 30)
    for bag, state in ((1, "ready"), (2, "delivered")):
        hand_to_rider(order_id=order.pk, rider=rider, bag=bag, actor=MEI, now=after(40))
        rider_delivered(order_id=order.pk, bag=bag, actor=MEI, now=after(50))
        order.refresh_from_db()
        assert order.state == state


def test_an_order_taken_back_may_be_split_anew() -> None:
    order = make_order(cups=4)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, bags=2, actor=MEI, now=NOW)
    rider_delivered(order_id=order.pk, actor=MEI, now=after(5))
    recalled(order, 30)
    seek(order_id=order.pk, bags=1, actor=MEI, now=after(40))
    assert search_of(order).bags == 1
