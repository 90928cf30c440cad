"""Saving a policy, and what a live order's choice is made of: situation, candidates, measures."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from couriers.models import (
    CarrierPolicy,
    CarrierPolicyChange,
    CourierRest,
    HandOff,
    Shift,
)
from couriers.policy.choosing import Candidate, Measure, Situation
from couriers.policy.document import DEFAULT, BadDocument, By, Choice, Mistake, Policy, Rule, When
from couriers.policy.queries import history, policy_of
from couriers.policy.services import PolicyChanged, save_policy
from couriers.policy.situations import candidates_of, metres, situation_of
from couriers.tests.factories import BO, MEI, NOW, after, make_account, make_order, make_rider, make_store

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
BY_LOAD_AND_SHARES = Policy(
    rules=(Rule("Rush", When(load_from=20), Choice(By.FASTEST)),), otherwise=Choice(By.SHARES, shares={})
)


@pytest.fixture
def store():
    return make_store()


def save(store, document, *, actor=MEI, expected=0, now=NOW):
    return save_policy(store=store, document=document, actor=actor, now=now, expected_version=expected)


def test_a_store_without_a_policy_has_the_default(store):
    assert policy_of(store.pk) == DEFAULT


def test_saving_writes_the_policy_and_a_line_of_history(store):
    save(store, {"automatic": True})
    row = save(store, {"automatic": True, "own_most": 5}, actor=BO, expected=1, now=after(60))

    assert policy_of(store.pk) == Policy(automatic=True, own_most=5)
    assert (row.version, row.automatic, row.changed_by, row.changed_at) == (2, True, "Bo", after(60))
    assert [
        (one.version, one.actor_label, one.at, one.document["own_most"]) for one in history(store.pk)
    ] == [
        (2, "Bo", after(60), 5),
        (1, "Mei", NOW, 3),
    ]


def test_saving_the_same_again_makes_no_second_line(store):
    save(store, {})
    assert save(store, {}, expected=1).version == 1
    assert CarrierPolicyChange.objects.count() == 1


@pytest.mark.parametrize("expected", [0, 2])
def test_who_saves_over_a_version_they_did_not_see_is_told_who_was_faster(store, expected):
    save(store, {"own_most": 5}, actor=BO)
    with pytest.raises(PolicyChanged) as caught:
        save(store, {"own_most": 7}, expected=expected)
    assert (caught.value.latest.changed_by, caught.value.latest.version) == ("Bo", 1)
    assert (policy_of(store.pk).own_most, CarrierPolicyChange.objects.count()) == (5, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", [0, 1])
def test_of_two_at_the_same_moment_one_saves_and_the_other_is_told(store, before):
    if before:
        save(store, {})
    together = Barrier(2)

    def attempt(most):
        together.wait(10)
        try:
            return save(store, {"own_most": most}, expected=before).version
        except PolicyChanged as error:
            return error.latest.document["own_most"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(attempt, (8, 9)))

    winner = policy_of(store.pk).own_most
    assert sorted(outcomes) == [before + 1, winner]
    assert CarrierPolicyChange.objects.count() == before + 1


def test_a_policy_names_nobody_who_never_served_the_store(store):
    foreign, own = make_account(make_store()), make_account(store)
    keys = [f"courier:{own.pk}", f"courier:{foreign.pk}", "rider:999"]
    with pytest.raises(BadDocument) as caught:
        save(store, {"otherwise": {"by": "order", "carriers": keys}})
    assert caught.value.mistakes == [
        Mistake(("otherwise", "carriers"), f"“{key}” does not serve this store.") for key in keys[1:]
    ]
    assert not CarrierPolicy.objects.exists()


def test_a_row_that_cannot_be_read_is_the_default(store, caplog):
    CarrierPolicy.objects.create(store=store, version=1, document={"rules": 7}, changed_at=NOW)
    assert policy_of(store.pk) == DEFAULT
    assert "cannot be read" in caplog.text


def handoff(store, *, account=None, rider=None, at=NOW, **fields):
    stamps = {"created_at": at, "changed_at": at, "heard_at": at, "created_label": "Mei"}
    return HandOff.objects.create(
        order=make_order(store), store=store, account=account, rider=rider,
        carrier="own" if rider else "provider", **stamps, **fields,
    )  # fmt: skip


def test_a_situation_is_read_at_the_stores_clock(store, django_assert_num_queries):
    dada, wang = make_account(store), make_rider(store)
    order = make_order(store, cups=7, goods=4200)
    make_order(store, state="collected")
    midnight = after(-12 * 3600)
    handoff(store, account=dada, state="delivered", at=midnight)
    handoff(store, account=dada, state="failed", end_cause="no_rider")
    handoff(store, account=dada, state="cancelled", end_cause="store")
    handoff(store, account=dada, state="cancelling", end_cause="no_rider")
    handoff(store, account=dada, state="pending")
    handoff(store, rider=wang, state="confirmed")
    handoff(store, rider=wang, state="failed", end_cause="rider")
    handoff(store, account=dada, state="delivered", at=midnight - timedelta(seconds=1))
    handoff(make_store(), account=dada, state="delivered")

    with django_assert_num_queries(2):
        found = situation_of(order, BY_LOAD_AND_SHARES, NOW)

    assert found == Situation(
        at=NOW, distance=788, value=4200, cups=7, load=9, channel="standard",
        given={f"courier:{dada.pk}": 2, f"rider:{wang.pk}": 1},
    )  # fmt: skip
    assert f"{found.at:%H:%M %Z}" == "12:00 CST"


def test_a_guest_without_a_position_is_at_no_distance(store):
    assert situation_of(make_order(store, latitude=None), DEFAULT, NOW).distance is None


def test_what_the_policy_does_not_go_by_is_not_counted(store, django_assert_num_queries):
    order = make_order(store)
    handoff(store, account=make_account(store), state="delivered")
    with django_assert_num_queries(0):
        found = situation_of(order, DEFAULT, NOW)
    assert (found.load, found.given) == (0, {})
    assert not DEFAULT.goes_by_load
    assert not DEFAULT.goes_by_shares
    assert (BY_LOAD_AND_SHARES.goes_by_load, BY_LOAD_AND_SHARES.goes_by_shares) == (True, True)


def test_distances_are_as_the_crow_flies():
    assert metres((31.2304, 121.4737), (31.2304, 121.4737)) == 0
    assert metres((0, 0), (0, 180)) == 20_015_087
    assert metres((52.52, 13.405), (48.137, 11.575)) == pytest.approx(504_300, rel=0.001)


def test_candidates_are_the_riders_and_couriers_of_the_store(store, django_assert_max_num_queries):
    dada, at_work, at_home, gone = make_account(store), *(make_rider(store, name) for name in "ABC")
    gone.active = False
    gone.save()
    make_rider(make_store())
    hours = timedelta(hours=1)
    Shift.objects.create(rider=at_work, started_at=NOW - hours, ends_at=NOW + hours, seen_at=NOW)
    Shift.objects.create(rider=at_home, started_at=NOW - 9 * hours, ends_at=NOW - hours)
    Shift.objects.create(rider=gone, started_at=NOW - hours, ends_at=NOW + hours)
    CourierRest.objects.create(account=dada, began_at=NOW, until=after(20), faults=5, reason="503")
    handoff(store, rider=at_work, state="confirmed", confirmed_at=NOW)

    with django_assert_max_num_queries(4):
        found = candidates_of(store, NOW)
    measure = Measure(1, 1, 0) if found[0].measure else None

    assert found == [
        Candidate(f"rider:{at_work.pk}", "A", "rider", free=True, live=1, measure=measure),
        Candidate(f"rider:{at_home.pk}", "B", "rider", free=False),
        Candidate(f"courier:{dada.pk}", "Dada", "courier", resting=True),
    ]
    assert not candidates_of(store, after(20))[2].resting


def test_measures_are_of_the_last_week_and_leave_out_what_the_store_took_back(store):
    dada = make_account(store)
    day = NOW - timedelta(days=1)
    for minutes, fee in ((2, 600), (4, 800), (9, 700)):
        confirmed = day + timedelta(minutes=minutes)
        handoff(
            store, account=dada, state="delivered", at=day, fee=fee,
            confirmed_at=confirmed, delivered_at=confirmed + timedelta(minutes=20),
        )  # fmt: skip
    handoff(store, account=dada, state="failed", at=day, end_cause="no_rider", fee=200)
    handoff(store, account=dada, state="failed", at=day, end_cause="rider", confirmed_at=day)
    handoff(store, account=dada, state="cancelled", at=day, end_cause="store")
    handoff(store, account=dada, state="failed", at=NOW - timedelta(days=8), end_cause="refused")

    (found,) = candidates_of(store, NOW)

    assert found.measure == Measure(offers=5, accepted=3, accept_p50=180, deliver_p50=1440, fee=700)
