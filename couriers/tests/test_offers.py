"""The HTTP API of offers, splits, searches and questions: what it answers, and to whom."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from couriers.models import CarrierSearch, CourierStore, HandOff
from couriers.offers import RACES, quoted_draft
from couriers.tests.factories import NOW, after, make_account, make_order, make_staff, make_store
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import at_work, courier, policy
from couriers.tests.work import run_all
from orders.models import Order, OrderEvent
from stores.models import Membership, Store

pytestmark = pytest.mark.django_db


class Counter:
    """Somebody of a store's staff, and how they ask and command."""

    def __init__(self, order: Order) -> None:
        self.order, self.store = order, order.store
        self.client = Client()
        self.client.force_login(make_staff(self.store))

    def address(self, path: str, store: Store | None = None) -> str:
        return f"/api/v1/stores/{(store or self.store).pk}/orders/{self.order.pk}/{path}"

    def get(self, path: str) -> Any:
        return self.client.get(self.address(path))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            self.address(path), data=body or {}, content_type="application/json", headers=headers
        )


@pytest.fixture
def counter() -> Counter:
    return Counter(make_order())


def test_offers_tell_price_and_time_and_who_is_best(counter: Counter, dada: FakeDada) -> None:
    rider = at_work(counter.store)
    account = courier(counter.store, dada)
    away = courier(counter.store, dada, "Away")
    away.base_url = "http://127.0.0.1:9/dada"
    away.save()
    with time_machine.travel(NOW, tick=False):
        offers = counter.get("offers").json()
    refs = [offer.pop("quote") for offer in offers]
    assert offers == [
        {
            "key": f"rider:{rider.pk}",
            "kind": "rider",
            "id": rider.pk,
            "name": "Old Wang",
            "fee": None,
            "currency": "CNY",
            "minutes": None,
            "expires_at": None,
            "error": "",
            "marks": ["suggested"],
        },
        {
            "key": f"courier:{account.pk}",
            "kind": "courier",
            "id": account.pk,
            "name": "Dada",
            "fee": 850,
            "currency": "CNY",
            "minutes": None,
            "expires_at": "2026-02-06T04:03:00.000Z",
            "error": "",
            "marks": [],
        },
        {
            "key": f"courier:{away.pk}",
            "kind": "courier",
            "id": away.pk,
            "name": "Away",
            "fee": None,
            "currency": "CNY",
            "minutes": None,
            "expires_at": None,
            "error": "no connection (ConnectError)",
            "marks": [],
        },
    ]
    assert [ref is not None for ref in refs] == [False, True, False]
    assert not CarrierSearch.objects.exists()


def test_the_cheapest_is_marked_where_there_are_two(counter: Counter, dada: FakeDada) -> None:
    courier(counter.store, dada, "A")
    courier(counter.store, dada, "B")
    assert [offer["marks"] for offer in counter.get("offers").json()] == [
        ["cheapest", "suggested"],
        ["cheapest"],
    ]


def test_a_price_is_good_for_its_order_its_courier_its_time_and_once(dada: FakeDada) -> None:
    counter = Counter(make_order())
    account, other = courier(counter.store, dada), courier(counter.store, dada, "Other")
    ref = counter.get("offers").json()[0]["quote"]
    order_id = counter.order.pk

    def draft(ref: str = ref, order_id: int = order_id, whose: Any = account, seconds: float = 0) -> Any:
        return quoted_draft(ref, order_id=order_id, account=whose, now=after(seconds))

    taken = draft()
    assert taken.quote_ref.startswith(("D1.", "D2."))  # asked at once, in either order
    assert [draft("made up"), draft(order_id=0), draft(whose=other), draft(seconds=180)] == [None] * 4
    counter.post("handoff", {"courier": account.pk, "quote": ref})
    HandOff.objects.update(origin_id=taken.origin_id)
    assert draft() is None


def test_a_made_up_price_is_not_taken_and_does_no_harm(counter: Counter, dada: FakeDada) -> None:
    account = courier(counter.store, dada)
    reply = counter.post("handoff", {"courier": account.pk, "quote": "gAAAA-made-up"})
    assert reply.status_code == 200
    assert HandOff.objects.get().quote_ref == ""


def test_whom_the_policy_asks_is_found_by_itself(counter: Counter, dada: FakeDada) -> None:
    courier(counter.store, dada)
    reply = counter.post("handoff", {"auto": True}).json()
    assert reply["card"]["delivery"]["search"]["state"] == "seeking"
    assert CarrierSearch.objects.get().state == "seeking"


