"""Channel `eleme`, outgoing: signatures, what each kind becomes, what error codes mean."""

import json
import socket
from datetime import UTC, datetime

import pytest

from orders.channels.calling import Access
from orders.channels.eleme import calls, wire
from orders.tests.eleme_messages import ORDER_ID, SHOP, order
from orders.tests.eleme_platform import compact, running_eleme, signature
from outbox.calling import Refused, Uncertain, Unreachable

NOW = datetime(2026, 2, 6, 2, 0, 0, 250000, tzinfo=UTC)
ABOUT = {"order_id": ORDER_ID, "store_code": str(SHOP)}
DOOR = ["ILLEGAL_REQUEST", "ACCESS_DENIED", "METHOD_NOT_ALLOWED", "PERMISSION_DENIED", "INVALID_SIGNATURE",
        "INVALID_TIMESTAMP", "VALIDATION_FAILED"]  # fmt: skip
GET_ORDER = ("eleme.order.getOrder", {"orderId": ORDER_ID})


@pytest.fixture
def eleme():
    with running_eleme() as platform:
        yield platform


def told(eleme, kind, call_id="channel.order:1", **data):
    """Tell the platform one thing about the order."""
    return calls.call(access=eleme.access, call_id=call_id, kind=kind, data={**ABOUT, **data}, now=NOW)


def test_the_published_rule_gives_the_known_signature():
    params = {"orderId": "1200897812792015983", "type": "restaurantTooBusy", "remark": "爆单了"}
    texts = {name: wire.encode(value) for name, value in params.items()}
    metas = {"app_key": '"test_key"', "timestamp": "1496370900"}
    signed = wire.sign_call(
        action="eleme.order.cancelOrderLite",
        token="test_token",
        secret="test_secret_0123456789",
        texts={**metas, **texts},
    )
    assert signed == "17347256F2227F01BA8E56A1EE232A73"


def test_a_call_is_signed_over_the_very_text_that_is_sent():
    params = {"b": {"nested": ["/", "爆\n", 9007199254740993, None, True]}, "a": "", "timestamps": 1}
    sent = wire.call_body(
        call_id="id", action="x", token="t", app_key="k", secret="call-secret", timestamp=1496370900,
        params=params,
    )  # fmt: skip
    call = json.loads(sent)
    assert compact(call).encode() == sent
    assert call == {
        "nop": "1.0.0",
        "id": "id",
        "metas": {"app_key": "k", "timestamp": 1496370900},
        "action": "x",
        "token": "t",
        "params": params,
        "signature": signature(call, "call-secret"),
    }


RIDER = {"rider_name": "王骑手", "rider_phone": "13100000002", "carrier": "dada", "reference": "H-7"}


def carried(state, **changes):
    info = {
        "orderId": ORDER_ID,
        "distributorId": 201,
        "knight": {"id": "H-7", "name": "王骑手", "phone": "13100000002"},
        "state": state,
        "deliveryCompanyName": "dada",
        **changes,
    }
    return "eleme.order.selfDeliveryStateSync", {"shopId": SHOP, "stateInfo": info}


