"""Spoiling texts and documents, by dice (pure)."""

from __future__ import annotations

import json
from random import Random
from typing import Any

ODD_TEXTS = (
    "", " ", "\x00", "\ud800", "null", "💥" * 40, "=cmd()", "../../etc", "%00", "%zz", "a" * 5_000, "'; --",
    "١٢٣", "1e999", "-0", "0x10", "NaN", "2026-13-45T99:99:99", "\u202etxt",
)  # fmt: skip
ODD_VALUES = (
    None, True, False, 0, -1, 2**31, 2**53 + 1, 10**40, -(10**25), 1.5, 1e308, [], {}, [[]], {"": ""},
    *ODD_TEXTS,
)  # fmt: skip
ODD_BYTES = (
    b"\x00",
    b"\xff\xfe",
    b"\xc3\x28",
    b"{",
    b"}",
    b'"',
    b"\\u0000",
    b"[" * 3_000,
    b"%",
    b"&",
    b"\r\n\r\n",
)


def spoil_bytes(dice: Random, body: bytes) -> bytes:
    """Cut, flip, insert, repeat."""
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(body) + 1)
        match dice.randrange(5):
            case 0:
                body = body[:place]
            case 1:
                body = body[:place] + dice.choice(ODD_BYTES) + body[place:]
            case 2:
                body = body[:place] + dice.randbytes(dice.randint(1, 9)) + body[place + 4 :]
            case 3:
                body = body[:place] + body[max(0, place - 40) :]
            case _:
                body = dice.randbytes(dice.randint(0, 300))
    return body


def spoil_field(dice: Random, fields: dict[str, Any]) -> dict[str, Any]:
    """Spoil one value of an object, which stays one."""
    name = dice.choice(list(fields))
    return {**fields, name: spoil_value(dice, fields[name])}


def spoil_value(dice: Random, value: Any) -> Any:
    """Replace, drop or repeat something somewhere inside a JSON value."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        name = dice.choice(list(value))
        if dice.random() < 0.15:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: spoil_value(dice, value[name])}
    if isinstance(value, list) and value and dice.random() < 0.9:
        place = dice.randrange(len(value))
        if dice.random() < 0.1:
            return value * dice.randint(2, 60)
        return [*value[:place], spoil_value(dice, value[place]), *value[place + 1 :]]
    if isinstance(value, str) and value[:1] in {"{", "["} and dice.random() < 0.8:
        return _spoil_inner(dice, value)
    return dice.choice(ODD_VALUES)


def _spoil_inner(dice: Random, text: str) -> str:
    """JSON inside a text: spoilt as JSON, or as text."""
    try:
        inner = spoil_value(dice, json.loads(text))
        return json.dumps(inner, ensure_ascii=False)
    except ValueError:
        return text[: dice.randrange(len(text))]