def test_an_order_is_split_and_its_bags_are_followed_one_by_one(counter: Counter) -> None:
    rider = at_work(counter.store)
    given = counter.post("handoff", {"rider": rider.pk, "bags": 2}).json()
    assert (given["card"]["delivery"]["bags"], len(given["card"]["delivery"]["parts"])) == (2, 2)
    states = []
    for path, body in (("picked-up", {"bag": 1}), ("picked-up", {"bag": 2}), ("delivered", {})):
        states.append(counter.post(f"handoff/{path}", body).json()["card"]["state"])
    assert states == ["ready", "collected", "delivered"]


@pytest.mark.parametrize("bags", [0, 21, "x", 3])
def test_an_order_is_split_into_sensibly_many_bags(counter: Counter, bags: Any) -> None:
    reply = counter.post("handoff", {"rider": at_work(counter.store).pk, "bags": bags})
    assert reply.status_code == 422
    assert not HandOff.objects.exists()


@pytest.mark.parametrize("body", [{"auto": False}, {"auto": True, "rider": 1}, {"quote": "x" * 3_000}])
def test_a_hand_off_names_one_of_the_three(counter: Counter, body: Any) -> None:
    assert counter.post("handoff", body).status_code == 422


def test_search_again_says_who_carries_it_if_somebody_does(counter: Counter) -> None:
    policy(counter.store, automatic=False)
    again = counter.post("handoff/search-again").json()
    assert again["card"]["delivery"]["search"]["state"] == "seeking"
    counter.post("handoff", {"rider": at_work(counter.store).pk})
    reply = counter.post("handoff/search-again")
    assert (reply.status_code, reply.json()["code"], reply.json()["by"]) == (409, "live_handoff", "Mei")


@pytest.mark.parametrize(("has", "state"), [(True, "sent"), (False, "failed")])
def test_a_question_is_answered_once(counter: Counter, dada: FakeDada, has: bool, state: str) -> None:
    counter.post("handoff", {"courier": courier(counter.store, dada).pk})
    HandOff.objects.update(state="unknown", human_asked_at=NOW)
    key = {"Idempotency-Key": "0a7c1f0e-6f0e-4a53-9d0a-0f6f0a9a2c11"}
    first = counter.post("handoff/settle", {"has": has}, **key).json()
    assert first["card"]["delivery"]["state"] == state
    assert counter.post("handoff/settle", {"has": has}, **key).json() == first
    assert counter.post("handoff/settle", {"has": has}).status_code == 409


def test_asking_again_is_a_command_like_any_other(counter: Counter, dada: FakeDada) -> None:
    assert counter.post("handoff/ask-again").status_code == 409
    counter.post("handoff", {"courier": courier(counter.store, dada).pk})
    HandOff.objects.update(state="unknown", human_asked_at=NOW)
    events = OrderEvent.objects.count()
    assert counter.post("handoff/ask-again").status_code == 200
    assert OrderEvent.objects.count() == events + 1


@pytest.mark.parametrize("body", [{}, {"has": "perhaps"}, {"has": True, "bag": 0}])
def test_an_answer_is_yes_or_no(counter: Counter, body: Any) -> None:
    assert counter.post("handoff/settle", body).status_code == 422


def test_a_foreign_order_is_not_there(counter: Counter) -> None:
    counter.client.force_login(make_staff(make_store()))
    assert counter.get("offers").status_code == 404
    for path in ("settle", "ask-again", "search-again", "cancel"):
        body = {"has": True} if path == "settle" else {}
        assert counter.post(f"handoff/{path}", body).status_code == 404


def test_what_runs_after_a_tap_needs_nobody(counter: Counter, dada: FakeDada) -> None:
    courier(counter.store, dada)
    counter.post("handoff", {"auto": True})
    moment = CarrierSearch.objects.get().changed_at
    run_all(moment)
    assert HandOff.objects.get().state == "sent"


@pytest.mark.parametrize(
    "values", [{"state": "delivered"}, {"state": "placed"}, {"fulfilment": "platform_courier"}]
)
def test_no_courier_hears_of_what_may_not_be_handed_off(values: dict[str, Any], dada: FakeDada) -> None:
    counter = Counter(make_order(**values))
    courier(counter.store, dada)
    assert counter.get("offers").status_code == 422
    assert dada.calls == []


