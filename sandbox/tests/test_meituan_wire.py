"""Meituan's published rules, by the vectors of the protocol sheet."""

from urllib.parse import parse_qs, parse_qsl, unquote_plus

import pytest

from sandbox import meituan_wire as wire


def test_a_call_is_signed_as_the_documentation_shows():
    fields = {"app_id": "1235123121", "app_poi_codes": "31", "timestamp": "1389751221", "sig": "any"}
    url = "http://waimaiopen.meituan.com/api/v1/poi/mget"
    signature = wire.sign(url, fields, "d31ba58fd73c71db697ab5e4946d52d")
    assert signature == "00934d00d0aea6f12161edfb6456143d"


def test_a_push_is_signed_over_decoded_values():
    fields = {
        "app_id": "1234",
        "app_poi_code": "poi_1",
        "order_id": "100000000000001",
        "recipient_address": "测试路1号",
        "status": "2",
        "timestamp": "1389751221",
        "total": "0.02",
    }
    signature = wire.sign("https://shop.example/mt/create_order", fields, "test_secret")
    assert signature == "10dad41334451dcee24f2a367ea18ce4"
    assert wire.fits("https://shop.example/mt/create_order", {**fields, "sig": signature}, "test_secret")
    assert not wire.fits("http://shop.example/mt/create_order", {**fields, "sig": signature}, "test_secret")


@pytest.mark.parametrize("text", ["半糖 + 去冰, 100% 记得哦 & 谢谢", '[{"a":"b c"}]', "0.02", ""])
def test_values_can_be_encoded_twice(text):
    once = dict(parse_qsl(wire.encode_form({"caution": text}, twice=False), keep_blank_values=True))
    twice = parse_qs(wire.encode_form({"caution": text}, twice=True), keep_blank_values=True)
    assert once == {"caution": text}
    assert unquote_plus(twice["caution"][0]) == text


def test_a_call_has_its_parameters_in_query_and_form():
    found = wire.read_form("app_id=1&sig=ab", "reason=太忙&remark=".encode())
    assert found == {"app_id": "1", "sig": "ab", "reason": "太忙", "remark": ""}
    with pytest.raises(wire.Refusal):
        wire.read_form("", b"\xff")