@pytest.mark.parametrize(
    ("kind", "data", "call"),
    [
        ("order.accepted", {}, ("eleme.order.confirmOrderLite", {"orderId": ORDER_ID})),
        ("order.ready", {}, ("eleme.order.setOrderPrepared", {"orderId": ORDER_ID})),
        ("order.self_delivery", {}, ("eleme.order.deliveryBySelfLite", {"orderId": ORDER_ID})),
        (
            "order.delayed",
            {"ready_at": "2026-02-06T02:25:00.000Z"},
            (
                "eleme.order.orderPredictFinishTime",
                {"orderId": ORDER_ID, "predictTime": "2026-02-06T10:25:00"},
            ),
        ),
        ("order.collected", RIDER, carried("DELIVERY_START")),
        ("order.delivered", RIDER, carried("DELIVERY_COMPLETE")),
        (
            "order.delivered",
            {},
            carried("DELIVERY_COMPLETE", knight={"id": "", "name": "", "phone": ""}, deliveryCompanyName=""),
        ),
        ("request.agreed", {"about": "refund"}, ("eleme.order.agreeRefundLite", {"orderId": ORDER_ID})),
        (
            "request.refused",
            {"about": "cancel", "reason": "已经做好了"},
            ("eleme.order.disagreeRefundLite", {"orderId": ORDER_ID, "reason": "已经做好了"}),
        ),
        (
            "request.refused",
            {"about": "cancel", "reason": ""},
            ("eleme.order.disagreeRefundLite", {"orderId": ORDER_ID, "reason": "商家未同意"}),
        ),
        (
            "urge.answered",
            {"ref": "77", "answer": "making", "text": ""},
            ("eleme.order.replyReminder", {"remindId": "77", "type": "inCooking", "content": ""}),
        ),
        (
            "urge.answered",
            {"ref": "77", "answer": "on_the_way", "text": ""},
            ("eleme.order.replyReminder", {"remindId": "77", "type": "hasOut", "content": ""}),
        ),
        (
            "urge.answered",
            {"ref": "77", "answer": "custom", "text": "马" * 40},
            ("eleme.order.replyReminder", {"remindId": "77", "type": "custom", "content": "马" * 30}),
        ),
    ],
)
def test_what_each_kind_becomes(eleme, kind, data, call):
    assert told(eleme, kind, **data) == {}
    assert eleme.calls == [call]


@pytest.mark.parametrize("kind", ["order.rejected", "order.cancelled"])
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Sold out", "foodSoldOut"),
        ("Too many orders", "restaurantTooBusy"),
        ("Store is closing", "restaurantClosed"),
        ("Spilled or damaged", "others"),
        ("Guest asked for it", "others"),
        ("停水了", "others"),
        ("", "others"),
    ],
)
def test_a_reason_becomes_one_of_their_codes_and_goes_along(eleme, kind, reason, code):
    told(eleme, kind, reason=reason)
    params = {"orderId": ORDER_ID, "type": code, "remark": reason}
    assert eleme.calls == [("eleme.order.cancelOrderLite", params)]


def test_every_kind_has_ears():
    assert calls.hears == {
        "order.accepted", "order.rejected", "order.cancelled", "order.ready", "order.delayed",
        "order.collected", "order.delivered", "order.self_delivery", "urge.answered", "request.agreed",
        "request.refused", "store.intake",
    }  # fmt: skip


def test_every_attempt_has_the_same_number_at_its_own_time(eleme):
    told(eleme, "order.accepted")
    calls.call(
        access=eleme.access, call_id="channel.order:1", kind="order.accepted", data=ABOUT,
        now=NOW.replace(minute=1),
    )  # fmt: skip
    told(eleme, "order.accepted", call_id="channel.order:2")
    (first, at), (again, later), (other, _) = (number.split("|") for number in eleme.ids)
    assert first == again != other
    assert (int(at), int(later)) == (1770343200250, 1770343260250)


@pytest.mark.parametrize(
    ("level", "status", "found"),
    [
        ("open", {"isOpen": 1, "isValid": 1}, "open"),
        ("paused", {"isOpen": 0, "isValid": 1}, "paused"),
        ("paused", {"isOpen": 1, "isValid": 1}, "open"),
        ("open", {"isOpen": 1, "isValid": 0}, "paused"),
        ("open", {"isOpen": 1}, "open"),
    ],
)
def test_the_intake_is_set_and_what_the_platform_says_is_returned(eleme, level, status, found):
    eleme.results["eleme.shop.mgetShopStatus"] = {str(SHOP): {"id": SHOP, **status}}
    data = {"level": level, "version": 3, "resumes_at": None}
    assert told(eleme, "store.intake", **data) == {"level": found}
    properties = {"isOpen": 1 if level == "open" else 0}
    assert eleme.calls == [
        ("eleme.shop.updateShopBasicInfo", {"shopId": SHOP, "properties": properties}),
        ("eleme.shop.mgetShopStatus", {"shopIds": [SHOP]}),
    ]


