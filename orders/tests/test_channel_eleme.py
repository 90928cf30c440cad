"""Channel `eleme`, incoming: signatures, every type of message, refusals."""

import json
from datetime import UTC, datetime

import pytest

from orders.channels.eleme import push as eleme
from orders.channels.incoming import (
    Asked,
    Carried,
    Keys,
    Message,
    Noted,
    Placed,
    Proof,
    Rejected,
    Standing,
    StoreStatus,
    Unknown,
    Urged,
)
from orders.tests.eleme_messages import (
    APP_ID,
    KEYS,
    ORDER_ID,
    SECRET,
    SHOP,
    encoded,
    envelope,
    order,
    push,
    pushed,
    signed,
    status_change,
)

SENT = datetime(2026, 2, 6, 2, 0, 5, 123000, UTC)  # the envelope's timestamp
CHANGED = datetime(2026, 2, 6, 2, 1, tzinfo=UTC)  # the body's updateTime
VECTOR = {
    "requestId": "200000014063440520",
    "type": 12,
    "appId": 78194582,
    "message": '{"orderId":"1200897812792015983","state":"valid","shopId":720032,'
    '"updateTime":1496370900,"role":3}',
    "shopId": 720032,
    "timestamp": 1496370900123,
    "signature": "6580B930F6934DDD87F8832B65098BD0",
    "userId": 336072266326420104,
}
VECTOR_KEYS = Keys("78194582", ["test_secret_0123456789"])


def verified(fields, keys=KEYS):
    return eleme.verify(keys=keys, request=pushed(encoded(fields)))


def refused(fields, keys=KEYS):
    with pytest.raises(Rejected) as rejected:
        verified(fields, keys)
    return rejected.value.status


def told(kind, message, **changes):
    """What a signed push is parsed to."""
    proof = eleme.verify(keys=KEYS, request=push(kind, message, **changes))
    return eleme.parse(kind=proof.kind, raw=proof.raw)


def without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}


def test_the_published_rule_gives_the_known_signature():
    proof = verified(VECTOR, VECTOR_KEYS)
    assert proof == Proof(
        delivery_id="200000014063440520",
        kind="12",
        raw=encoded(VECTOR).decode(),
        digest=proof.digest,
        secret=0,
    )
    at = datetime(2017, 6, 2, 2, 35, tzinfo=UTC)
    change = Standing("accepted", at=at, by="merchant")
    assert eleme.parse(kind=proof.kind, raw=proof.raw) == Message(
        "12", "1200897812792015983", "720032", change
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "12"},
        {"userId": "336072266326420104"},
        {"timestamp": "1496370900123"},
        {"signature": "6580b930f6934ddd87f8832b65098bd0"},
        {"more": {"field": [1.5, None]}},
    ],
    ids=["type as text", "user as text", "time as text", "lower case", "unknown field"],
)
def test_how_a_value_is_spelled_does_not_matter_to_the_signature(changes):
    assert verified({**VECTOR, **changes}, VECTOR_KEYS).kind == "12"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("userId", 336072266326420105),
        ("timestamp", 1496370900124),
        ("message", VECTOR["message"].replace("valid", "invalid")),
        ("type", 14),
        ("shopId", 720033),
        ("signature", "0" * 32),
        ("signature", ""),
        ("signature", None),
        ("signature", "6580B930F6934DDD87F8832B65098BD"),
        ("signature", "６" * 32),
    ],
)
def test_whatever_differs_from_what_was_signed_is_refused(name, value):
    assert refused({**VECTOR, name: value}, VECTOR_KEYS) == 401


def test_a_missing_value_is_signed_as_the_word_null():
    fields = without(envelope(12, status_change("valid")), "userId", "timestamp", "signature")
    assert verified(signed(fields)).kind == "12"
    assert verified(signed({**fields, "userId": None})).kind == "12"


def test_every_secret_is_tried_and_the_one_that_fits_is_named():
    fields = envelope(12, status_change("valid"))
    assert verified(fields, Keys(APP_ID, [SECRET, "older"])).secret == 0
    assert verified(fields, Keys(APP_ID, ["newer", SECRET])).secret == 1
    assert refused(fields, Keys(APP_ID, ["newer", "older"])) == 401
    assert refused(fields, Keys(APP_ID, [])) == 401


def test_a_push_for_another_application_is_refused():
    assert refused(envelope(12, status_change("valid"), appId=78194583)) == 401
    assert refused(signed(without(envelope(12, "{}"), "appId", "signature"))) == 401


@pytest.mark.parametrize("value", [None, "", "a b", "x" * 129, "中文", [1], {"a": 1}, True], ids=repr)
def test_a_push_without_a_usable_request_id_is_malformed(value):
    assert refused(envelope(12, status_change("valid"), requestId=value)) == 400


