"""Dada's signatures: the vectors of its documentation."""

import json

import pytest

from sandbox import dada_wire as wire


def test_the_envelope_vector():
    fields = {
        "app_key": "test_app_key",
        "body": '{"order_id":"M20260101000001"}',
        "format": "json",
        "source_id": "73753",
        "timestamp": 1653876860,
        "v": "1.0",
    }
    assert wire.sign("test_app_secret", fields) == "11A219118BE151DFF7F7BC1F9CC74440"
    assert wire.sign("test_app_secret", {**fields, "signature": "any"}) == "11A219118BE151DFF7F7BC1F9CC74440"


def test_the_callback_vector():
    found = wire.callback_signature("1357061741749469184", "Cu16538768403935339353", 1653876860)
    assert found == "2b3aa825562bcea9471fe860b3f8a8fa"


@pytest.mark.parametrize("raw", [b"", b"no", b"[]", b"{}", json.dumps({"app_key": "k"}).encode()])
def test_an_unreadable_envelope_is_refused(raw):
    with pytest.raises(wire.Refusal) as refusal:
        wire.read_envelope(raw)
    assert refusal.value.code == wire.UNREADABLE


def test_a_missing_phone_is_named():
    body = dict.fromkeys(wire.REQUIRED, "1")
    with pytest.raises(wire.Refusal, match="receiver_phone"):
        wire.require_order_fields(body)
    wire.require_order_fields({**body, "receiver_tel": "02155500101"})
