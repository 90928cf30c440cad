"""How far a comparison goes: call by call at the account's rate, until its time is over, past faults."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders import comparison
from orders.comparison import MOST_ASKED, PERIOD, Mark
from orders.models import Order, Reconciliation
from orders.platforms import admitted, token_name
from orders.reconciliation import enqueue_runs, reconcile
from orders.tests.eleme_messages import ORDER_ID, order
from orders.tests.eleme_platform import running_eleme
from orders.tests.eleme_shop import bound_shop, placed
from orders.tests.meituan_messages import refused, running_meituan
from orders.tests.stored import MEITUAN_SHOP, meituan_account
from outbox.errors import NotYet
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim, enqueue
from stores.models import ChannelToken
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FAILED, WAITING = "eleme.msgNew.getPushFailMsg", "eleme.order.getUnprocessOrders"
ALL, ONE = "eleme.order.getAllOrders", "eleme.order.getOrder"
NEXT = timedelta(seconds=PERIOD)
SHOPS = [720032, 720033, 720034, 720035]


@pytest.fixture(autouse=True)
def _morning(now):
    """Whatever the time is: after midnight at the store two days are compared, and that is another test."""
    with time_machine.travel(now):
        yield


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
def poi():
    with running_meituan() as platform:
        account = meituan_account(callback_url=platform.url)
        bound = {"account": account, "store__franchise": account.franchise}
        yield platform, StoreChannelFactory(external_code=MEITUAN_SHOP, **bound)


@pytest.fixture
def frozen(monkeypatch, now):
    """No second passes: jobs run at `now`, and a rate lets in no more than its reserve."""
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def time_is_up(monkeypatch):
    """Every run ends after its first step."""
    monkeypatch.setattr(comparison, "RUN_SECONDS", 0.0)


def open_shops(shop, *codes):
    for code in codes:
        StoreChannelFactory(
            account=shop.account, store__franchise=shop.account.franchise, external_code=str(code)
        )


def run_all(*, most=50):
    """Run jobs as they come due; returns how many runs that were."""
    runs = 0
    while runs < most and (
        job := claim(queue="reconciliation", now=timezone.now() + timedelta(minutes=runs + 1))
    ):
        run(job)
        runs += 1
    return runs


def shops_asked(eleme):
    return [params["shopId"] for action, params in eleme.calls if action == WAITING]


def numbers_asked(platform):
    return [fields["day_seq"] for _, path, fields in platform.calls if path == "order/getOrderIdByDaySeq"]


def test_a_store_the_platform_does_not_know_stops_no_other(eleme, shop, now):
    open_shops(shop, "0-no-number")
    eleme.results = {WAITING: [ORDER_ID], ONE: order()}

    row = reconcile(shop.account, now + NEXT, whole=False)

    assert (row.recovered, row.error) == (1, "store 0-no-number: '0-no-number' is not the number of a shop")
    assert row.finished_at >= now


def test_a_fault_at_one_store_or_order_stops_no_other(eleme, shop, now):
    open_shops(shop, SHOPS[1])
    placed(shop, now=now, downgraded=True)
    eleme.errors[WAITING] = "SERVER_ERROR"
    eleme.results[ONE] = order()

    row = reconcile(shop.account, now, whole=False)

    assert (shops_asked(eleme), row.completed, row.error) == (SHOPS[:2], 1, "store 720032: 因为")
    assert (row.finished_at >= now, Job.objects.filter(kind="channel.reconcile").exists()) == (True, False)


def test_after_faults_in_a_row_the_next_run_goes_on_where_it_was_then_behind(eleme, shop, now):
    open_shops(shop, *SHOPS[1:])
    eleme.errors[WAITING] = "SERVER_ERROR"

    reconcile(shop.account, now, whole=False)
    assert run_all() == 1

    assert shops_asked(eleme) == [*SHOPS[:3], *SHOPS[2:]]
    assert [row.finished_at is None for row in Reconciliation.objects.order_by("pk")] == [True, False]


def test_an_account_that_cannot_be_asked_has_one_job_at_a_time_and_gets_past_what_it_is_stuck_at(eleme, shop):
    open_shops(shop, *SHOPS[1:])
    shop.account.callback_url = "http://127.0.0.1:9/api/v1"
    shop.account.save()
    now = timezone.now()
    enqueue_runs(now=now)
    marks = []
    while job := claim(queue="reconciliation", now=now + (len(marks) + 1) * 2 * NEXT):
        marks.append(Mark(**job.payload.get("mark", {})))
        run(job)
        assert Job.objects.filter(state="due").count() == (marks[-1].stage != "single")
        guard_of.cache_clear()

    assert [(mark.stage, mark.store) for mark in marks] == [
        ("missed", ""), ("stores", ""), *(("stores", str(code)) for code in SHOPS[1:]), ("single", "")
    ]  # fmt: skip
    rows = list(Reconciliation.objects.order_by("pk").values_list("finished_at", "error"))
    assert rows[:-1] == [(None, "no connection (ConnectError)")] * 5
    assert rows[-1][1] == ""


def test_a_stale_token_is_renewed_while_the_run_waits(eleme, shop, now):
    shop.account.token.access = "stale-token-0123456789"
    shop.account.token.save()
    enqueue_runs(now=now)
    run(claim(queue="reconciliation", now=timezone.now()))

    waiting = Job.objects.filter(state="due").order_by("kind")
    assert list(waiting.values_list("kind", "queue", "attempts")) == [
        ("channel.reconcile", "reconciliation", 0),
        ("channel.token", "platforms", 0),
    ]
    assert waiting[1].key == f"{shop.account_id}:{token_name('stale-token-0123456789')}"
    assert waiting[0].due_at > timezone.now()


def test_before_the_first_token_nothing_is_asked(eleme, shop, now):
    ChannelToken.objects.all().delete()

    row = reconcile(shop.account, now)

    assert (row.finished_at, row.error, eleme.calls) == (None, "the first token is on its way", [])
    assert Job.objects.get(kind="channel.token").key == f"{shop.account_id}:first"


def test_each_call_of_a_list_is_counted_and_half_are_left_to_the_counter(
    poi, now, settings, monkeypatch, frozen
):
    platform, channel = poi
    settings.CHANNEL_CALLS_PER_SECOND = 10
    monkeypatch.setattr(comparison, "RUN_SECONDS", 0.3)
    platform.answer("order/getOrderDaySeq", {"data": {"day_seq": 60}})
    platform.answer("order/getOrderIdByDaySeq", refused(806))

    reconcile(channel.account, now, whole=False)

    assert numbers_asked(platform) == ["60", "59", "58", "57"]
    for _ in range(5):
        with admitted(channel.account):
            pass
    with pytest.raises(NotYet), admitted(channel.account):
        pass
    assert Job.objects.get().payload["mark"] == {
        "stage": "stores", "store": MEITUAN_SHOP, "day": "2026-02-06", "start": "56"
    }  # fmt: skip


def test_a_run_waits_for_its_turns(poi, now, settings):
    platform, channel = poi
    settings.CHANNEL_CALLS_PER_SECOND = 100
    platform.answer("order/getOrderDaySeq", {"data": {"day_seq": 60}})
    platform.answer("order/getOrderIdByDaySeq", refused(806))

    assert reconcile(channel.account, now, whole=True, levels=False).error == ""
    assert len(numbers_asked(platform)) == 60


def test_being_told_to_wait_ends_the_run_and_another_goes_on_there(poi, now, frozen):
    platform, channel = poi
    platform.answer("order/getOrderDaySeq", {"data": {"day_seq": 3}})
    platform.answer("order/getOrderIdByDaySeq", refused(806), refused(711), refused(806))

    row = reconcile(channel.account, now, whole=False)
    job = Job.objects.get()
    assert (row.finished_at, row.error) == (None, "Meituan takes no more calls for now (711)")
    assert (job.payload["mark"]["start"], job.due_at > now) == ("2", True)

    guard_of.cache_clear()
    assert run_all() == 1
    assert numbers_asked(platform) == ["3", "2", "2", "1"]


def test_a_list_is_read_to_its_end_however_often_it_is_left(poi, now, frozen, time_is_up):
    platform, channel = poi
    platform.answer("order/getOrderDaySeq", {"data": {"day_seq": 3}})
    platform.answer("order/getOrderIdByDaySeq", refused(806))
    reconcile(channel.account, now, whole=False)

    assert run_all() == 3
    assert numbers_asked(platform) == ["3", "2", "1"]
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.parametrize(("levels", "runs"), [(False, 4), (True, 7)])
@pytest.mark.usefixtures("frozen", "time_is_up")
def test_what_does_not_fit_into_a_run_is_another_jobs(eleme, shop, now, levels, runs):
    open_shops(shop, *SHOPS[1:3])
    payload = {"account": shop.account_id, "whole": False, "levels": levels}
    enqueue(kind="channel.reconcile", key="k", payload=payload, now=now)

    assert run_all() == runs

    assert shops_asked(eleme) == SHOPS[:3]
    assert [action for action, _ in eleme.calls].count(FAILED) == 1
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_single_orders_have_the_time_of_a_run_to_themselves_if_lists_took_it(eleme, shop, now, time_is_up):
    numbers = [str(number) for number in range(3)]
    for number in numbers:
        placed(shop, now=now, number=number, downgraded=True)
    eleme.results[ONE] = order(id="0", orderId="0", downgraded=True)

    reconcile(shop.account, now, whole=False, mark=Mark("stores"))
    assert Job.objects.get(kind="channel.reconcile").payload["mark"]["stage"] == "single"
    reconcile(shop.account, now, whole=False, mark=Mark("single"))

    assert [action for action, _ in eleme.calls] == [WAITING, ONE]
    assert Job.objects.filter(kind="channel.reconcile").count() == 1
    assert Order.objects.filter(asked_at=now).count() == 1


def test_a_run_asks_for_so_many_single_orders_and_for_others_the_next_time(eleme, shop, now):
    numbers = [str(number) for number in range(MOST_ASKED + 1)]
    for number in numbers:
        placed(shop, now=now, number=number, downgraded=True)
    eleme.results[ONE] = order(id="0", orderId="0", downgraded=True)
    asked = []
    for turn in (1, 2):
        eleme.calls.clear()
        reconcile(shop.account, now + turn * NEXT, whole=False)
        asked.append([params["orderId"] for action, params in eleme.calls if action == ONE])

    assert sorted([*asked[0], *asked[1]]) == sorted(numbers)
