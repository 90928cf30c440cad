"""Calls to a Meituan on loopback that checks every signature, and what its answers mean."""

from datetime import UTC, datetime

import pytest

from orders.channels.calling import Access
from orders.channels.meituan.calls import call, hears
from orders.tests.meituan_messages import APP_ID, SECRET, as_text, refused, running_meituan
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.errors import Later

NOW = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)
ORDER = {"order_id": "100000000000000017", "store_code": "jx-sh-001"}
NUMBER = {"order_id": "100000000000000017"}
NAME, PHONE = "李骑手 A&B", "13700000000"
RIDER = {"rider_name": NAME, "rider_phone": PHONE, "carrier": "own", "reference": ""}
NOBODY = {"rider_name": "", "rider_phone": ""}
REPLY = {"remind_id": "77", "reply_id": "3", "reply_content": "马上好"}
STATUS = ("GET", "order/viewstatus", NUMBER)
SYNC = "ecommerce/order/logistics/sync"


@pytest.fixture
def meituan():
    with running_meituan() as platform:
        yield platform


def access_to(platform, **changes):
    return Access(**{"url": platform.url, "app_id": APP_ID, "secret": SECRET, **changes})


def tell(platform, kind, **data):
    return call(access=access_to(platform), call_id="c1", kind=kind, data={**ORDER, **data}, now=NOW)


def refusal(platform, kind, **data):
    with pytest.raises(Refused) as raised:
        tell(platform, kind, **data)
    return raised.value.code, str(raised.value)


def at(status):
    """An order's state there, as one of the forms that are told of."""
    return {"data": [{"status": status}]}


def test_everything_but_a_delay_can_be_told():
    assert hears == {
        "order.accepted", "order.rejected", "order.cancelled", "order.ready", "order.collected",
        "order.delivered", "order.self_delivery", "urge.answered", "request.agreed", "request.refused",
        "store.intake",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("order.accepted", {}, ("GET", "order/confirm", NUMBER)),
        (
            "order.rejected",
            {"reason": "Sold out"},
            ("GET", "order/cancel", NUMBER | {"reason_code": "2009", "reason": "Sold out"}),
        ),
        (
            "order.cancelled",
            {"reason": "机器坏了 100%"},
            ("GET", "order/cancel", NUMBER | {"reason_code": "2007", "reason": "机器坏了 100%"}),
        ),
        ("order.ready", {}, ("GET", "order/preparationMealComplete", NUMBER)),
        (
            "order.collected",
            RIDER,
            ("GET", "order/delivering", NUMBER | {"courier_name": NAME, "courier_phone": PHONE}),
        ),
        ("order.collected", RIDER | NOBODY, ("GET", "order/delivering", NUMBER)),
        ("order.delivered", RIDER, ("GET", "order/arrived", NUMBER)),
        ("order.self_delivery", {}, ("GET", "order/logistics/change/poi_self", NUMBER)),
        (
            "urge.answered",
            {"ref": "77", "answer": "custom", "text": "马上好"},
            ("POST", "order/remindReply", NUMBER | REPLY),
        ),
        (
            "request.agreed",
            {"about": "cancel", "ref": "9001"},
            ("GET", "order/refund/agree", NUMBER | {"reason": "同意退款"}),
        ),
        (
            "request.refused",
            {"about": "refund", "ref": "9001", "reason": "已经做好"},
            ("GET", "order/refund/reject", NUMBER | {"reason": "已经做好"}),
        ),
    ],
)  # fmt: skip
def test_each_thing_is_told_by_one_call(meituan, kind, data, expected):
    assert tell(meituan, kind, **data) == {}
    assert meituan.calls == [expected]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Too many orders", "2008"),
        ("Store is closing", "2011"),
        ("Spilled or damaged", "2016"),
        ("Guest asked for it", "2006"),
        ("", "2007"),
    ],
)
def test_reasons_have_meituans_codes(meituan, reason, code):
    tell(meituan, "order.cancelled", reason=reason)
    assert meituan.calls[0][2]["reason_code"] == code