def test_the_shops_status_may_come_as_a_list(eleme):
    eleme.results["eleme.shop.mgetShopStatus"] = [{"id": 1, "isOpen": 1}, {"id": SHOP, "isOpen": 0}]
    assert told(eleme, "store.intake", level="paused") == {"level": "paused"}


@pytest.mark.parametrize("status", [None, {}, [], {"1": {"id": 1, "isOpen": 1}}, "?", [None]], ids=repr)
def test_a_shop_the_platform_says_nothing_of_is_uncertain(eleme, status):
    eleme.results["eleme.shop.mgetShopStatus"] = status
    with pytest.raises(Uncertain):
        told(eleme, "store.intake", level="paused")


def test_an_urge_without_a_number_is_looked_up(eleme):
    reminders = [{"reminderId": 1, "orderId": "other"}, {"reminderId": 9007199254740993, "orderId": ORDER_ID}]
    eleme.results["eleme.order.getUnreplyReminders"] = reminders
    told(eleme, "urge.answered", ref="", answer="making", text="")
    params = {"remindId": "9007199254740993", "type": "inCooking", "content": ""}
    assert eleme.calls == [
        ("eleme.order.getUnreplyReminders", {"shopId": SHOP}),
        ("eleme.order.replyReminder", params),
    ]


def test_an_urge_that_is_answered_already_needs_no_answer(eleme):
    eleme.results["eleme.order.getUnreplyReminders"] = []
    assert told(eleme, "urge.answered", ref="", answer="making", text="") == {}
    assert len(eleme.calls) == 1


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("order.accepted", {"status": "valid"}),
        ("order.accepted", {"status": "settled"}),
        ("order.accepted", {"status": "refunding"}),
        ("order.rejected", {"status": "invalid"}),
        ("order.cancelled", {"status": "invalid"}),
        ("order.ready", {"status": "settled"}),
        ("order.delivered", {"status": "settled"}),
        ("request.agreed", {"status": "invalid"}),
        ("request.agreed", {"status": "valid", "refundStatus": "successful"}),
        ("request.refused", {"status": "valid", "refundStatus": "rejected"}),
    ],
)
def test_done_already_is_done(eleme, kind, state):
    action = calls.ACTIONS[kind][0]
    eleme.errors[action] = "ORDER_STATUS_ERROR"
    eleme.results["eleme.order.getOrder"] = order(**state)
    assert told(eleme, kind) == {}
    assert [name for name, _ in eleme.calls] == [action, "eleme.order.getOrder"]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("order.accepted", order(status="invalid")),
        ("order.accepted", order(status="unprocessed")),
        ("order.cancelled", order(status="settled")),
        ("order.ready", order(status="valid")),
        ("request.refused", order(status="valid", refundStatus="successful")),
        ("order.accepted", None),
        ("order.accepted", "?"),
    ],
)
def test_a_business_error_that_is_true_is_a_refusal(eleme, kind, found):
    eleme.errors[calls.ACTIONS[kind][0]] = "ORDER_STATUS_ERROR"
    eleme.results["eleme.order.getOrder"] = found
    with pytest.raises(Refused, match="因为") as refused:
        told(eleme, kind)
    assert refused.value.code == "ORDER_STATUS_ERROR"
    assert eleme.calls[1:] == [GET_ORDER]


def test_a_refusal_that_cannot_be_looked_into_stays_one(eleme):
    eleme.errors = {"eleme.order.confirmOrderLite": "ORDER_STATUS_ERROR", "eleme.order.getOrder": "GONE"}
    with pytest.raises(Refused) as refused:
        told(eleme, "order.accepted")
    assert refused.value.code == "ORDER_STATUS_ERROR"


def test_a_refusal_nobody_answers_for_is_tried_again(eleme):
    eleme.errors = {
        "eleme.order.confirmOrderLite": "ORDER_STATUS_ERROR",
        "eleme.order.getOrder": "SERVER_ERROR",
    }
    with pytest.raises(Uncertain):
        told(eleme, "order.accepted")


