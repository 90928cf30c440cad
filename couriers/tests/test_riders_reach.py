"""Nobody is given an order by itself who would not hear of it; people may still give it to them."""

from datetime import datetime

import pytest

from couriers.models import HandOff, Shift
from couriers.policy.situations import candidates_of
from couriers.queries import carriers
from couriers.riders.crew import crew_of
from couriers.riders.shifts import new_link
from couriers.services import hand_to_rider
from couriers.tests.factories import MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.riders import Phone, carried_by, on_shift
from couriers.tests.searches import courier, policy, ready, search_of, shelved, tried

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def asked(shift: Shift, at: datetime) -> tuple[bool, str]:
    """Whether the rider would be asked, and what the dialog says of their phone; the page says the same."""
    store = shift.rider.store
    (candidate,) = candidates_of(store, at)
    (choice,) = carriers(store, now=at)["riders"]
    (member,) = crew_of(store, now=at)
    assert candidate.free == choice["free"] == (not member.passed_over)
    return candidate.free, choice["phone"]


def test_a_phone_that_never_opened_the_link_is_not_asked() -> None:
    shift = on_shift()
    assert asked(shift, after(10)) == (False, "unconnected")
    Phone(shift).stops(at=after(20))
    assert asked(shift, after(30)) == (True, "")


def test_a_new_link_must_be_opened_first() -> None:
    shift = on_shift()
    Phone(shift).stops(at=after(20))
    shift = new_link(shift=Shift.objects.get(pk=shift.pk), now=after(30))
    assert asked(shift, after(31)) == (False, "unconnected")
    Phone(Shift.objects.select_related("rider").get(pk=shift.pk)).stops(at=after(40))
    assert asked(shift, after(41)) == (True, "")


def test_a_phone_that_has_been_silent_for_long_is_not_asked_until_it_is_back() -> None:
    shift = on_shift()
    phone = Phone(shift)
    phone.stops(at=after(10))
    assert asked(shift, after(310)) == (True, "")
    assert asked(shift, after(311)) == (False, "quiet")
    phone.stops(at=after(400))
    assert asked(shift, after(401)) == (True, "")


def test_whoever_is_on_the_road_may_be_silent() -> None:
    shift = on_shift()
    carried_by(shift)
    Phone(shift).stops(at=after(10))
    assert asked(shift, after(3_000)) == (True, "")
    HandOff.objects.update(state="delivered")
    assert asked(shift, after(3_000)) == (False, "quiet")


def test_an_order_the_silent_phone_never_showed_is_no_reason_to_be_silent() -> None:
    shift = on_shift()
    Phone(shift).stops(at=after(10))
    hand_to_rider(order_id=make_order(shift.rider.store).pk, rider=shift.rider, actor=MEI, now=after(20))
    assert asked(shift, after(320)) == (False, "quiet")


def test_the_search_passes_them_over_and_a_person_does_not(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    shift = on_shift(order.store)
    ready(order)
    assert tried(order) == [("Dada", "sent", "")]
    other = make_order(order.store)
    hand_to_rider(order_id=other.pk, rider=shift.rider, actor=MEI, now=NOW)
    assert (tried(other), search_of(other).state) == ([("Old Wang", "confirmed", "")], "carried")


def test_their_phone_opens_and_they_come_first(dada: FakeDada) -> None:
    order = shelved()
    policy(order.store)
    courier(order.store, dada)
    Phone(on_shift(order.store)).stops(at=NOW)
    ready(order, after(60))
    assert tried(order) == [("Old Wang", "confirmed", "")]
