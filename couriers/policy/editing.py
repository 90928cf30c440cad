"""The form a policy is edited in: from a policy or from what was sent, and back to a document.

Every rule has a short id of its own ("r1"); its fields are "r1-name", "r1-days" …, and the hidden fields
named "rule" give the rules' order. In a choice, the hidden fields "r1-order" give the carriers' order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from couriers.policy.document import (
    LIMITS,
    MOST_RULES,
    NAME_LENGTH,
    RANGES,
    BadDocument,
    By,
    Choice,
    Mistake,
    Place,
    Policy,
    Rule,
    read,
)
from couriers.policy.words import weekday
from stores.channels import Channel

OTHERWISE = "otherwise"
RULE_ID = re.compile(r"[a-z][a-z0-9]{0,9}")
OWN_FIRST = [("", _("as above")), ("yes", _("yes")), ("no", _("no"))]
FROM, TO = pgettext_lazy("range", "from"), pgettext_lazy("range", "to")
CLOCK = forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": 60})


def number(lowest: int, step: str = "1", highest: int | None = None) -> forms.NumberInput:
    """A field for a number, from `lowest`."""
    attrs = {"min": lowest, "step": step, "inputmode": "decimal" if step == "any" else "numeric"}
    return forms.NumberInput(attrs=attrs if highest is None else {**attrs, "max": highest})


def decimal(label: Any) -> forms.DecimalField:
    """An end of a range in kilometres or in money."""
    return forms.DecimalField(label=label, max_digits=12, required=False, widget=number(0, "any"))


def whole(label: Any) -> forms.IntegerField:
    """An end of a range of whole numbers."""
    return forms.IntegerField(label=label, required=False, widget=number(0))


class PolicyForm(forms.Form):
    """What holds for all orders."""

    automatic = forms.ChoiceField(
        label=_("Hand off"),
        choices=[
            ("", _("Suggest a carrier on the card; somebody taps")),
            ("yes", _("Ask carriers by itself as soon as an order is ready")),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    own_first = forms.BooleanField(label=_("Own riders first while they are free"), required=False)
    own_most = forms.IntegerField(
        label=_("Orders a rider has at most"),
        help_text=_("With so many, a rider is not free."),
        widget=number(*LIMITS["own_most"][:1], highest=LIMITS["own_most"][1]),
    )
    rescue = forms.BooleanField(
        label=_("Ask the next carrier by itself when one fails or gives up"), required=False
    )
    accept_within = forms.IntegerField(
        label=_("Seconds to find a rider"),
        help_text=_("Then the next carrier is asked."),
        widget=number(*LIMITS["accept_within"][:1], highest=LIMITS["accept_within"][1]),
    )
    cups_per_rider = forms.IntegerField(
        label=_("Largest bag, in cups"),
        help_text=_("A larger order goes in several bags."),
        widget=number(*LIMITS["cups_per_rider"][:1], highest=LIMITS["cups_per_rider"][1]),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A carrier in a choice: whether it is named, and its part of a hundred as it stands in the field."""

    key: str
    name: str
    chosen: bool
    part: str