def test_what_cannot_be_looked_up_is_not(eleme):
    eleme.errors["eleme.order.orderPredictFinishTime"] = "ORDER_STATUS_ERROR"
    with pytest.raises(Refused):
        told(eleme, "order.delayed", ready_at="2026-02-06T02:25:00Z")
    assert len(eleme.calls) == 1


def test_a_store_that_delivers_already_does(eleme):
    eleme.errors["eleme.order.deliveryBySelfLite"] = "ORDER_STATUS_ERROR"
    records = [{"orderId": ORDER_ID, "state": state} for state in ("tobeFetched", "selfDelivery")]
    eleme.results["eleme.order.getDeliveryStateRecord"] = records
    assert told(eleme, "order.self_delivery") == {}
    eleme.results["eleme.order.getDeliveryStateRecord"] = records[:1]
    with pytest.raises(Refused):
        told(eleme, "order.self_delivery")


@pytest.mark.parametrize(("open_urges", "is_refused"), [([], False), ([78], False), ([78, 77], True)])
def test_a_refused_reply_counts_if_the_urge_is_still_open(eleme, open_urges, is_refused):
    eleme.errors["eleme.order.replyReminder"] = "REMINDER_ERROR"
    eleme.results["eleme.order.getUnreplyReminders"] = [
        {"reminderId": number, "orderId": ORDER_ID} for number in open_urges
    ]
    if is_refused:
        with pytest.raises(Refused):
            told(eleme, "urge.answered", ref="77", answer="making", text="")
    else:
        assert told(eleme, "urge.answered", ref="77", answer="making", text="") == {}


@pytest.mark.parametrize("code", [*DOOR, "UNAUTHORIZED"])
def test_a_refusal_at_the_door_keeps_its_code(eleme, code):
    eleme.errors["eleme.order.confirmOrderLite"] = code
    with pytest.raises(Refused) as refused:
        told(eleme, "order.accepted")
    assert refused.value.code == code
    assert len(eleme.calls) == 1


def test_a_limit_says_to_wait_and_their_fault_is_uncertain(eleme):
    eleme.errors["eleme.order.confirmOrderLite"] = "EXCEED_LIMIT"
    with pytest.raises(Unreachable) as unreachable:
        told(eleme, "order.accepted")
    assert unreachable.value.wait > 0
    eleme.errors["eleme.order.confirmOrderLite"] = "SERVER_ERROR"
    with pytest.raises(Uncertain):
        told(eleme, "order.accepted")


@pytest.mark.parametrize(
    ("status", "reply", "failure"),
    [
        (200, b"", Uncertain),
        (200, b"\xff", Uncertain),
        (200, b"[]", Uncertain),
        (200, b"<html>", Uncertain),
        (200, b'{"error":{}}', None),
        (200, b'{"error":{"message":"?"}}', Refused),
        (200, b'{"error":"broken"}', Refused),
        (500, b"", Uncertain),
        (404, b"", Refused),
        (429, b"", Unreachable),
    ],
)
def test_what_a_reply_means(eleme, status, reply, failure):
    eleme.replies["eleme.order.orderPredictFinishTime"] = (status, reply)
    if failure is None:
        assert told(eleme, "order.delayed", ready_at="2026-02-06T02:25:00Z") == {}
        return
    with pytest.raises(failure):
        told(eleme, "order.delayed", ready_at="2026-02-06T02:25:00Z")


def test_a_platform_that_is_down_was_surely_not_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    access = Access(f"http://127.0.0.1:{port}/api/v1", "1", "secret")
    with pytest.raises(Unreachable):
        calls.call(access=access, call_id="1", kind="order.accepted", data=ABOUT, now=NOW)


@pytest.mark.parametrize("code", ["", "SH-01", "７２", "-1"])
def test_a_store_code_that_is_no_shop_number_is_refused_here(eleme, code):
    with pytest.raises(Refused):
        told(eleme, "store.intake", level="open", store_code=code)
    with pytest.raises(Refused):
        told(eleme, "order.collected", store_code=code)
    assert eleme.calls == []
