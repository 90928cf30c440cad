"""Ele.me's published rules, by the vectors of the protocol sheet."""

import pytest

from sandbox import eleme_wire as wire

SECRET = "test_secret_0123456789"
CALL = (
    '{"nop":"1.0.0","id":"0123456789ABCDEF0123456789ABCDEF|1496370900123",'
    '"metas":{"app_key":"test_key","timestamp":1496370900},"action":"eleme.order.cancelOrderLite",'
    '"token":"test_token","params":{"orderId":"1200897812792015983","type":"restaurantTooBusy",'
    '"remark":"爆单了"},"signature":"17347256F2227F01BA8E56A1EE232A73"}'
)


def test_a_push_is_signed_over_seven_fields():
    message = (
        '{"orderId":"1200897812792015983","state":"valid","shopId":720032,"updateTime":1496370900,"role":3}'
    )
    envelope = {
        "requestId": "200000014063440520",
        "type": 12,
        "appId": 78194582,
        "message": message,
        "shopId": 720032,
        "timestamp": 1496370900123,
        "userId": 336072266326420104,
    }
    expected = "6580B930F6934DDD87F8832B65098BD0"
    assert wire.push_signature(SECRET, envelope) == expected
    assert wire.push_signature(SECRET, {**envelope, "type": "12", "signature": "any"}) == expected


def test_a_call_is_verified_over_its_own_text():
    call = wire.read_call(CALL.encode())
    assert call.fits(SECRET)
    assert not call.fits("another")
    assert call.values() == {
        "orderId": "1200897812792015983",
        "type": "restaurantTooBusy",
        "remark": "爆单了",
    }
    escaped = CALL.replace("爆单了", "\\u7206\\u5355\\u4e86")
    assert not wire.read_call(escaped.encode()).fits(SECRET)


def test_members_keep_the_text_they_came_as():
    text = ' { "a" : 12345678901234567890 , "b":{"c": [1,  2]} , "d":"x\\/y", "e":{} } '
    assert wire.raw_members(text) == {
        "a": "12345678901234567890",
        "b": '{"c": [1,  2]}',
        "d": '"x\\/y"',
        "e": "{}",
    }


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"nop":"1.0.0"', '"nop":"2"', wire.ILLEGAL_REQUEST),
        ("|1496370900123", "", wire.ILLEGAL_REQUEST),
        ('"metas":{', '"metas":[', wire.ILLEGAL_REQUEST),
        ('"timestamp":1496370900', '"timestamp":1496370900123', wire.INVALID_TIMESTAMP),
        ('"token":"test_token",', "", wire.ILLEGAL_REQUEST),
    ],
)
def test_a_malformed_call_is_refused(old, new, code):
    with pytest.raises(wire.Refusal) as refusal:
        wire.read_call(CALL.replace(old, new).encode())
    assert refusal.value.code == code
