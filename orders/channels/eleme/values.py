"""What the values of a message mean: texts, numbers of things, fen, moments, positions (pure).

They are read with `wire.read`, so a number is its text. Whatever is not understood is told from what is not
there only where that matters; no value raises anything.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from stores.datum import from_gcj02

CHINA = timezone(timedelta(hours=8))  # of all their times that name no zone
# Outside these years a moment is a mistake, and some of them no database can hold in UTC.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_EXPONENT = 9  # of yuan: no order costs ten thousand million
MILLISECONDS = 10**11  # Unix seconds reach this in the year 5138
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and halves of surrogate pairs
CODE = re.compile(r"[\x21-\x7e]{1,64}")


def text(value: object, most: int) -> str:
    """At most `most` characters of a text or number, without those no database holds; "" for all else."""
    if not isinstance(value, str):
        return ""
    if not value.isprintable():
        value = UNSTORABLE.sub("", value)
    return value[:most]


def code(value: object) -> str:
    """An order's, shop's or request's number; "" if it is none."""
    return value if isinstance(value, str) and CODE.fullmatch(value) else ""


def flag(value: object) -> bool:
    """Whether it is true, "true" or 1."""
    return value is True or (isinstance(value, str) and value in {"true", "1"})


def entries(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none if it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def fen(value: object) -> int | None:
    """Yuan to fen; None if it is no amount."""
    return _fen(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)  # the same prices come again and again
def _fen(yuan: str) -> int | None:
    if len(yuan) > 32:
        return None
    try:
        amount = Decimal(yuan)
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount.adjusted() > LARGEST_EXPONENT:
        return None
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def moment(value: object) -> datetime | None:
    """A moment written as Unix seconds or milliseconds, or as ISO 8601, GMT+8 if it names no zone."""
    if not isinstance(value, str):
        return None
    try:
        at = _unix(value) if value.isdecimal() else datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=CHINA)
    return at.astimezone(UTC) if EARLIEST <= at < LATEST else None


def _unix(digits: str) -> datetime:
    number = int(digits[:16])
    return EPOCH + timedelta(milliseconds=number if number >= MILLISECONDS else number * 1000)


def position(value: object) -> tuple[float | None, float | None]:
    """WGS-84 latitude and longitude of a GCJ-02 "longitude,latitude"; (None, None) if it is none."""
    longitude_text, _, latitude_text = text(value, 64).partition(",")
    try:
        latitude, longitude = float(latitude_text), float(longitude_text)
    except ValueError:
        return None, None
    # Also false for NaN. Nobody orders tea in the Gulf of Guinea: 0,0 means that it is not known.
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude or longitude)):
        return None, None
    return from_gcj02(latitude, longitude)
