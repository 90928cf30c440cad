"""Where the two sides disagree: told once more, then shown to a person, and cleared when they agree again."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import services
from orders.comparison import MOST_ASKED
from orders.conflicts import (
    ASK_AGAIN,
    GRACE,
    RECENT,
    contradiction,
    disputed,
    going_on,
    mark_conflict,
)
from orders.models import Order
from orders.reconciliation import reconcile
from orders.states import Disagreement, OrderState, PlatformState
from orders.tests import meituan_messages as meituan
from orders.tests.boards import watched
from orders.tests.eleme_messages import order
from orders.tests.eleme_platform import running_eleme
from orders.tests.eleme_shop import bound_shop, nothing_is_due, placed
from orders.tests.meituan_messages import running_meituan
from orders.tests.stored import MEITUAN_SHOP, meituan_account, store_message
from outbox.guard import guard_of
from outbox.models import Job
from stores.actors import Actor
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ALL, ONE = "eleme.order.getAllOrders", "eleme.order.getOrder"
LIN = Actor("Lin")


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.CHANNEL_CALLS_PER_SECOND = 0
    guard_of.cache_clear()


@pytest.fixture
def eleme():
    with running_eleme() as platform:
        yield platform


@pytest.fixture
def shop(eleme, now):
    return bound_shop(eleme, now=now)


@pytest.fixture
def accepted(shop, now):
    """Accepted here, and the platform never heard of it."""
    known = placed(shop, now=now)
    nothing_is_due()
    return known


@pytest.fixture
def later(now):
    return now + GRACE


def kinds(eleme):
    return [action for action, _ in eleme.calls if action == ONE]


def conflict_of(row):
    row.refresh_from_db()
    return row.conflict


TAKEN = ["accepted", "making", "ready", "collected", "delivered"]
WRONG = {
    **{(state, "placed"): "open" for state in TAKEN},
    **{(state, None): "missing" for state in ["held", "placed", *TAKEN]},
    ("rejected", "placed"): "uncancelled",
    ("cancelled", "placed"): "uncancelled",
    ("cancelled", "accepted"): "uncancelled",
    ("rejected", "accepted"): "accepted",
    ("rejected", "completed"): "completed",
    ("cancelled", "completed"): "completed",
}


@pytest.mark.parametrize("state", OrderState.values)
@pytest.mark.parametrize("theirs", [None, *PlatformState.values])
def test_what_cannot_be_true_together(state, theirs):
    assert contradiction(state, theirs) == WRONG.get((state, theirs), "")


def test_an_acceptance_nobody_heard_is_told_once_more_and_then_shown(eleme, shop, accepted, later):
    eleme.results[ONE] = order(status="unprocessed")
    key = f"order.accepted.{accepted.pk}.again"

    reconcile(shop.account, later, whole=False)
    again = Job.objects.get(state="due")
    assert (again.key, again.payload["call"], conflict_of(accepted)) == (key, "order.accepted", "")

    reconcile(shop.account, later, whole=False)  # it is on its way
    assert (len(kinds(eleme)), conflict_of(accepted)) == (1, "")

    nothing_is_due()
    with watched(shop.store, now=later) as events:
        row = reconcile(shop.account, later, whole=False)
    assert [(event["kind"], event["card"]["conflict"]) for event in events] == [("order.conflict", "open")]
    assert (row.conflicts, Job.objects.filter(key=key).count()) == (1, 1)


def test_a_conflict_is_shown_once_and_cleared_when_both_agree(eleme, shop, accepted, later):
    mark_conflict(order_id=accepted.pk, state="accepted", conflict=Disagreement.OPEN, now=later)
    Job.objects.update(key=f"order.accepted.{accepted.pk}.again")
    eleme.results[ONE] = order(status="unprocessed")

    with watched(shop.store, now=later) as events:
        reconcile(shop.account, later, whole=True)
    assert events == []

    eleme.results[ONE] = order(status="valid")
    with watched(shop.store, now=later) as events:
        row = reconcile(shop.account, later + ASK_AGAIN, whole=True)
    assert [(event["kind"], event["card"]["conflict"]) for event in events] == [("order.conflict", "")]
    accepted.refresh_from_db()
    assert (row.conflicts, accepted.platform_state) == (0, "accepted")


def test_a_list_says_so_too(eleme, shop, accepted, later):
    """Our call was taken, says its answer; the platform's list says that it was not."""
    services.note_heard(order_id=accepted.pk, platform_state="accepted")
    eleme.results[ALL] = {"list": [order(status="unprocessed")]}

    reconcile(shop.account, later, whole=True)

    assert Job.objects.get(state="due").key == f"order.accepted.{accepted.pk}.again"


