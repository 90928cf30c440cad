"""The rider card: what it says, what it never says, what it costs, and who may change it."""

from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from couriers.door.asking import LOOKUPS, MISSES, WINDOW, may_ask
from couriers.door.reading import FRESH
from couriers.door.services import door_for, save_door
from couriers.models import HandOff, RiderDoor
from couriers.states import Progress
from couriers.tests.factories import NOW, after, make_order, make_rider, make_staff, make_store
from orders.models import Order
from orders.states import OrderState
from stores.models import ChannelAccount, Membership, Store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Any:
    cache.clear()
    with time_machine.travel(NOW, tick=False) as moving:
        yield moving


@pytest.fixture
def store() -> Store:
    return make_store()


def look(store: Store, code: str | None = None, client: Client | None = None, **headers: str) -> Any:
    query = {} if code is None else {"code": code}
    address = f"/door/{door_for(store).token}/"
    return (client or Client()).get(address, query, headers=headers)


def words(answer: Any) -> str:
    """The page's text without its marks."""
    return " ".join(answer.content.decode().split())


def hand_off(store: Store, code: str, state: str = OrderState.READY, **values: Any) -> HandOff:
    order = make_order(store, state=state, **values)
    return HandOff.objects.create(
        order=order,
        store=store,
        carrier="own",
        rider=make_rider(store, f"R{order.pk}"),
        state="confirmed",
        progress=Progress.ASSIGNED,
        pickup_code=code,
        created_at=NOW,
        changed_at=NOW,
        heard_at=NOW,
    )


def facts(answer: Any) -> list[str]:
    """The three numbers of the card: minutes, orders, riders."""
    return [part.split("</dd>")[0].strip() for part in answer.content.decode().split("<dd>")[1:]]


def test_the_card_says_how_long_it_takes_where_to_wait_and_who_waits(store: Store) -> None:
    store.cups_per_hour = 60
    store.save()
    save_door(store=store, instructions="Behind the yellow line", is_open=True)
    for state in (OrderState.MAKING, OrderState.ACCEPTED):
        make_order(store, state=state, cups=3, campaign_name="New year treat", fulfilment="pickup")
    HandOff.objects.filter(pk=hand_off(store, "0427").pk).update(progress=Progress.AT_STORE)
    platform = {"carrier": "platform", "state": "confirmed", "progress": "at_store"}
    make_order(store, on_board=True, delivery=platform, fulfilment="platform_courier")
    make_order(make_store(), state=OrderState.ACCEPTED, campaign_name="Elsewhere")

    answer = look(store)

    assert (answer.status_code, facts(answer)) == (200, ["6", "2", "2"])
    assert "Behind the yellow line" in words(answer)
    assert "New year treat" in words(answer)
    assert "Elsewhere" not in words(answer)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (OrderState.READY, ["Ready", "Bag 2 of 3"]),
        (OrderState.MAKING, ["Ready in about 1 minute", "0 orders are made before it"]),
    ],
)
def test_a_code_says_where_its_bag_is(store: Store, state: str, told: list[str]) -> None:
    handoff = hand_off(store, "0427", state)
    HandOff.objects.update(bag=2, bags=3)
    page = words(look(store, "0427"))
    told = [*told, f"<b>{handoff.order.daily_number}</b>", handoff.order.account.slug]
    assert [word for word in told if word not in page] == []


def test_what_is_made_before_it_is_counted(store: Store) -> None:
    store.cups_per_hour = 60
    store.save()
    make_order(store, state=OrderState.ACCEPTED, cups=4, placed_at=after(-600))
    make_order(store, state=OrderState.MAKING, cups=2, placed_at=after(-60))
    hand_off(store, "0427", OrderState.MAKING, cups=1, placed_at=after(-30))
    page = words(look(store, "0427"))
    assert "Ready in about 3 minutes" in page
    assert "1 order is made before it" in page


def test_a_bag_that_has_gone_says_so(store: Store) -> None:
    handoff = hand_off(store, "0427")
    HandOff.objects.filter(pk=handoff.pk).update(progress=Progress.PICKED_UP)
    assert "Picked up already" in words(look(store, "0427"))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("accepted", "Ready in about"),
        ("making", "Ready in about"),
        ("ready", "Ready"),
        ("collected", "Picked up already"),
    ],
)
def test_a_platforms_rider_goes_by_the_orders_number(store: Store, state: str, told: str) -> None:
    make_order(store, state=state, daily_number="58", on_board=True, fulfilment="platform_courier")
    assert told in words(look(store, "58"))