@pytest.mark.parametrize("value", [None, "", "order", "1.5", "-1", "1" * 11, 1.5, True, [12]], ids=repr)
def test_a_push_without_a_usable_type_is_malformed(value):
    assert refused(envelope(value, status_change("valid"))) == 400


@pytest.mark.parametrize("name", ["message", "shopId", "userId", "appId", "timestamp"])
def test_what_is_signed_must_be_text_or_numbers(name):
    assert refused({**envelope(12, "{}"), name: {"nested": True}}) == 400


@pytest.mark.parametrize("name", ["shopId", "userId", "appId", "timestamp"])
def test_the_end_of_one_value_cannot_pass_for_the_next(name):
    assert refused(envelope(12, "{}", **{name: "1timestamp=2type=10userId=3"})) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\x00"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 100_000,
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_object_is_malformed(body):
    with pytest.raises(Rejected) as rejected:
        eleme.verify(keys=KEYS, request=pushed(body))
    assert rejected.value.status == 400
    with pytest.raises(Rejected) as rejected:
        eleme.parse(kind="10", raw=body.decode(errors="replace"))
    assert rejected.value.status == 400


def test_a_re_push_with_another_timestamp_is_the_same_message():
    first, again = (
        verified(envelope(12, status_change("valid"), timestamp=at)) for at in (1770343205123, 1770350000000)
    )
    assert (first.delivery_id, first.digest) == (again.delivery_id, again.digest)
    others = [
        envelope(14, status_change("valid")),
        envelope(12, status_change("valid"), shopId=1),
        envelope(12, status_change("invalid")),
    ]
    assert len({first.digest, *(verified(fields).digest for fields in others)}) == 4


def test_half_a_surrogate_pair_is_signed_as_java_signs_it_and_left_out_of_texts():
    message = json.dumps(order(description="谢谢\ud83d"))
    request = pushed(encoded(envelope(10, message), ascii_only=True))
    proof = eleme.verify(keys=KEYS, request=request)
    assert eleme.parse(kind="10", raw=proof.raw).content.note == "谢谢"
    half = pushed(encoded(envelope(12, '{"orderId":"1","x":"\ud83d"}'), ascii_only=True))
    assert eleme.verify(keys=KEYS, request=half).kind == "12"


@pytest.mark.parametrize(
    ("request_", "ping"),
    [
        (pushed(b"", "GET"), True),
        (pushed(b"{}", "GET"), True),
        (pushed(b""), True),
        (pushed(b" \n"), True),
        (pushed(b"{}"), False),
    ],
)
def test_a_get_and_an_empty_body_only_try_the_address(request_, ping):
    assert eleme.is_ping(request_) is ping


@pytest.mark.parametrize("outcome", ["stored", "duplicate", "conflict", "ping"])
def test_the_answer_is_the_one_the_platform_knows(outcome):
    assert eleme.answer(outcome) == (200, {"message": "ok"})
    assert eleme.refusal(401, "No.") == (401, {"message": "No."})
    assert not eleme.KINDS


@pytest.mark.parametrize(
    ("kind", "state"),
    [(12, "accepted"), (14, "cancelled"), (15, "cancelled"), (17, "cancelled"), (18, "completed")],
)
def test_a_status_change_says_where_the_order_stands(kind, state):
    change = Standing(state, at=CHANGED, by="merchant")
    assert told(kind, status_change("x")) == Message(str(kind), ORDER_ID, str(SHOP), change)


@pytest.mark.parametrize(
    ("role", "by"),
    [
        (1, "customer"),
        (2, "platform"),
        (3, "merchant"),
        (4, "platform"),
        (5, "merchant"),
        (6, "merchant"),
        (7, "merchant"),
        (8, "platform"),
        (9, "platform"),
        (99, "platform"),
        (None, "platform"),
    ],
)
def test_a_status_change_says_who_did_it(role, by):
    assert told(14, status_change("invalid", role)).content.by == by


@pytest.mark.parametrize("about", ["cancel", "refund"])
@pytest.mark.parametrize(
    ("unit", "step"),
    list(enumerate(["applied", "withdrawn", "refused", "agreed", "appealed", "upheld", "overruled"])),
)
def test_a_guest_asks_for_a_cancellation_or_for_money(about, unit, step):
    body = {
        "orderId": ORDER_ID,
        "refundStatus": "applied",
        "reason": "点错了",
        "shopId": SHOP,
        "goodsList": [{"name": "茉莉奶绿", "quantity": 1, "price": 15.0}],
        "refundType": "part",
        "totalPrice": 14.99,
        "updateTime": 1770343260,
    }
    kind = (20 if about == "cancel" else 30) + unit
    asked = Asked(about, step, at=CHANGED, reason="点错了", whole=False, amount=1499)
    assert told(kind, body) == Message(str(kind), ORDER_ID, str(SHOP), asked)
    sparse = Asked(about, step, at=SENT)
    assert told(kind, {"orderId": ORDER_ID, "refundType": "normal"}).content == sparse


