"""Reading what couriers send (pure): nothing in it is taken to be of any form before it was looked at."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_noop

from couriers.providers.base import Created, Errand, Kept, Malformed, Quote
from outbox.calling import Refused, Uncertain

MOST_SECONDS = 4_102_444_800  # the year 2100
MOST_MONEY, MOST_METRES = 1_000_000_000, 100_000_000


def reply_object(reply: bytes) -> dict[str, Any]:
    """The object in a reply. Raises Uncertain for anything else."""
    try:
        message = json.loads(reply)
    except (ValueError, RecursionError) as error:
        raise Uncertain("the reply is not JSON") from error
    if not isinstance(message, dict):
        raise Uncertain("the reply is not an object")
    return message


def callback_object(body: bytes) -> dict[str, Any]:
    """The object in a callback, its numbers as the text they came as. Raises Malformed for anything else."""
    try:
        message = json.loads(body.decode(), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON in UTF-8") from error
    if not isinstance(message, dict):
        raise Malformed("not an object")
    return message


def storable(text: str) -> bool:
    """Databases store neither NUL nor half a surrogate pair."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def text(value: object, most: int = 200) -> str:
    """A text or a whole number as text; "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:most] if isinstance(value, str) and storable(value) else ""


def part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name; an empty one if there is none."""
    found = message.get(name)
    return found if isinstance(found, dict) else {}


def minor(value: object) -> int | None:
    """An amount told in minor units; None for what is none."""
    number = text(value, 40)
    if not (number.isascii() and number.removeprefix("-").isdigit()) or len(number) > 11:
        return None
    return int(number)


def fen(yuan: object) -> int:
    """Yuan as number or text to fen. Raises ValueError or InvalidOperation.

    >>> fen(8.5), fen("19.99")
    (850, 1999)
    """
    amount = Decimal(str(yuan))
    if not abs(amount) < MOST_MONEY:
        raise ValueError("no amount of money")
    return int((amount * 100).to_integral_value())


def told_fen(message: Mapping[str, Any], name: str) -> int | None:
    """A fee that is told for information: an unreadable one is no reason to doubt the reply."""
    try:
        return fen(message[name])
    except (KeyError, ValueError, InvalidOperation):
        return None


def kept(amount: int | None, currency: str) -> Kept | None:
    """What is kept of an errand; None if no amount was told."""
    return None if amount is None else Kept(amount, currency)


def priced(quote: Quote, errand: Errand) -> Quote:
    """The quote. Raises Refused where it cannot be compared with others for this errand."""
    if quote.currency not in ("", errand.currency):
        raise Refused(gettext_noop("The price is in another currency than the order."))
    return quote


def billed(created: Created, currency: str, errand: Errand) -> Created:
    """What was created, without a fee that is in another currency than the errand."""
    return created if currency in ("", errand.currency) else replace(created, fee=None)


def currency(message: Mapping[str, Any]) -> str:
    """The currency a message names, in capitals."""
    return text(message.get("currency"), 3).upper()


def metres(value: object) -> int | None:
    """A distance as number or text; None for what is none."""
    try:
        distance = Decimal(str(value))
        return int(distance) if 0 <= distance < MOST_METRES else None
    except (ValueError, InvalidOperation):
        return None


def instant(value: object) -> datetime | None:
    """A moment as RFC 3339 writes it; None for what is none or has no zone."""
    try:
        found = datetime.fromisoformat(text(value, 40))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and 1970 < found.year < 2100 else None


def unix(value: object) -> datetime | None:
    """A moment in Unix seconds; None for what is none (couriers write 0 for "not yet")."""
    number = text(value, 12)
    if not (number.isascii() and number.isdigit() and 0 < int(number) < MOST_SECONDS):
        return None
    return datetime.fromtimestamp(int(number), UTC)


def credential(credentials: Mapping[str, str], name: str) -> str:
    """A credential that must be there. Raises Refused when it is not."""
    value = credentials.get(name)
    if not value:
        raise Refused(f"the credentials lack '{name}'")
    return value
