"""Asking platforms, over real HTTP: what they never told is found, and found once."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from orders.comparison import PERIOD
from orders.models import Conflict, IncomingMessage, Order
from orders.reconciliation import enqueue_runs, reconcile
from orders.tests import meituan_messages as meituan
from orders.tests.boards import watched
from orders.tests.eleme_messages import ORDER_ID, envelope, order, status_change
from orders.tests.eleme_platform import running_eleme
from orders.tests.eleme_shop import bound_shop, placed, pushed
from orders.tests.meituan_messages import running_meituan
from outbox.guard import guard_of
from outbox.models import Job
from stores.tests.factories import ChannelAccountFactory, StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FAILED, CONFIRM = "eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg"
WAITING, ALL = "eleme.order.getUnprocessOrders", "eleme.order.getAllOrders"
ONE = "eleme.order.getOrder"
OFF_BEAT = timedelta(seconds=PERIOD)  # `now` is the beginning of an hour, when whole lists are due


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


def found(row):
    """What a run found, as (listed, recovered, completed, changed, conflicts, error)."""
    return (row.asked, row.recovered, row.completed, row.changed, row.conflicts, row.error)


NOTHING = (0, 0, 0, 0, 0, "")


def actions(eleme):
    return [action for action, _ in eleme.calls]


def everything():
    """All that may not change when nothing is new."""
    return [list(model.objects.order_by("pk").values()) for model in (Order, IncomingMessage, Conflict, Job)]


def test_a_missed_order_appears_on_the_board_as_recovered_and_is_confirmed(eleme, shop, now):
    eleme.results[FAILED] = [envelope(10, order())]

    with watched(shop.store, now=now) as events:
        row = reconcile(shop.account, now)

    assert [(event["kind"], event["card"]["recovered_at"]) for event in events] == [
        ("order.placed", "2026-02-06T02:00:00.000Z")
    ]
    assert found(row) == (1, 1, 0, 0, 0, "")
    assert IncomingMessage.objects.values_list("source", "secret", "outcome").get() == (
        "pull",
        None,
        "stored",
    )
    confirmed = {"msgConfirmRequest": {"appId": 78194582, "requestIds": ["200000014063440520"]}}
    assert (CONFIRM, confirmed) in eleme.calls


def test_reconciling_twice_changes_nothing(eleme, shop, now):
    eleme.results = {
        FAILED: [envelope(10, order()), envelope(45, {"orderId": ORDER_ID, "remindId": "7"}, requestId="u")],
        WAITING: ["9007199254740993"],
        ONE: order(id="9007199254740993", orderId="9007199254740993"),
        ALL: {"list": [order(id="3", orderId="3", status="settled"), order()]},
    }
    first = reconcile(shop.account, now + OFF_BEAT)
    before = everything()
    second = reconcile(shop.account, now + OFF_BEAT, whole=True)

    assert found(first) == (5, 3, 0, 1, 0, "")
    assert found(second) == (4, 0, 0, 0, 0, "")  # the one that waited is known now, and not fetched
    assert everything() == before
    assert {row.state for row in Order.objects.all()} == {"accepted", "delivered"}


def test_a_message_that_did_arrive_is_a_duplicate_whichever_way_it_came_first(eleme, shop, now):
    eleme.results[FAILED] = [envelope(10, order()), envelope(12, status_change("valid"), requestId="r2")]
    pushed(shop, 10, order(), now=now)

    assert found(reconcile(shop.account, now)) == (2, 0, 0, 1, 0, "")
    assert pushed(shop, 12, status_change("valid"), now=now, requestId="r2", timestamp=1) == "duplicate"
    assert (Conflict.objects.count(), IncomingMessage.objects.count()) == (0, 2)


def test_missed_messages_that_are_not_signed_are_taken_too(eleme, shop, now):
    eleme.results[FAILED] = [{**envelope(10, order()), "signature": None}]

    assert found(reconcile(shop.account, now)) == (1, 1, 0, 0, 0, "")
    assert IncomingMessage.objects.get().delivery_id == "200000014063440520"


def test_a_message_nobody_understands_is_kept_for_an_admin_and_holds_up_no_other(eleme, shop, now):
    eleme.results[FAILED] = [
        envelope(10, order(totalPrice="?"), requestId="bad"),
        envelope(10, order(), requestId="good"),
    ]
    row = reconcile(shop.account, now)

    assert found(row) == (2, 1, 0, 0, 0, "bad cannot be read: totalPrice is no amount.")
    kept = IncomingMessage.objects.get(delivery_id="bad")
    assert (kept.outcome, json.loads(kept.body)["requestId"]) == ("unknown", "bad")
    assert dict(eleme.calls)[CONFIRM]["msgConfirmRequest"]["requestIds"] == ["bad", "good"]


def test_what_is_not_confirmed_comes_again_and_is_known(eleme, shop, now):
    eleme.results[FAILED] = [envelope(10, order())]
    eleme.errors[CONFIRM] = "SERVER_ERROR"
    assert found(reconcile(shop.account, now)) == (1, 1, 0, 0, 0, "missed messages: 因为")
    eleme.errors.clear()

    assert found(reconcile(shop.account, now)) == (1, 0, 0, 0, 0, "")
    assert Order.objects.count() == 1


def test_orders_that_wait_there_and_were_never_told_are_fetched(eleme, shop, now):
    placed(shop, now=now, number="1")
    eleme.results = {WAITING: ["1", ORDER_ID], ONE: order()}

    assert found(reconcile(shop.account, now + OFF_BEAT, whole=False)) == (1, 1, 0, 0, 0, "")
    assert [params for action, params in eleme.calls if action == ONE] == [{"orderId": ORDER_ID}]
    assert Order.objects.get(external_id=ORDER_ID).recovered_at == now + OFF_BEAT
    assert Job.objects.filter(key__startswith="order.accept").count() == 2


def test_an_order_whose_push_may_be_on_its_way_is_left_to_it(eleme, shop, now):
    eleme.results = {WAITING: [ORDER_ID], ONE: order()}

    for seconds, orders in ((1, 0), (14, 0), (15, 1)):
        reconcile(shop.account, now + timedelta(seconds=seconds), whole=False)
        assert Order.objects.count() == orders


def test_an_order_of_a_store_nobody_bound_waits_for_one(eleme, shop, now):
    eleme.results = {WAITING: [ORDER_ID], ONE: order(shopId=4711)}

    assert found(reconcile(shop.account, now + OFF_BEAT)) == (1, 0, 0, 0, 0, "")
    assert IncomingMessage.objects.values_list("outcome", "store_code", "source").get() == (
        "unrouted", "4711", "pull",
    )  # fmt: skip
    eleme.results[ONE] = order(shopId=4711, secretPhoneExpireTime="later")
    reconcile(shop.account, now + OFF_BEAT)
    assert IncomingMessage.objects.count() == 1


@pytest.mark.parametrize(("status", "state"), [("invalid", "cancelled"), ("settled", "delivered")])
def test_a_known_order_goes_where_the_platform_says_it_is(eleme, shop, now, status, state):
    known = placed(shop, now=now)
    eleme.results[ALL] = {"list": [order(status=status)]}

    with watched(shop.store, now=now) as events:
        row = reconcile(shop.account, now)

    assert ([event["kind"] for event in events], found(row)) == ([f"order.{state}"], (1, 0, 0, 1, 0, ""))
    known.refresh_from_db()
    assert (known.state, known.recovered_at) == (state, None)


def test_what_a_platform_owed_is_filled_in(eleme, shop, now):
    placed(shop, now=now, downgraded=True, groups=[], phoneList=[])
    eleme.results[ONE] = order()

    with watched(shop.store, now=now) as events:
        row = reconcile(shop.account, now, whole=False)

    assert found(row) == (1, 0, 1, 0, 0, "")
    assert [(event["kind"], event["card"]["complete"], event["card"]["cups"]) for event in events] == [
        ("order.filled", True, 5)
    ]


def test_an_order_of_which_only_the_cancellation_came_is_asked_for(eleme, shop, now):
    pushed(shop, 14, status_change("invalid"), now=now)
    eleme.results[ONE] = order(status="invalid")

    assert found(reconcile(shop.account, now, whole=False)) == NOTHING  # it may just be on its way
    assert found(reconcile(shop.account, now + OFF_BEAT, whole=False)) == (1, 1, 0, 0, 0, "")
    assert Order.objects.get().state == "cancelled"


def test_two_schedulers_write_one_job_and_none_for_accounts_that_cannot_be_asked(shop, now):
    ChannelAccountFactory(callback_url="https://platform.example/")  # standard: nothing to ask
    ChannelAccountFactory(channel="eleme", app_id="2")
    ChannelAccountFactory(channel="eleme", app_id="3", callback_url="https://platform.example/", active=False)

    assert (enqueue_runs(now=now), enqueue_runs(now=now)) == (1, 0)
    Job.objects.update(state="done")
    enqueue_runs(now=now)  # by another clock in the same period
    assert Job.objects.count() == 1
    enqueue_runs(now=now + OFF_BEAT)
    assert Job.objects.count() == 2


def test_the_whole_list_comes_first_in_an_hour_and_every_tenth_period(eleme, shop, now):
    listed = []
    for turn in range(12):
        eleme.calls.clear()
        reconcile(shop.account, now + timedelta(seconds=turn * PERIOD + 7))
        listed.append(ALL in actions(eleme))

    assert listed == [True, *[False] * 9, True, False]
    reconcile(shop.account, now + timedelta(hours=1, seconds=PERIOD))
    assert actions(eleme).count(ALL) == 1


def test_orders_made_elsewhere_are_known_by_the_store_they_were_sold_for(eleme, shop, now):
    known = placed(shop, now=now)
    sibling = StoreChannelFactory(store__franchise=shop.account.franchise).store
    Order.objects.filter(pk=known.pk).update(store=sibling)
    eleme.results[WAITING] = [ORDER_ID]

    reconcile(shop.account, now + OFF_BEAT, whole=False)

    assert ONE not in actions(eleme)


def test_after_midnight_the_day_before_is_asked_for_as_well(eleme, shop, now):
    midnight = now.replace(hour=16)
    for at in (midnight + timedelta(minutes=10), midnight + timedelta(minutes=31)):
        reconcile(shop.account, at, whole=True)

    dates = [params["date"] for action, params in eleme.calls if action == ALL]
    assert dates == ["2026-02-07", "2026-02-06", "2026-02-07"]


@pytest.fixture
def poi(now):
    with running_meituan() as platform:
        account = ChannelAccountFactory(
            channel="meituan", app_id=meituan.APP_ID, secrets=meituan.SECRET, callback_url=platform.url
        )
        channel = StoreChannelFactory(
            account=account, store__franchise=account.franchise, external_code="jx-sh-001"
        )
        yield platform, channel


def test_a_gap_in_the_days_numbers_is_an_order_nobody_told(poi, now):
    platform, channel = poi
    platform.answer("order/getOrderDaySeq", {"data": {"result": "ok", "day_seq": 2}})
    platform.answer("order/getOrderIdByDaySeq", {"data": {"result": "ok", "order_id": 17}})
    told = [meituan.paid(order_id=str(16 + seq), day_seq=str(seq)) for seq in (2, 1)]
    platform.answer("order/getOrderDetail", *({"data": fields} for fields in told))

    first = reconcile(channel.account, now + OFF_BEAT, whole=False)
    platform.calls.clear()
    second = reconcile(channel.account, now + 2 * OFF_BEAT, whole=False)

    assert (found(first), found(second)) == ((2, 2, 0, 0, 0, ""), NOTHING)
    assert sorted(Order.objects.values_list("external_id", "daily_number")) == [("17", "1"), ("18", "2")]
    assert [path for _, path, _ in platform.calls] == ["order/getOrderDaySeq"]


@pytest.mark.django_db(transaction=True)
def test_it_is_confirmed_only_once_it_is_committed(eleme, shop, now):
    stored = []
    answer = eleme.reply

    def reply(path, headers, body):
        if json.loads(body)["action"] == CONFIRM:
            stored.append(Order.objects.count())
            connection.close()
        return answer(path, headers, body)

    eleme.reply = reply
    eleme.results[FAILED] = [envelope(10, order())]
    reconcile(shop.account, now)

    assert stored == [1]


def test_a_message_no_database_stores_holds_up_no_other(eleme, shop, now):
    eleme.results[FAILED] = [
        envelope(10, order(id="1", orderId="1", totalPrice=10**30), requestId="huge"),
        envelope(10, order(), requestId="good"),
    ]
    row = reconcile(shop.account, now)

    assert (row.recovered, Order.objects.get().external_id) == (1, ORDER_ID)
    assert IncomingMessage.objects.get(delivery_id="huge").outcome == "unknown"
