"""The report page: who sees it, its filters, and what it counts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from reports.measures import HandOffs
from reports.tests.rows import (
    NOON,
    make_admin,
    make_change,
    make_franchise,
    make_handoff,
    make_manager,
    make_order,
    make_staff,
    make_store,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = {"day": "2026-02-06"}


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def manager(store):
    return signed_in(make_manager())


def row(response, store):
    return next(line.row for line in response.context["lines"] if line.store == store)


def test_a_visitor_is_sent_to_sign_in(client):
    for page in ("reports", "reports-orders", "reports-summary"):
        assert client.get(reverse(page)).url == f"{reverse('login')}?next={reverse(page)}"


def test_staff_have_no_reports(store):
    client = signed_in(make_staff(store))
    for page in ("reports", "reports-orders", "reports-summary"):
        assert client.get(reverse(page)).status_code == 404


def test_a_store_of_another_franchise_does_not_exist(manager):
    foreign = make_store("BJ-01", franchise=make_franchise("other-tea"))
    make_order(foreign, customer_name="Foreign Guest")
    for page in ("reports", "reports-orders", "reports-summary"):
        assert manager.get(reverse(page), {**DAY, "store": foreign.pk}).status_code == 404
        assert manager.get(reverse(page), {**DAY, "store": 99_999}).status_code == 404
    response = manager.get(reverse("reports"), DAY)
    assert foreign not in response.context["stores"]
    assert b"BJ-01" not in response.content


@pytest.mark.parametrize(
    "query",
    [
        "day=yesterday",
        "day=2026-02-30",
        "day=0001-01-01",
        "day=9999-12-31",
        "days=0",
        "days=93",
        "days=-1",
        "days=1e3",
        "days=٣",
        "store=SH-01",
        "store=-1",
        "store=99999999999999999999999",
        "day=%00",
    ],
)
def test_a_mistake_in_the_address_is_said_in_words(manager, query):
    response = manager.get(f"{reverse('reports')}?{query}")
    assert response.status_code == 400
    assert b'role="alert"' in response.content
    for page in ("reports-orders", "reports-summary"):
        response = manager.get(f"{reverse(page)}?{query}")
        assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_what_is_typed_is_never_markup(manager):
    response = manager.get(reverse("reports"), {"day": "<script>alert(1)</script>"})
    assert b"<script>alert" not in response.content


def test_the_day_is_the_day_of_the_store(manager, store):
    shanghai = ZoneInfo("Asia/Shanghai")
    for placed_at in (
        datetime(2026, 2, 6, 0, 0, tzinfo=shanghai),
        datetime(2026, 2, 6, 23, 59, 59, tzinfo=shanghai),
    ):
        make_order(store, placed_at=placed_at)
    for placed_at in (
        datetime(2026, 2, 5, 23, 59, 59, tzinfo=shanghai),
        datetime(2026, 2, 7, tzinfo=shanghai),
    ):
        make_order(store, placed_at=placed_at)
    response = manager.get(reverse("reports"), DAY)
    assert response.context["total"].orders == 2
    assert [label for label, bar in response.context["bars"] if bar.orders] == ["00:00", "23:00"]


def test_every_store_has_its_own_day(manager, store):
    berlin = make_store("B-01", timezone="Europe/Berlin")
    make_order(store, placed_at=datetime(2026, 2, 6, 1, tzinfo=ZoneInfo("Asia/Shanghai")))
    make_order(berlin, placed_at=datetime(2026, 2, 6, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    make_order(berlin, placed_at=datetime(2026, 2, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    response = manager.get(reverse("reports"), DAY)
    assert [label for label, bar in response.context["bars"] if bar.orders == 2] == ["01:00"]
    assert response.context["total"].orders == 2


def test_an_hour_that_comes_twice_is_counted_twice(manager, store):
    berlin = make_store("B-01", timezone="Europe/Berlin")
    for hour in (0, 1, 1):
        make_order(berlin, placed_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
    response = manager.get(reverse("reports"), {"day": "2026-10-25", "store": berlin.pk})
    found = [(label, bar.orders) for label, bar in response.context["bars"] if bar.orders]
    assert found == [("02:00 +0200", 1), ("02:00 +0100", 2)]


def test_measures_of_a_store(manager, store):
    for minutes in (2, 4, 6, 8, 10):
        make_order(store, ready_after=minutes)
    make_order(store, funding="free", state="cancelled")
    make_order(store, funding="subsidised", state="rejected")
    make_order(store, funding="free")
    found = row(manager.get(reverse("reports"), DAY), store)
    assert (found.orders, found.free, found.subsidised, found.lost, found.free_share) == (8, 2, 1, 2, 25.0)
    assert (found.median, found.p90) == (6.0, 10.0)


def test_a_platform_whose_clock_is_ahead_makes_no_negative_time(manager, store):
    make_order(store, ready_after=-3)
    assert row(manager.get(reverse("reports"), DAY), store).median == 0


def test_pauses_that_began_before_the_day_count_from_midnight(manager, store):
    make_order(store)
    midnight = datetime(2026, 2, 5, 16, tzinfo=UTC)
    make_change(store, "paused", midnight - timedelta(hours=3))
    make_change(store, "open", midnight + timedelta(minutes=25))
    make_change(store, "paused", midnight + timedelta(hours=23, minutes=50))
    assert row(manager.get(reverse("reports"), DAY), store).paused_minutes == 35


def test_a_pause_that_still_runs_counts_until_now(manager, store, time_machine):
    time_machine.move_to(NOON + timedelta(minutes=40), tick=False)
    make_order(store)
    make_change(store, "paused", NOON)
    assert row(manager.get(reverse("reports")), store).paused_minutes == 40
    assert row(manager.get(reverse("reports"), DAY), store).paused_minutes == 40


def test_pauses_of_another_store_do_not_count(manager, store):
    other = make_store("SH-02")
    make_order(store)
    make_change(other, "paused", NOON - timedelta(days=3))
    response = manager.get(reverse("reports"), DAY)
    assert (row(response, store).paused_minutes, row(response, other).paused_minutes) == (0, 24 * 60)


def test_hand_offs_by_how_they_ended(manager, store):
    for state in ("delivered", "delivered", "failed", "cancelled", "pending", "unknown", "cancelling"):
        make_handoff(store, state)
    make_handoff(store, "delivered", at=NOON - timedelta(days=1))
    found = row(manager.get(reverse("reports"), DAY), store).handoffs
    assert found == HandOffs(delivered=2, under_way=3, failed=1, cancelled=1)


def test_long_periods_are_drawn_by_the_day(manager, store):
    make_order(store)
    make_order(store, placed_at=NOON - timedelta(days=6))
    response = manager.get(reverse("reports"), {**DAY, "days": 7})
    assert [bar.orders for _, bar in response.context["bars"]] == [1, 0, 0, 0, 0, 0, 1]
    assert response.context["chart"]["series"][0]["values"] == [1, 0, 0, 0, 0, 0, 1]


def test_without_orders_the_page_leads_to_the_latest_day_that_has_some(manager, store):
    make_order(store)
    response = manager.get(reverse("reports"), {"day": "2026-03-01"})
    assert b"?day=2026-02-06&amp;days=1" in response.content


def test_a_manager_of_stores_that_never_had_an_order_is_sent_to_the_board(manager):
    response = manager.get(reverse("reports"))
    assert response.status_code == 200
    assert f'href="{reverse("home")}"'.encode() in response.content


def test_an_admin_without_stores_is_told_to_add_one():
    response = signed_in(make_admin()).get(reverse("reports"))
    assert reverse("admin:stores_store_add").encode() in response.content


@pytest.mark.parametrize(
    ("sort", "codes"),
    [
        ("", ["SH-01", "SH-02", "SH-03"]),
        ("-store", ["SH-03", "SH-02", "SH-01"]),
        ("orders", ["SH-03", "SH-01", "SH-02"]),
        ("-orders", ["SH-02", "SH-01", "SH-03"]),
        ("median", ["SH-02", "SH-01", "SH-03"]),
        ("-median", ["SH-01", "SH-02", "SH-03"]),
        ("nonsense", ["SH-01", "SH-02", "SH-03"]),
    ],
)
def test_totals_are_sorted_as_the_address_says_and_unknown_values_come_last(manager, store, sort, codes):
    second, _third = make_store("SH-02"), make_store("SH-03")
    make_order(store, ready_after=9)
    make_order(second, ready_after=3)
    make_order(second)
    response = manager.get(reverse("reports"), {**DAY, "sort": sort})
    assert [line.store.code for line in response.context["lines"]] == codes


@pytest.mark.parametrize("stores", [1, 3])
def test_the_number_of_queries_does_not_grow_with_stores_or_orders(stores, django_assert_num_queries):
    for number in range(stores):
        store = make_store(f"SH-{number}", timezone=["Asia/Shanghai", "Europe/Berlin", "UTC"][number])
        for minutes in range(5):
            make_order(store, ready_after=minutes)
        make_handoff(store, "delivered")
        make_change(store, "paused", NOON)
    client = signed_in(make_manager())
    with django_assert_num_queries(10):
        # session, user, stores; counts, times to ready, pauses before and in the day, hand-offs, hours;
        # and the navigation's question whether there is a report to link to
        client.get(reverse("reports"), DAY)