@pytest.mark.parametrize("name", ["reminderId", "remindId", "remind_id"])
def test_an_urge_names_its_reminder_under_any_of_three_names(name):
    body = {"orderId": ORDER_ID, "shopId": SHOP, name: 9007199254740993}
    urged = Urged(ref="9007199254740993", at=SENT)
    assert told(45, body) == Message("45", ORDER_ID, str(SHOP), urged)
    assert told(45, {"orderId": ORDER_ID, "updateTime": 1770343260}).content == Urged("", CHANGED)


def delivery(**changes):
    return {
        "orderId": ORDER_ID,
        "shopId": SHOP,
        "state": "tobeFetched",
        "subState": "noSubstate",
        "name": "李骑手",
        "phone": "13100000001",
        "updateAt": 1770343260456,
        "remark": "",
        **changes,
    }


@pytest.mark.parametrize(
    ("kinds", "progress"),
    [
        ((51, 52), "searching"),
        ((53,), "assigned"),
        ((54,), "at_store"),
        ((55,), "picked_up"),
        ((56,), "delivered"),
        ((57, 58, 59, 72), "cancelled"),
        ((*range(60, 71), *range(73, 77)), "failed"),
        ((71,), "store"),
    ],
)
def test_the_platforms_delivery_goes_on(kinds, progress):
    at = CHANGED.replace(microsecond=456000)
    for kind in kinds:
        message = told(kind, delivery())
        reason = message.content.reason
        carried = Carried(progress, at, rider_name="李骑手", rider_phone="13100000001", reason=reason)
        assert message == Message(str(kind), ORDER_ID, str(SHOP), carried)
        assert bool(reason) == (progress in {"cancelled", "failed"})
        assert told(kind, delivery(remark="顾客改约")).content.reason == "顾客改约"


def test_a_delivery_without_a_time_happened_when_it_was_sent():
    assert told(53, delivery(updateAt=None)).content.at == SENT
    with pytest.raises(Rejected) as rejected:
        told(53, delivery(updateAt="soon"), timestamp=None)
    assert rejected.value.status == 400


@pytest.mark.parametrize("body", [{"shopId": SHOP}, {"id": 5, "isOpen": 0}, "closed", "{", ""], ids=repr)
def test_a_shop_that_changed_must_be_asked(body):
    assert told(91, body) == Message("91", "", str(SHOP), StoreStatus("", at=SENT))


@pytest.mark.parametrize("kind", [93, 100, 105, 221, 222])
@pytest.mark.parametrize("body", [{"orderId": "555", "id": 7}, "", "no JSON", "[]"], ids=repr)
def test_what_is_about_no_order_is_noted(kind, body):
    assert told(kind, body) == Message(str(kind), "", str(SHOP), Noted())


def test_an_answered_urge_is_noted():
    assert told(46, {"orderId": ORDER_ID}) == Message("46", ORDER_ID, str(SHOP), Noted())


@pytest.mark.parametrize(
    ("kind", "ask"),
    [(217, True), (218, True), (1, False), (11, False), (27, False), (77, False), (999, False)],
)
def test_unknown_types_are_kept_and_the_ones_about_orders_make_us_ask(kind, ask):
    assert told(kind, {"orderId": ORDER_ID}) == Message(str(kind), ORDER_ID, str(SHOP), Unknown(ask))
    assert told(kind, "?") == Message(str(kind), "", str(SHOP), Unknown(ask))


def test_the_shop_of_the_body_comes_before_the_shop_of_the_envelope():
    assert told(12, status_change("valid", shopId="9007199254740993")).store_code == "9007199254740993"
    assert told(12, status_change("valid", shopId=None)).store_code == str(SHOP)
    assert told(105, "", shopId=None).store_code == ""


@pytest.mark.parametrize("kind", [12, 20, 45, 53])
@pytest.mark.parametrize("number", [None, "", "has space", "x" * 65, "中", [1], 10**70], ids=repr)
def test_a_change_that_names_no_order_is_malformed(kind, number):
    with pytest.raises(Rejected) as rejected:
        told(kind, {"orderId": number, "updateTime": 1770343260})
    assert rejected.value.status == 400


def test_a_new_order_is_placed():
    message = told(10, order())
    assert (message.kind, message.external_id, message.store_code) == ("10", ORDER_ID, str(SHOP))
    assert isinstance(message.content, Placed)
    assert message.content.first_hand is True
    assert message.content.standing is None
    assert told("10", order()) == message


@pytest.mark.parametrize("message", ["", "{}", "[]", "NaN", None, '{"shopId":1}', '{"orderId":"a b"}'])
def test_a_new_order_without_a_number_is_malformed(message):
    fields = signed({**envelope(10, ""), "message": message})
    assert verified(fields).kind == "10"
    with pytest.raises(Rejected) as rejected:
        eleme.parse(kind="10", raw=encoded(fields).decode())
    assert rejected.value.status == 400