def test_an_acceptance_whose_answer_was_lost_is_noted(eleme, shop, accepted, later):
    eleme.results[ONE] = order(status="valid")

    with watched(shop.store, now=later) as events:
        row = reconcile(shop.account, later, whole=False)

    accepted.refresh_from_db()
    assert (events, row.changed, accepted.platform_state) == ([], 1, "accepted")
    assert Job.objects.filter(state="due").count() == 0


@pytest.mark.parametrize(("verb", "call"), [("cancel", "order.cancelled"), ("reject", "order.rejected")])
def test_a_cancellation_the_platform_did_not_take_is_told_again_with_its_reason(eleme, shop, now, verb, call):
    shop.auto_accept = False
    known = placed(shop, now=now)
    services.step(order_id=known.pk, verb=verb, actor=LIN, now=now, reason="Sold out")
    nothing_is_due()
    eleme.results[ONE] = order(status="unprocessed")

    reconcile(shop.account, now + GRACE, whole=False)
    again = Job.objects.get(state="due")
    assert again.payload == {"order": known.pk, "call": call, "data": {"reason": "Sold out"}}

    nothing_is_due()
    reconcile(shop.account, now + GRACE, whole=False)
    assert conflict_of(known) == "uncancelled"


def test_what_was_rejected_here_and_accepted_there_is_for_a_person(eleme, shop, now):
    shop.auto_accept = False
    known = placed(shop, now=now)
    services.step(order_id=known.pk, verb="reject", actor=LIN, now=now, reason="Sold out")
    nothing_is_due()
    eleme.results[ONE] = order(status="valid")

    reconcile(shop.account, now + GRACE, whole=False)

    assert (conflict_of(known), Job.objects.filter(state="due").count()) == ("accepted", 0)


def test_an_order_the_platform_does_not_have_is_missing_until_it_has_it(eleme, shop, accepted, later):
    eleme.errors[ONE] = "ORDER_NOT_FOUND"
    reconcile(shop.account, later, whole=False)
    assert conflict_of(accepted) == "missing"

    eleme.errors.clear()
    eleme.results[ONE] = order(status="valid")
    reconcile(shop.account, later + ASK_AGAIN, whole=True)
    assert conflict_of(accepted) == ""


@pytest.mark.parametrize("why", ["it was just now", "a call is on its way", "it is long over"])
def test_what_may_still_come_right_is_left_alone(eleme, shop, now, why):
    known = placed(shop, now=now)
    at = now + GRACE
    if why == "it was just now":
        nothing_is_due()
        at = now + GRACE - timedelta(seconds=1)
    if why == "it is long over":
        nothing_is_due()
        Order.objects.filter(pk=known.pk).update(on_board=False, state="delivered")
        at = now + RECENT + timedelta(hours=1)
    eleme.results |= {ONE: order(status="unprocessed"), ALL: {"list": [order(status="unprocessed")]}}

    reconcile(shop.account, at, whole=why != "it is long over")

    assert (kinds(eleme), conflict_of(known)) == ([], "")
    assert Job.objects.filter(key__endswith="again").count() == 0


def test_a_mark_is_not_set_on_an_order_that_went_on_meanwhile(shop, accepted, later):
    services.step(order_id=accepted.pk, verb="cancel", actor=LIN, now=later)

    with watched(shop.store, now=later) as events:
        assert not mark_conflict(order_id=accepted.pk, state="accepted", conflict="open", now=later)
    assert events == []


def test_a_completed_order_is_not_asked_about_for_ever(eleme, shop, accepted, later):
    services.step(order_id=accepted.pk, verb="cancel", actor=LIN, now=later)
    Order.objects.update(platform_state="completed", conflict="completed")
    nothing_is_due()

    reconcile(shop.account, later + GRACE, whole=True)

    assert (kinds(eleme), conflict_of(accepted)) == ([], "completed")