def test_one_number_at_two_platforms_is_two_bags(store: Store) -> None:
    for slug in ("eleme-x", "meituan-x"):
        order = make_order(store, daily_number="7", on_board=True, fulfilment="platform_courier")
        channel = slug.partition("-")[0]
        account = ChannelAccount.objects.create(franchise=store.franchise, channel=channel, slug=slug)
        Order.objects.filter(pk=order.pk).update(account=account)
    page = words(look(store, "7"))
    assert page.count("door-number") == 2
    assert "Ele.me" in page
    assert "Meituan" in page


@pytest.mark.parametrize(
    "values", [{"fulfilment": "pickup"}, {"state": "cancelled"}, {"on_board": False}, {"elsewhere": True}]
)
def test_other_numbers_are_not_told(store: Store, values: Any) -> None:
    facts = {"state": "ready", "on_board": True, "fulfilment": "platform_courier", **values}
    place = make_store() if facts.pop("elsewhere", False) else store
    make_order(place, daily_number="58", **facts)
    assert "is not known here" in words(look(store, "58"))


@pytest.mark.parametrize("typed", ["9999", "12", "x'<b>", "٤٢"])
def test_an_unknown_code_says_what_to_do(store: Store, typed: str) -> None:
    hand_off(make_store(), "9999")
    answer = look(store, typed)
    assert answer.status_code == 200
    assert "is not known here" in words(answer)
    assert "<b>'" not in words(answer)


def test_nothing_of_a_guest_is_on_it(store: Store) -> None:
    hand_off(store, "0427", customer_name="Lin Secret", address="8 Lotus Road", note="ring twice")
    page = words(look(store, "0427"))
    secrets = ["Lin Secret", "Lotus", "ring twice", "138", "boba", "R1"]
    assert [secret for secret in secrets if secret in page] == []


