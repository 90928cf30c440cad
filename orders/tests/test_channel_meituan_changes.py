"""Meituan's messages about an order that is there, and about stores."""

from datetime import UTC, datetime

import pytest

from orders.channels.incoming import (
    Asked,
    Carried,
    Message,
    Noted,
    Rejected,
    Standing,
    StoreStatus,
    Unknown,
    Urged,
)
from orders.channels.meituan.push import parse, verify
from orders.tests.meituan_messages import KEYS, SYSTEM, form, push

ORDER = "100000000000000017"
ASKED = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 6, 2, 5, tzinfo=UTC)
GUESTS_CODE = "改主意了 · 用户取消，商家确认前"
REFUND = {
    "order_id": ORDER,
    "notify_type": "apply",
    "refund_id": "9001",
    "ctime": str(int(ASKED.timestamp())),
    "reason": "不想要了",
    "res_type": "0",
    "is_appeal": "0",
    "pictures": "[]",
    "service_type": "0",
}


def read(kind, **fields):
    """The message in `fields`, signed at `LATER`; None drops a field."""
    given = {"timestamp": str(int(LATER.timestamp())), **fields}
    return parse(kind=kind, raw=form({name: value for name, value in given.items() if value is not None}))


def delivery_ids(kind, *messages):
    """What the messages are called."""
    return [verify(keys=KEYS, request=push(kind, fields)).delivery_id for fields in messages]


@pytest.mark.parametrize(
    ("fields", "reason", "by"),
    [
        ({"reason": "改主意了", "reason_code": "1102", "deal_op_type": "1"}, GUESTS_CODE, "customer"),
        ({"reason": "改主意了", "reason_code": "1102"}, GUESTS_CODE, "customer"),
        ({"reason_code": "1001"}, "系统取消，超时未确认", "platform"),
        ({"reason": "其他原因", "reason_code": "1301", "deal_op_type": "2"}, "其他原因", "merchant"),
        ({"reason": "缺货", "reason_code": "2009", "deal_op_type": "6"}, "缺货", "merchant"),
        ({"reason": "客服取消", "deal_op_type": "3"}, "客服取消", "platform"),
        ({"deal_op_type": "5"}, "", "platform"),
        ({"reason": "长" * 300}, "长" * 200, "platform"),
    ],
)  # fmt: skip
def test_a_cancellation_says_why_and_by_whom(fields, reason, by):
    message = read("cancelled", order_id=ORDER, **fields)
    assert message == Message("cancelled", ORDER, "", Standing("cancelled", reason=reason, by=by))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, "applied"),
        ({"notify_type": "agree", "res_type": "2"}, "agreed"),
        ({"notify_type": "reject", "res_type": "1"}, "refused"),
        ({"notify_type": "cancelRefund", "res_type": "7"}, "withdrawn"),
        ({"notify_type": "agree", "res_type": "5"}, "agreed"),
        ({"notify_type": "apply", "res_type": "5"}, "agreed"),
        ({"notify_type": None, "res_type": "3"}, "refused"),
        ({"is_appeal": "1"}, "appealed"),
        ({"is_appeal": "1", "notify_type": "agree", "res_type": "4"}, "upheld"),
        ({"is_appeal": "1", "notify_type": "reject", "res_type": "3"}, "overruled"),
    ],
)
def test_a_refund_says_where_it_stands(changes, step):
    asked = Asked("cancel", step, ASKED, reason="不想要了", ref="9001")
    assert read("refund", **{**REFUND, **changes}) == Message("refund", ORDER, "", asked)


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("1", "applied"), ("10", "agreed"), ("16", "appealed"), ("22", "refused"), ("27", "upheld"),
        ("30", "withdrawn"),
    ],
)  # fmt: skip
def test_at_stores_that_take_goods_back_the_status_says_where_a_refund_stands(status, step):
    changes = {"notify_type": None, "res_type": None, "service_type": "2", "status": status}
    asked = Asked("refund", step, ASKED, reason="不想要了", ref="9001")
    assert read("refund", **{**REFUND, **changes}).content == asked


def test_a_refund_of_some_items_calls_nothing_off():
    changes = {"notify_type": "part", "food": '[{"food_name":"茉莉奶绿"}]', "money": "15.50"}
    asked = Asked("refund", "applied", ASKED, reason="不想要了", whole=False, amount=1550, ref="9001")
    assert read("refund", **{**REFUND, **changes}).content == asked


def test_an_appeal_withdrawn_counts_as_later_than_the_appeal():
    changes = {"is_appeal": "1", "notify_type": "cancelRefundComplaint", "res_type": "8"}
    asked = Asked("cancel", "withdrawn", LATER, reason="不想要了", ref="9001")
    assert read("refund", **{**REFUND, **changes}).content == asked


def test_a_refund_without_a_time_is_as_old_as_its_push():
    assert read("refund", **{**REFUND, "ctime": None}).content.at == LATER


