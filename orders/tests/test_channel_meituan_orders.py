"""Meituan's orders, field by field: pushed, pushed again later, and asked for."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orders.channels.incoming import IncomingLine, Message, Placed, Rejected, Standing
from orders.channels.meituan.options import options
from orders.channels.meituan.push import parse
from orders.tests.meituan_messages import DETAIL, EXTRAS, RECEIVED, as_text, form, paid
from stores.datum import to_gcj02

UPDATED = datetime(2026, 2, 6, 1, 59, 55, tzinfo=UTC)

ORDER = Placed(
    content_hash="",
    daily_number="17",
    placed_at=datetime(2026, 2, 6, 1, 59, 50, tzinfo=UTC),
    promised_at=datetime(2026, 2, 6, 2, 39, 50, tzinfo=UTC),
    fulfilment="platform_courier",
    amounts={
        "currency": "CNY",
        "goods": 4600,
        "delivery_fee": 300,
        "platform_subsidy": 4699,
        "shop_subsidy": 200,
        "customer_paid": 1,
        "shop_income": 4100,
    },
    campaign_code="meituan-22",
    campaign_name="免单日",
    customer_name="王(女士)",
    phone="13800000000_1234",
    address="福州路 8 号 3 楼",
    latitude=None,
    longitude=None,
    note="50% sugar + ice，不要吸管",
    lines=(
        IncomingLine(
            sku="JT-01-L",
            name="茉莉奶绿",
            quantity=2,
            unit_price=1550,
            options=(
                {"name": "规格", "value": "大杯"},
                {"name": "糖", "value": "50%糖"},
                {"name": "冰", "value": "少冰"},
                {"name": "加料", "value": "加珍珠"},
            ),
            note="1号口袋",
        ),
        IncomingLine(
            sku="JT-07", name="Mango 100%+", quantity=1, unit_price=1200, options=(), note="2号口袋"
        ),
    ),
    store_name="清和茶饮（南京东路店）",
)


def read(kind="paid", **changes):
    """What a message of `paid()` with changes says."""
    return parse(kind=kind, raw=form(paid(**changes))).content


def read_order(**changes):
    """What an answer of order/getOrderDetail says: numbers as numbers, an id beyond 2^53."""
    numbers = {"order_id": 100000000000000017, "status": 2, "ctime": 1770343190, "total": 0.01, "day_seq": 17}
    return parse(kind="order", raw=as_text({**paid(), **numbers, "caution": None, **changes}))


def test_a_paid_order_is_read_field_by_field():
    message = parse(kind="paid", raw=form(paid()))
    placed = message.content
    assert message == Message("paid", "100000000000000017", "jx-sh-001", placed)
    assert replace(placed, content_hash="", latitude=None, longitude=None) == ORDER
    assert to_gcj02(placed.latitude, placed.longitude) == pytest.approx((31.232706, 121.475003), abs=1e-6)


def test_an_order_with_nothing_but_what_everybody_gets_is_read_too():
    names = ("order_id", "app_poi_code", "ctime", "total", "detail")
    bare = {name: paid()[name] for name in names}
    bare["detail"] = '[{"food_name":"茉莉奶绿","quantity":1,"price":12}]'
    placed = parse(kind="paid", raw=form(bare)).content
    assert placed == Placed(
        content_hash=placed.content_hash,
        daily_number="…0017",
        placed_at=ORDER.placed_at,
        promised_at=None,
        fulfilment="platform_courier",
        amounts={
            "currency": "CNY",
            "goods": 1200,
            "delivery_fee": 0,
            "platform_subsidy": 0,
            "shop_subsidy": 0,
            "customer_paid": 1,
            "shop_income": 0,
        },
        campaign_code="",
        campaign_name="",
        customer_name="",
        phone="",
        address="",
        latitude=None,
        longitude=None,
        note="",
        lines=(IncomingLine("", "茉莉奶绿", 1, 1200, (), ""),),
    )


@pytest.mark.parametrize(
    ("changes", "fulfilment"),
    [
        ({"pick_type": "1"}, "pickup"),
        ({"logistics_code": "0000"}, "store_courier"),
        ({"logistics_code": "00009003"}, "store_courier"),
        ({"logistics_code": "999"}, "store_courier"),
        ({"logistics_code": "1001"}, "platform_courier"),
        ({"logistics_code": None}, "platform_courier"),
    ],
)
def test_who_carries_an_order(changes, fulfilment):
    assert read(**changes).fulfilment == fulfilment


@pytest.mark.parametrize(
    ("latitude", "longitude", "known"),
    [
        ("31232706", "121475003", True),
        ("31.232706", "121475003", True),
        ("0", "0", False),
        ("", "121.47", False),
        ("95", "121.47", False),
        ("31.2", "999999999", False),
    ],
)
def test_positions_come_in_degrees_or_millionths(latitude, longitude, known):
    placed, whole = read(latitude=latitude, longitude=longitude), read()
    expected = (whole.latitude, whole.longitude) if known else (None, None)
    assert (placed.latitude, placed.longitude) == expected


def test_a_chosen_time_of_delivery_goes_before_the_estimate():
    assert read(delivery_time="1770346000").promised_at == datetime(2026, 2, 6, 2, 46, 40, tzinfo=UTC)
    assert read(estimate_arrival_time=None).promised_at is None


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"extras": "[{}]", "poi_receive_detail": None}, (0, 0)),
        ({"extras": "{}", "poi_receive_detail": None}, (0, 0)),
        ({"extras": None}, (4699, 200)),
        ({"extras": as_text([{"reduce_fee": 5.5, "remark": "满减"}]), "poi_receive_detail": None}, (0, 550)),
        ({"extras": as_text([{"reduce_fee": 5.5, "mt_charge": "1.25", "poi_charge": 4.25}])}, (125, 425)),
    ],
    ids=["empty entry", "empty object", "receivables", "parts not told", "as texts"],
)
def test_who_bears_the_reductions(changes, parts):
    amounts = read(**changes).amounts
    assert (amounts["platform_subsidy"], amounts["shop_subsidy"]) == parts


@pytest.mark.parametrize(
    ("changes", "income"),
    [
        ({"poi_receive_detail": None}, 0),
        ({"poi_receive_detail": None, "poi_receive_detail_yuan": '{"poiReceive":"41.00"}'}, 4100),
        ({"poi_receive_detail": as_text({**RECEIVED, "wmPoiReceiveCent": None})}, 0),
    ],
)
def test_what_the_shop_gets_is_told_in_fen_or_yuan_or_not_at_all(changes, income):
    assert read(**changes).amounts["shop_income"] == income


def test_only_a_reduction_mostly_borne_by_the_platform_is_a_campaign():
    shared = {"reduce_fee": 4, "mt_charge": 2, "poi_charge": 2, "remark": "满减", "type": 2}
    placed = read(extras=as_text([shared, EXTRAS[0]]))
    assert (placed.campaign_code, placed.campaign_name) == ("", "")


def test_one_bag_needs_no_note():
    assert {line.note for line in read(detail=as_text([{**d, "cart_id": 3} for d in DETAIL])).lines} == {""}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("不另加糖", "糖"), ("微甜", "糖"), ("30% sugar", "糖"), ("加冰", "冰"), ("常温", "冰"),
        ("Less ice", "冰"), ("中杯", "规格"), ("加椰果", "加料"), ("波霸", "加料"), ("juice", ""),
    ],
)  # fmt: skip
def test_a_property_is_named_by_what_it_is_about(word, name):
    assert options({"food_name": "x", "quantity": 1, "food_property": f" {word}，"}) == (
        {"name": name, "value": word},
    )


def test_texts_are_cut_to_what_can_be_stored():
    long = "长" * 3_000
    drink = {**DETAIL[0], "food_name": long, "sku_id": long, "food_property": long, "spec": f"\x00{long}"}
    placed = read(
        recipient_name=long, recipient_phone=long, recipient_address=long, caution=long, wm_poi_name=long,
        day_seq="1" * 30, detail=as_text([drink] * 150),
        extras=as_text([{"mt_charge": 1, "type": long, "remark": long}]),
    )  # fmt: skip
    line = placed.lines[0]
    texts = (placed.customer_name, placed.phone, placed.address, placed.note, placed.store_name,
             placed.daily_number, placed.campaign_code, placed.campaign_name, line.sku, line.name,
             *(option["value"] for option in line.options))  # fmt: skip
    assert [len(text) for text in texts] == [100, 40, 300, 2000, 100, 12, 64, 100, 64, 120, 100]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"order_id": None}, "order_id: Field required"),
        ({"order_id": "1 2"}, "order_id: String should match pattern '^[0-9A-Za-z_-]{1,64}$'"),
        ({"app_poi_code": None}, "app_poi_code: Field required"),
        ({"ctime": "0"}, "ctime: Input should be greater than or equal to 946684800"),
        ({"total": None}, "total: Field required"),
        ({"total": "1e99"}, "total: Input should be less than or equal to 1000000000"),
        ({"detail": "null"}, "detail: Field required"),
        ({"detail": "[]"}, "detail: Field required"),
        ({"detail": "a"}, "detail: Value error, expected value at line 1 column 1"),
        ({"detail": "[1]"}, "detail.0: Input should be a valid dictionary"),
        ({"detail": '[{"food_name":"x"}]'}, "detail.0.quantity: Field required"),
        ({"extras": "[" * 5_000}, "extras: Value error, recursion limit exceeded at line 1 column 202"),
    ],
)
def test_a_refusal_says_what_is_wrong(changes, detail):
    with pytest.raises(Rejected) as rejected:
        read(**changes)
    assert (rejected.value.status, rejected.value.detail) == (400, detail)


def test_a_degraded_order_is_taken_as_it_is_and_is_not_complete():
    placed = read(incmp_code="-1", incmp_modules="[0,1]", detail=None, extras=None, total=None)
    assert (placed.complete, placed.lines, placed.amounts["goods"]) == (False, (), 4600)
    assert read(incmp_code="-1").complete is False


def test_an_order_accepted_already_says_so():
    assert read(status="4").standing == Standing("accepted", at=UPDATED)


@pytest.mark.parametrize(("kind", "standing"), [("confirmed", "accepted"), ("completed", "completed")])
def test_later_pushes_tell_the_order_again_and_where_it_stands(kind, standing):
    again = read(kind, status="4")
    assert again == replace(read(), standing=Standing(standing, at=UPDATED), first_hand=False)


@pytest.mark.parametrize(("kind", "standing"), [("confirmed", "accepted"), ("completed", "completed")])
def test_later_pushes_without_the_order_say_where_it_stands(kind, standing):
    message = parse(kind=kind, raw="order_id=100000000000000017&utime=1770343195")
    assert message == Message(kind, "100000000000000017", "", Standing(standing, at=UPDATED))


@pytest.mark.parametrize(
    ("status", "standing"), [(1, None), (2, None), (4, "accepted"), (8, "completed"), (9, "cancelled")]
)
def test_an_order_asked_for_is_the_one_pushed_and_says_where_it_stands(status, standing):
    message = read_order(status=status)
    expected = Standing(standing, at=UPDATED) if standing else None
    assert message == Message(
        "order", "100000000000000017", "jx-sh-001",
        replace(read(caution=None), standing=expected, first_hand=False),
    )  # fmt: skip


def test_an_order_asked_for_may_have_its_parts_as_json():
    parts = {name: json.loads(paid()[name]) for name in ("detail", "extras", "poi_receive_detail")}
    assert read_order(**parts) == read_order()


@pytest.mark.parametrize("raw", ["", "order_id=1", "[]", '"x"', "{", '{"order_id": NaN}'])
def test_an_answer_that_is_no_order_is_refused(raw):
    with pytest.raises(Rejected) as rejected:
        parse(kind="order", raw=raw)
    assert rejected.value.status == 400


def test_the_content_hash_stays_while_an_order_goes_on_and_changes_with_what_was_ordered():
    first = read().content_hash
    later = read(
        "completed", status="8", utime="1770346000", recipient_address="", recipient_phone="138****0000",
        recipient_name="", caution="", logistics_code="0000", poi_receive_detail=None, extras=None,
        estimate_arrival_time="1770346000",
    )  # fmt: skip
    other = read(detail=as_text([{**DETAIL[0], "food_property": "全糖"}, DETAIL[1]]))
    assert (later.content_hash, other.content_hash == first) == (first, False)
