"""OOrder, field by field: money, times, places, options, campaigns, what is missing and what is too much."""

import json
from datetime import UTC, datetime

import pytest

from orders.channels.eleme.push import parse
from orders.channels.incoming import IncomingLine, Placed, Rejected, Standing
from orders.models import Order, OrderLine
from orders.tests.eleme_messages import ORDER_ID, SHOP, activity, encoded, envelope, item, order
from stores.datum import from_gcj02

TEN = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


def placed(**changes):
    """What a pushed order is read as."""
    return parse(kind="10", raw=encoded(envelope(10, order(**changes))).decode()).content


def refused(**changes):
    with pytest.raises(Rejected) as rejected:
        placed(**changes)
    return rejected.value.status, rejected.value.detail


def options(*values, names=()):
    names = names or [""] * len(values)
    return tuple({"name": name, "value": value} for name, value in zip(names, values, strict=True))


def test_a_whole_order():
    found = placed()
    latitude, longitude = from_gcj02(31.228816, 121.475164)
    assert found == Placed(
        content_hash=found.content_hash,
        daily_number="36",
        placed_at=TEN,
        promised_at=None,
        fulfilment="platform_courier",
        amounts={
            "currency": "CNY",
            "goods": 4600,
            "delivery_fee": 350,
            "platform_subsidy": 4549,
            "shop_subsidy": 600,
            "customer_paid": 1,
            "shop_income": 4277,
        },
        campaign_code="eleme-20260206",
        campaign_name="请客喝奶茶免单",
        customer_name="张(女士)",
        phone="13000000001,1234",
        address="示范路 100 号 3 栋 1201",
        latitude=latitude,
        longitude=longitude,
        note="少冰换热 \n不要吸管",
        lines=(
            IncomingLine(
                sku="JT-01",
                name="茉莉奶绿",
                quantity=2,
                unit_price=1500,
                options=options("大杯", "三分糖", "少冰", names=("规格", "甜度", "冰量")),
                note="",
            ),
            IncomingLine(
                sku="200000173801238681",
                name="A-1 四季春",
                quantity=1,
                unit_price=1300,
                options=options("中杯", "不另外加糖", "去冰"),
                note="",
            ),
            IncomingLine("TOP-3", "布丁", 1, 300, (), ""),
            IncomingLine("GIFT-1", "试饮小杯", 1, 0, (), ""),
        ),
        complete=True,
        standing=None,
        first_hand=True,
        store_name="江西路茶铺(测试店)",
    )


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("pending", None),
        ("unprocessed", None),
        ("refunding", None),
        ("valid", Standing("accepted")),
        ("settled", Standing("completed")),
        ("invalid", Standing("cancelled")),
        ("other", None),
        (None, None),
    ],
)
def test_a_retold_order_says_where_it_stands(status, standing):
    message = parse(kind="order", raw=json.dumps(order(status=status)))
    assert (message.kind, message.external_id, message.store_code) == ("order", ORDER_ID, str(SHOP))
    assert message.content.standing == standing
    assert message.content.first_hand is False
    pushed = placed(status=status)
    assert (pushed.content_hash, pushed.lines) == (message.content.content_hash, message.content.lines)


def test_a_cancelled_order_says_why_and_when():
    found = placed(
        status="invalid", cancelOrderDescription="不想要了", cancelOrderCreatedAt="2026-02-06T10:01:00"
    )
    at = datetime(2026, 2, 6, 2, 1, tzinfo=UTC)
    assert found.standing == Standing("cancelled", at=at, reason="不想要了", by="customer")


@pytest.mark.parametrize("raw", ["{}", "[]", '{"orderId":"1"}', '{"shopId":1}', "null", "{", '"x"'])
def test_a_retelling_that_is_no_order_is_malformed(raw):
    with pytest.raises(Rejected) as rejected:
        parse(kind="order", raw=raw)
    assert rejected.value.status == 400


