"""Shares count what is carried: who refuses an order has not had it, and is asked for the next one."""

import pytest

from couriers.tests.factories import after, make_store
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import courier, policy, ready, shelved, tried

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def test_a_refused_order_does_not_count_for_a_share(dada: FakeDada) -> None:
    store = make_store()
    a, b = courier(store, dada, "A"), courier(store, dada, "B")
    policy(store, otherwise={"by": "shares", "shares": {f"courier:{a.pk}": 30, f"courier:{b.pk}": 70}})
    orders = [shelved(store=store) for _ in range(4)]

    for number, order in enumerate(orders):
        if number == 2:
            dada.script["addOrder"].append("no riders today")
        ready(order, after(number * 10))

    assert [tried(order) for order in orders] == [
        [("B", "sent", "")],
        [("B", "sent", "")],
        [("A", "failed", "refused"), ("B", "sent", "")],
        [("A", "sent", "")],
    ]
