"""Asking a Meituan on loopback: the orders behind the day's numbers, one order, whether a store is open."""

from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest

from orders.channels.calling import Access
from orders.channels.meituan import pulls
from orders.channels.meituan.push import parse
from orders.tests.meituan_messages import APP_ID, SECRET, paid, refused, running_meituan
from outbox.calling import Refused, Uncertain, Unreachable

NOW = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)


@pytest.fixture
def meituan():
    with running_meituan() as platform:
        yield platform


def access_to(platform, **changes):
    return Access(**{"url": platform.url, "app_id": APP_ID, "secret": SECRET, **changes})


def detail(number, **changes):
    """An answer of order/getOrderDetail about the order with this number of the day."""
    order = {**paid(), "order_id": 100000000000000000 + number, "day_seq": number, **changes}
    return {"data": order}


def listed(platform, known, *, whole=True, day=date(2026, 2, 6), start=""):
    access, known = access_to(platform), frozenset(known)
    return pulls.orders(
        access=access, store_code="jx-sh-001", day=day, known=known, whole=whole, start=start, now=NOW
    )


def pulled(*arguments, **options):
    return [order for page in listed(*arguments, **options) for order in page.orders]


def test_the_orders_behind_missing_numbers_are_found_newest_first(meituan):
    meituan.answer("order/getOrderDaySeq", {"data": {"result": "ok", "day_seq": 5}})
    meituan.answer(
        "order/getOrderIdByDaySeq",
        {"data": {"result": "ok", "order_id": 100000000000000005}},
        refused(806),
        {"data": [{"result": "ok", "order_id": 100000000000000002}]},
    )
    meituan.answer("order/getOrderDetail", detail(5), detail(2, status=4))
    found = [parse(kind=order.kind, raw=order.raw) for order in pulled(meituan, ["1", "4", "…0017"])]
    assert [(m.external_id, m.content.daily_number, m.content.standing) for m in found] == [
        ("100000000000000005", "5", None),
        ("100000000000000002", "2", found[1].content.standing),
    ]
    assert meituan.calls[:3] == [
        ("GET", "order/getOrderDaySeq", {"app_poi_code": "jx-sh-001"}),
        (
            "GET",
            "order/getOrderIdByDaySeq",
            {"app_poi_code": "jx-sh-001", "date_time": "20260206", "day_seq": "5"},
        ),
        ("GET", "order/getOrderDetail", {"order_id": "100000000000000005", "is_mt_logistics": "1"}),
    ]


def test_a_run_asks_for_so_many_numbers_and_no_more(meituan):
    meituan.answer("order/getOrderDaySeq", {"data": {"result": "ok", "day_seq": "300"}})
    meituan.answer("order/getOrderIdByDaySeq", refused(806))
    assert pulled(meituan, [], whole=False) == []
    asked = [call[2]["day_seq"] for call in meituan.calls[1:]]
    assert asked == [str(number) for number in range(300, 250, -1)]


def test_a_day_that_is_over_is_tried_a_little_beyond_the_last_number_we_know(meituan):
    meituan.answer("order/getOrderIdByDaySeq", {"data": {"result": "ng"}})
    assert pulled(meituan, ["1", "3"], day=date(2026, 2, 5)) == []
    asked = [int(call[2]["day_seq"]) for call in meituan.calls]
    assert asked == [*range(23, 3, -1), 2]


def test_a_list_goes_on_below_the_number_where_it_was_left(meituan):
    meituan.answer("order/getOrderIdByDaySeq", refused(806))
    assert [(page.orders, page.rest) for page in listed(meituan, ["2"], start="3")] == [((), "2"), ((), "0")]
    assert list(listed(meituan, [], start="0")) == []
    asked = [(path, fields["day_seq"]) for _, path, fields in meituan.calls]
    assert asked == [("order/getOrderIdByDaySeq", "3"), ("order/getOrderIdByDaySeq", "1")]