def test_the_number_may_be_in_either_field_and_is_never_rounded():
    number = "9007199254740993"
    for fields in ({"orderId": int(number), "id": "1"}, {"orderId": None, "id": int(number)}):
        assert parse(kind="order", raw=json.dumps(order(**fields))).external_id == number


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("0.01", 1),
        ("51.5", 5150),
        ("51.50", 5150),
        ("51", 5100),
        ("1.0E1", 1000),
        ('"12.345"', 1235),
        ("0.29", 29),
        ("1.15", 115),
        ("999999999.99", 99999999999),
        ("-3", -300),
        ("null", 0),
    ],
)
def test_yuan_become_fen_without_a_float_between(yuan, fen):
    raw = json.dumps(order(totalPrice="HERE")).replace('"HERE"', yuan)
    assert parse(kind="order", raw=raw).content.amounts["customer_paid"] == fen


@pytest.mark.parametrize("name", ["totalPrice", "originalPrice", "deliverFee", "income", "elemePart"])
@pytest.mark.parametrize(
    "value", ["free", "", "1e99999", 1e10, "NaN", "-inf", [], {}, True, "1" * 40], ids=repr
)
def test_an_amount_that_is_none_is_malformed(name, value):
    assert refused(**{name: value}) == (400, f"{name} is no amount.")


@pytest.mark.parametrize(
    ("part", "red_packet", "subsidy"),
    [(-20, -10, 3000), (-20, 0, 2000), (0, -10, 1000), (-40, -10, 4000), (0, 0, 0)],
)
def test_the_red_packet_counts_beside_the_platforms_part_unless_it_is_in_it(part, red_packet, subsidy):
    amounts = placed(originalPrice=50, totalPrice=9, shopPart=-1, elemePart=part, hongbao=red_packet).amounts
    assert (amounts["platform_subsidy"], amounts["shop_subsidy"]) == (subsidy, 100)


@pytest.mark.parametrize(
    ("field", "value", "moment"),
    [
        ("deliverTime", "2026-02-06T10:40:00", datetime(2026, 2, 6, 2, 40, tzinfo=UTC)),
        ("deliverTime", "2026-02-06T10:40:00+09:00", datetime(2026, 2, 6, 1, 40, tzinfo=UTC)),
        ("deliverTime", "2026-02-06 10:40:00", datetime(2026, 2, 6, 2, 40, tzinfo=UTC)),
        ("deliverTime", 1770345600, datetime(2026, 2, 6, 2, 40, tzinfo=UTC)),
        ("deliverTime", 1770345600000, datetime(2026, 2, 6, 2, 40, tzinfo=UTC)),
        ("deliverTime", "soon", None),
        ("deliverTime", "1999-12-31T00:00:00", None),
        ("deliverTime", "9999-12-31T23:59:59", None),
        ("deliverTime", "0001-01-01T00:00:00", None),
        ("deliverTime", 10**30, None),
        ("deliverTime", [], None),
        ("deliverTime", "", None),
    ],
)
def test_times_without_a_zone_are_shanghais(field, value, moment):
    assert placed(**{field: value}).promised_at == moment


def test_an_unreadable_time_of_ordering_is_made_up_for():
    active = datetime(2026, 2, 6, 2, 0, 5, tzinfo=UTC)
    assert placed(createdAt=None).placed_at == active
    assert placed(createdAt="?", activeAt="?").placed_at == active.replace(microsecond=123000)
    with pytest.raises(Rejected) as rejected:
        parse(kind="order", raw=json.dumps(order(createdAt=None, activeAt=None)))
    assert rejected.value.status == 400


@pytest.mark.parametrize(
    "geo", [None, "", "0,0", "121.4", "a,b", "200,31", "121,95", "nan,nan", "inf,1", "1,2,3", [121, 31], {}]
)
def test_an_unknown_position_is_none(geo):
    found = placed(deliveryGeo=geo)
    assert (found.latitude, found.longitude) == (None, None)


@pytest.mark.parametrize(
    ("fields", "phone"),
    [
        ({}, "13000000001,1234"),
        ({"phoneList": []}, "13000000002"),
        ({"phoneList": None, "consigneePhones": None}, ""),
        ({"phoneList": ["", " ", 13000000003]}, "13000000003"),
        ({"phoneList": "13000000001", "consigneePhones": [None, {}]}, ""),
    ],
)
def test_the_first_number_is_the_guests(fields, phone):
    assert placed(**fields).phone == phone


