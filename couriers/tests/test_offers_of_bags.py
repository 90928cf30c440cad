"""Prices of an order that goes in several bags: a price is good for the bag it was asked for."""

from datetime import datetime

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from couriers import seeking
from couriers.models import HandOff
from couriers.offers import offers_for, quoted_draft
from couriers.policy.document import DEFAULT
from couriers.tests.factories import NOW, after, make_staff
from couriers.tests.fake_dada import FakeDada
from couriers.tests.wishes import World
from couriers.tests.work import run_all
from orders.errors import NotPossible
from orders.models import Order

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(dada: FakeDada) -> World:
    return World(dada, cups=4)


def price_of_b(world: World, bag: int | None, at: datetime) -> HandOff:
    """What B would bring the bag for."""
    with time_machine.travel(at, tick=False):
        offers = offers_for(Order.objects.get(pk=world.order.pk), bag=bag, now=at)
    ref = next(offer["quote"] for offer in offers if offer["name"] == "B")
    price = quoted_draft(ref or "", order_id=world.order.pk, account=world.b, now=at)
    assert price is not None
    return price


def test_the_price_of_the_second_bag_is_taken_up_for_the_second_bag(world: World) -> None:
    world.ask(world.a, bags=2)
    run_all(NOW)
    price = price_of_b(world, 2, after(4))
    world.ask(world.b, at=5, bag=2, instead=True, quoted=price)
    run_all(after(5))
    live = HandOff.objects.filter(state="sent").order_by("bag")
    assert list(live.values_list("bag", "account__label")) == [(1, "A"), (2, "B")]
    assert live[1].origin_id == price.origin_id


def test_without_a_bag_it_is_the_first_that_nobody_has(world: World) -> None:
    assert (price_of_b(world, None, NOW).bag, price_of_b(world, None, NOW).bags) == (1, 1)
    world.ask(world.a, bags=2, bag=1)
    price = price_of_b(world, None, after(1))
    assert (price.bag, price.bags) == (2, 2)


def test_a_bag_of_an_earlier_split_is_no_bag_any_more(world: World) -> None:
    for bags in (3, 2):
        with transaction.atomic():
            seeking.held(world.order, policy=DEFAULT, now=NOW, bags=bags)
    world.ask(world.a)
    price = price_of_b(world, None, after(1))
    assert (price.bag, price.bags) == (1, 2)
    with pytest.raises(NotPossible, match="no such bag"):
        price_of_b(world, 3, after(1))


def test_the_api_asks_for_the_bag_it_is_told(world: World, dada: FakeDada) -> None:
    client = Client()
    client.force_login(make_staff(world.order.store))
    world.ask(world.a, bags=2)

    def offers(bag: str) -> int:
        address = f"/api/v1/stores/{world.order.store_id}/orders/{world.order.pk}/offers"
        with time_machine.travel(NOW, tick=False):
            return client.get(address, {"bag": bag}).status_code

    def asked(bag: str) -> int:
        """How many calls it took to answer."""
        before = len(dada.calls)
        assert offers(bag) == 200
        return len(dada.calls) - before

    assert (asked("1") > 0, asked("2") > 0) == (True, True)
    assert (asked("1"), asked("2")) == (0, 0)  # each was kept for itself
    assert [offers(bag) for bag in ("3", "0", "x")] == [422, 422, 422]