def test_a_token_is_signed_along(meituan):
    access = access_to(meituan, token="t-1")
    call(access=access, call_id="c1", kind="order.accepted", data=ORDER, now=NOW)
    assert meituan.calls == [("GET", "order/confirm", NUMBER | {"access_token": "t-1"})]


def test_a_wrong_secret_is_refused(meituan):
    with pytest.raises(Refused) as raised:
        call(access=access_to(meituan, secret="x"), call_id="c", kind="order.accepted", data=ORDER, now=NOW)
    assert (raised.value.code, meituan.calls) == ("703", [])


@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        ("order.accepted", "order/confirm", 4),
        ("order.accepted", "order/confirm", 8),
        ("order.rejected", "order/cancel", 9),
        ("order.cancelled", "order/cancel", 9),
        ("order.ready", "order/preparationMealComplete", 4),
        ("order.ready", "order/preparationMealComplete", 8),
        ("order.collected", "order/delivering", 4),
        ("order.delivered", "order/arrived", 8),
        ("request.agreed", "order/refund/agree", 9),
        ("request.refused", "order/refund/reject", 4),
    ],
)
def test_what_is_so_already_was_told(meituan, kind, path, status):
    meituan.answer(path, refused(808))
    meituan.answer("order/viewstatus", at(status))
    assert tell(meituan, kind, reason="") == {}
    assert meituan.calls[1:] == [STATUS]


@pytest.mark.parametrize(
    ("kind", "path", "status", "message"),
    [
        ("order.accepted", "order/confirm", 9, "The order is cancelled at Meituan."),
        ("order.ready", "order/preparationMealComplete", 9, "The order is cancelled at Meituan."),
        ("order.accepted", "order/confirm", 2, "操作失败 (808)"),
        ("order.cancelled", "order/cancel", 8, "操作失败 (808)"),
        ("order.delivered", "order/arrived", 4, "操作失败 (808)"),
        ("request.agreed", "order/refund/agree", 4, "操作失败 (808)"),
    ],
)
def test_what_came_too_late_is_refused(meituan, kind, path, status, message):
    meituan.answer(path, refused(808))
    meituan.answer("order/viewstatus", at(status))
    assert refusal(meituan, kind, reason="") == ("808", message)


def test_ready_is_told_again_after_the_first_minute(meituan):
    meituan.answer("order/preparationMealComplete", refused(808, "接单1分钟后才能上报"))
    with pytest.raises(Later) as raised:
        tell(meituan, "order.ready")
    assert raised.value.seconds == 60


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("order.ready", "order/preparationMealComplete"),
        ("order.self_delivery", "order/logistics/change/poi_self"),
    ],
)
def test_an_order_that_meituan_does_not_deliver_needs_no_word_to_its_riders(meituan, kind, path):
    meituan.answer(path, refused(1005))
    assert tell(meituan, kind) == {}


@pytest.mark.parametrize(
    ("kind", "carrier", "code", "status"),
    [
        ("order.collected", "dada", "10002", "20"),
        ("order.delivered", "dada", "10002", "40"),
        ("order.collected", "pigeon", "10017", "20"),
    ],
)
def test_another_carrier_is_named(meituan, kind, carrier, code, status):
    assert tell(meituan, kind, **RIDER | {"carrier": carrier, "reference": "D-5"}) == {}
    expected = NUMBER | {
        "third_carrier_order_id": "D-5",
        "courier_name": NAME,
        "courier_phone": PHONE,
        "logistics_provider_code": code,
        "logistics_status": status,
    }
    assert meituan.calls == [("POST", SYNC, expected)]


def test_an_app_that_may_not_name_carriers_tells_the_plain_way(meituan):
    meituan.answer(SYNC, refused(708))
    tell(meituan, "order.collected", **RIDER | {"carrier": "dada"})
    tell(meituan, "order.delivered", **RIDER | {"carrier": "dada"})
    assert [path for _, path, _ in meituan.calls] == [SYNC, "order/delivering", SYNC, "order/arrived"]


def test_a_carrier_that_is_refused_for_another_reason_is_not_told_the_plain_way(meituan):
    meituan.answer(SYNC, refused(705, "参数格式错误"))
    told = refusal(meituan, "order.collected", **RIDER | {"carrier": "dada"})
    assert told == ("705", "参数格式错误 (705)")
    assert [path for _, path, _ in meituan.calls] == [SYNC]


