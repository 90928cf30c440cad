"""Policies, reasons and changes in words, for the managers' page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from couriers.policy.choosing import Why
from couriers.policy.document import RANGES, By, Choice, Mistake, Policy, When
from stores.channels import Channel

MONDAY = date(2024, 1, 1)
WITHOUT_MINOR_UNITS = {"JPY", "KRW", "VND", "CLP", "ISK"}
Names = Mapping[str, str]


def decimals(currency: str) -> int:
    """How many digits of a currency stand behind the point."""
    return 0 if currency in WITHOUT_MINOR_UNITS else 2


def money(minor: int, currency: str) -> str:
    """Minor units as people write them: "1,234.50 CNY"."""
    digits = decimals(currency)
    amount = number_format(Decimal(minor).scaleb(-digits), digits, use_l10n=True, force_grouping=True)
    return f"{amount} {currency}"


def kilometres(metres: int) -> str:
    """Metres as kilometres, with as many digits as they have."""
    return _("%(number)s km") % {"number": number_format(Decimal(metres).scaleb(-3).normalize())}


def weekday(day: int) -> str:
    """A day's short name; 0 is Monday."""
    return date_format(MONDAY + timedelta(days=day), "D")


def when_words(when: When, currency: str) -> str:
    """The conditions of a rule in one line."""
    return " · ".join(_conditions(when, currency)) or _("always")


def _conditions(when: When, currency: str) -> Iterator[str]:
    if when.days:
        yield ", ".join(weekday(day) for day in when.days)
    if when.from_time or when.to_time:
        start, end = when.from_time or time(0), when.to_time
        clock = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}" if end else "24:00"}
        yield _("%(start)s to %(end)s") % clock
    units = {
        "distance": kilometres,
        "value": lambda value: money(value, currency),
        "cups": _cups,
        "load": _load,
    }
    for name in RANGES:
        lowest, highest = getattr(when, f"{name}_from"), getattr(when, f"{name}_to")
        if lowest is not None or highest is not None:
            yield _range(*(None if value is None else units[name](value) for value in (lowest, highest)))
    if when.channels:
        yield get_text_list([str(Channel(channel).label) for channel in when.channels], _("or"))


def _range(lowest: str | None, highest: str | None) -> str:
    if lowest is None:
        return _("up to %(highest)s") % {"highest": highest}
    if highest is None:
        return _("from %(lowest)s") % {"lowest": lowest}
    return _("%(lowest)s to %(highest)s") % {"lowest": lowest, "highest": highest}


def _cups(number: int) -> str:
    return ngettext("%(number)s cup", "%(number)s cups", number) % {"number": number}


def _load(number: int) -> str:
    words = ngettext("%(number)s order in hand", "%(number)s orders in hand", number)
    return words % {"number": number}


def choice_words(choice: Choice, names: Names) -> str:
    """How a carrier is chosen, in one line."""
    named = [names.get(key, key) for key in choice.named]
    match choice.by:
        case By.SHARES:
            largest_first = sorted(choice.shares.items(), key=lambda entry: -entry[1])
            words = ", ".join(f"{names.get(key, key)} {part} %" for key, part in largest_first)
        case By.ORDER:
            words = " → ".join(named)
        case _:
            words = str(By(choice.by).label)
            if named:
                words = _("%(how)s of %(carriers)s") % {"how": words, "carriers": ", ".join(named)}
    if choice.own_first is not None:
        first = _("own riders first") if choice.own_first else _("own riders not first")
        return f"{words} · {first}"
    return words


def why_words(why: Why) -> str:
    """The reason of a suggestion, without its rule."""
    facts: Mapping[str, Any] = why.facts
    words = {
        "own_free": ngettext(
            "own rider, has %(live)s order", "own rider, has %(live)s orders", facts.get("live", 0)
        ),
        "own_joins": _("own rider, takes it along: %(minutes)s min more"),
        "own_last": _("own rider, after the couriers"),
        "cheapest": _("cheapest on average") if facts.get("measured") else _("cheapest"),
        "no_price": _("no price known"),
        "fastest": _("fastest on average") if facts.get("measured") else _("fastest"),
        "no_time": _("no time known"),
        "reliable": _("took %(accepted)s of %(offers)s offers"),
        "share": _("share of %(part)s %%, carries %(given)s of %(total)s"),
        "order": _("number %(place)s in the order"),
        "resting": _("resting after failed calls"),
    }
    return words[why.code] % facts