def test_a_crowd_asks_the_database_no_more_than_one(
    store: Store, django_assert_num_queries: Any, clock: Any
) -> None:
    hand_off(store, "0427")
    token = door_for(store).token
    with django_assert_num_queries(7):
        Client().get(f"/door/{token}/")
    with django_assert_num_queries(0):
        for _ in range(LOOKUPS // 2):
            Client().get(f"/door/{token}/")
            Client().get(f"/door/{token}/", {"code": "0427"})
    clock.shift(FRESH + 1)
    with django_assert_num_queries(7):
        Client().get(f"/door/{token}/")


def test_codes_nobody_has_cost_the_database_nothing(
    store: Store, django_assert_num_queries: Any, clock: Any
) -> None:
    hand_off(store, "0427")
    token = door_for(store).token
    made_up = [f"{number:04}" for number in range(5000, 5000 + LOOKUPS + 20)]
    with django_assert_num_queries(7):
        found = [Client().get(f"/door/{token}/", {"code": code}).status_code for code in made_up]
    assert found == [200] * LOOKUPS + [429] * 20


def test_cards_nobody_has_cost_the_database_little(
    store: Store, django_assert_num_queries: Any, clock: Any
) -> None:
    token, quiet = door_for(store).token, door_for(make_store()).token
    Client().get(f"/door/{token}/")
    with django_assert_num_queries(MISSES):
        found = [Client().get(f"/door/made-up-{number}/") for number in range(MISSES + 20)]
    assert [answer.status_code for answer in found] == [404] * MISSES + [429] * 20
    assert found[-1]["Retry-After"] == str(WINDOW)
    assert "Try again in a minute" in found[-1].content.decode()

    # What others look at is shown nevertheless; what has to be looked for waits for the next minute.
    assert look(store).status_code == 200
    assert Client().get(f"/door/{quiet}/").status_code == 429
    assert Client().get(f"/door/{quiet}/", REMOTE_ADDR="127.0.0.9").status_code == 200
    clock.shift(WINDOW)
    assert look(store).status_code == 200
    assert Client().get(f"/door/{quiet}/").status_code == 200


def test_while_one_reads_anew_the_others_get_what_is_there(
    store: Store, django_assert_num_queries: Any, clock: Any
) -> None:
    token = door_for(store).token
    Client().get(f"/door/{token}/")
    clock.shift(FRESH + 1)
    cache.add(f"door-turn:{token}", True, FRESH)
    with django_assert_num_queries(0):
        assert Client().get(f"/door/{token}/").status_code == 200


def test_caches_and_robots_are_told_what_to_do(store: Store) -> None:
    answer = look(store)
    told = ("Cache-Control", "Vary", "X-Robots-Tag", "Content-Language")
    assert [answer[name] for name in told] == [
        "public, max-age=5", "Accept-Language", "noindex", "en",
    ]  # fmt: skip
    assert answer.cookies == {}
    again = look(store, **{"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "public, max-age=5")


@pytest.mark.parametrize(
    ("wanted", "language"), [("zh-CN,zh;q=0.9", "zh-hans"), ("de-AT", "de"), ("fr", "en"), ("", "en")]
)
def test_it_speaks_the_phones_language_whatever_a_cookie_says(
    store: Store, wanted: str, language: str
) -> None:
    client = Client()
    client.cookies["django_language"] = "de"
    answer = look(store, client=client, **{"Accept-Language": wanted})
    assert (answer["Content-Language"], f'lang="{language}"' in words(answer)) == (language, True)


def asked_often(store: Store, address: str) -> None:
    """As many look-ups as one address may make in this minute."""
    minute = int(NOW.timestamp()) // WINDOW
    assert {may_ask(store.pk, address, minute=minute) for _ in range(LOOKUPS)} == {True}


def test_who_tries_all_codes_is_held_up(store: Store) -> None:
    asked_often(store, "127.0.0.1")
    held_up = look(store, "0427")
    assert (held_up.status_code, held_up["Retry-After"], held_up["Cache-Control"]) == (429, "60", "no-store")
    assert "Too many tries" in words(held_up)
    assert look(store).status_code == 200
    assert look(make_store(), "0427").status_code == 200


def test_the_next_minute_is_a_new_one(store: Store, clock: Any) -> None:
    asked_often(store, "127.0.0.1")
    clock.shift(WINDOW)
    assert look(store, "0427").status_code == 200


def test_behind_a_proxy_each_phone_is_its_own(store: Store, settings: Any) -> None:
    settings.LOCAL = False
    asked_often(store, "203.0.113.5")
    seen = ["9.9.9.9, 203.0.113.5", "203.0.113.5, 203.0.113.6", "nonsense"]
    found = [look(store, "1", **{"X-Forwarded-For": addresses}).status_code for addresses in seen]
    assert found == [429, 200, 200]


def test_a_closed_card_and_an_unknown_address_are_not_there(store: Store) -> None:
    assert look(store).status_code == 200
    save_door(store=store, instructions="", is_open=False)
    assert look(store).status_code == 404
    assert Client().get("/door/unknown/").status_code == 404
    assert Client().post(f"/door/{door_for(store).token}/").status_code == 405


def signed_in(store: Store, role: str = "staff") -> Client:
    client = Client()
    user = make_staff(store)
    if role == "manager":
        Membership.objects.filter(user=user).update(role="manager", store=None)
    client.force_login(user)
    return client


def test_the_counter_prints_the_code_and_says_where_to_wait(store: Store) -> None:
    client, page = signed_in(store), f"/stores/{store.pk}/door/"
    shown = client.get(page)
    assert f"http://127.0.0.1:8000/door/{door_for(store).token}/" in shown.content.decode()
    assert '<svg viewBox="0 0' in shown.content.decode()
    assert "style=" not in shown.content.decode()

    answer = client.post(page, {"instructions": "At the side window", "open": "on"}, follow=True)

    assert "Riders see it within seconds" in answer.content.decode()
    assert "At the side window" in words(look(store))


def test_what_is_too_long_is_shown_again_with_a_reason(store: Store) -> None:
    answer = signed_in(store).post(f"/stores/{store.pk}/door/", {"instructions": "x" * 301, "open": "on"})
    assert (answer.status_code, "errorlist" in answer.content.decode()) == (200, True)
    assert RiderDoor.objects.get(store=store).instructions == ""


@pytest.mark.parametrize(("role", "renewed"), [("staff", False), ("manager", True)])
def test_only_a_manager_makes_a_new_address(store: Store, role: str, renewed: bool) -> None:
    before = door_for(store).token
    signed_in(store, role).post(f"/stores/{store.pk}/door/", {"renew": "yes"})
    assert (door_for(store).token != before) == renewed
    assert Client().get(f"/door/{before}/").status_code == (404 if renewed else 200)


def test_strangers_see_no_counter_page(store: Store) -> None:
    page = f"/stores/{store.pk}/door/"
    assert Client().get(page).status_code == 302
    assert signed_in(make_store()).get(page).status_code == 404
