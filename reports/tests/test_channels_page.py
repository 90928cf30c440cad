"""The channel page: who sees which account; what it says of pushes, orders, lags, calls and comparisons."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import IncomingMessage, Reconciliation, Tally
from outbox.models import Job
from reports.channels.queries import Lag
from reports.templatetags.spans import span
from reports.tests.rows import (
    NOON,
    make_account,
    make_admin,
    make_franchise,
    make_manager,
    make_order,
    make_staff,
    make_store,
)
from stores.models import StoreChannel

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAGES = ("reports-channels", "reports-channels-csv")


@pytest.fixture(autouse=True)
def noon(time_machine):
    """12:00 in Shanghai, where the stores are."""
    time_machine.move_to(NOON, tick=False)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def account(store):
    account = make_account(store.franchise, slug=f"standard-{store.franchise.slug}")
    account.channel, account.callback_url = "eleme", "https://platform.example/api/v1"
    account.save()
    return account


@pytest.fixture
def manager(store):
    return signed_in(make_manager())


@pytest.fixture
def admin(store):
    return signed_in(make_admin())


def tally(account, what, count, at=NOON):
    return Tally.objects.create(account=account, hour=at.replace(minute=0), what=what, count=count)


def message(account, outcome, number="1", at=NOON):
    return IncomingMessage.objects.create(
        account=account, delivery_id=f"{account.pk}-{outcome}-{number}", kind="10", external_id=number,
        body="{}", body_hash="0", received_at=at, outcome=outcome,
    )  # fmt: skip


def dead(kind, key, payload):
    return Job.objects.create(
        kind=kind, key=key, payload=payload, queue="platforms", state="dead", due_at=NOON, created_at=NOON
    )


def line(response, account):
    return next(line for line in response.context["lines"] if line.account == account)


def row(client, account, **query):
    return line(client.get(reverse("reports-channels"), query), account).row


def test_a_visitor_is_sent_to_sign_in_and_staff_have_no_such_page(client, store):
    staff = signed_in(make_staff(store))
    for page in PAGES:
        assert client.get(reverse(page)).url == f"{reverse('login')}?next={reverse(page)}"
        assert staff.get(reverse(page)).status_code == 404


def test_a_manager_sees_the_accounts_of_their_own_franchises_and_an_admin_all(manager, admin, account):
    foreign = make_account(make_franchise("other-tea"), slug="standard-other")
    message(foreign, "unrouted")
    for page in PAGES:
        assert manager.get(reverse(page), {"account": foreign.pk}).status_code == 404
        assert b"standard-other" not in manager.get(reverse(page)).content
        assert b"standard-other" in admin.get(reverse(page)).content
    assert manager.get(reverse(PAGES[0])).context["total"].unrouted == 0


@pytest.mark.parametrize(
    "query", ["period=year", "account=x", "account=-1", "account=" + "9" * 30, "period=%00"]
)
def test_a_mistake_in_the_address_is_said_in_words(manager, account, query):
    response = manager.get(f"{reverse(PAGES[0])}?{query}")
    assert (response.status_code, b'role="alert"' in response.content) == (400, True)
    response = manager.get(f"{reverse(PAGES[1])}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_pushes_by_what_became_of_them(manager, account):
    for what, count in (("stored", 90), ("duplicate", 5), ("conflict", 1), ("401", 3), ("503", 2)):
        tally(account, what, count)
    tally(account, "stored", 7, at=NOON - timedelta(hours=12))  # 00:00 in Shanghai
    tally(account, "stored", 1000, at=NOON - timedelta(hours=13))

    found = row(manager, account)

    assert (found.pushed, found.stored, found.duplicates, found.contradicting) == (108, 97, 5, 1)
    assert found.refusals == {"401": 3, "503": 2}
    refusals = manager.get(reverse(PAGES[0])).context["refusals"]
    assert [(status, str(reason)) for status, reason in refusals["reasons"]] == [
        ("401", "Wrong signature"), ("503", "Not stored in time"),
    ]  # fmt: skip


@pytest.mark.parametrize(("period", "stored"), [("today", 1), ("24h", 3), ("7d", 7), ("", 1)])
def test_the_period_is_in_the_address(manager, account, period, stored):
    for count, hours in ((1, 0), (2, 24), (4, 7 * 24), (8, 7 * 24 + 1)):
        tally(account, "stored", count, at=NOON - timedelta(hours=hours))

    assert row(manager, account, period=period).stored == stored


def test_messages_that_are_not_carried_out(manager, account):
    """An order without a store waits for somebody however long; the others are news of the period."""
    long_ago = NOON - timedelta(days=20)
    for outcome in ("unrouted", "early", "unknown", "stored"):
        message(account, outcome)
        message(account, outcome, "2", at=long_ago)

    found = row(manager, account)

    assert (found.unrouted, found.early, found.unknown) == (2, 1, 1)


def test_orders_that_were_recovered_are_incomplete_or_in_conflict(manager, account, store):
    make_order(store, recovered_at=NOON)
    make_order(store, complete=False)
    make_order(store, conflict="open", platform_state="placed")
    make_order(store, conflict="open", placed_at=NOON - timedelta(days=2))

    found = row(manager, account)

    assert (found.orders, found.recovered, found.incomplete, found.conflicts) == (3, 1, 1, 1)


def test_the_way_to_us_takes_so_long(manager, account, store):
    for seconds in range(1, 21):
        make_order(store, received_at=NOON + timedelta(seconds=seconds))
    make_order(store, received_at=NOON - timedelta(seconds=5))  # a platform whose clock is ahead

    assert row(manager, account).lag == Lag(median=10, p95=19)
    other = make_account(store.franchise, slug="quiet")
    assert row(manager, other).lag is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (99, "99 s"), (100, "1.7 min"), (3600, "60.0 min"), (9000, "2.5 h")]
)
def test_spans_are_written_short(seconds, words):
    assert span(seconds) == words


def test_the_last_comparison_and_how_many_broke_off(manager, account):
    facts = {"account": account, "asked": 5}
    Reconciliation.objects.create(started_at=NOON - timedelta(days=3), finished_at=NOON, **facts)
    Reconciliation.objects.create(started_at=NOON - timedelta(minutes=2), finished_at=NOON, **facts)
    last = Reconciliation.objects.create(started_at=NOON - timedelta(minutes=1), error="no reply", **facts)

    found = row(manager, account)

    assert (found.runs, found.broken, found.last) == (2, 1, last)
    content = manager.get(reverse(PAGES[0])).content.decode()
    assert content.count("no reply") == 2  # in the table, and among what needs somebody
    assert "60 s ago" in content


def test_calls_that_failed_are_counted_for_the_account_they_are_about(manager, account, store):
    order = make_order(store)
    channel = StoreChannel.objects.create(store=store, account=account, external_code="1")
    foreign = make_store("BJ-01", franchise=make_franchise("other-tea"))
    dead("channel.order", "1", {"order": order.pk})
    dead("channel.order", "2", {"order": order.pk})
    dead("channel.order", "3", {"order": make_order(foreign).pk})
    dead("channel.intake", "4", {"store_channel": channel.pk})
    dead("channel.token", "5", {"account": account.pk})
    dead("handoff.create", "6", {"order": order.pk})
    Job.objects.create(
        kind="channel.order", key="7", payload={"order": order.pk}, queue="q", due_at=NOON, created_at=NOON
    )

    assert row(manager, account).failed_calls == 4


def test_orders_in_conflict_say_what_each_side_believes(manager, admin, account, store):
    order = make_order(store, state="cancelled", platform_state="accepted", conflict="uncancelled")
    foreign = make_store("BJ-01", franchise=make_franchise("other-tea"))
    make_order(foreign, conflict="open", external_id="FOREIGN")

    response = manager.get(reverse(PAGES[0]))

    assert response.context["conflicts"] == [order]
    content = response.content.decode()
    for words in ("Cancelled", "Accepted", "The platform did not take the cancellation", order.external_id):
        assert words in content
    assert f'href="/stores/{store.pk}/"' in content
    assert "FOREIGN" not in content
    assert "/admin/" not in content
    assert f"/admin/orders/order/{order.pk}/change/" in admin.get(reverse(PAGES[0])).content.decode()


def test_what_needs_somebody_leads_an_admin_there(manager, admin, account, store):
    message(account, "unrouted")
    message(account, "unknown")
    tally(account, "401", 2)
    tally(account, "400", 3)
    tally(account, "503", 4)
    make_order(store, state="cancelled", platform_state="accepted", conflict="uncancelled")
    dead("channel.token", "1", {"account": account.pk})
    Reconciliation.objects.create(account=account, started_at=NOON, error="no connection")

    todo = manager.get(reverse(PAGES[0])).context["todo"]
    assert [one.what for one in todo] == [
        "1 order waits for a store.",
        "The platform could not be asked.",
        "1 order stands otherwise at the platform than here.",
        "3 pushes could not be taken.",
        "2 pushes had a wrong signature.",
        "1 call to the platform failed for good.",
        "1 message is of an unknown kind.",
    ]
    content = admin.get(reverse(PAGES[0])).content.decode().replace("&amp;", "&")
    for one in todo:
        assert one.link in content
        assert admin.get(one.link).status_code == 200


def test_without_accounts_the_page_says_what_to_do(manager, admin):
    assert reverse("admin:stores_channelaccount_add") in admin.get(reverse(PAGES[0])).content.decode()
    content = manager.get(reverse(PAGES[0])).content.decode()
    assert "Ask an administrator" in content
    assert "/admin/" not in content


def test_the_table_as_a_file(manager, account, store):
    tally(account, "stored", 3)
    tally(account, "401", 2)
    make_order(store, received_at=NOON + timedelta(seconds=4))
    Reconciliation.objects.create(account=account, started_at=NOON, error="=cmd()")

    response = manager.get(reverse(PAGES[1]))

    assert response["Content-Disposition"] == 'attachment; filename="channels-today-2026-02-06.csv"'
    assert "no-store" in response["Cache-Control"]
    (found,) = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert found["Account"] == account.slug
    assert [found[name] for name in ("Pushes", "Stored", "Refused", "Refused with 401", "Failed calls")] == [
        "5", "3", "2", "2", "0",
    ]  # fmt: skip
    assert (found["Seconds to us, median"], found["Last comparison"]) == ("4", "2026-02-06 12:00:00")
    assert found["What went wrong"] == "'=cmd()"


def test_a_day_begins_at_the_stores_midnight_also_where_clocks_stand_half_an_hour_apart(
    store, account, manager
):
    store.timezone = "Asia/Kolkata"
    store.save()

    since = manager.get(reverse(PAGES[0])).context["since"]

    assert since.astimezone(UTC) == datetime(2026, 2, 5, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("accounts", [1, 3])
def test_the_number_of_queries_does_not_grow_with_accounts_or_orders(
    accounts, store, account, django_assert_num_queries
):
    for number in range(accounts):
        one = make_account(store.franchise, slug=f"account-{number}")
        order = make_order(store, account=one, conflict="open")
        make_order(store, account=one)
        tally(one, "stored", 1)
        message(one, "unrouted")
        channel = StoreChannel.objects.create(
            store=make_store(f"SH-1{number}"), account=one, external_code="1"
        )
        dead("channel.order", f"{number}", {"order": order.pk})
        dead("channel.intake", f"{number}", {"store_channel": channel.pk})
        Reconciliation.objects.create(account=one, started_at=NOON, finished_at=NOON)
    client = signed_in(make_manager())
    with django_assert_num_queries(15):
        # session, user, stores, accounts; pushes, messages, orders, lags, runs, last runs; dead letters and
        # what two kinds of them are about; conflicts; the navigation's question whether there are reports
        client.get(reverse(PAGES[0]))
