"""A proposal on a card is made anew when whom it names went home, got orders, or rests."""

import pytest

from couriers.models import CourierRest, Shift
from couriers.seeking_suggestions import renew
from couriers.services import hand_to_rider, rider_picked_up
from couriers.tests.factories import MEI, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import at_work, courier, policy, ready, search_of, shelved
from couriers.tests.work import run_all
from orders.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def proposed(order: Order) -> tuple[str, int | None] | None:
    """Whom the card proposes, and how many orders it says they have."""
    order.refresh_from_db()
    suggestion = order.delivery and order.delivery["suggestion"]
    return suggestion and (suggestion["name"], suggestion["why"].get("live"))


def renewed(seconds: float) -> int:
    count = renew(now=after(seconds))
    run_all(after(seconds))
    return count


def test_whoever_went_home_is_not_proposed_any_more() -> None:
    order = shelved()
    policy(order.store, automatic=False)
    rider = at_work(order.store)
    at_work(order.store, "Xiao Li")
    ready(order)
    assert proposed(order) == ("Old Wang", 0)

    Shift.objects.filter(rider=rider).update(ended_at=after(10))
    assert (renewed(30), proposed(order)) == (1, ("Xiao Li", 0))
    assert (renewed(60), search_of(order).state) == (0, "idle")


def test_whoever_got_an_order_says_so_or_leaves_it_to_the_next() -> None:
    order = shelved()
    policy(order.store, automatic=False)
    rider = at_work(order.store)
    ready(order)
    hand_to_rider(order_id=make_order(order.store).pk, rider=rider, actor=MEI, now=after(10))
    assert (renewed(30), proposed(order), renewed(60)) == (1, ("Old Wang", 1), 0)


def test_nobody_is_proposed_until_somebody_comes() -> None:
    order = shelved()
    policy(order.store, automatic=False)
    ready(order)
    assert (proposed(order), renewed(30)) == (None, 0)
    at_work(order.store)
    assert (renewed(60), proposed(order), renewed(90)) == (1, ("Old Wang", 0), 0)


def test_a_courier_that_rests_gives_way_and_if_it_is_the_only_one_the_card_says_so(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store, automatic=False)
    first, second = courier(order.store, dada), courier(order.store, dada, "Other")
    ready(order)
    name, _ = proposed(order) or ("", None)
    rests, other = (first, second) if name == "Dada" else (second, first)
    facts = {"began_at": after(1), "until": after(3600), "faults": 5, "reason": "HTTP 500"}
    CourierRest.objects.create(account=rests, **facts)
    assert (renewed(30), proposed(order)) == (1, (other.label, None))
    CourierRest.objects.create(account=other, **facts)
    assert renewed(60) == 1
    order.refresh_from_db()
    assert (order.delivery["suggestion"]["why"]["code"], renewed(90)) == ("resting", 0)


def test_a_rider_who_has_left_takes_nothing_along() -> None:
    order = shelved()
    policy(order.store, automatic=False)
    rider = at_work(order.store)
    other = make_order(order.store)
    hand_to_rider(order_id=other.pk, rider=rider, actor=MEI, now=after(-5))
    ready(order)
    order.refresh_from_db()
    assert (order.delivery["suggestion"]["why"]["code"], renewed(30)) == ("own_joins", 0)
    rider_picked_up(order_id=other.pk, actor=MEI, now=after(40))
    assert (renewed(60), proposed(order)) == (1, ("Old Wang", 1))
    assert (order.delivery["suggestion"]["why"]["code"], renewed(90)) == ("own_free", 0)
