"""A store's policy as plain values, and the one strict reader and writer of its JSON (pure).

A document is one object; what it leaves out holds as in `DEFAULT`:

    {"automatic": false, "own_first": true, "own_most": 3, "rescue": true,
     "accept_within": 120, "cups_per_rider": 12,
     "rules": [{"name": "Lunch", "when": {"days": [0, 4], "from_time": "11:00", "to_time": "14:00"},
                "choose": {"by": "cheapest", "carriers": ["courier:3", "riders"]}}],
     "otherwise": {"by": "shares", "shares": {"courier:3": 60, "courier:4": 40}}}

Distances are metres, values minor units of the store's money, times the store's, days 0 (Monday) to 6.
A number's range includes both its ends, a time's range its beginning only; a range of times may go over
midnight. A carrier is "courier:<account>", "rider:<rider>" or "riders", all of the store's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import time
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stores.channels import Channel

RIDERS = "riders"
MOST_RULES = 20
MOST_CARRIERS = 30
NAME_LENGTH = 60
LARGEST = 2**31 - 1
LIMITS = {"accept_within": (30, 1800), "cups_per_rider": (1, 500), "own_most": (1, 30)}
CARRIER = re.compile(r"riders|(courier|rider):[1-9][0-9]{0,17}")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class By(TextChoices):
    """How one of several carriers is chosen."""

    CHEAPEST = "cheapest", gettext_lazy("The cheapest")
    FASTEST = "fastest", gettext_lazy("The fastest")
    RELIABLE = "reliable", gettext_lazy("The most reliable")
    SHARES = "shares", gettext_lazy("In shares")
    ORDER = "order", gettext_lazy("In this order")


@dataclass(frozen=True, slots=True)
class When:
    """When a rule holds: all that is said here must be true; what is empty or None says nothing.

    `days` are those on which the range of times begins. `load` is how many orders the store has still in
    hand, `value` what the goods cost.
    """

    days: tuple[int, ...] = ()
    from_time: time | None = None
    to_time: time | None = None
    distance_from: int | None = None
    distance_to: int | None = None
    value_from: int | None = None
    value_to: int | None = None
    cups_from: int | None = None
    cups_to: int | None = None
    load_from: int | None = None
    load_to: int | None = None
    channels: tuple[str, ...] = ()


RANGES = ("distance", "value", "cups", "load")


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to ask first. No `carriers` means all; otherwise nobody else is asked.

    `shares` are parts of a hundred. `own_first` None: as the policy says.
    """

    by: str = By.CHEAPEST
    carriers: tuple[str, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict)
    own_first: bool | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The carriers it is limited to; none means all."""
        return tuple(self.shares) if self.by == By.SHARES else self.carriers


@dataclass(frozen=True, slots=True)
class Rule:
    """The first rule whose `when` holds decides."""

    name: str
    when: When
    choose: Choice


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is to carry a store's orders.

    `automatic`: carriers are asked without a person. `rescue`: the next is asked by itself when one fails.
    `own_first`: own riders before couriers while they are free, which is with fewer than `own_most` live
    orders. `accept_within` seconds a carrier has to find a rider. An order of more than `cups_per_rider`
    goes in several bags.
    """

    automatic: bool = False
    own_first: bool = True
    own_most: int = 3
    rescue: bool = True
    accept_within: int = 120
    cups_per_rider: int = 12
    rules: tuple[Rule, ...] = ()
    otherwise: Choice = field(default_factory=Choice)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Each that may be made."""
        return (*(rule.choose for rule in self.rules), self.otherwise)

    @property
    def goes_by_load(self) -> bool:
        """Whether it matters how busy the store is."""
        return any((rule.when.load_from, rule.when.load_to) != (None, None) for rule in self.rules)

    @property
    def goes_by_shares(self) -> bool:
        """Whether it matters how much each carrier has carried today."""
        return any(choice.by == By.SHARES for choice in self.choices)


DEFAULT = Policy()
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where: `place` leads through the document, as ("rules", 0, "when", "days")."""

    place: Place
    text: str