@pytest.mark.parametrize("changes", [{"notify_type": "suspend"}, {"notify_type": None, "res_type": None}])
def test_a_refund_in_words_we_have_not_heard_is_to_be_asked_about(changes):
    assert read("refund", **{**REFUND, **changes}) == Message("refund", ORDER, "", Unknown(ask=True))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("3", Asked("cancel", "agreed", LATER, amount=1, ref="9001")),
        ("4", Asked("cancel", "refused", LATER, amount=1, ref="9001")),
        ("13", Asked("refund", "agreed", LATER, whole=False, amount=1, ref="9001")),
        ("14", Asked("refund", "refused", LATER, whole=False, amount=1, ref="9001")),
        ("99", Unknown(ask=True)),
    ],
)
def test_the_result_of_a_refund(status, expected):
    fields = {"refund_id": "9001", "refund_status": status, "money": "0.01", "ctime": REFUND["ctime"]}
    message = read("refund-result", order_id=ORDER, utime=str(int(LATER.timestamp())), **fields)
    assert message == Message("refund-result", ORDER, "", expected)


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("0", "searching"), ("5", "searching"), ("10", "assigned"), ("15", "at_store"), ("20", "picked_up"),
        ("40", "delivered"), ("100", "cancelled"),
    ],
)  # fmt: skip
def test_where_meituans_rider_is(status, progress):
    rider = {"dispatcher_name": "李骑手", "dispatcher_mobile": "13700000000_55"}
    time = str(int(ASKED.timestamp()))
    message = read("logistics", order_id=ORDER, logistics_status=status, time=time, **rider)
    carried = Carried(progress, ASKED, rider_name="李骑手", rider_phone="13700000000_55")
    assert message == Message("logistics", ORDER, "", carried)


def test_a_state_of_delivery_we_have_not_heard_of_is_kept():
    message = read("logistics", order_id=ORDER, logistics_status="30", time="1770343195")
    assert message == Message("logistics", ORDER, "", Unknown())


@pytest.mark.parametrize(
    ("status", "level"), [("121", "open"), ("18", "open"), ("120", "paused"), ("19", "paused"), ("7", "")]
)
def test_a_store_opens_and_closes(status, level):
    time = str(int(ASKED.timestamp()))
    message = read(
        "store-status", app_poi_code="jx-sh-001", poi_status=status, reason="超时未接单", operate_time=time
    )
    assert message == Message("store-status", "", "jx-sh-001", StoreStatus(level, ASKED, "超时未接单"))


@pytest.mark.parametrize("name", ["remind_id", "reminder_id", "urge_id", "id"])
def test_an_urge_is_answered_under_whatever_number_it_has(name):
    message = read("urge", order_id=ORDER, remind_time=REFUND["ctime"], **{name: "77"})
    assert message == Message("urge", ORDER, "", Urged(ref="77", at=ASKED))


def test_an_urge_without_a_number_is_an_urge():
    assert read("urge", order_id=ORDER) == Message("urge", ORDER, "", Urged(at=LATER))


@pytest.mark.parametrize("kind", ["binding", "privacy"])
def test_what_needs_nothing_done_is_noted(kind):
    assert read(kind, app_poi_code="jx-sh-001", op_type="1") == Message(kind, "", "jx-sh-001", Noted())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("cancelled", {}),
        ("refund", {"order_id": ORDER, "notify_type": "apply", "timestamp": None}),
        ("refund-result", {"order_id": ORDER, "refund_id": "1"}),
        ("logistics", {"order_id": ORDER}),
        ("logistics", {"order_id": ORDER, "logistics_status": "10", "timestamp": None}),
        ("store-status", {"poi_status": "121"}),
        ("urge", {"remind_id": "1"}),
        ("confirmed", {}),
    ],
)
def test_a_message_without_what_it_is_about_is_refused(kind, fields):
    with pytest.raises(Rejected) as rejected:
        read(kind, **fields)
    assert rejected.value.status == 400


def test_what_tells_messages_apart():
    order = {"order_id": ORDER}
    assert delivery_ids("paid", order | {"utime": "5", "status": "2"}, order | {"status": "2"}) == [
        f"paid:{ORDER}:5",
        f"paid:{ORDER}:2",
    ]
    assert delivery_ids("confirmed", order | {"utime": "5", "incmp_code": "-1"}) == [
        f"confirmed:{ORDER}:5:part"
    ]
    assert delivery_ids("cancelled", order | {"reason_code": "1102"}) == [f"cancelled:{ORDER}:1102"]
    assert delivery_ids("refund", REFUND, REFUND | {"notify_type": "agree", "res_type": "2"}) == [
        f"refund:{ORDER}:9001:apply:0::0:{REFUND['ctime']}",
        f"refund:{ORDER}:9001:agree:2::0:{REFUND['ctime']}",
    ]
    assert delivery_ids("refund-result", order | {"refund_id": "1", "refund_status": "3"}) == [
        f"refund-result:{ORDER}:1:3"
    ]
    assert delivery_ids("logistics", order | {"logistics_status": "10", "time": "7"}) == [
        f"logistics:{ORDER}:10:7"
    ]
    assert delivery_ids("store-status", {"app_poi_code": "a", "poi_status": "121", "operate_time": "7"}) == [
        "store-status:a:121:7"
    ]
    assert delivery_ids("urge", order | {"remind_id": "8"}, order) == [
        f"urge:{ORDER}:8",
        f"urge:{ORDER}:{SYSTEM['timestamp']}",
    ]


def test_a_delivery_id_is_short_and_printable_whatever_is_in_it():
    odd = delivery_ids("binding", {"poi_info": "店"}) + delivery_ids(
        "cancelled", {"order_id": "长"}, {"order_id": "长 "}, {"order_id": "1" * 200}
    )
    assert [len(name) for name in odd] == [len("binding:") + 64, 64, 64, 64]
    assert len(set(odd)) == 4
    assert all(name.isascii() and name.isprintable() for name in odd)