def test_an_order_nobody_can_read_holds_up_no_other(meituan):
    meituan.answer("order/getOrderDaySeq", {"data": {"day_seq": 2}})
    meituan.answer("order/getOrderIdByDaySeq", {"data": {"order_id": 100000000000000002}}, refused(704))
    meituan.answer("order/getOrderDetail", {"data": "?"})
    found = [(page.rest, type(page.fault)) for page in listed(meituan, [])]
    assert found == [("1", Uncertain), ("0", Refused)]


def test_being_turned_away_ends_a_list_with_what_it_found(meituan):
    meituan.answer("order/getOrderDaySeq", {"data": {"day_seq": 2}})
    meituan.answer("order/getOrderIdByDaySeq", {"data": {"order_id": 100000000000000002}}, refused(711))
    meituan.answer("order/getOrderDetail", detail(2))
    pages = listed(meituan, [])
    assert len(next(pages).orders) == 1
    with pytest.raises(Unreachable):
        next(pages)


def test_each_call_waits_for_its_turn(meituan):
    turns = []

    @contextmanager
    def turn():
        turns.append(len(meituan.calls))
        yield

    meituan.answer("order/getOrderDaySeq", {"data": {"day_seq": 2}})
    meituan.answer("order/getOrderIdByDaySeq", {"data": {"order_id": 100000000000000002}})
    meituan.answer("order/getOrderDetail", detail(2))
    access = access_to(meituan, turn=turn)
    place = {"store_code": "jx-sh-001", "day": date(2026, 2, 6), "known": frozenset(), "start": ""}
    list(pulls.orders(access=access, whole=True, now=NOW, **place))
    assert turns == list(range(5))


@pytest.mark.parametrize(
    ("store", "level"),
    [
        ({"open_level": 1, "is_online": 1}, "open"),
        ({"open_level": 3}, "paused"),
        ({"is_online": 0}, "paused"),
    ],
)
def test_whether_a_store_takes_orders_there(meituan, store, level):
    meituan.answer("poi/mget", {"data": [{"app_poi_code": "jx-sh-001", **store}]})
    assert pulls.level(access=access_to(meituan), store_code="jx-sh-001", now=NOW) == level
    assert meituan.calls == [("GET", "poi/mget", {"app_poi_codes": "jx-sh-001"})]


def test_a_store_meituan_does_not_show_has_no_level(meituan):
    meituan.answer("poi/mget", {"data": []})
    assert pulls.level(access=access_to(meituan), store_code="jx-sh-001", now=NOW) == ""


def test_one_order_as_it_stands_there(meituan):
    meituan.answer("order/getOrderDetail", detail(17, caution="半糖"))
    order = pulls.order(access=access_to(meituan), external_id="100000000000000017", now=NOW)
    message = parse(kind=order.kind, raw=order.raw)
    assert (message.external_id, message.content.note) == ("100000000000000017", "半糖")


def test_an_order_meituan_does_not_know_is_none(meituan):
    meituan.answer("order/getOrderDetail", refused(806))
    assert pulls.order(access=access_to(meituan), external_id="1", now=NOW) is None
    meituan.answer("order/getOrderDetail", refused(704))
    with pytest.raises(Refused):
        pulls.order(access=access_to(meituan), external_id="1", now=NOW)


@pytest.mark.parametrize("data", [None, [], "x", {}, 5])
def test_an_answer_in_another_form_is_uncertain(meituan, data):
    meituan.answer("order/getOrderDetail", {"data": data})
    with pytest.raises(Uncertain):
        pulls.order(access=access_to(meituan), external_id="1", now=NOW)


def test_there_are_no_missed_messages_and_no_tokens(meituan):
    access = access_to(meituan)
    assert pulls.missed(access=access, now=NOW) == ()
    pulls.confirm(access=access, refs=["1"], now=NOW)
    assert pulls.renew(access=access, refresh="r", now=NOW) is None
    assert meituan.calls == []