class BadDocument(ValueError):
    """A document that is not a policy; `mistakes` has at least one."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, one.place))}: {one.text}" for one in mistakes))
        self.mistakes = mistakes


def read(document: object) -> Policy:
    """The policy a JSON value says. Raises BadDocument with every mistake there is."""
    reader = _Reader()
    policy = reader.policy(document)
    if reader.mistakes:
        raise BadDocument(reader.mistakes)
    return policy


def write(policy: Policy) -> dict[str, Any]:
    """The JSON value `read` makes the same policy of."""
    document = asdict(policy)
    document["rules"] = [
        {"name": rule.name, "when": _when(rule.when), "choose": _choice(rule.choose)} for rule in policy.rules
    ]
    document["otherwise"] = _choice(policy.otherwise)
    return document


def _when(when: When) -> dict[str, Any]:
    said = {name: value for name, value in asdict(when).items() if value not in (None, ())}
    return {name: _plain(value) for name, value in said.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return list(value) if isinstance(value, tuple) else value


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "by": str(choice.by),
        "carriers": list(choice.carriers),
        "shares": dict(choice.shares),
        "own_first": choice.own_first,
    }


class _Reader:
    """Reads on after a mistake, so that all are told at once."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def wrong(self, place: Place, text: str) -> None:
        self.mistakes.append(Mistake(place, text))

    def policy(self, value: object) -> Policy:
        known = self.mapping(value, (), {one.name for one in fields(Policy)})
        numbers = {
            name: self.number(known, (), name, limits, getattr(DEFAULT, name))
            for name, limits in LIMITS.items()
        }
        switches = {
            name: self.switch(known, name, (), getattr(DEFAULT, name))
            for name in ("automatic", "own_first", "rescue")
        }
        rules = self.rules(known.get("rules", []))
        return Policy(**numbers, **switches, rules=rules, otherwise=self.choice(known, ("otherwise",)))

    def rules(self, value: object) -> tuple[Rule, ...]:
        rules = self.entries(value, ("rules",))
        if len(rules) > MOST_RULES:
            self.wrong(("rules",), _("There are more than %(most)s rules.") % {"most": MOST_RULES})
        return tuple(self.rule(rule, ("rules", index)) for index, rule in enumerate(rules[:MOST_RULES]))

    def rule(self, value: object, place: Place) -> Rule:
        known = self.mapping(value, place, {"name", "when", "choose"})
        name = known.get("name", "")
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            self.wrong((*place, "name"), _("Give the rule a name."))
            name = ""
        if len(name) > NAME_LENGTH:
            most = {"most": NAME_LENGTH}
            self.wrong((*place, "name"), _("A name has at most %(most)s characters.") % most)
        when = self.when(known.get("when", {}), (*place, "when"))
        return Rule(name.strip(), when, self.choice(known, (*place, "choose")))

    def when(self, value: object, place: Place) -> When:
        before = len(self.mistakes)
        known = self.mapping(value, place, {one.name for one in fields(When)})
        when = When(
            days=self.days(known.get("days", []), (*place, "days")),
            channels=self.channels(known.get("channels", []), (*place, "channels")),
            from_time=self.clock(known, place, "from_time"),
            to_time=self.clock(known, place, "to_time"),
            **{
                f"{name}_{end}": self.number(known, place, f"{name}_{end}", (0, LARGEST), None)
                for name in RANGES
                for end in ("from", "to")
            },
        )
        self.check_ends(when, place)
        if when == When() and len(self.mistakes) == before:
            self.wrong(
                place, _("Say when the rule holds: without a condition it would hide all that follow.")
            )
        return when

    def check_ends(self, when: When, place: Place) -> None:
        if when.from_time is not None and when.from_time == when.to_time:
            self.wrong((*place, "to_time"), _("The time range begins and ends at the same time."))
        for name in RANGES:
            lowest, highest = getattr(when, f"{name}_from"), getattr(when, f"{name}_to")
            if lowest is not None and highest is not None and lowest > highest:
                self.wrong((*place, f"{name}_to"), _("“To” must not be smaller than “from”."))

    def choice(self, holder: Mapping[str, Any], place: Place) -> Choice:
        allowed = {one.name for one in fields(Choice)}
        known = self.mapping(holder.get(str(place[-1]), {}), place, allowed)
        by = known.get("by", By.CHEAPEST)
        if not isinstance(by, str) or by not in By.values:
            self.wrong((*place, "by"), _("Choose how a carrier is chosen."))
            by = By.CHEAPEST
        carriers = self.carriers(known.get("carriers", []), (*place, "carriers"))
        shares = self.shares(known.get("shares", {}), (*place, "shares"), wanted=by == By.SHARES)
        if by == By.ORDER and not carriers:
            self.wrong((*place, "carriers"), _("Name the carriers, in the order in which they are asked."))
        if by == By.SHARES and carriers:
            self.wrong((*place, "carriers"), _("Shares name their carriers themselves."))
        own_first = known.get("own_first")
        if own_first is not None and not isinstance(own_first, bool):
            self.wrong((*place, "own_first"), _("This must be yes, no, or as the policy says."))
            own_first = None
        return Choice(str(by), carriers, shares, own_first)

    def shares(self, value: object, place: Place, *, wanted: bool) -> dict[str, int]:
        if not isinstance(value, dict):
            self.wrong(place, _("Shares are a part for each carrier."))
            return {}
        if not wanted:
            if value:
                self.wrong(place, _("Parts are given only where carriers are chosen in shares."))
            return {}
        before = len(self.mistakes)
        shares = {key: self.number(value, place, key, (1, 100), 0) for key in self.keys(value, place)}
        if len(self.mistakes) == before and sum(shares.values()) != 100:
            total = {"total": sum(shares.values())}
            self.wrong(place, _("The shares must sum to 100 %%; they sum to %(total)s %%.") % total)
        return shares

    def carriers(self, value: object, place: Place) -> tuple[str, ...]:
        entries = self.entries(value, place)
        named = self.keys(entries, place)
        if len(set(named)) < len(named):
            self.wrong(place, _("A carrier is named twice."))
        return tuple(dict.fromkeys(named))

    def keys(self, entries: list[Any] | dict[Any, Any], place: Place) -> list[str]:
        if len(entries) > MOST_CARRIERS:
            self.wrong(place, _("There are more than %(most)s carriers.") % {"most": MOST_CARRIERS})
        good = [entry for entry in entries if isinstance(entry, str) and CARRIER.fullmatch(entry)]
        for entry in entries:
            if entry not in good:
                self.wrong(place, _("“%(text)s” is not a carrier.") % {"text": str(entry)[:40]})
        return good

    def channels(self, value: object, place: Place) -> tuple[str, ...]:
        entries = self.entries(value, place)
        for entry in entries:
            if not isinstance(entry, str) or entry not in Channel.values:
                self.wrong(place, _("“%(text)s” is not a platform.") % {"text": str(entry)[:40]})
        known = [entry for entry in entries if isinstance(entry, str) and entry in Channel.values]
        return tuple(dict.fromkeys(known))

    def days(self, value: object, place: Place) -> tuple[int, ...]:
        entries = self.entries(value, place)
        good = {entry for entry in entries if type(entry) is int and 0 <= entry <= 6}
        if any(type(entry) is not int or entry not in good for entry in entries):
            self.wrong(place, _("Days are numbers from 0, Monday, to 6, Sunday."))
        return tuple(sorted(good))

    def clock(self, known: Mapping[str, Any], place: Place, name: str) -> time | None:
        value = known.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not CLOCK.fullmatch(value):
            self.wrong((*place, name), _("This is not a time of day, as 17:30."))
            return None
        return time.fromisoformat(value)

    def number(
        self, known: Mapping[str, Any], place: Place, name: str, limits: tuple[int, int], empty: Any
    ) -> Any:
        value, (lowest, highest) = known.get(name), limits
        if name not in known or (value is None and empty is None):
            return empty
        if type(value) is not int or not lowest <= value <= highest:
            bounds = {"lowest": lowest, "highest": highest}
            text = _("This must be a whole number from %(lowest)s to %(highest)s.") % bounds
            self.wrong((*place, name), text)
            return empty
        return value

    def switch(self, known: Mapping[str, Any], name: str, place: Place, empty: bool) -> bool:
        value = known.get(name, empty)
        if not isinstance(value, bool):
            self.wrong((*place, name), _("This must be yes or no."))
            return empty
        return value

    def mapping(self, value: object, place: Place, allowed: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.wrong(place, _("This cannot be read."))
            return {}
        for key in value:
            if key not in allowed:
                self.wrong((*place, str(key)[:40]), _("Nothing of this name is known here."))
        return {key: entry for key, entry in value.items() if key in allowed}

    def entries(self, value: object, place: Place) -> list[Any]:
        if not isinstance(value, list):
            self.wrong(place, _("This must be a list."))
            return []
        return value
