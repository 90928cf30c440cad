"""Meituan's pushes: the published signature, both ways of encoding, and what is refused."""

import hashlib
import json
from dataclasses import replace
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.channels.incoming import Keys, Message, Proof, Rejected, Request, Unknown
from orders.channels.meituan.push import KINDS, answer, is_ping, parse, refusal, verify
from orders.channels.meituan.wire import plain, read_form, sign
from orders.tests.meituan_messages import APP_ID, KEYS, PUBLIC, SECRET, form, paid, push, signature


def told(request, keys=KEYS):
    """The message of a good push."""
    proof = verify(keys=keys, request=request)
    return parse(kind=proof.kind, raw=proof.raw)


def refused(work):
    """The status of the refusal."""
    with pytest.raises(Rejected) as rejected:
        work()
    return rejected.value.status


def test_the_signature_is_the_documented_one():
    fields = {"app_id": "1235123121", "app_poi_codes": "31", "timestamp": "1389751221"}
    url, secret = "http://waimaiopen.meituan.com/api/v1/poi/mget", "d31ba58fd73c71db697ab5e4946d52d"
    assert sign(url, fields, secret) == "00934d00d0aea6f12161edfb6456143d"


@pytest.mark.parametrize("layers", [1, 2])
def test_a_push_of_known_signature_is_taken_however_often_its_texts_are_encoded(layers):
    fields = {
        "app_id": "1234",
        "app_poi_code": "poi_1",
        "order_id": "100000000000001",
        "recipient_address": "测试路1号",
        "status": "2",
        "timestamp": "1389751221",
        "total": "0.02",
        "sig": "10dad41334451dcee24f2a367ea18ce4",
    }
    raw = form(fields, layers=layers)
    url = "https://shop.example/mt/create_order"
    request = Request("POST", url, "paid", "", {}, raw.encode())
    meant = sorted(f"{k}={v}" for k, v in fields.items() if k not in {"sig", "timestamp"})
    assert verify(keys=Keys("1234", ("test_secret",)), request=request) == Proof(
        delivery_id="paid:100000000000001:2",
        kind="paid",
        raw=raw,
        digest=hashlib.sha256("\n".join(meant).encode()).hexdigest(),
    )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "note", ["50% sugar + ice", "50%+糖", "A+B", "100%25", "C++ \\ ? 100 %", "半糖\n去冰"]
)
def test_what_a_guest_writes_survives_any_encoding(layers, method, note):
    placed = told(push("paid", paid(caution=note), layers=layers, method=method)).content
    assert placed.note == note
    assert [line.name for line in placed.lines] == ["茉莉奶绿", "Mango 100%+"]


def test_texts_encoded_twice_beside_plain_ones_and_a_signature_over_the_encoded_texts_are_read_too():
    fields = paid(caution="50% sugar + ice")
    for name in ("detail", "extras", "poi_receive_detail", "recipient_address", "wm_poi_name"):
        fields[name] = quote_plus(fields[name])
    assert told(push("paid", fields)) == told(push("paid", paid(caution="50% sugar + ice")))


def test_a_plus_is_no_space_beside_a_remark_with_a_percent_sign():
    fields = {"caution": "50% sugar", "recipient_name": "A+B"}
    assert plain(fields) == fields


def test_both_spellings_of_a_push_are_the_same_delivery():
    once, twice = (verify(keys=KEYS, request=push("paid", paid(), layers=layers)) for layers in (1, 2))
    assert (once.delivery_id, once.digest) == (twice.delivery_id, twice.digest)
    assert once.raw != twice.raw


def test_a_push_signed_again_is_the_same_delivery_and_one_that_says_something_else_is_not():
    later = {"app_id": APP_ID, "timestamp": "1770349999", "access_token": "t"}
    first = verify(keys=KEYS, request=push("paid", paid()))
    again = verify(keys=KEYS, request=push("paid", paid(), system=later))
    other = verify(keys=KEYS, request=push("paid", paid(total="0.02")))
    assert (again.delivery_id, again.digest) == (first.delivery_id, first.digest)
    assert (other.delivery_id, other.digest == first.digest) == (first.delivery_id, False)


def test_parameters_may_be_in_query_and_body():
    request = push("paid", paid())
    system, _, rest = request.body.decode().partition("&order_id")
    split = replace(request, query=system, body=f"order_id{rest}".encode())
    assert verify(keys=KEYS, request=split) == verify(keys=KEYS, request=request)


def test_every_secret_is_tried_and_the_one_that_fits_is_named():
    keys = Keys(APP_ID, ("newest", SECRET))
    places = [verify(keys=keys, request=push("paid", paid(), secret=s)).secret for s in keys.secrets]
    assert places == [0, 1]


def test_the_signature_may_be_in_capitals():
    request = push("paid", paid())
    head, _, sig = request.body.rpartition(b"=")
    assert verify(keys=KEYS, request=replace(request, body=head + b"=" + sig.upper()))


