"""Splitting an order that is too large for one rider over several bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from couriers.providers.base import Item
from orders.models import Order

MOST_BAGS = 20


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in one bag; `value` is its part of what the goods cost, in minor units."""

    items: tuple[Item, ...]
    cups: int
    value: int


def bags_for(cups: int, cups_per_rider: int) -> int:
    """How many bags an order of so many cups goes in.

    >>> [bags_for(cups, 12) for cups in (0, 12, 13, 25)]
    [1, 1, 2, 3]
    """
    return min(MOST_BAGS, max(1, -(-cups // cups_per_rider)))


def split(quantities: Sequence[int], bags: int) -> list[list[tuple[int, int]]]:
    """Pack lines of so many cups into bags that differ by one cup at most; a bag is (line, cups) in order.

    >>> split([2, 3], 2)
    [[(0, 2), (1, 1)], [(1, 2)]]
    """
    total = sum(quantities)
    ends = [_up_to(bag, bags, total) for bag in range(1, bags + 1)]
    packed: list[list[tuple[int, int]]] = [[] for _ in range(bags)]
    bag, at = 0, 0
    for line, quantity in enumerate(quantities):
        left = quantity
        while left:
            while ends[bag] == at:
                bag += 1
            taken = min(left, ends[bag] - at)
            packed[bag].append((line, taken))
            left, at = left - taken, at + taken
    return packed


def contents(order: Order, bag: int, bags: int) -> Contents:
    """What is in bag `bag` of `bags`; the bags of an order add up to it, to the cup and to the cent."""
    lines = sorted(order.lines.all(), key=lambda line: line.position)
    packed = split([line.quantity for line in lines], bags)
    return Contents(
        items=tuple(
            Item(lines[line].sku, lines[line].name, cups, lines[line].unit_price)
            for line, cups in packed[bag - 1]
        ),
        cups=share(order.cups, bag, bags),
        value=share(order.goods, bag, bags),
    )


def share(total: int, bag: int, bags: int) -> int:
    """The part of `total` in one bag.

    >>> [share(10, bag, 3) for bag in (1, 2, 3)]
    [4, 3, 3]
    """
    return _up_to(bag, bags, total) - _up_to(bag - 1, bags, total)


def _up_to(bag: int, bags: int, total: int) -> int:
    """How much of `total` the first bags have; the larger bags come first."""
    return bag * (total // bags) + min(bag, total % bags)
