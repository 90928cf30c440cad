"""Senders that push spoilt messages: spoilt before they are signed, or after, or never signed at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from orders.channels.meituan.push import KINDS
from orders.tests import eleme_messages, meituan_messages, messages
from tests.fuzz.mangling import ODD_TEXTS, spoil_bytes, spoil_field, spoil_value


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request at intake."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


Sender = Callable[[Random, int], Attempt]


def standard(dice: Random, number: int) -> Attempt:
    """A signed message of channel `standard`, with something wrong inside."""
    make = dice.choice([messages.created, messages.cancelled, messages.urged])
    envelope = make(store_code="SH-01", order_id=f"E-{number}")
    body = _encoded(spoil_field(dice, envelope))
    headers = messages.signed(body, delivery_id=f"m-{number}")
    return _attempt("POST", "/intake/standard/tea/", headers, body)


def eleme(dice: Random, number: int) -> Attempt:
    """A signed envelope of Ele.me, with something wrong in it or in its message."""
    kind = dice.choice([10, 10, 12, 14, 20, 23, 30, 45, 51, 55, 91, 100, 217])
    order_id = f"{8 * 10**17 + number}"
    if kind == 10:
        inner: Any = eleme_messages.order(id=order_id, orderId=order_id)
    else:
        inner = eleme_messages.status_change("valid", orderId=order_id)
    fields = eleme_messages.envelope(kind, spoil_value(dice, inner), requestId=f"r-{number}")
    if dice.random() < 0.3:
        fields = eleme_messages.signed(spoil_field(dice, fields))
    return _attempt("POST", "/intake/eleme/tea-ele/", {}, _encoded(fields))


def meituan(dice: Random, number: int) -> Attempt:
    """A signed form of Meituan, with something wrong in one of its values."""
    kind = dice.choice(("paid", "paid", *sorted(KINDS)))
    fields = {**meituan_messages.SYSTEM, **meituan_messages.paid(order_id=str(10**17 + number))}
    spoilt = {str(name): _text(value) for name, value in spoil_field(dice, fields).items()}
    url = f"http://127.0.0.1:8000/intake/meituan/tea-mt/{kind}/"
    text = meituan_messages.form(
        {**spoilt, "sig": meituan_messages.signature(url, spoilt)}, layers=dice.choice([1, 2])
    )
    if dice.random() < 0.2:
        return replace(_attempt("GET", f"/intake/meituan/tea-mt/{kind}/", {}, b""), query=text.encode())
    return _attempt("POST", f"/intake/meituan/tea-mt/{kind}/", {}, text.encode())


def careless(sender: Sender) -> Sender:
    """The same sender on a bad line: bytes, headers, address and method may be spoilt after signing."""

    def send(dice: Random, number: int) -> Attempt:
        attempt = sender(dice, number)
        match dice.randrange(6):
            case 0 | 1 | 2:
                return replace(attempt, body=spoil_bytes(dice, attempt.body))
            case 3:
                odd = dice.choice(ODD_TEXTS).encode("latin-1", "replace")[:200]
                return replace(attempt, headers=[(name, odd) for name, _ in attempt.headers])
            case 4:
                return replace(attempt, query=spoil_bytes(dice, b"sig=1&app_id=2&order_id=%E4%B8%80"))
            case _:
                odd = dice.choice(["/", "x/", "paid/", "%2e%2e/", "paid/paid/"])
                return replace(attempt, method=dice.choice(["GET", "POST", "PUT"]), path=attempt.path + odd)

    return send


HONEST: tuple[Sender, ...] = (standard, eleme, meituan)
SENDERS: tuple[Sender, ...] = (*HONEST, *map(careless, HONEST))


def _attempt(method: str, path: str, headers: dict[str, str], body: bytes) -> Attempt:
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return Attempt(method, path, b"", pairs, body)


def _encoded(document: Any) -> bytes:
    """UTF-8; half a pair, which nobody can encode, goes out as an escape."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def _text(value: Any) -> str:
    """What a form can hold."""
    return str(value).encode(errors="replace").decode()
