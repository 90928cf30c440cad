"""The courier page: who sees what; what became of hand-offs, how long it took and cost, who rested."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from couriers import record
from couriers.models import CarrierSearch, CourierRest, CourierStore, Fee, HandOff
from couriers.providers.base import Created
from outbox.models import Job
from reports.couriers import queries
from reports.couriers.measures import Cost, Span
from reports.tests.rows import (
    NOON,
    make_admin,
    make_courier_account,
    make_franchise,
    make_manager,
    make_order,
    make_staff,
    make_store,
)
from reports.tests.rows import make_handoff as make_own

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAGE, FILE = "reports-couriers", "reports-couriers-csv"
DAY = timedelta(days=1)


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
    return make_courier_account()


@pytest.fixture
def manager(store):
    return signed_in(make_manager())


def minutes(number):
    return timedelta(minutes=number)


def hand(store, account, state, *, at=NOON, **fields):
    """A hand-off to a courier; `found`, `arrived`, `picked_up` and `delivered` in minutes."""
    names = {"found": "confirmed_at", "arrived": "arrived_at"}
    for step in ("found", "arrived", "picked_up", "delivered"):
        if step in fields:
            fields[names.get(step, f"{step}_at")] = at + minutes(fields.pop(step))
    stamps = {"created_at": at, "changed_at": at, "heard_at": at}
    return HandOff.objects.create(
        order=make_order(store, placed_at=at), store=store, carrier="provider", account=account, state=state,
        created_label="test", **stamps, **fields,
    )  # fmt: skip


def paid(handoff, kind, amount, *, at=NOON, currency="CNY"):
    return Fee.objects.create(
        handoff=handoff, account=handoff.account, store=handoff.store, kind=kind, amount=amount,
        key=f"{kind}{amount}", currency=currency, at=at,
    )  # fmt: skip


def rest(account, *, at=NOON, seconds=20, faults=5, reason="no reply (ReadTimeout)"):
    return CourierRest.objects.create(
        account=account, began_at=at, until=at + timedelta(seconds=seconds), faults=faults, reason=reason
    )


def look(client, **query):
    return client.get(reverse(PAGE), query).context


def figures(client, name="Dada", **query):
    context = look(client, **query)
    return next(line.figures for line in [*context["carriers"], *context["shops"]] if line.name == name)


def test_a_visitor_is_sent_to_sign_in_and_staff_have_no_such_page(store):
    staff = signed_in(make_staff(store))
    for page in (PAGE, FILE):
        assert Client().get(reverse(page)).url == f"{reverse('login')}?next={reverse(page)}"
        assert staff.get(reverse(page)).status_code == 404


def test_a_manager_sees_their_own_stores_and_accounts_and_an_admin_all(manager, store, account):
    elsewhere = make_store("BJ-01", franchise=make_franchise("other-tea"))
    foreign = make_courier_account(elsewhere.franchise)
    foreign.label = "Foreign"
    foreign.save()
    hand(elsewhere, foreign, "delivered", delivered=20)
    rest(foreign)
    admin = signed_in(make_admin())
    for page in (PAGE, FILE):
        assert b"BJ-01" not in manager.get(reverse(page)).content
        assert b"Foreign" not in manager.get(reverse(page)).content
        assert b"Foreign" in admin.get(reverse(page)).content
        assert manager.get(reverse(page), {"courier": foreign.pk}).status_code == 404
        assert manager.get(reverse(page), {"store": elsewhere.pk}).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["courier=x", "courier=-1", "courier=" + "9" * 30, "store=x", "day=soon", "days=0", "courier=%00"],
)
def test_a_mistake_in_the_address_is_said_in_words(manager, query):
    response = manager.get(f"{reverse(PAGE)}?{query}")
    assert (response.status_code, b'role="alert"' in response.content) == (400, True)
    response = manager.get(f"{reverse(FILE)}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_what_became_of_hand_offs(manager, store, account):
    hand(store, account, "delivered", found=1, delivered=20)
    hand(store, account, "confirmed", found=2)
    hand(store, account, "sent")
    hand(store, account, "failed", end_cause="no_rider")
    hand(store, account, "cancelled", end_cause="store")
    hand(store, account, "cancelled", end_cause="rider", picked_up=3)
    hand(store, account, "delivered", delivered=9, at=NOON - DAY)

    found = figures(manager)

    assert found.counts == {
        "all": 6, "accepted": 2, "turned_down": 2, "delivered": 1, "under_way": 2, "failed": 1,
        "cancelled": 2, "unpriced": 1,
    }  # fmt: skip
    assert {cause: number for cause, number in found.causes.items() if number} == {
        "no_rider": 1, "store": 1, "rider": 1,
    }  # fmt: skip
    assert (found.acceptance, found.ended) == (50.0, 3)
    assert figures(manager, store.code + " " + store.name) == found
    causes = look(manager)["causes"]
    assert [str(name) for name in causes["names"]] == [
        "Called off by the store", "No rider in time", "The rider gave up",
    ]  # fmt: skip


def test_own_riders_have_a_line_and_neither_accept_nor_refuse(manager, store, account):
    own = make_own(store, "delivered")
    HandOff.objects.filter(pk=own.pk).update(confirmed_at=NOON, delivered_at=NOON + minutes(15))

    found = figures(manager, "Own riders")

    assert (found.counts["all"], found.acceptance) == (1, None)
    assert (found.span("found"), found.span("delivered")) == (Span(None, None), Span(15.0, 15.0))


def test_minutes_until_each_step_are_fine_up_to_ten_and_whole_beyond(manager, store, account):
    for number in range(1, 11):
        hand(
            store, account, "delivered", found=number / 2, arrived=6, picked_up=8.26, delivered=20.4 + number
        )
    hand(store, account, "confirmed", found=-1)  # a courier whose clock is behind

    assert figures(manager).spans == [Span(2.5, 4.5), Span(6.0, 6.0), Span(8.3, 8.3), Span(25.0, 29.0)]


def test_hand_offs_that_were_in_doubt_and_those_that_no_longer_are(manager, store, account):
    """Counted from what the claims leave behind, so the record itself is driven here."""
    CourierStore.objects.create(account=account, store=store, shop_no="1")
    for settled in (False, True):
        handoff = hand(store, account, "pending")
        claimed = record.claim(handoff.pk, now=NOON)
        assert record.record_unknown(claimed, "no reply", now=NOON)
        if settled:
            assert record.move(record.load(handoff.pk), "sent", now=NOON)
    clear = record.claim(hand(store, account, "pending").pk, now=NOON)
    record.record_sent(clear, Created(fee=None), now=NOON)

    counts = figures(manager).counts

    assert (counts["all"], counts["doubted"], counts["settled"]) == (3, 2, 1)


def test_fees_by_currency_and_for_each_delivered_order(manager, store, account):
    delivered, cancelled = hand(store, account, "delivered"), hand(store, account, "cancelled")
    paid(delivered, "delivery", 850)
    paid(delivered, "tip", 100)
    paid(cancelled, "delivery", 850)
    paid(cancelled, "correction", -850)
    paid(cancelled, "cancel", 200)
    paid(delivered, "delivery", 5, currency="EUR")
    paid(delivered, "delivery", 7, at=NOON - DAY)

    assert figures(manager).costs == {
        "CNY": Cost(delivery=850, cancel=200, tips=100, carried=1),
        "EUR": Cost(delivery=5, carried=1),
    }
    (line,) = look(manager)["paying"]
    assert [(fees.currency, str(fees.total), str(fees.each)) for fees in line.fees] == [
        ("CNY", "11.50", "11.50"), ("EUR", "0.05", "0.05"),
    ]  # fmt: skip


def test_deliveries_whose_fee_nobody_told_are_counted_for_each_courier(manager, store, account):
    other = make_courier_account(make_franchise("cloud-tea"), label="Peisong", provider="peisong")
    paid(hand(store, account, "delivered", fee=850), "delivery", 850)
    for one, number in ((account, 1), (other, 11)):
        for _ in range(number):
            hand(store, one, "delivered")
    for state in ("failed", "cancelled", "confirmed"):
        hand(store, other, state)
    make_own(store, "delivered")

    response = manager.get(reverse(PAGE))

    assert [(line.name, line.unpriced, bool(line.fees)) for line in response.context["paying"]] == [
        ("Dada", 1, True), ("Peisong", 11, False),
    ]  # fmt: skip
    assert response.context["total"].unpriced == 12
    content = " ".join(response.content.decode().split())
    assert "Of 12 deliveries nobody has told what they cost: they are missing in the sums." in content
    rows = list(csv.DictReader(io.StringIO(manager.get(reverse(FILE)).content.decode("utf-8-sig"))))
    assert [(row["Carrier"], row["Delivered without a fee"]) for row in rows] == [
        ("Own riders", "0"), ("Dada", "1"), ("Peisong", "11"),
    ]  # fmt: skip


def test_where_every_fee_is_known_nothing_is_said_of_others(manager, store, account):
    paid(hand(store, account, "delivered", fee=850), "delivery", 850)
    response = manager.get(reverse(PAGE))
    assert response.context["total"].unpriced == 0
    assert "missing in the sums" not in response.content.decode()


def test_when_couriers_rested_how_long_and_why(manager, store, account):
    rest(account)
    rest(account, at=NOON - minutes(60), seconds=700, faults=9, reason="too many calls (HTTP 429)")
    rest(account, at=NOON - DAY)

    response = manager.get(reverse(PAGE))

    assert response.context["rest_count"] == 2
    assert [one["seconds"] for one in response.context["rests"]] == [20, 700]
    content = response.content.decode()
    for words in ("2 times, 12.0 min in all", "11:00:00", "11.7 min", "too many calls (HTTP 429)"):
        assert words in content


def test_filters_by_store_courier_and_days(manager, store, account):
    other_store = make_store("SH-02")
    other = make_courier_account(make_franchise("cloud-tea"), label="Peisong", provider="peisong")
    hand(store, account, "delivered")
    hand(other_store, other, "delivered")
    hand(other_store, account, "failed", at=NOON - DAY)
    make_own(store, "delivered")

    def found(**query):
        context = look(manager, **query)
        names = [line.name for line in context["carriers"]]
        return context["total"].count("all"), names, len(context["shops"])

    assert found() == (3, ["Own riders", "Dada", "Peisong"], 2)
    assert found(courier=account.pk) == (1, ["Dada"], 2)
    assert found(courier="own") == (1, ["Own riders"], 2)
    assert found(courier=[other.pk, "own"]) == (2, ["Own riders", "Peisong"], 2)
    assert found(store=other_store.pk, days=2) == (2, ["Own riders", "Dada", "Peisong"], 1)


def test_columns_sort_both_tables_and_keep_the_filters(manager, store, account):
    other = make_courier_account(make_franchise("cloud-tea"), label="Peisong", provider="peisong")
    for one, found in ((account, 5), (other, 1), (other, 1)):
        hand(store, one, "confirmed", found=found)

    def names(sort):
        return [line.name for line in look(manager, sort=sort)["carriers"]]

    assert names("-all") == ["Peisong", "Dada", "Own riders"]
    assert names("-found-median") == ["Dada", "Peisong", "Own riders"]
    assert names("found-median") == ["Peisong", "Dada", "Own riders"]
    assert names("-name") == ["Peisong", "Own riders", "Dada"]
    assert names("nonsense") == ["Own riders", "Dada", "Peisong"]
    content = manager.get(reverse(PAGE), {"sort": "-all", "courier": other.pk}).content.decode()
    assert 'aria-sort="descending"' in content
    assert f"courier={other.pk}&amp;sort=all#stores" in content


def test_the_chart_counts_hours_and_beyond_two_days_days(manager, store, account):
    hand(store, account, "delivered")
    hand(store, account, "sent", at=NOON + minutes(59))
    hand(store, account, "failed", at=NOON - minutes(1))
    bars = dict(look(manager)["bars"])
    shown = [(bar.delivered, bar.under_way, bar.ended) for bar in (bars["11:00"], bars["12:00"])]
    assert shown == [(0, 0, 1), (1, 1, 0)]
    assert [bar.all for _, bar in look(manager, days=7)["bars"]] == [0, 0, 0, 0, 0, 0, 3]


def test_what_needs_somebody_leads_to_the_board(manager, store, account):
    for state in ("unknown", "cancelling"):
        hand(store, account, state, human_asked_at=NOON)
    hand(store, account, "unknown")
    hand(store, account, "failed", human_asked_at=NOON)
    order = make_order(store)
    CarrierSearch.objects.create(
        order=order, store=store, state="nobody", started_at=NOON, changed_at=NOON - DAY * 3
    )
    rest(account, at=NOON - minutes(1), seconds=90)

    todo = look(manager, day="2026-01-01")["todo"]

    board = reverse("board", args=[store.pk])
    assert [(one.name, one.what, one.link) for one in todo] == [
        ("SH-01", "Of 2 hand-offs nobody knows whether Dada has them.", board),
        ("SH-01", "Nobody was found for 1 order.", board),
        ("Dada", "This courier is not called before 12:00:30.", ""),
    ]


def given_up(handoff, state="dead"):
    """The job that should have called it off."""
    about = {"key": f"{handoff.pk}/x", "payload": {"handoff": handoff.pk}}
    lane = f"{handoff.account.provider}/{handoff.account_id}"
    clocks = {"due_at": NOON, "created_at": NOON}
    Job.objects.create(kind="handoff.cancel", queue="couriers", lane=lane, state=state, **about, **clocks)


def test_an_outage_of_others_hides_nothing_of_ours(manager, store, account, monkeypatch):
    monkeypatch.setattr(queries, "MOST_DEAD", 1)
    given_up(hand(store, account, "failed", ended_at=NOON))
    theirs = make_franchise("elsewhere")
    shop = make_store("SH-99", franchise=theirs)
    given_up(hand(shop, make_courier_account(theirs), "failed", ended_at=NOON))
    (ours,) = look(manager)["todo"]
    assert ours.what == "Dada could not be told that 1 order is no longer wanted."


def test_errands_that_could_not_be_called_off_are_named_while_a_rider_may_come(manager, store, account):
    ended = {"late": NOON - minutes(181), "now": NOON, "live": None, "tried": NOON}
    for name, at in ended.items():
        handoff = hand(store, account, "failed" if at else "cancelling", ended_at=at)
        given_up(handoff, state="due" if name == "tried" else "dead")

    (one,) = look(manager)["todo"]

    assert one.what == "Dada could not be told that 1 order is no longer wanted."
    assert "/admin/" not in manager.get(reverse(PAGE)).content.decode()
    admin = signed_in(make_admin())
    assert one.link in admin.get(reverse(PAGE)).content.decode().replace("&amp;", "&")
    assert admin.get(one.link).status_code == 200


def test_an_empty_page_says_what_to_do(manager, store):
    admin = signed_in(make_admin())
    assert reverse("admin:couriers_courieraccount_add") in admin.get(reverse(PAGE)).content.decode()
    content = manager.get(reverse(PAGE)).content.decode()
    assert "ask an administrator" in content
    assert "/admin/" not in content
    hand(store, make_courier_account(), "delivered", at=NOON - DAY * 3)
    assert "day=2026-02-03" in manager.get(reverse(PAGE)).content.decode()


def test_the_figures_as_a_file(manager, store, account):
    handoff = hand(store, account, "delivered", found=1.5, delivered=22, fee=850)
    hand(store, account, "failed", end_cause="no_rider")
    paid(handoff, "delivery", 850)
    make_own(store, "delivered")
    store.name = "=cmd()"
    store.save()

    response = manager.get(reverse(FILE))

    assert response["Content-Disposition"] == 'attachment; filename="couriers-2026-02-06-2026-02-06.csv"'
    assert "no-store" in response["Cache-Control"]
    own, dada = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (own["Carrier"], own["Hand-offs"], own["Delivery fees, CNY"]) == ("Own riders", "1", "0.00")
    assert {name: text for name, text in dada.items() if text not in ("", "0")} == {
        "Store code": "SH-01", "Store": "'=cmd()", "Carrier": "Dada", "Hand-offs": "2", "Delivered": "1",
        "Failed": "1", "Accepted": "1", "Turned down": "1", "Accepted, %": "50.0",
        "Minutes, Rider found: median": "1.5", "Minutes, Rider found: 90 % within": "1.5",
        "Minutes, Delivered: median": "22.0", "Minutes, Delivered: 90 % within": "22.0",
        "Came to nothing: No rider in time": "1", "Delivery fees, CNY": "8.50",
        "Cancellation fees, CNY": "0.00", "Tips, CNY": "0.00", "Fees per delivered order, CNY": "8.50",
    }  # fmt: skip


@pytest.mark.parametrize("times", [1, 3])
def test_the_number_of_queries_does_not_grow_with_stores_carriers_or_hand_offs(
    times, store, django_assert_num_queries
):
    for number in range(times):
        shop = make_store(f"SH-1{number}")
        account = make_courier_account(label=f"Courier {number}")
        paid(hand(shop, account, "delivered", found=1, delivered=20 + number), "delivery", 850)
        hand(shop, account, "failed", end_cause="no_rider")
        hand(shop, account, "unknown", human_asked_at=NOON)
        make_own(shop, "delivered")
        CarrierSearch.objects.create(
            order=make_order(shop), store=shop, state="nobody", started_at=NOON, changed_at=NOON
        )
        rest(account)
        ended = hand(shop, account, "failed", ended_at=NOON)
        given_up(ended)
    client = signed_in(make_manager())
    with django_assert_num_queries(16):
        # session, user, stores, accounts; counts and causes, times, fees; rests by account, the latest ones;
        # bars; in doubt, calls given up and what they are about, without a carrier, resting; the navigation's
        # question whether there are reports
        client.get(reverse(PAGE))
    with django_assert_num_queries(7):
        client.get(reverse(FILE))