def test_a_price_is_not_taken_along_to_another_store(counter: Counter, dada: FakeDada) -> None:
    account, sibling = courier(counter.store, dada), make_store(counter.store.franchise)
    CourierStore.objects.create(account=account, store=sibling, shop_no="2")
    ref = counter.get("offers").json()[0]["quote"]
    Order.objects.update(store=sibling)
    counter.store = sibling
    counter.client.force_login(make_staff(sibling))
    assert counter.post("handoff", {"courier": account.pk, "quote": ref}).status_code == 200
    assert (HandOff.objects.get().quote_ref, HandOff.objects.get().store_id) == ("", sibling.pk)


def raced(dada: FakeDada) -> int:
    return len([call for call, _ in dada.calls if call == "queryDeliverFee"])


def test_prices_asked_for_again_within_moments_are_the_same(counter: Counter, dada: FakeDada) -> None:
    account = courier(counter.store, dada)
    with time_machine.travel(NOW, tick=False) as clock:
        first = counter.get("offers").json()
        clock.shift(4)
        assert counter.get("offers").json() == first
        assert raced(dada) == 1
        clock.shift(2)
        assert counter.get("offers").json() != first
        assert raced(dada) == 2
        body = {"courier": account.pk, "quote": first[0]["quote"]}
        assert counter.post("handoff", body).status_code == 200
    assert HandOff.objects.get().quote_ref.startswith("D1.")


def test_prices_are_asked_for_anew_once_somebody_carries_the_order(counter: Counter, dada: FakeDada) -> None:
    account = courier(counter.store, dada)
    with time_machine.travel(NOW, tick=False):
        first = counter.get("offers").json()[0]["quote"]
        counter.post("handoff", {"courier": account.pk, "quote": first})
        counter.post("handoff/cancel")
        second = counter.get("offers").json()[0]["quote"]
        counter.post("handoff", {"courier": account.pk, "quote": second})
    assert raced(dada) == 2
    one, other = HandOff.objects.order_by("pk")
    assert one.origin_id != other.origin_id
    assert "" != one.quote_ref != other.quote_ref != ""


def test_kept_prices_are_told_in_the_language_of_who_asks(counter: Counter) -> None:
    make_account(counter.store)
    Order.objects.update(address="")

    def error(language: str) -> str:
        reply = counter.client.get(counter.address("offers"), headers={"Accept-Language": language})
        return str(reply.json()[0]["error"])

    told = [error("en"), error("de")]
    assert told[0] == "The order has no phone number or no address."
    assert told[1] not in {"", told[0]}


def test_who_asks_for_prices_too_often_is_told_when_they_may_again(dada: FakeDada) -> None:
    store = make_store()
    counters = [Counter(make_order(store)) for _ in range(RACES + 1)]
    for one in counters:
        one.client = counters[0].client
    courier(store, dada)
    with time_machine.travel(after(20), tick=False) as clock:
        answers = [one.get("offers") for one in counters]
        assert [answer.status_code for answer in answers] == [200] * RACES + [429]
        refusal = answers[-1]
        assert (refusal["Retry-After"], refusal.json()["code"]) == ("40", "too_many")
        assert refusal.json()["detail"] == (
            "No prices for 40 s: they were asked for too often. Everybody can be asked all the same."
        )
        assert counters[-2].get("offers").status_code == 200  # as it was a moment ago
        asked = raced(dada)
        clock.shift(40)
        assert counters[-1].get("offers").status_code == 200
    assert raced(dada) == asked + 1


def test_a_store_is_limited_whoever_asks_and_a_person_wherever_they_do(dada: FakeDada) -> None:
    franchise = make_store().franchise
    here, there, elsewhere = (make_store(franchise) for _ in range(3))
    first = Counter(make_order(here))
    person = make_staff(here)
    for store in (there, elsewhere):
        Membership.objects.create(user=person, role="staff", franchise=franchise, store=store)
    first.client.force_login(person)

    def ask(store: Store, client: Client | None = None) -> int:
        one = Counter(make_order(store))
        return (client or one.client).get(one.address("offers")).status_code

    with time_machine.travel(NOW, tick=False):
        assert {ask(here) for _ in range(RACES)} == {200}  # many people
        assert [ask(here), ask(there)] == [429, 200]
        assert {ask(there, first.client) for _ in range(RACES // 2)} == {200}
        assert {ask(elsewhere, first.client) for _ in range(RACES // 2)} == {200}
        assert [ask(elsewhere, first.client), ask(elsewhere)] == [429, 200]


def test_what_may_not_be_handed_off_any_more_has_no_kept_prices(counter: Counter, dada: FakeDada) -> None:
    courier(counter.store, dada)
    assert counter.get("offers").status_code == 200
    Order.objects.update(state="delivered")
    assert counter.get("offers").status_code == 422