def numbers_asked(platform):
    return [params["orderId"] for action, params in platform.calls if action == ONE]


def test_disputed_orders_are_asked_about_first_the_oldest_first(eleme, shop, now, later):
    for number in range(MOST_ASKED + 2):
        at = f"2026-02-06T09:{59 - number}:00"
        placed(shop, now=now, number=str(number), createdAt=at)
    nothing_is_due()
    eleme.errors[ONE] = "ORDER_NOT_FOUND"

    reconcile(shop.account, later, whole=False)

    asked = numbers_asked(eleme)
    assert asked[:MOST_ASKED] == [str(number) for number in range(MOST_ASKED + 1, 1, -1)]
    assert sorted(asked[MOST_ASKED:]) == ["0", "1"]
    assert set(Order.objects.values_list("conflict", flat=True)) == {"missing"}


def test_a_refusal_that_is_not_about_the_number_says_nothing_of_the_order(eleme, shop, accepted, later):
    eleme.errors[ONE] = "ORDER_SERVICE_BUSY"

    row = reconcile(shop.account, later, whole=False)

    assert (row.error, conflict_of(accepted)) == (f"order {accepted.external_id}: 因为", "")


@pytest.mark.parametrize("heard", ["placed", "accepted"])
def test_an_order_whose_guest_wants_the_money_back_may_well_be_accepted(eleme, shop, accepted, later, heard):
    Order.objects.update(platform_state=heard)
    refunding = order(status="refunding", refundStatus="applied")
    eleme.results = {ONE: refunding, ALL: {"list": [refunding]}}

    reconcile(shop.account, later, whole=True)

    accepted.refresh_from_db()
    assert (accepted.platform_state, accepted.conflict) == (heard, "")
    assert Job.objects.filter(state="due").count() == 0


def test_orders_that_go_on_are_asked_about_once_a_minute_the_longest_unheard_first(eleme, shop, now, later):
    for number in range(4):
        placed(shop, now=now + timedelta(seconds=number), number=str(number))
    nothing_is_due()
    Order.objects.update(platform_state="accepted")
    Order.objects.filter(external_id="0").update(asked_at=later)
    eleme.results[ONE] = order(id="-", orderId="-", status="valid")
    asked = []
    for seconds in (5, 35, 65):
        eleme.calls.clear()
        reconcile(shop.account, later + timedelta(seconds=seconds), whole=False)
        asked.append(numbers_asked(eleme))

    assert asked == [["1", "2", "3"], [], ["0", "1", "2", "3"]]


@pytest.mark.parametrize(("status", "state"), [("9", "cancelled"), ("8", "delivered")])
def test_what_meituan_said_of_an_order_and_never_came_is_found(now, status, state):
    with running_meituan() as platform:
        account = meituan_account(callback_url=platform.url)
        StoreChannelFactory(
            account=account, store__franchise=account.franchise, external_code=MEITUAN_SHOP, auto_accept=True
        )
        store_message(account, meituan.push("paid", meituan.paid()), now=now)
        Order.objects.update(platform_state="accepted")
        nothing_is_due()
        platform.answer("order/getOrderDaySeq", {"data": {"result": "ok", "day_seq": 17}})
        platform.answer("order/getOrderIdByDaySeq", meituan.refused(806))
        platform.answer("order/getOrderDetail", {"data": meituan.paid(status=status)})

        reconcile(account, now + GRACE, whole=False)

    assert Order.objects.get().state == state


def test_what_may_be_disputed_is_looked_for_at_the_stores(shop, accepted, later):
    """Two million orders lie beside the few: no statement may read all of an account's."""
    with CaptureQueriesContext(connection) as statements:
        found = [disputed(shop.account, now=later), going_on(shop.account, now=later)]

    assert found == [[accepted.external_id]] * 2
    read = [entry["sql"] for entry in statements if 'FROM "orders_order"' in entry["sql"]]
    assert [sql.count('"orders_order"."store_id" IN') for sql in read] == [2, 2]