@pytest.mark.parametrize(
    "request_",
    [
        push("paid", paid(), secret="another"),
        push("paid", paid(), system={"app_id": "999", "timestamp": "1770343201"}),
        push("paid", paid(), system={"timestamp": "1770343201"}),
        replace(push("paid", paid()), url="http://portal.example/intake/meituan/jx-mt/paid/"),
        replace(push("paid", paid()), body=b"app_id=1234&total=1"),
        replace(push("paid", paid()), body="app_id=1234&sig=é".encode()),
        replace(push("paid", paid()), body=b""),
    ],
    ids=["secret", "other app", "no app", "other address", "unsigned", "odd signature", "empty"],
)
def test_what_the_platform_did_not_sign_is_refused_with_401(request_):
    assert refused(lambda: verify(keys=KEYS, request=request_)) == 401


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"app_id=%FF", b"app_id=1&app_id=2", b"&".join(b"a%d=1" % n for n in range(300))],
    ids=["bytes", "escapes", "twice", "many"],
)
def test_what_is_no_form_is_refused_with_400(body):
    request = replace(push("paid", paid()), body=body)
    assert refused(lambda: verify(keys=KEYS, request=request)) == 400


@pytest.mark.parametrize(
    ("method", "query", "body", "ping"),
    [
        ("GET", "", b"", True),
        ("GET", "probe=1", b"", True),
        ("POST", "", b"", True),
        ("GET", "order_id=1&sig=00", b"", False),
        ("POST", "", b"order_id=1", False),
        ("POST", "order_id=1", b"", False),
    ],
)
def test_only_a_try_of_the_address_is_a_ping(method, query, body, ping):
    assert is_ping(Request(method, f"{PUBLIC}paid/", "paid", query, {}, body)) is ping


def test_answers_are_in_meituans_words():
    assert [answer(outcome) for outcome in ("stored", "duplicate", "conflict", "ping")] == [
        (200, {"data": "ok"})
    ] * 4
    assert refusal(401, "no") == (401, {"data": "ng", "error": {"code": 703, "msg": "no"}})
    assert refusal(503, "later") == (503, {"data": "ng", "error": {"code": 700, "msg": "later"}})


def test_there_is_an_address_for_every_kind():
    assert {
        "paid", "confirmed", "completed", "cancelled", "refund", "refund-result", "logistics", "store-status",
        "binding", "urge", "privacy",
    } == KINDS  # fmt: skip


def test_an_unknown_kind_is_known_to_be_unknown():
    assert parse(kind="picked", raw="order_id=1") == Message("picked", "", "", Unknown())


PRINTABLE = st.text(st.characters(codec="utf-8"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | PRINTABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PRINTABLE, inner, max_size=3),
    max_leaves=8,
)
OTHER_NAMES = (
    "notify_type", "refund_id", "refund_status", "logistics_status", "time", "poi_status", "operate_time",
    "is_appeal", "money", "remind_id",
)  # fmt: skip
NAMES = st.sampled_from([*paid(), *OTHER_NAMES])


def parsed(kind, raw):
    """`Message`, or the status of the refusal."""
    try:
        return type(parse(kind=kind, raw=raw))
    except Rejected as rejected:
        return rejected.status


@given(st.binary(max_size=300), st.sampled_from(["GET", "POST"]))
def test_any_bytes_are_refused_with_400_or_401(body, method):
    query = body.decode("latin-1") if method == "GET" else ""
    request = Request(method, PUBLIC, "paid", query, {}, body)
    assert refused(lambda: verify(keys=KEYS, request=request)) in {400, 401}


@given(st.sampled_from([*sorted(KINDS), "order", "other"]), PRINTABLE)
def test_any_text_parses_or_is_refused_with_400(kind, raw):
    assert parsed(kind, raw) in {Message, 400}


@given(st.sampled_from(sorted(KINDS)), NAMES, PRINTABLE | JSON.map(json.dumps))
def test_any_value_of_any_parameter_parses_or_is_refused_with_400(kind, name, value):
    assert parsed(kind, form({**paid(), name: value})) in {Message, 400}


@given(NAMES, JSON)
def test_any_value_of_any_field_of_an_order_we_asked_for_parses_or_is_refused_with_400(name, value):
    assert parsed("order", json.dumps({**paid(), name: value})) in {Message, 400}


@given(st.sampled_from(["detail", "extras", "poi_receive_detail"]), NAMES, JSON)
def test_any_value_within_the_json_fields_parses_or_is_refused_with_400(field, name, value):
    inner = json.loads(paid()[field])
    (inner[0] if isinstance(inner, list) else inner)[name] = value
    for key in list(inner[0] if isinstance(inner, list) else inner):
        changed = json.loads(paid()[field])
        (changed[0] if isinstance(changed, list) else changed)[key] = value
        assert parsed("paid", form(paid(**{field: json.dumps(changed)}))) in {Message, 400}


@given(st.text(st.sampled_from("%%%%+aF05=\n\r 糖."), max_size=14))
def test_decoding_is_what_the_standard_library_does(value):
    assert decoded(value) == expected(value)


def decoded(value):
    """What we read in a value, or the status of the refusal."""
    try:
        return read_form(f"a={value}")["a"]
    except Rejected as rejected:
        return rejected.status


def expected(value):
    """What the standard library reads."""
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        return 400


@given(st.dictionaries(st.sampled_from("abcd"), PRINTABLE, min_size=1))
def test_whatever_is_encoded_twice_with_chinese_beside_it_is_read_as_it_is_meant(fields):
    fields = {**fields, "name": "糖"}
    assert plain(read_form(form(fields, layers=2))) == fields


def test_the_helper_signs_like_the_product():
    assert signature("https://a", {"b": "1", "a": "糖"}) == sign("https://a", {"b": "1", "a": "糖"}, SECRET)
