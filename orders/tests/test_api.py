"""The board's answers, delays and moves over HTTP: what is taken, what is refused in words, who may."""

import pytest
from django.utils import timezone

from orders.models import Order, OrderEvent
from orders.tests.factories import place_order
from outbox.models import Job
from stores.models import IntakeState
from stores.tests.factories import (
    ManagerFactory,
    StaffFactory,
    StoreChannelFactory,
    StoreFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return StoreFactory(cups_per_hour=60)


@pytest.fixture
def order(store):
    channel = StoreChannelFactory(store=store)
    order = place_order(channel, now=timezone.now())
    channel.account.channel = "eleme"
    channel.account.save()
    return order


@pytest.fixture
def manager(store):
    return ManagerFactory(franchise=store.franchise)


@pytest.fixture
def send(client, store, order):
    """Send a command about the order, as staff unless somebody else is signed in."""
    client.force_login(StaffFactory(store=store))

    def post(path, body, key="", at=None):
        address = f"/api/v1/stores/{(at or store).pk}/orders/{order.pk}/{path}"
        headers = {"idempotency-key": key} if key else {}
        return client.post(address, body, content_type="application/json", headers=headers)

    return post


def ask(order, **more):
    request = {
        "about": "cancel", "step": "applied", "at": "2026-02-06T02:00:00.000Z", "reason": "", "whole": True,
        "amount": None, "ref": "r-1", "answer_by": None, "answered": None, **more,
    }  # fmt: skip
    Order.objects.filter(pk=order.pk).update(request=request)


def test_a_request_is_answered_once_and_the_second_hears_by_whom(send, order, client, store):
    ask(order)

    first = send("request", {"answer": "refuse", "reason": " 已经做好了 "}, key="k-1")
    again = send("request", {"answer": "refuse", "reason": " 已经做好了 "}, key="k-1")
    client.force_login(StaffFactory(store=store, first_name="Wei"))
    other = send("request", {"answer": "agree"})

    assert (first.status_code, again.json()) == (200, first.json())
    assert first.json()["card"]["request"]["answered"]["answer"] == "refuse"
    assert Job.objects.get().payload["data"]["reason"] == "已经做好了"
    assert (other.status_code, other.json()["code"], other.json()["by"]) == (409, "stale", "Lin")


def test_an_urge_is_answered_in_own_words(send, order):
    Order.objects.filter(pk=order.pk).update(urges=1, urged_at=timezone.now())

    assert send("urge", {"answer": "custom", "text": "两分钟就好"}).status_code == 200
    assert Job.objects.get().payload["data"] == {"ref": "", "answer": "custom", "text": "两分钟就好"}


def test_where_no_answer_is_heard_the_person_is_told(send, order):
    ask(order)
    order.account.channel = "standard"
    order.account.save()

    answer = send("request", {"answer": "agree"})

    assert (answer.status_code, answer.json()["code"]) == (422, "not_possible")
    assert "own app" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("request", {}),
        ("request", {"answer": "maybe"}),
        ("request", {"answer": "refuse", "reason": "  "}),
        ("request", {"answer": "refuse", "reason": "a\0b"}),
        ("urge", {"answer": "custom"}),
        ("urge", {"answer": "custom", "text": "x" * 31}),
        ("postpone", {"minutes": 7}),
        ("move", {"store": "x"}),
    ],
)
def test_what_is_not_of_the_form_changes_nothing(send, order, path, body):
    ask(order)
    before = list(Order.objects.values())

    answer = send(path, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert (list(Order.objects.values()), OrderEvent.objects.count()) == (before, 1)


def test_it_will_be_ready_later(send, order):
    assert send("postpone", {"minutes": 20}).status_code == 200
    ahead = Order.objects.get(pk=order.pk).expected_at - timezone.now()
    assert 19 < ahead.total_seconds() / 60 <= 20


def test_a_manager_sees_where_an_order_could_go_and_moves_it(send, client, manager, store, order):
    near = StoreFactory(
        franchise=store.franchise, code="SH-NEAR", name="近店", latitude=31.24, longitude=121.48
    )
    far = StoreFactory(franchise=store.franchise, code="SH-FAR", name="远店", latitude=31.5, longitude=121.48)
    IntakeState.objects.filter(store=far).update(level="paused")
    client.force_login(manager)

    offered = client.get(f"/api/v1/stores/{store.pk}/orders/{order.pk}/siblings").json()["stores"]
    moved = send("move", {"store": near.pk}, key="k-1")
    again = send("move", {"store": near.pk}, key="k-1")
    refused = send("move", {"store": far.pk}, at=near)

    assert offered == [
        {
            "id": near.pk, "code": "SH-NEAR", "name": "近店", "city": "上海", "kilometres": 1.1,
            "level": "open", "waiting": 0, "minutes": 0,
        },
        {
            "id": far.pk, "code": "SH-FAR", "name": "远店", "city": "上海", "kilometres": 30.0,
            "level": "paused", "waiting": 0, "minutes": 0,
        },
    ]  # fmt: skip
    assert (moved.status_code, moved.json()["card"]["on_board"], again.json()) == (200, False, moved.json())
    assert (refused.status_code, refused.json()["code"]) == (422, "not_possible")
    assert Order.objects.get(pk=order.pk).store == near


def test_only_the_manager_of_both_stores_moves(send, client, store, order):
    sibling, foreign = StoreFactory(franchise=store.franchise), StoreFactory()
    people = {
        "staff": StaffFactory(store=store),
        "manager elsewhere": ManagerFactory(franchise=foreign.franchise),
        "nobody": UserFactory(),
    }
    for name, person in people.items():
        client.force_login(person)
        siblings = client.get(f"/api/v1/stores/{store.pk}/orders/{order.pk}/siblings")
        statuses = [siblings.status_code, send("move", {"store": sibling.pk}).status_code]
        assert statuses == [404, 404], name
    client.force_login(ManagerFactory(franchise=store.franchise))
    assert send("move", {"store": foreign.pk}).status_code == 404
    assert Order.objects.get(pk=order.pk).store == store


def test_a_command_of_the_old_board_finds_a_moved_order_gone(send, client, manager, store, order):
    client.force_login(manager)
    send("move", {"store": StoreFactory(franchise=store.franchise).pk})

    assert send("accept", {}).status_code == 404