class ChoiceForm(forms.Form):
    """How a carrier is chosen."""

    by = forms.ChoiceField(label=_("Choose"), choices=By.choices)
    own_first = forms.ChoiceField(label=_("Own riders first"), choices=OWN_FIRST, required=False)

    def __init__(self, *args: Any, rows: Sequence[Row] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    def choice(self) -> dict[str, Any]:
        """The choice as a document has it; what the way of choosing does not look at is left out."""
        by = self.cleaned_data.get("by", "")
        own_first = {"yes": True, "no": False}.get(self.cleaned_data.get("own_first", ""))
        parts = {row.key: _whole(row.part) for row in self.rows if row.part.strip() not in {"", "0"}}
        return {
            "by": by,
            "carriers": [] if by == By.SHARES else [row.key for row in self.rows if row.chosen],
            "shares": parts if by == By.SHARES else {},
            "own_first": own_first,
        }


class RuleForm(ChoiceForm):
    """One rule."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH, required=False)
    days = forms.TypedMultipleChoiceField(
        label=_("Days"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    channels = forms.MultipleChoiceField(
        label=_("Platforms"), choices=Channel.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    from_time = forms.TimeField(label=FROM, required=False, widget=CLOCK)
    to_time = forms.TimeField(label=TO, required=False, widget=CLOCK)
    distance_from, distance_to = decimal(FROM), decimal(TO)
    value_from, value_to = decimal(FROM), decimal(TO)
    cups_from, cups_to = whole(FROM), whole(TO)
    load_from, load_to = whole(FROM), whole(TO)

    def __init__(self, *args: Any, digits: int = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shift = {"distance": 3, "value": digits}
        days: Any = self.fields["days"]
        days.choices = [(day, weekday(day)) for day in range(7)]

    def rule(self) -> dict[str, Any]:
        """The rule as a document has it."""
        found = self.cleaned_data
        when: dict[str, Any] = {name: found[name] for name in ("days", "channels") if found.get(name)}
        for name in ("from_time", "to_time"):
            if found.get(name) is not None:
                when[name] = f"{found[name]:%H:%M}"
        for name in RANGES:
            for end in (f"{name}_from", f"{name}_to"):
                if found.get(end) is not None:
                    when[end] = int(Decimal(found[end]).scaleb(self.shift.get(name, 0)))
        return {"name": found.get("name", ""), "when": when, "choose": self.choice()}


@dataclass(slots=True)
class Editor:
    """The whole form. `mistakes` has what is wrong with it, in the order of the form."""

    policy: PolicyForm
    rules: list[RuleForm]
    otherwise: ChoiceForm
    blank: RuleForm
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def parts(self) -> Iterator[forms.Form]:
        """All forms of it."""
        yield self.policy
        yield from self.rules
        yield self.otherwise

    @property
    def titles(self) -> list[str]:
        """The rules' names as typed."""
        return [str(rule["name"].value() or "") for rule in self.rules]

    def read(self) -> Policy | None:
        """The policy that was typed; None with `mistakes` and errors at their fields."""
        self.mistakes = list(self._unreadable())
        document = {
            **self.policy.cleaned_data,
            "automatic": self.policy.cleaned_data.get("automatic") == "yes",
            "rules": [rule.rule() for rule in self.rules],
            OTHERWISE: self.otherwise.choice(),
        }
        try:
            policy = read(document)
        except BadDocument as error:
            self.blame(error.mistakes)
            return None
        return None if self.mistakes else policy

    def blame(self, mistakes: Iterable[Mistake]) -> None:
        """Put mistakes of a document at the fields they are about, one each."""
        known = {one.place[:length] for one in self.mistakes for length in range(1, len(one.place) + 1)}
        for mistake in mistakes:
            if mistake.place not in known:  # nor around a place that could not even be read
                self.mistakes.append(mistake)
                form, name = self._field(mistake)
                form.add_error(name if name in form.fields else None, mistake.text)
        self.mistakes.sort(key=_in_form)

    def _unreadable(self) -> Iterator[Mistake]:
        """What could not even be read as a number or a time."""
        places: list[Place] = [(), *(("rules", index) for index in range(len(self.rules))), (OTHERWISE,)]
        for place, form in zip(places, self.parts, strict=True):
            for name, errors in form.errors.items():
                yield Mistake((*place, *_inner(form, name), name), str(errors[0]))

    def _field(self, mistake: Mistake) -> tuple[forms.Form, str]:
        place, name = mistake.place, str(mistake.place[-1]) if mistake.place else ""
        if place[:1] == ("rules",) and len(place) > 1:
            return self.rules[int(place[1])], name
        return (self.otherwise if place[:1] == (OTHERWISE,) else self.policy), name


def _in_form(mistake: Mistake) -> tuple[int, int]:
    """What holds for every order, then the rules in order, then what holds otherwise."""
    first, second = (*mistake.place, "", "")[:2]
    return {"rules": 1, OTHERWISE: 2}.get(str(first), 0), second if isinstance(second, int) else 0


def _inner(form: forms.Form, name: str) -> Place:
    """Where in a rule's document a field of its form belongs."""
    if not isinstance(form, RuleForm) or name == "name":
        return ()
    return ("choose",) if name in ChoiceForm.base_fields else ("when",)


def of_policy(policy: Policy, carriers: Mapping[str, str], digits: int) -> Editor:
    """The form as a policy fills it."""
    first = {name: getattr(policy, name) for name in PolicyForm.base_fields}
    first["automatic"] = "yes" if policy.automatic else ""
    return Editor(
        policy=PolicyForm(initial=first),
        rules=[
            _rule_form(f"r{index}", rule, carriers, digits)
            for index, rule in enumerate(policy.rules, start=1)
        ],
        otherwise=ChoiceForm(
            prefix=OTHERWISE,
            initial=_choice_values(policy.otherwise),
            rows=_rows_of(policy.otherwise, carriers),
        ),
        blank=blank_rule(carriers, digits),
    )


def posted(data: QueryDict, carriers: Mapping[str, str], digits: int, *, checked: bool) -> Editor:
    """The form as it was sent; not `checked`, it is shown again without a word on mistakes."""

    def form(kind: type[Any], prefix: str | None, **more: Any) -> Any:
        if prefix:
            more["rows"] = _rows_sent(data, prefix, carriers)
        if checked:
            return kind(data, prefix=prefix, **more)
        sent = kind(data, prefix=prefix, **more)
        return kind(initial={name: sent[name].value() for name in sent.fields}, prefix=prefix, **more)

    return Editor(
        policy=form(PolicyForm, None),
        rules=[form(RuleForm, one, digits=digits) for one in rule_ids(data)],
        otherwise=form(ChoiceForm, OTHERWISE),
        blank=blank_rule(carriers, digits),
    )


def rule_ids(data: QueryDict) -> list[str]:
    """The rules that were sent, in their order."""
    ids = [one for one in data.getlist("rule") if RULE_ID.fullmatch(one) and one != OTHERWISE]
    return list(dict.fromkeys(ids))[: MOST_RULES + 1]


def rearranged(data: QueryDict, what: str) -> QueryDict:
    """What was sent, after a button that works without scripts: "add", "up:r2", "down:r2", "remove:r2",
    "up:r2:courier:3". One that means nothing changes nothing."""
    verb, _colon, place = what.partition(":")
    rule, _colon, key = place.partition(":")
    changed, name = data.copy(), f"{rule}-order" if key else "rule"
    entries = [*data.getlist(name)] if key else rule_ids(data)
    wanted = key or rule
    if verb == "add" and not place:
        entries.append(next(f"r{one}" for one in count(1) if f"r{one}" not in entries))
    elif wanted in entries and verb in {"up", "down", "remove"}:
        at = entries.index(wanted)
        entries.pop(at)
        if verb != "remove":
            entries.insert(max(0, at + (-1 if verb == "up" else 1)), wanted)
    changed.setlist(name, entries)
    return changed


def blank_rule(carriers: Mapping[str, str], digits: int) -> RuleForm:
    """An empty rule, for scripts to copy."""
    return RuleForm(prefix="new", rows=_rows_of(Choice(), carriers), digits=digits)


def _rule_form(prefix: str, rule: Rule, carriers: Mapping[str, str], digits: int) -> RuleForm:
    when = rule.when
    first = {**_choice_values(rule.choose), "name": rule.name}
    for name in ("days", "channels", "from_time", "to_time"):
        first[name] = getattr(when, name)
    for name in RANGES:
        for end in (f"{name}_from", f"{name}_to"):
            value = getattr(when, end)
            moved = {"distance": 3, "value": digits}.get(name, 0)
            first[end] = None if value is None else f"{Decimal(value).scaleb(-moved).normalize():f}"
    return RuleForm(prefix=prefix, initial=first, rows=_rows_of(rule.choose, carriers), digits=digits)


def _choice_values(choice: Choice) -> dict[str, Any]:
    return {"by": choice.by, "own_first": {True: "yes", False: "no"}.get(choice.own_first, "")}  # type: ignore[arg-type]


def _rows_of(choice: Choice, carriers: Mapping[str, str]) -> list[Row]:
    """The named carriers in their order, then the others."""
    keys = dict.fromkeys([*choice.named, *carriers])
    return [
        Row(key, carriers.get(key, key), key in choice.carriers, str(choice.shares.get(key, "")))
        for key in keys
    ]


def _rows_sent(data: QueryDict, prefix: str, carriers: Mapping[str, str]) -> list[Row]:
    chosen = set(data.getlist(f"{prefix}-carriers"))
    keys = dict.fromkeys([*data.getlist(f"{prefix}-order")[:60], *carriers])
    return [
        Row(key[:40], carriers.get(key, key[:40]), key in chosen, data.get(f"{prefix}-part-{key}", "")[:10])
        for key in keys
    ]


def _whole(text: str) -> int | str:
    """The number in a text, or the text, which the reader refuses."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else text
