"""A draft tried on a day that is over: who carried each order, who would have, and what both cost."""

from datetime import date, timedelta

import pytest

from couriers.models import CourierAccount, CourierRest, CourierStore, Fee, HandOff, Shift
from couriers.policy.document import DEFAULT, Choice, Policy, Rule, When
from couriers.policy.trying import Column, try_on
from couriers.tests.factories import NOW, make_account, make_order, make_rider, make_store

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = date(2026, 2, 5)
NOON = NOW - timedelta(days=1)
BY_ORDER = Choice("order", ("courier:0",))


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def dada(store):
    return make_account(store)


@pytest.fixture
def uber(store):
    account = CourierAccount.objects.create(
        franchise=store.franchise,
        provider="uber",
        label="Uber",
        base_url="http://127.0.0.1:9",
        credentials="{}",
    )
    CourierStore.objects.create(account=account, store=store, shop_no="7")
    return account


def delivered(store, minute, carrier=None, fee=None, **fields):
    """An order that was ready at so many minutes past noon, and who carried it."""
    at = NOON + timedelta(minutes=minute)
    stamps = {"placed_at": at, "received_at": at, "ready_at": at, "collected_at": at + timedelta(minutes=5)}
    order = make_order(store, **({"state": "delivered", "on_board": False} | stamps | fields))
    handoff = None
    if carrier is not None:
        own = not isinstance(carrier, CourierAccount)
        handoff = HandOff.objects.create(
            order=order, store=store, carrier="own" if own else "provider", rider=carrier if own else None,
            account=None if own else carrier, state="delivered", fee=fee, created_label="Mei",
            created_at=at, changed_at=at, heard_at=at, confirmed_at=at,
            delivered_at=at + timedelta(minutes=30),
        )  # fmt: skip
    return order, handoff


def asked(trial):
    return [line.first.key if line.first else None for line in trial.lines]


def always(account, **policy):
    return Policy(own_first=False, otherwise=Choice("order", (f"courier:{account.pk}",)), **policy)


def test_the_orders_are_those_the_store_delivered_on_that_day(store, dada):
    delivered(store, 1)
    delivered(store, 2, fulfilment="pickup")
    delivered(store, -12 * 60 - 1)  # the evening before
    delivered(store, 12 * 60)  # midnight
    delivered(store, 3, state="cancelled", ready_at=None, ended_at=NOON)
    delivered(make_store(), 4)
    assert len(try_on(store, DEFAULT, day=DAY, now=NOW).lines) == 1
    assert try_on(store, DEFAULT, day=date(2020, 1, 1), now=NOW).lines == []


def test_costs_are_what_was_paid_else_the_average_for_the_distance(store, dada, uber):
    near, far = {"latitude": 31.2310}, {"latitude": 31.2700}
    for minute, fee in ((1, 600), (2, 700), (3, 800)):
        delivered(store, minute, dada, fee, **near)
    for minute, fee in ((4, 1500), (5, 1500), (6, 1500)):
        delivered(store, minute, dada, fee, **far)
    delivered(store, 7, uber, 900, **near)
    delivered(store, 8, uber, 950, **far)
    _, unknown = delivered(store, 9, uber, None, **near)
    Fee.objects.create(
        handoff=unknown,
        account=uber,
        store=store,
        kind="cancel",
        key="c",
        amount=300,
        currency="CNY",
        at=NOON,
    )
    delivered(store, 10, **near)

    trial = try_on(store, always(dada), day=DAY, now=NOW)

    assert [(line.fee, line.measured) for line in trial.lines[:3]] == [
        (600, False),
        (700, False),
        (800, False),
    ]
    assert [(line.fee, line.measured) for line in trial.lines[6:]] == [
        (700, True), (1500, True), (700, True), (700, True),
    ]  # fmt: skip
    assert trial.columns == [
        Column(
            f"courier:{dada.pk}", "Dada", before=6, after=10, cost_before=6600, cost_after=10200, measured=4
        ),
        Column(f"courier:{uber.pk}", "Uber", before=3, cost_before=2150),
        Column("", "", before=1),
    ]
    assert (len(trial.same), len(trial.changed), trial.total.cost_before) == (6, 4, 8750)


def test_prices_nobody_knows_are_counted(store, dada, uber):
    delivered(store, 1, uber)
    total = try_on(store, always(dada), day=DAY, now=NOW).total
    assert (total.unpriced_before, total.unpriced_after, total.cost_after) == (1, 1, 0)


def test_own_riders_are_free_as_their_shifts_and_the_days_deliveries_let_them(store, dada):
    wang = make_rider(store)
    Shift.objects.create(
        rider=wang, started_at=NOON + timedelta(minutes=1), ends_at=NOON + timedelta(hours=8),
        ended_at=NOON + timedelta(minutes=60),
    )  # fmt: skip
    for minute in (0, 1, 2, 32, 60):
        delivered(store, minute)

    trial = try_on(store, Policy(own_most=1), day=DAY, now=NOW)

    rider, courier = f"rider:{wang.pk}", f"courier:{dada.pk}"
    assert asked(trial) == [courier, rider, courier, rider, courier]
    assert trial.shifts


def test_a_courier_that_rested_then_comes_last(store, dada, uber):
    CourierRest.objects.create(
        account=dada, began_at=NOON, until=NOON + timedelta(minutes=2), faults=5, reason="503"
    )
    delivered(store, 1)
    delivered(store, 2)
    assert asked(try_on(store, DEFAULT, day=DAY, now=NOW)) == [f"courier:{uber.pk}", f"courier:{dada.pk}"]


def test_rules_see_the_load_and_the_shares_of_that_moment(store, dada, uber):
    crowd = Rule("Crowd", When(load_from=3), Choice("order", (f"courier:{uber.pk}",)))
    shares = Choice("shares", (), {f"courier:{dada.pk}": 50, f"courier:{uber.pk}": 50})
    for minute in (0, 1, 2, 10):
        delivered(store, minute)
    trial = try_on(store, Policy(rules=(crowd,), otherwise=shares), day=DAY, now=NOW)
    d, u = f"courier:{dada.pk}", f"courier:{uber.pk}"
    assert asked(trial) == [d, u, u, d]
    assert [line.first.why.facts["rule"] for line in trial.lines] == ["", "", "Crowd", ""]


def test_an_order_nobody_could_have_carried_is_nobodys(store, dada):
    delivered(store, 1, dada, 500)
    (line,) = try_on(store, Policy(own_first=False, otherwise=BY_ORDER), day=DAY, now=NOW).lines
    assert (line.first, line.fee, line.same, line.fact.name) == (None, None, False, "Dada")


def test_more_orders_ask_no_more_questions(store, dada, django_assert_max_num_queries):
    for minute in (1, 2, 3):
        delivered(store, minute, dada, 500)
        with django_assert_max_num_queries(12):
            try_on(store, DEFAULT, day=DAY, now=NOW)
