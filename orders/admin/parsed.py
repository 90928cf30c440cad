"""What a message says as rows to read: every field of the one `Message`, telephone numbers masked (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from orders.admin.words import CONTENTS, FIELDS
from orders.channels.incoming import IncomingLine, Message, Placed, Standing
from orders.masks import mask

PHONE = re.compile(
    r"(?<!\d)(?:(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}|0\d{2,3}[- ]?\d{7,8})(?!\d)", re.ASCII
)
PHONES = frozenset({"phone", "rider_phone"})
# Numbers that must be read as they are, however much one may look like a telephone's.
CODES = frozenset(
    {"kind", "external_id", "store_code", "ref", "content_hash", "daily_number", "campaign_code"}
)
HASH = "content_hash"
APART = frozenset({"lines", "amounts", "standing"})

Name = str | Promise


@dataclass(frozen=True, slots=True)
class Fact:
    """One field, and what it holds as text."""

    name: Name
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """Facts that belong together."""

    title: Name
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class Drink:
    """One line of a new order."""

    quantity: int
    name: str
    options: str
    unit_price: int
    sku: str
    note: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message as a page shows it."""

    sections: list[Section]
    drinks: list[Drink]

    def as_text(self) -> list[str]:
        """The same, one fact a line, to be compared with another message's: without the hash of it all."""
        told = [fact for section in self.sections for fact in section.facts if fact.name != FIELDS[HASH]]
        facts = [f"{fact.name}: {fact.text}" for fact in told]
        return facts + [
            " · ".join(
                filter(None, (f"{d.quantity} × {d.name}", d.options, str(d.unit_price), d.sku, d.note))
            )
            for d in self.drinks
        ]


def parsed(message: Message) -> Parsed:
    """The message as rows."""
    content = message.content
    head = {"kind": message.kind, "external_id": message.external_id, "store_code": message.store_code}
    facts = [Fact(_("says"), str(CONTENTS[type(content)])), *map(_fact, head, head.values())]
    sections = [Section(_("Parsed"), facts + [_fact(name, value) for name, value in _plain(content)])]
    if isinstance(content, Placed):
        amounts = [_fact(name, value) for name, value in content.amounts.items()]
        sections.append(Section(_("Amounts, in minor units"), amounts))
    if standing := getattr(content, "standing", None):
        told = [_fact(name, value) for name, value in _plain(standing)]
        sections.append(Section(CONTENTS[Standing], told))
    return Parsed(sections, [_drink(line) for line in getattr(content, "lines", ())])


def hide_phones(text: str) -> str:
    """Free text with whatever looks like a telephone number masked."""
    return PHONE.sub(lambda found: mask(found[0]), text)


def _plain(content: Any) -> Iterator[tuple[str, Any]]:
    """The fields that are no tables of their own."""
    for field in fields(content):
        if field.name not in APART:
            yield field.name, getattr(content, field.name)


def _fact(name: str, value: Any) -> Fact:
    return Fact(FIELDS.get(name, name), _text(name, value) or "–")


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if name in PHONES:
        return mask(value)
    return str(value) if name in CODES else hide_phones(str(value))


def _drink(line: IncomingLine) -> Drink:
    options = ", ".join(": ".join(filter(None, (o["name"], o["value"]))) for o in line.options)
    return Drink(
        quantity=line.quantity,
        name=hide_phones(line.name),
        options=hide_phones(options),
        unit_price=line.unit_price,
        sku=line.sku,
        note=hide_phones(line.note),
    )
