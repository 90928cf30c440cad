"""The HTTP API of hand-offs: what it answers, and to whom."""

from typing import Any

import pytest
from django.test import Client

from couriers.models import HandOff
from couriers.tests.factories import make_account, make_order, make_rider, make_staff, make_store
from orders.models import Order, OrderEvent
from stores.models import Store, User

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def counter() -> "Counter":
    """An order at a store, somebody of its staff signed in, and how they post."""
    return Counter(make_order())


class Counter:
    def __init__(self, order: Order) -> None:
        self.order, self.store = order, order.store
        self.client = signed_in(make_staff(self.store))

    def post(self, path: str = "", body: Any = None, store: Store | None = None, **headers: str) -> Any:
        address = f"/api/v1/stores/{(store or self.store).pk}/orders/{self.order.pk}/handoff{path}"
        return self.client.post(address, data=body or {}, content_type="application/json", headers=headers)


def test_the_dialog_offers_riders_with_their_load_and_couriers(counter: Counter) -> None:
    busy, free = make_rider(counter.store, "A Fu"), make_rider(counter.store, "Lao Li")
    account = make_account(counter.store)
    make_rider(make_store(), "Elsewhere")
    counter.post(body={"rider": busy.pk})
    reply = counter.client.get(f"/api/v1/stores/{counter.store.pk}/carriers")
    at_home = {"on_shift": False, "free": False, "phone": ""}
    assert reply.json() == {
        "riders": [
            {"id": busy.pk, "name": "A Fu", "live": 1, **at_home},
            {"id": free.pk, "name": "Lao Li", "live": 0, **at_home},
        ],
        "couriers": [
            {
                "id": account.pk,
                "provider": "dada",
                "name": "Dada",
                "state": "ready",
                "rests_until": None,
                "live": 0,
                "waiting": 0,
                "unknown": 0,
            }
        ],
    }


def test_the_dialog_costs_the_same_queries_for_one_and_for_three(
    counter: Counter, django_assert_num_queries: Any
) -> None:
    address = f"/api/v1/stores/{counter.store.pk}/carriers"
    make_rider(counter.store, "One")
    make_account(counter.store)
    with django_assert_num_queries(7):
        counter.client.get(address)
    make_rider(counter.store, "Two")
    make_rider(counter.store, "Three")
    with django_assert_num_queries(7):
        counter.client.get(address)


def test_an_own_rider_is_followed_from_hand_off_to_guest(counter: Counter) -> None:
    rider = make_rider(counter.store)
    states = []
    for path, body in (("", {"rider": rider.pk}), ("/picked-up", {}), ("/delivered", {})):
        reply = counter.post(path, body).json()
        states.append((reply["card"]["state"], reply["card"]["delivery"]["progress"], reply["seq"]))
    assert states == [("ready", "assigned", 1), ("collected", "picked_up", 2), ("delivered", "delivered", 3)]


def test_a_courier_is_called_and_called_off(counter: Counter) -> None:
    account = make_account(counter.store)
    assert counter.post(body={"courier": account.pk}).json()["card"]["delivery"]["state"] == "pending"
    reply = counter.post("/cancel", {"reason": "guest came by"}).json()
    assert (reply["card"]["delivery"]["state"], reply["card"]["delivery"]["reason"]) == (
        "cancelled",
        "guest came by",
    )


def test_the_second_person_is_told_who_was_first(counter: Counter) -> None:
    rider = make_rider(counter.store)
    first = counter.post(body={"rider": rider.pk}).json()
    reply = counter.post(body={"rider": rider.pk})
    assert reply.status_code == 409
    told = reply.json()
    assert {name: told[name] for name in ("code", "detail", "by", "card")} == {
        "code": "live_handoff",
        "detail": "The order has been handed off already.",
        "by": "Mei",
        "card": first["card"],
    }


def test_somebody_else_may_have_it_instead(counter: Counter) -> None:
    first, second = make_rider(counter.store), make_rider(counter.store, "Li Wei")
    counter.post(body={"rider": first.pk})
    reply = counter.post(body={"rider": second.pk, "instead": True})
    assert (reply.status_code, reply.json()["card"]["delivery"]["carrier_name"]) == (200, "Li Wei")
    again = counter.post(body={"rider": second.pk, "instead": True})
    assert (again.status_code, again.json()["detail"]) == (422, "Li Wei has it already.")
    account = make_account(counter.store)
    counter.post(body={"courier": account.pk, "instead": True})
    live = HandOff.objects.exclude(state="cancelled")
    assert list(live.values_list("account", "state")) == [(account.pk, "pending")]


def test_who_has_it_instead_must_be_named(counter: Counter) -> None:
    assert counter.post(body={"auto": True, "instead": True}).status_code == 422


def test_a_repeated_command_answers_as_the_first_did(counter: Counter) -> None:
    rider = make_rider(counter.store)
    key = {"Idempotency-Key": "0a7c1f0e-6f0e-4a53-9d0a-0f6f0a9a2c11"}
    assert (
        counter.post(body={"rider": rider.pk}, **key).json()
        == counter.post(body={"rider": rider.pk}, **key).json()
    )
    assert OrderEvent.objects.count() == 1


def test_cancelling_nothing_is_stale(counter: Counter) -> None:
    reply = counter.post("/cancel")
    assert (reply.status_code, reply.json()["code"]) == (409, "stale")


def test_what_is_not_possible_says_why(counter: Counter) -> None:
    counter.order.fulfilment = "pickup"
    counter.order.save()
    reply = counter.post(body={"rider": make_rider(counter.store).pk})
    assert (reply.status_code, reply.json()["detail"]) == (
        422,
        "Only orders that the store delivers are handed off.",
    )


@pytest.mark.parametrize("body", [{}, {"rider": 1, "courier": 1}, {"rider": "x"}, []])
def test_a_hand_off_names_one_carrier(counter: Counter, body: Any) -> None:
    assert counter.post(body=body).status_code == 422


@pytest.mark.parametrize("path", ["", "/cancel", "/picked-up", "/delivered"])
def test_a_foreign_store_and_a_foreign_order_are_not_there(counter: Counter, path: str) -> None:
    rider = make_rider(counter.store)
    body = {"rider": rider.pk} if path == "" else {}
    counter.client = signed_in(make_staff(make_store()))
    assert counter.post(path, body).status_code == 404
    own = make_store()
    counter.client = signed_in(make_staff(own))
    assert counter.post(path, body, store=own).status_code == 404
    assert not HandOff.objects.exists()


def test_a_foreign_stores_carriers_are_not_there(counter: Counter) -> None:
    assert counter.client.get(f"/api/v1/stores/{make_store().pk}/carriers").status_code == 404


def test_a_foreign_rider_or_courier_is_not_there(counter: Counter) -> None:
    elsewhere = make_store()
    for body in ({"rider": make_rider(elsewhere).pk}, {"courier": make_account(elsewhere).pk}):
        assert counter.post(body=body).status_code == 404


def test_somebody_who_is_not_signed_in_gets_nothing(counter: Counter) -> None:
    counter.client = Client()
    assert counter.post(body={"rider": 1}).status_code == 401