def place_words(mistake: Mistake, rules: list[str]) -> str:
    """Where a mistake is: the rule by its number and name, and the field."""
    words = {
        "name": _("Name"),
        "when": pgettext("rule", "When"),
        "days": _("Days"),
        "from_time": _("Time"),
        "to_time": _("Time"),
        "channels": _("Platforms"),
        "by": _("Choose"),
        "carriers": _("Carriers"),
        "shares": _("Shares"),
        "own_first": _("Own riders first"),
        "own_most": _("Orders a rider has at most"),
        "accept_within": _("Seconds to find a rider"),
        "cups_per_rider": _("Largest bag"),
        "otherwise": _("Otherwise"),
        "automatic": _("Handed off"),
        "rescue": _("Next carrier"),
        "rules": _("Rules"),
        **{f"{name}_{end}": title for name, title in range_titles().items() for end in ("from", "to")},
    }
    place, parts = list(mistake.place), []
    if len(place) > 1 and place[0] == "rules" and isinstance(place[1], int):
        name = rules[place[1]] if place[1] < len(rules) else ""
        parts.append(_("Rule %(number)s") % {"number": place[1] + 1} + (f" “{name}”" if name else ""))
        place = [part for part in place[2:] if part != "choose"][-1:]
    parts += [words[part] for part in place if isinstance(part, str) and part in words]
    return " · ".join(parts)


def range_titles() -> dict[str, str]:
    """What the ranges of a rule are called."""
    return {"distance": _("Distance"), "value": _("Value"), "cups": _("Cups"), "load": _("Orders in hand")}


def differences(before: Policy, after: Policy, names: Names, currency: str) -> list[str]:
    """What one version changed about another, a sentence each."""
    return [
        *_switches(before, after),
        *_rules(before, after, names, currency),
        *_otherwise(before, after, names),
    ]


def _switches(before: Policy, after: Policy) -> Iterator[str]:
    if before.automatic != after.automatic:
        yield (
            _("Orders are handed off by themselves.")
            if after.automatic
            else _("Carriers are only suggested.")
        )
    if before.own_first != after.own_first:
        yield _("Own riders come first.") if after.own_first else _("Own riders no longer come first.")
    if before.rescue != after.rescue:
        yield (
            _("The next carrier is asked by itself.")
            if after.rescue
            else _("The next carrier is no longer asked by itself.")
        )
    numbers = {
        "own_most": _("Orders a rider has at most"),
        "accept_within": _("Seconds to find a rider"),
        "cups_per_rider": _("Largest bag, in cups"),
    }
    for name, title in numbers.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{title}: {old} → {new}"


def _rules(before: Policy, after: Policy, names: Names, currency: str) -> Iterator[str]:
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in after.rules}
    for name in [name for name in old if name not in new]:
        yield _("Rule “%(name)s” removed.") % {"name": name}
    for name, rule in new.items():
        words = f"{when_words(rule.when, currency)}: {choice_words(rule.choose, names)}"
        if name not in old:
            yield _("Rule “%(name)s” added: %(words)s.") % {"name": name, "words": words}
        elif old[name] != rule:
            yield _("Rule “%(name)s” changed: %(words)s.") % {"name": name, "words": words}
    kept = [[name for name in some if name in old and name in new] for some in (old, new)]
    if kept[0] != kept[1]:
        yield _("The rules stand in another order.")


def _otherwise(before: Policy, after: Policy, names: Names) -> Iterator[str]:
    if before.otherwise != after.otherwise:
        yield _("Otherwise: %(words)s.") % {"words": choice_words(after.otherwise, names)}
