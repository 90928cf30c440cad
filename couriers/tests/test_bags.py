"""An order too large for one rider: how it is split, handed off, collected and delivered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.bags import bags_for, share, split
from couriers.errors import LiveHandOff
from couriers.models import HandOff
from couriers.services import cancel_hand_off, hand_to_rider, rider_delivered, rider_picked_up
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import courier, news, policy, ready, shelved, tried
from couriers.tests.work import run_all
from orders.errors import NotPossible
from orders.models import Order, OrderLine


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(1, 12))
def test_the_bags_hold_every_cup_once_and_differ_by_one_at_most(quantities: list[int], bags: int) -> None:
    packed = split(quantities, bags)
    assert len(packed) == bags
    for line, quantity in enumerate(quantities):
        assert sum(cups for bag in packed for at, cups in bag if at == line) == quantity
    sizes = [sum(cups for _, cups in bag) for bag in packed]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == [share(sum(quantities), bag, bags) for bag in range(1, bags + 1)]


@given(st.integers(0, 400), st.integers(1, 500))
def test_no_bag_is_larger_than_a_rider_can_carry(cups: int, most: int) -> None:
    bags = bags_for(cups, most)
    assert all(share(cups, bag, bags) <= most for bag in range(1, bags + 1)) or bags == 20


@pytest.fixture
def large(dada: FakeDada) -> Order:
    """Fifteen cups, ready, offered in two bags to a pretend Dada."""
    order = large_order()
    policy(order.store)
    courier(order.store, dada)
    ready(order)
    return order


def large_order(**values: Any) -> Order:
    order = shelved(cups=15, goods=3001, **values)
    order.lines.all().delete()
    OrderLine.objects.create(order=order, position=1, sku="A", name="Tea", quantity=10, unit_price=200)
    OrderLine.objects.create(order=order, position=2, sku="B", name="Juice", quantity=5, unit_price=200)
    return order


def bag(order: Order, number: int) -> HandOff:
    return HandOff.objects.get(order=order, bag=number)


def state(order: Order) -> str:
    order.refresh_from_db()
    return order.state


@pytest.mark.django_db(transaction=True)
def test_each_bag_is_an_errand_of_its_own(large: Order, dada: FakeDada) -> None:
    errands = [body for call, body in dada.calls if call == "addOrder"]
    assert [(body["cargo_num"], body["cargo_price"]) for body in errands] == [(8, 15.01), (7, 15.0)]
    assert [[(one["sku_name"], one["count"]) for one in body["product_list"]] for body in errands] == [
        [("Tea", 8)],
        [("Tea", 2), ("Juice", 5)],
    ]
    assert len({bag(large, 1).pickup_code, bag(large, 2).pickup_code}) == 2


@pytest.mark.django_db(transaction=True)
def test_it_is_collected_and_delivered_when_all_bags_are(large: Order, dada: FakeDada) -> None:
    for number, status, seconds, expected in (
        (1, 2, 10, "ready"),
        (1, 3, 20, "ready"),
        (2, 2, 30, "ready"),
        (2, 3, 40, "collected"),
    ):
        news(bag(large, number), status, after(seconds))
        assert state(large) == expected
    for number, seconds, expected in ((1, 50, "collected"), (2, 60, "delivered")):
        dada.statuses[bag(large, number).origin_id] = 4
        news(bag(large, number), 4, after(seconds))
        assert state(large) == expected


@pytest.mark.django_db(transaction=True)
def test_the_card_tells_of_the_least_advanced_bag_and_of_each(large: Order) -> None:
    news(bag(large, 1), 2, after(10))
    large.refresh_from_db()
    card = large.delivery
    assert (card["bag"], card["bags"], card["progress"], card["code"]) == (
        2,
        2,
        "searching",
        bag(large, 2).pickup_code,
    )
    assert card["parts"] == [
        {
            "bag": number,
            "handoff": bag(large, number).pk,
            "carrier": "dada",
            "carrier_name": "Dada",
            "carrier_key": f"courier:{bag(large, number).account_id}",
            "state": state,
            "progress": progress,
            "rider": "",
            "code": bag(large, number).pickup_code,
            "reason": "",
            "search_state": search,
            "next": "",
        }
        for number, state, progress, search in (
            (1, "confirmed", "assigned", "carried"),
            (2, "sent", "searching", "offered"),
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_one_bag_that_comes_back_is_looked_after_alone(large: Order, dada: FakeDada) -> None:
    courier(large.store, dada, "Zebra")
    news(bag(large, 1), 2, after(10))
    second = bag(large, 2)
    dada.statuses[second.origin_id] = 5
    news(second, 5, after(20))
    assert tried(large) == [("Dada", "confirmed", ""), ("Dada", "failed", "courier"), ("Zebra", "sent", "")]
    assert list(HandOff.objects.order_by("pk").values_list("bag", flat=True)) == [1, 2, 2]


@pytest.mark.django_db(transaction=True)
def test_a_person_gives_all_bags_to_one_rider_who_brings_them_together() -> None:
    order = large_order()
    ready(order)
    rider = make_rider(order.store)
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)
    assert [(one.bag, one.bags) for one in HandOff.objects.order_by("pk")] == [(1, 2), (2, 2)]
    rider_picked_up(order_id=order.pk, bag=1, actor=MEI, now=after(5))
    assert state(order) == "ready"
    rider_picked_up(order_id=order.pk, actor=MEI, now=after(6))
    assert state(order) == "collected"
    rider_delivered(order_id=order.pk, actor=MEI, now=after(60))
    assert state(order) == "delivered"


@pytest.mark.django_db(transaction=True)
def test_a_person_splits_an_order_over_two_riders_and_may_call_one_off() -> None:
    order = make_order(cups=2)
    wang, li = make_rider(order.store, "Wang"), make_rider(order.store, "Li")
    hand_to_rider(order_id=order.pk, rider=wang, bags=2, bag=1, actor=MEI, now=NOW)
    hand_to_rider(order_id=order.pk, rider=li, actor=MEI, now=NOW)
    with pytest.raises(LiveHandOff):
        hand_to_rider(order_id=order.pk, rider=li, actor=MEI, now=NOW)
    cancel_hand_off(order_id=order.pk, bag=2, actor=MEI, now=after(5))
    run_all(after(5))
    assert tried(order) == [("Wang", "confirmed", ""), ("Li", "cancelled", "store")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bags", [3, 21])
def test_what_is_carried_or_too_small_is_not_split(bags: int) -> None:
    order = make_order(cups=2)
    rider = make_rider(order.store)
    with pytest.raises(NotPossible):
        hand_to_rider(order_id=order.pk, rider=rider, bags=bags, actor=MEI, now=NOW)
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)
    with pytest.raises(NotPossible):
        hand_to_rider(order_id=order.pk, rider=rider, bags=2, actor=MEI, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_calling_all_bags_off_leaves_those_that_cannot_be_called_off(large: Order, dada: FakeDada) -> None:
    first = bag(large, 1)
    dada.statuses[first.origin_id] = 3
    news(first, 3, after(20))
    cancel_hand_off(order_id=large.pk, actor=MEI, now=after(30))
    run_all(after(30))
    assert [bag(large, number).state for number in (1, 2)] == ["confirmed", "cancelled"]
    with pytest.raises(NotPossible):
        cancel_hand_off(order_id=large.pk, actor=MEI, now=after(40))


@pytest.mark.django_db(transaction=True)
def test_a_bag_that_is_being_called_off_holds_up_no_other(large: Order, dada: FakeDada) -> None:
    cancel_hand_off(order_id=large.pk, actor=MEI, now=after(30), bag=1)
    cancel_hand_off(order_id=large.pk, actor=MEI, now=after(31))
    run_all(after(31))
    assert [bag(large, number).state for number in (1, 2)] == ["cancelled", "cancelled"]