def test_the_note_holds_what_goes_with_a_present():
    present = {"giverPhone": "", "greeting": "生日快乐", "remark": "放前台", "invoiceTitle": ""}
    assert placed(description="少糖", userExtraInfo=present).note == "少糖\n放前台\n生日快乐"
    assert placed(description=None, userExtraInfo="?").note == ""


def test_the_address_may_be_in_the_other_field():
    assert placed(address=None).address == "示范路 100 号"


@pytest.mark.parametrize(
    ("activities", "campaign"),
    [
        (None, ("", "")),
        ("?", ("", "")),
        ([], ("", "")),
        ([activity(1, "满减", -6, elemePart=-3, restaurantPart=-3)], ("", "")),
        ([activity(1, "满减", -6, elemePart=-3.01)], ("eleme-1", "满减")),
        ([activity(1, "满减", -6), activity(2, "免单", -9, elemePart=-9)], ("eleme-2", "免单")),
        ([activity(0, "免单", -9, elemePart=-9)], ("eleme-12", "免单")),
        ([activity(None, "免单", -9, elemePart=-9, categoryId=None)], ("eleme-activity", "免单")),
        ([activity(1, "?", "?", elemePart="?", orderAllPartiesPartList="?")], ("", "")),
        (
            [
                activity(
                    3, "免单", -9, orderAllPartiesPartList=[{"partName": "平台补贴", "partAmount": "9.0"}]
                )
            ],
            ("eleme-3", "免单"),
        ),
    ],
)
def test_a_campaign_is_the_first_reduction_the_platform_pays_most_of(activities, campaign):
    found = placed(orderActivities=activities)
    assert (found.campaign_code, found.campaign_name) == campaign


@pytest.mark.parametrize(
    "fields",
    [
        {"downgraded": True},
        {"downgraded": "true"},
        {"groups": []},
        {"groups": None},
        {"totalPrice": None},
        {"daySn": None},
    ],
    ids=repr,
)
def test_an_order_the_platform_still_owes_parts_of_is_not_complete(fields):
    assert placed(**fields).complete is False


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "settled"},
        {"phoneList": ["13000000009,9999"]},
        {"consignee": "张**", "address": "示范路 ***", "deliveryGeo": ""},
        {"income": 1, "serviceFee": -9, "elemePart": 0},
        {"refundStatus": "applied"},
        {"downgraded": True},
    ],
    ids=repr,
)
def test_what_changes_later_is_not_what_the_order_is(fields):
    assert placed(**fields).content_hash == placed().content_hash


@pytest.mark.parametrize(
    "fields",
    [
        {"orderId": "1"},
        {"shopId": 1},
        {"daySn": 37},
        {"createdAt": "2026-02-06T10:00:01"},
        {"description": "多冰"},
        {"totalPrice": 0.02},
        {"groups": [{"type": "normal", "items": [item("奶绿", 46)]}]},
    ],
    ids=repr,
)
def test_what_makes_another_order_makes_another_hash(fields):
    assert placed(**fields).content_hash != placed().content_hash


def test_texts_are_cut_to_what_their_columns_hold_and_to_what_a_database_stores():
    long = "\ud83d\x00" + "长" * 3_000
    fields = order(
        daySn=long,
        consignee=long,
        address=long,
        description=long,
        shopName=long,
        phoneList=[long],
        orderActivities=[activity(1, long, -9, elemePart=-9)],
        groups=[{"type": "normal", "items": [item(long, 1, extendCode=long, additions=[long])]}],
    )
    found = parse(kind="order", raw=json.dumps(fields)).content
    (line,) = found.lines
    columns = {
        Order: {
            "daily_number": found.daily_number,
            "customer_name": found.customer_name,
            "address": found.address,
            "campaign_name": found.campaign_name,
        },
        OrderLine: {"name": line.name, "sku": line.sku},
    }
    for model, texts in columns.items():
        for name, text in texts.items():
            assert text == "长" * model._meta.get_field(name).max_length
    texts = (found.note, found.phone, found.store_name, line.options[0]["value"])
    assert texts == ("长" * 2_000, "长" * 40, "长" * 100, "长" * 100)