@pytest.mark.parametrize(
    ("level", "path", "stores", "reported"),
    [
        ("open", "poi/open", [{"app_poi_code": "jx-sh-001", "open_level": 1, "is_online": 1}], "open"),
        ("paused", "poi/close", [{"app_poi_code": "jx-sh-001", "open_level": 3, "is_online": 1}], "paused"),
        ("paused", "poi/close", [{"app_poi_code": "jx-sh-001", "open_level": 1}], "open"),
        ("open", "poi/open", [{"app_poi_code": "jx-sh-001", "open_level": 1, "is_online": 0}], "paused"),
        ("open", "poi/open", [{"app_poi_code": "other", "open_level": 1}], ""),
    ],
)
def test_intake_is_switched_and_read_back(meituan, level, path, stores, reported):
    meituan.answer("poi/mget", {"data": stores})
    told = tell(meituan, "store.intake", level=level, version=3, resumes_at=None)
    assert told == {"level": reported}
    assert meituan.calls == [
        ("POST", path, {"app_poi_code": "jx-sh-001"}),
        ("GET", "poi/mget", {"app_poi_codes": "jx-sh-001"}),
    ]


def test_a_store_that_is_as_wanted_already_counts_as_switched(meituan):
    meituan.answer("poi/open", refused(808))
    meituan.answer("poi/mget", {"data": as_text([{"app_poi_code": "jx-sh-001", "open_level": 1}])})
    assert tell(meituan, "store.intake", level="open", version=3, resumes_at=None) == {"level": "open"}
    meituan.answer("poi/close", refused(808))
    assert refusal(meituan, "store.intake", level="paused", version=4)[0] == "808"


@pytest.mark.parametrize("code", [809, 1027])
def test_a_store_closed_by_head_office_cannot_be_opened_from_here(meituan, code):
    meituan.answer("poi/open", refused(code))
    told = "Meituan or head office has closed this store there; only they can open it again."
    assert refusal(meituan, "store.intake", level="open", version=3) == (str(code), told)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (refused(711), Unreachable, "Meituan takes no more calls for now (711)"),
        (refused(700, "系统异常"), Uncertain, "Meituan has a fault of its own (700): 系统异常"),
        (refused(704, "没有权限"), Refused, "没有权限 (704)"),
        ({"data": "ng"}, Refused, "no reason given ()"),
        ({"error": {"code": "806", "msg": "不存在此订单"}}, Refused, "不存在此订单 (806)"),
        ({"result_code": 3, "error_list": [{"code": 705, "msg": "格式"}]}, Refused, "格式 (705)"),
        ({"result_code": 4, "error_list": []}, Refused, "no reason given ()"),
        (b"<html>", Uncertain, "the answer is not JSON"),
        (b"[]", Uncertain, "the answer is not an object"),
    ],
)
def test_what_other_answers_mean(meituan, answer, error, message):
    meituan.answer("order/confirm", answer)
    with pytest.raises(error) as raised:
        tell(meituan, "order.accepted")
    assert str(raised.value) == message


def test_a_newer_answer_of_success_is_success(meituan):
    meituan.answer(SYNC, {"result_code": 1, "success_list": [], "error_list": []})
    assert tell(meituan, "order.collected", **RIDER | {"carrier": "sf"}) == {}


def test_being_turned_away_says_how_long_to_wait(meituan):
    meituan.answer("order/confirm", refused(711))
    with pytest.raises(Unreachable) as raised:
        tell(meituan, "order.accepted")
    assert raised.value.wait > 0


def test_an_order_that_is_completed_there_needs_no_second_word(meituan):
    meituan.answer("order/arrived", refused(1022, "订单已完成"))
    meituan.answer("order/viewstatus", at(8))
    assert tell(meituan, "order.delivered") == {}


def test_agreeing_twice_to_money_back_for_a_part_is_agreeing_once(meituan):
    meituan.answer("order/refund/agree", refused(808))
    meituan.answer("order/viewstatus", at(4))
    assert tell(meituan, "request.agreed", about="refund", whole=False) == {}
