"""The managers' page of a policy: who sees it, editing without scripts, trying, saving, two at once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from couriers.models import CarrierPolicy, CarrierPolicyChange, HandOff
from couriers.policy.document import DEFAULT, Choice, Policy, Rule, When, read, write
from couriers.policy.queries import policy_of
from couriers.policy.services import save_policy
from couriers.tests.factories import (
    BO,
    MEI,
    NOW,
    make_account,
    make_order,
    make_rider,
    make_staff,
    make_store,
)
from stores.models import Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def dada(store):
    return make_account(store)


@pytest.fixture
def manager(store):
    user = User.objects.create_user(username="wu", first_name="Wu")
    Membership.objects.create(user=user, role="manager", franchise=store.franchise)
    client = Client()
    client.force_login(user)
    return client


def page(store):
    return reverse("carrier-policy", kwargs={"store_id": store.pk})


def fields(answer):
    """What a browser would send of the form in an answer: every field with its value, as it stands."""
    sent: dict[str, list[str]] = {}
    html = answer.content.decode()
    html = html[html.index('id="policy-form"') : html.index("</form>", html.index('id="policy-form"'))]
    html = re.sub(r"<template.*?</template>", "", html, flags=re.S)
    for tag in re.findall(r"<input\b[^>]*>", html):
        facts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if facts.get("type") in {"checkbox", "radio"} and not re.search(r"\bchecked\b", tag):
            continue
        unsaid = "on" if facts.get("type") == "checkbox" else ""
        sent.setdefault(facts["name"], []).append(facts.get("value", unsaid))
    for name, body in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', html, flags=re.S):
        chosen = re.search(r'value="([^"]*)"\s+selected', body) or re.search(r'value="([^"]*)"', body)
        sent[name] = [chosen[1]]
    return sent


def test_the_page_is_the_managers_alone(store, client):
    staff = Client()
    staff.force_login(make_staff(store))
    assert client.get(page(store)).status_code == 302
    assert staff.get(page(store)).status_code == 404
    assert staff.post(page(store), {"do": "save"}).status_code == 404
    assert not CarrierPolicy.objects.exists()


POLICY = Policy(
    automatic=True,
    own_first=False,
    accept_within=90,
    rules=(
        Rule("Night", When(days=(4, 5), from_time=None, to_time=None, distance_to=1500), Choice("fastest")),
        Rule(
            "Big",
            When(value_from=12_345, cups_from=8, load_to=40, channels=("eleme",)),
            Choice("order", ("riders",), own_first=True),
        ),
    ),
)


def test_what_is_shown_is_saved_as_it_was(store, dada, manager):
    policy = Policy(
        **{name: getattr(POLICY, name) for name in ("automatic", "own_first", "accept_within", "rules")},
        otherwise=Choice("shares", (), {f"courier:{dada.pk}": 60, "riders": 40}),
    )
    save_policy(store=store, document=write(policy), actor=MEI, now=NOW, expected_version=0)

    answer = manager.get(page(store))
    saved = manager.post(page(store), {**fields(answer), "do": "save"}, follow=True)

    assert "Nothing was changed, so nothing was saved." in saved.content.decode()
    assert (policy_of(store.pk), CarrierPolicyChange.objects.count()) == (policy, 1)


def test_a_rule_is_added_filled_and_saved_without_scripts(store, dada, manager):
    sent = fields(manager.get(page(store)))
    sent = fields(manager.post(page(store), {**sent, "do": "add"}))
    assert sent["rule"] == ["r1"]
    sent |= {
        "r1-name": "Lunch", "r1-days": ["0", "4"], "r1-from_time": "11:00", "r1-to_time": "14:00",
        "r1-distance_to": "2.5", "r1-value_from": "30", "r1-by": "shares",
        f"r1-part-courier:{dada.pk}": "70", "r1-part-riders": "30", "automatic": "yes",
    }  # fmt: skip
    answer = manager.post(page(store), {**sent, "do": "save"})

    assert answer["Location"] == page(store)
    document = write(DEFAULT) | {
        "automatic": True,
        "rules": [
            {
                "name": "Lunch",
                "when": {
                    "days": [0, 4], "from_time": "11:00", "to_time": "14:00",
                    "distance_to": 2500, "value_from": 3000,
                },
                "choose": {
                    "by": "shares", "carriers": [], "own_first": None,
                    "shares": {f"courier:{dada.pk}": 70, "riders": 30},
                },
            }
        ],
    }  # fmt: skip
    assert policy_of(store.pk) == read(document)
    history = manager.get(page(store)).content.decode()
    assert "Orders are handed off by themselves." in history
    assert "Mon, Fri · 11:00 to 14:00 · up to 2.5 km · from 30.00 CNY: Dada 70 %, Own riders 30 %." in history


def test_rules_and_carriers_are_moved_and_removed_without_scripts(store, dada, manager):
    rules = tuple(Rule(name, When(cups_from=1), Choice()) for name in ("One", "Two", "Three"))
    save_policy(store=store, document=write(Policy(rules=rules)), actor=MEI, now=NOW, expected_version=0)
    sent = fields(manager.get(page(store)))
    for button in (
        "up:r3",
        "down:r1",
        "remove:r2",
        f"up:otherwise:courier:{dada.pk}",
        "up:nowhere",
        "dance:r1",
        "",
    ):
        sent = fields(manager.post(page(store), {**sent, "do": button}))
    assert sent["rule"] == ["r3", "r1"]
    assert sent["otherwise-order"] == [f"courier:{dada.pk}", "riders"]
    manager.post(page(store), {**sent, "do": "save"})
    assert [rule.name for rule in policy_of(store.pk).rules] == ["Three", "One"]


def test_mistakes_are_named_with_their_place_and_nothing_typed_is_lost(store, dada, manager):
    sent = fields(manager.post(page(store), {**fields(manager.get(page(store))), "do": "add"}))
    sent |= {
        "r1-name": "Typed", "r1-cups_from": "many", "r1-by": "shares", f"r1-part-courier:{dada.pk}": "70",
        "accept_within": "5",
    }  # fmt: skip
    for button in ("save", "try"):
        answer = manager.post(page(store), {**sent, "do": button})
        assert answer.status_code == 400
        assert answer.context["problems"] == [
            ("Seconds to find a rider", "This must be a whole number from 30 to 1800."),
            ("Rule 1 “Typed” · Cups", "Enter a whole number."),
            ("Rule 1 “Typed” · Shares", "The shares must sum to 100 %; they sum to 70 %."),
        ]
        again = fields(answer)
        assert {name: again[name] for name in ("r1-name", "r1-cups_from")} == {
            "r1-name": ["Typed"],
            "r1-cups_from": ["many"],
        }
    assert not CarrierPolicy.objects.exists()


def test_the_second_of_two_is_told_who_saved_what_and_loses_nothing(store, manager):
    save_policy(store=store, document={}, actor=MEI, now=NOW, expected_version=0)
    sent = {**fields(manager.get(page(store))), "accept_within": "99"}
    theirs = {"automatic": True, "accept_within": 300}
    save_policy(store=store, document=theirs, actor=BO, now=NOW, expected_version=1)

    answer = manager.post(page(store), {**sent, "do": "save"})

    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Bo saved version 2 on Feb. 6, 2026 at 12:00, while you were editing." in " ".join(text.split())
    assert answer.context["overtaken"]["differences"] == [
        "Orders are handed off by themselves.",
        "Seconds to find a rider: 120 → 300",
    ]
    assert fields(answer)["accept_within"] == ["99"]
    assert policy_of(store.pk) == Policy(automatic=True, accept_within=300)
    again = manager.post(page(store), {**fields(answer), "do": "save"})
    assert (again.status_code, policy_of(store.pk)) == (302, Policy(accept_within=99))


def test_a_carrier_of_others_is_refused(store, manager):
    foreign = make_account(make_store())
    sent = fields(manager.get(page(store)))
    sent |= {"otherwise-order": f"courier:{foreign.pk}", "otherwise-carriers": f"courier:{foreign.pk}"}
    answer = manager.post(page(store), {**sent, "do": "save"})
    assert answer.status_code == 400
    assert answer.context["problems"] == [
        ("Otherwise · Carriers", f"“courier:{foreign.pk}” does not serve this store.")
    ]


def test_a_carrier_that_no_longer_serves_stays_until_it_is_taken_out(store, dada, manager):
    key = f"courier:{dada.pk}"
    document = {"otherwise": {"by": "order", "carriers": [key]}}
    save_policy(store=store, document=document, actor=MEI, now=NOW, expected_version=0)
    dada.shops.all().delete()
    answer = manager.get(page(store))
    assert "Dada" in answer.content.decode()
    sent = {**fields(answer), "accept_within": "60", "do": "save"}
    assert manager.post(page(store), sent).status_code == 302
    assert policy_of(store.pk).otherwise.carriers == (key,)


def test_a_draft_is_tried_on_yesterday_and_nothing_is_saved(store, dada, manager):
    at = NOW - timedelta(days=1)
    order = make_order(store, placed_at=at, ready_at=at, state="delivered")
    HandOff.objects.create(
        order=order, store=store, carrier="own", rider=make_rider(store), state="delivered",
        created_label="Mei", created_at=at, changed_at=at, heard_at=at, delivered_at=at,
    )  # fmt: skip
    sent = fields(manager.get(page(store)))
    assert sent["day"] == ["2026-02-05"]

    answer = manager.post(page(store), {**sent, "do": "try"})

    (line,) = answer.context["tried"]["changed"]
    assert (answer.status_code, line.line.fact.name, line.line.first.name) == (200, "Old Wang", "Dada")
    assert "1 order would go to somebody else" in answer.content.decode()
    assert not CarrierPolicy.objects.exists()


@pytest.mark.parametrize("day", ["", "soon", "2026-02-07", "0001-01-01", "2026-02-30", "9" * 50])
def test_a_day_that_cannot_be_tried_is_said_in_words(store, manager, day):
    answer = manager.post(page(store), {**fields(manager.get(page(store))), "day": day, "do": "try"})
    assert answer.status_code == 400
    assert answer.context["day_mistake"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"do": "save"},
        {"do": "save", "rule": ["r1", "r1", "<", "otherwise", "r2"], "version": "x"},
        {"do": "save", "rule": [f"r{n}" for n in range(99)], "version": "9" * 99},
        {"do": "save", "rule": "r1", "r1-distance_to": "1e99999999", "r1-value_to": "NaN", "r1-days": "9"},
        {
            "do": "save",
            "otherwise-order": ["\0", "x" * 9999],
            "otherwise-part-riders": "٣",
            "otherwise-by": "shares",
        },
        {"do": "up:r1:\0"},
        {"do": "add:::"},
    ],
)
def test_whatever_is_sent_gets_an_answer(store, manager, sent):
    for values in (sent, {**sent, "do": "try"}):
        assert manager.post(page(store), values).status_code in {200, 400}
    assert not CarrierPolicy.objects.exists()


def test_the_day_is_the_stores(store, manager, time_machine):
    time_machine.move_to(datetime(2026, 2, 6, 17, tzinfo=UTC), tick=False)  # one in the night in Shanghai
    assert fields(manager.get(page(store)))["day"] == ["2026-02-06"]
