"""The lines of an OOrder: options from lists and names, what nobody makes, quantities and prices."""

import json

import pytest

from orders.channels.eleme.push import parse
from orders.channels.incoming import Rejected
from orders.tests.eleme_messages import box_fee, item, order


def placed(groups):
    """What an order with these groups is read as."""
    return parse(kind="order", raw=json.dumps(order(groups=groups))).content


def lines_of(*items, kind="normal"):
    return placed([{"name": "1号篮子", "type": kind, "items": list(items)}]).lines


def options(*values, names=()):
    names = names or [""] * len(values)
    return tuple({"name": name, "value": value} for name, value in zip(names, values, strict=True))


def test_goods_are_what_the_lines_cost_by_their_totals():
    half_price = item("第二杯半价", 10, 2, total=15)
    untold = item("柠檬水", 4, 3, total=None)
    groups = [
        {"type": "normal", "items": [half_price, untold]},
        {"type": "extra", "items": [box_fee(), item("椰果", 2)]},
    ]
    assert placed(groups).amounts["goods"] == 1500 + 1200 + 200


@pytest.mark.parametrize(
    ("name", "specs", "attributes", "shown", "chosen"),
    [
        ("奶绿-大杯[少冰+三分糖]", ["大杯"], ["三分糖", "少冰"], "奶绿", ["大杯", "三分糖", "少冰"]),
        ("奶绿[少冰]", [], ["少冰"], "奶绿", ["少冰"]),
        ("奶绿-大杯", ["大杯"], [], "奶绿", ["大杯"]),
        ("奶绿-热-大杯", ["大杯", "热"], [], "奶绿", ["大杯", "热"]),
        ("奶绿-大杯+热", ["大杯", "热"], [], "奶绿", ["大杯", "热"]),
        ("奶绿", ["大杯"], ["少冰"], "奶绿", ["大杯", "少冰"]),
        ("A-1 奶绿[新品]", ["大杯"], [], "A-1 奶绿[新品]", ["大杯"]),
        ("-大杯[少冰]", ["大杯"], ["少冰"], "-大杯", ["大杯", "少冰"]),
        ("奶绿-中杯[全糖]", [], [], "奶绿", ["中杯", "全糖"]),
        ("A-1 奶绿-中杯[全糖]", [], [], "A-1 奶绿", ["中杯", "全糖"]),
        ("奶绿[全糖 + 热]", [], [], "奶绿", ["全糖", "热"]),
        ("A-1 奶绿", [], [], "A-1 奶绿", []),
        ("[新品]", [], [], "[新品]", []),
        ("奶绿[]", [], [], "奶绿[]", []),
    ],
)
def test_options_are_taken_from_the_lists_or_else_from_the_name(name, specs, attributes, shown, chosen):
    pairs = [[{"name": "", "value": value} for value in values] for values in (specs, attributes)]
    (line,) = lines_of(item(name, 1, newSpecs=pairs[0], attributes=pairs[1]))
    assert (line.name, line.options) == (shown, options(*chosen))


def test_an_option_without_a_value_is_none_and_additions_are_options():
    (line,) = lines_of(
        item(
            "奶绿",
            1,
            newSpecs=[{"name": "规格", "value": ""}, "?", None],
            attributes=None,
            additions=["珍珠", {"name": "布丁", "price": 2}, 7, None],
        )
    )
    assert line.options == options("珍珠", "布丁", "7")


@pytest.mark.parametrize(
    ("fields", "sku"),
    [
        ({"extendCode": "JT-02"}, "JT-02"),
        ({"extendCode": ""}, "200000173801238681"),
        ({"extendCode": None, "skuId": None}, "1551180119"),
        ({"extendCode": "x" * 100}, "x" * 64),
    ],
)
def test_the_merchants_own_code_comes_first(fields, sku):
    (line,) = lines_of(item("奶绿", 1, **fields))
    assert line.sku == sku


def test_what_nobody_makes_is_no_line():
    fee_by_category = item("打包费", 1, id=5, categoryId=102)
    assert lines_of(box_fee(), fee_by_category, kind="extra") == ()
    assert lines_of(item("满减", -3), kind="discount") == ()
    assert lines_of(item("奶绿", 1, quantity=0)) == ()


@pytest.mark.parametrize("quantity", [None, "", "many", -1, 1.5, 10**6, [], True], ids=repr)
def test_a_quantity_that_is_none_is_malformed(quantity):
    item_ = item("奶绿", 1) | {"quantity": quantity}
    with pytest.raises(Rejected) as rejected:
        lines_of(item_)
    assert (rejected.value.status, rejected.value.detail) == (400, "The quantity of an item is no number.")


def test_quantities_and_prices_may_be_texts_or_have_decimals():
    (line,) = lines_of(item("奶绿", 1) | {"quantity": 2.0, "price": "15.50", "total": None})
    assert (line.quantity, line.unit_price) == (2, 1550)


def test_nobody_orders_that_many_things():
    with pytest.raises(Rejected) as rejected:
        lines_of(*[item("奶绿", 1)] * 301)
    assert rejected.value.status == 400
    assert len(lines_of(*[item("奶绿", 1)] * 300)) == 300
