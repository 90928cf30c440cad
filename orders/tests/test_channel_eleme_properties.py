"""Channel `eleme`: whatever bytes and values come, they are understood or refused with 4xx."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from orders.channels.eleme import push as eleme
from orders.channels.incoming import Keys, Message, Rejected
from orders.tests.eleme_messages import (
    APP_ID,
    KEYS,
    SECRET,
    encoded,
    envelope,
    order,
    push,
    pushed,
    signature,
    signed,
    status_change,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
KIND = st.integers(0, 250).map(str) | st.just("order")
ORDER_FIELDS, ITEM_FIELDS = sorted(order()), sorted(order()["groups"][0]["items"][0])
ENVELOPE_FIELDS = sorted(envelope(12, ""))


def parsed(kind, raw):
    """`Message`, or the status of the refusal; a message must be storable."""
    try:
        message = eleme.parse(kind=kind, raw=raw)
    except Rejected as rejected:
        return rejected.status
    assert "\\u0000" not in json.dumps(repr(message))
    repr(message).encode()
    return type(message)


def verified(body, keys=KEYS):
    """The proof, or the status of the refusal."""
    try:
        return eleme.verify(keys=keys, request=pushed(body))
    except Rejected as rejected:
        return rejected.status


@given(st.binary(max_size=400), KIND)
def test_any_bytes_are_refused(body, kind):
    assert verified(body) in {400, 401}
    assert parsed(kind, body.decode(errors="replace")) in {Message, 400}


@given(st.text(max_size=300), KIND)
def test_any_text_parses_or_is_refused_with_400(raw, kind):
    assert parsed(kind, raw) in {Message, 400}


@given(st.sampled_from(ENVELOPE_FIELDS), JSON, KIND)
def test_any_value_in_any_field_of_an_envelope_is_understood_or_refused(field, value, kind):
    fields = {**envelope(12, status_change("valid")), field: value}
    body = encoded(fields, ascii_only=True)
    assert verified(body) in {400, 401} or value == envelope(12, status_change("valid"))[field]
    assert parsed(kind, body.decode()) in {Message, 400}


@given(JSON | st.text(max_size=100), KIND)
def test_any_body_of_any_type_is_understood_or_refused(body, kind):
    fields = envelope("12", body if isinstance(body, str) else json.dumps(body))
    assert parsed(kind, encoded(fields, ascii_only=True).decode()) in {Message, 400}


@given(st.sampled_from(ORDER_FIELDS), JSON)
@example("totalPrice", float("nan"))
@example("description", "\x00\ud800")
def test_any_value_in_any_field_of_an_order_is_understood_or_refused(field, value):
    assert parsed("order", json.dumps(order(**{field: value}))) in {Message, 400}


@given(st.sampled_from(ITEM_FIELDS), JSON)
def test_any_value_in_any_field_of_an_item_is_understood_or_refused(field, value):
    fields = order()
    fields["groups"][0]["items"][0][field] = value
    assert parsed("order", json.dumps(fields)) in {Message, 400}


@given(st.permutations(ENVELOPE_FIELDS), st.sets(st.sampled_from(["appId", "type", "shopId", "timestamp",
       "userId"])), st.booleans())  # fmt: skip
def test_neither_the_order_of_keys_nor_the_spelling_of_values_touches_the_signature(names, texts, ascii_only):
    fields = envelope(10, order())
    spelled = {name: str(fields[name]) if name in texts else fields[name] for name in names}
    proof = verified(encoded(spelled, ascii_only=ascii_only))
    assert (proof.kind, proof.digest) == ("10", verified(encoded(fields)).digest)
    assert parsed(proof.kind, proof.raw) is Message


@given(
    st.text(max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.integers(-(10**19), 10**19),
)
def test_whatever_is_signed_with_the_secret_is_taken(message, secret, user):
    fields = {**envelope(999, ""), "message": message, "userId": user}
    body = encoded({**fields, "signature": signature(fields, secret)}, ascii_only=True)
    assert verified(body, Keys(APP_ID, ["other", secret])).secret == 1
    assert verified(body, Keys(APP_ID, ["other", secret + "x"])) == 401


@given(st.text(max_size=40))
def test_no_guessed_signature_fits(guess):
    fields = {**envelope(12, status_change("valid")), "signature": guess}
    assert verified(encoded(fields, ascii_only=True)) == 401


def test_the_helper_signs_what_is_pushed():
    assert eleme.verify(keys=Keys(APP_ID, [SECRET]), request=push(999, "")).kind == "999"
    assert signed(envelope(12, "{}")) == envelope(12, "{}")
