"""The pages of the counter: who gets which, and what the board's page tells its script."""

import json
import re

import pytest
from django.urls import reverse

from stores.tests.factories import FranchiseFactory, ManagerFactory, StaffFactory, StoreFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return StoreFactory()


def test_pages_ask_for_a_sign_in(client, store):
    for url in (reverse("home"), reverse("board", args=[store.pk])):
        assert client.get(url).headers["Location"] == f"/login/?next={url}"


def test_staff_go_straight_to_their_board(client, store):
    client.force_login(StaffFactory(store=store))

    assert client.get("/").headers["Location"] == f"/stores/{store.pk}/"


def test_a_manager_sees_the_stores_of_the_franchise_only(client):
    franchise = FranchiseFactory()
    mine = StoreFactory.create_batch(2, franchise=franchise)
    foreign = StoreFactory()
    client.force_login(ManagerFactory(franchise=franchise))

    page = client.get("/").content.decode()

    assert all(reverse("board", args=[store.pk]) in page for store in mine)
    assert reverse("board", args=[foreign.pk]) not in page


def test_without_a_store_the_list_says_whom_to_ask(client):
    client.force_login(UserFactory())

    assert "Ask your franchise manager" in client.get("/").content.decode()


def test_a_foreign_board_is_not_found(client, store):
    client.force_login(StaffFactory(store=StoreFactory()))

    assert client.get(reverse("board", args=[store.pk])).status_code == 404


def test_the_board_tells_its_script_what_it_needs(client, store):
    user = StaffFactory(store=store)
    client.force_login(user)

    answer = client.get(reverse("board", args=[store.pk]))

    answers = ["order.self_delivery", "request.agreed", "request.refused", "urge.answered"]
    (boot,) = re.findall(r'<script id="boot" type="application/json">(.*?)</script>', answer.content.decode())
    assert json.loads(boot) == {
        "store": {
            "id": store.pk,
            "code": store.code,
            "name": store.name,
            "city": store.city,
            "timezone": "Asia/Shanghai",
            "cups_per_hour": 120,
        },
        "user": {"id": user.pk, "label": user.label},
        "manages": False,
        "hears": {
            "standard": ["order.delayed"],
            "eleme": ["order.delayed", *answers],
            "meituan": answers,
        },
        "api": f"/api/v1/stores/{store.pk}",
        "socket": f"/ws/v1/stores/{store.pk}/feed",
        "login": f"/login/?next=/stores/{store.pk}/",
    }
    assert "csrftoken" in answer.cookies


def test_pages_carry_no_inline_script_or_style(client, store):
    client.force_login(StaffFactory(store=store))

    for url in (reverse("board", args=[store.pk]), reverse("login")):
        page = client.get(url, follow=True).content.decode()
        scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", page)
        assert (scripts, re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)) == ([], [])


def test_the_navigation_shows_what_is_permitted(client, store):
    people = {
        "staff": StaffFactory(store=store),
        "manager": ManagerFactory(franchise=store.franchise),
        "admin": UserFactory(is_staff=True, is_superuser=True),
    }
    seen = {}
    for name, user in people.items():
        client.force_login(user)
        page = client.get(reverse("board", args=[store.pk])).content.decode()
        seen[name] = (f'href="{reverse("reports")}"' in page, f'href="{reverse("admin:index")}"' in page)

    assert seen == {"staff": (False, False), "manager": (True, False), "admin": (True, True)}


def test_the_page_speaks_the_chosen_language(client):
    client.post(reverse("set_language"), {"language": "zh-hans", "next": "/login/"})

    assert '<html lang="zh-hans"' in client.get("/login/").content.decode()


def test_the_words_of_the_board_are_served(client):
    answer = client.get(reverse("javascript-catalog"))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, 'text/javascript; charset="utf-8"')
