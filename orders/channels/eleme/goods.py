"""What was bought, from the groups of an OOrder: lines with their options, and what they cost (pure).

Options come twice: in `newSpecs` and `attributes`, and folded into the name, e.g. 茉莉奶绿-大杯[三分糖+少冰].
The lists count; the folded form is taken off the name, and is read only if the lists are empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orders.channels.eleme.values import entries, fen, text
from orders.channels.incoming import IncomingLine, Rejected

Item = Mapping[str, Any]
Options = tuple[Mapping[str, str], ...]

MOST_LINES = 300
MOST_OPTIONS = 40
QUANTITY = re.compile(r"(\d{1,4})(?:\.0+)?", re.ASCII)
BOX_FEE_ID, BOX_FEE_CATEGORY = "-70000", "102"
FOLDED = re.compile(r"(.+?)(?:-([^-\[\]]+))?\[([^\[\]]+)\]")


def bought(groups: object) -> tuple[tuple[IncomingLine, ...], int]:
    """The lines, and what they cost together in fen. Raises Rejected(400)."""
    lines: list[IncomingLine] = []
    goods = 0
    for group in entries(groups):
        for item in entries(group.get("items")):
            quantity = _quantity(item)
            if quantity == 0 or not _is_made(group.get("type"), item):
                continue
            line = _line(item, quantity)
            lines.append(line)
            goods += _total(item, line)
            if len(lines) > MOST_LINES:
                raise Rejected(400, f"An order has at most {MOST_LINES} lines.")
    return tuple(lines), goods


def _is_made(group_type: object, item: Item) -> bool:
    """Whether somebody makes it: goods, toppings sold beside them, presents; not fees and reductions.

    A `discount` group holds presents by one public source; reductions there would cost less than nothing.
    """
    if group_type == "discount":
        return (fen(item.get("price")) or 0) >= 0
    if group_type == "extra":
        return item.get("id") != BOX_FEE_ID and item.get("categoryId") != BOX_FEE_CATEGORY
    return True


def _line(item: Item, quantity: int) -> IncomingLine:
    name, options = _options(text(item.get("name"), 240), item)
    sku = text(item.get("extendCode") or item.get("skuId") or item.get("id"), 64)
    return IncomingLine(
        sku=sku,
        name=name[:120] or sku or "?",
        quantity=quantity,
        unit_price=_price(item, "price"),
        options=options,
        note="",
    )


def _quantity(item: Item) -> int:
    match = QUANTITY.fullmatch(text(item.get("quantity"), 20))
    if match is None:
        raise Rejected(400, "The quantity of an item is no number.")
    return int(match[1])


def _total(item: Item, line: IncomingLine) -> int:
    if item.get("total") is None:
        return line.unit_price * line.quantity
    return _price(item, "total")


def _price(item: Item, name: str) -> int:
    amount = fen(item.get(name))
    if amount is None:
        raise Rejected(400, f"The {name} of an item is no amount.")
    return amount


def _options(name: str, item: Item) -> tuple[str, Options]:
    listed = [
        *_pairs(item.get("newSpecs")),
        *_pairs(item.get("attributes")),
        *_additions(item.get("additions")),
    ]
    if not listed:
        return _unfolded(name)
    return _without(name, {option["value"] for option in listed}), tuple(listed[:MOST_OPTIONS])


def _pairs(value: object) -> list[dict[str, str]]:
    """Name and value of every option that has a value: the one size of a drink has none."""
    return [
        {"name": text(entry.get("name"), 100), "value": chosen}
        for entry in entries(value)
        if (chosen := text(entry.get("value"), 100))
    ]


def _additions(value: object) -> list[dict[str, str]]:
    """Additions are texts in one public source; objects with a name are understood too (assumed)."""
    return [
        {"name": "", "value": chosen}
        for entry in (value if isinstance(value, list) else ())
        if (chosen := text(entry.get("name") if isinstance(entry, dict) else entry, 100))
    ]


def _unfolded(name: str) -> tuple[str, Options]:
    """Take "product-size[attribute+attribute]" apart; without brackets a hyphen may be part of the name."""
    match = FOLDED.fullmatch(name)
    if match is None:
        return name, ()
    product, size, attributes = match.groups()
    chosen = [value.strip() for value in (size or "", *attributes.split("+"))]
    return product, tuple({"name": "", "value": value[:100]} for value in chosen if value)[:MOST_OPTIONS]


def _without(name: str, values: set[str]) -> str:
    """Take what only repeats `values` off the end of a name."""
    if name.endswith("]"):
        head, _, folded = name[:-1].rpartition("[")
        name = head if head and values.issuperset(folded.split("+")) else name
    head, _, folded = name.rpartition("-")
    while head and values.issuperset(folded.split("+")):
        name = head
        head, _, folded = name.rpartition("-")
    return name
