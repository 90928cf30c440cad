"""What the words of a Meituan drink mean (pure): sugar, ice, toppings and size as options with names.

Meituan sends them as a list of bare words ("三分糖,少冰,加珍珠"); what each is about shows in the word.
"""

import re
from collections.abc import Iterator, Mapping

from orders.channels.meituan.payload import Item, text

COMMAS = re.compile(r"[,，]")
# The first that fits counts, so that "不另加糖" is about sugar and "加冰" about ice.
NAMES = (
    ("糖", re.compile("糖|甜|sugar|sweet", re.IGNORECASE)),
    ("冰", re.compile(r"冰|热|温|\bice\b|\bhot\b|\bwarm\b", re.IGNORECASE)),
    ("规格", re.compile("杯|[大中小]份|毫升|[0-9]ml", re.IGNORECASE)),
    ("加料", re.compile(r"^加|^\+|珍珠|椰果|布丁|芋圆|仙草|奶盖|波霸|西米|红豆")),
)
SIZE = "规格"


def options(item: Item) -> tuple[Mapping[str, str], ...]:
    """The chosen size first, then the properties in their order; a word that tells nothing has no name."""
    return tuple(_options(item))[:40]


def _options(item: Item) -> Iterator[Mapping[str, str]]:
    size = text(item.get("spec", ""), 100)
    if size:
        yield {"name": SIZE, "value": size}
    for word in COMMAS.split(item.get("food_property", "")):
        value = text(word, 100)
        if value and value != size:
            yield {"name": _name(value), "value": value}


def _name(value: str) -> str:
    return next((name for name, words in NAMES if words.search(value)), "")
