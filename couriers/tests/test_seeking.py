"""Finding a carrier by itself: who is asked, one at a time, and what a person's word changes."""

import pytest

from couriers.models import CarrierPolicy, CarrierSearch, HandOff
from couriers.policy.document import DEFAULT, write
from couriers.tests.factories import MEI, NOW, after, make_account, make_order, make_rider
from couriers.tests.fake_dada import FakeDada
from couriers.tests.work import facts, run_all
from orders.models import Order
from orders.services import step
from stores.models import Store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def automatic(store: Store, **values: object) -> None:
    """The store finds carriers by itself."""
    document = write(DEFAULT) | {"automatic": True} | values
    CarrierPolicy.objects.create(store=store, automatic=True, document=document, version=1, changed_at=NOW)


def made_ready(**values: object) -> Order:
    """An order that is just put on the shelf; its store has no carriers yet."""
    return make_order(state="making", ready_at=None, **values)


def ready(order: Order) -> None:
    step(order_id=order.pk, verb="ready", actor=MEI, now=NOW)


def test_an_order_that_becomes_ready_is_offered_to_the_courier_by_itself(dada: FakeDada) -> None:
    order = made_ready()
    automatic(order.store)
    make_account(order.store, dada.url)
    ready(order)
    run_all(NOW)
    handoff = HandOff.objects.get(order=order)
    assert facts(handoff) == ("sent", "searching", "", "ready")
    assert dada.ledger == [handoff.origin_id]
    search = CarrierSearch.objects.get(order=order)
    assert (search.state, search.accept_by) == ("offered", after(120))
