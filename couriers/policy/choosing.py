"""Who is asked to carry an order, and why: a pure function of policy, situation and candidates.

The first rule that fits decides, else what holds otherwise. It never raises for odd data, and the same
values give the same answer, in whatever order the candidates come:

- Nobody who is excluded, not at work, or not named by the choice; own riders with `own_most` orders or more
  are not asked. A choice that names nobody means everybody.
- Own riders come first where the choice (or else the policy) says so: those who take it along on their way,
  then those with nothing in hand, last those on the road; where that is not known, or the same, those with
  the fewest orders. A choice that names own riders itself puts them where it says, unless it says own riders
  first. Without any of that they come after the couriers.
- Couriers that rest after too many failures come last of all.
- What is not known (no price, no time) comes after what is. Ties: price, then time, then the order of the
  choice, then the name, then the key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from couriers.policy.document import RANGES, RIDERS, By, Choice, Policy, Rule, When
from couriers.providers.base import Quote
from couriers.riders.joining import Fit, Joining

RIDER, COURIER = "rider", "courier"
# What every carrier is taken to have accepted before it was measured: one or two offers say little.
PRIOR_OFFERS, PRIOR_ACCEPTED = 10, 8
MIDNIGHT = time(0)
Rank = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What rules look at. `at` is the store's time, aware; `distance` metres to the guest, None if unknown;
    `value` what the goods cost, in minor units; `load` the orders the store has in hand; `given` how many
    of today's hand-offs each carrier delivered or has in hand."""

    at: datetime
    distance: int | None
    value: int
    cups: int
    load: int
    channel: str
    given: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a carrier did lately: how many offers it had and took, half of its times in seconds, and its
    average fee in minor units. None: nothing measured."""

    offers: int
    accepted: int
    accept_p50: int | None = None
    deliver_p50: int | None = None
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could carry it. `free`: at work (a rider on an open shift whose phone is there; a courier
    always). `live`: the orders it carries or is to carry, `away` how many of them are on the road. `resting`:
    a courier that is not called for a while. `joining`: how well the order goes with what a rider has to
    bring, None where nobody asked."""

    key: str
    name: str
    kind: str
    free: bool = True
    live: int = 0
    away: int = 0
    quote: Quote | None = None
    resting: bool = False
    measure: Measure | None = None
    joining: Joining | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """A coded reason with its facts; it is put in words where it is shown.

    "own_free", "own_last" {live} · "own_joins" {live, minutes: by how much the rider's run gets longer} ·
    "cheapest", "no_price", "fastest", "no_time" {measured: by what was measured, not by a quote} ·
    "reliable" {accepted, offers} · "share" {part, given, total} · "order" {place} · "resting". Every one has
    "rule": the name of the rule that decided, "" if none did.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One candidate in its turn; `fee` in minor units and `minutes` to the guest, where known."""

    key: str
    name: str
    kind: str
    why: Why
    fee: int | None
    minutes: int | None

    def as_json(self) -> dict[str, Any]:
        """The suggestion as a card shows it."""
        return {
            "key": self.key,
            "kind": self.kind,
            "name": self.name,
            "why": {"code": self.why.code, **self.why.facts},
            "fee": self.fee,
            "minutes": self.minutes,
        }


def choose(
    policy: Policy,
    situation: Situation,
    candidates: Iterable[Candidate],
    excluded: Collection[str] = frozenset(),
) -> list[Ranked]:
    """Everybody who may be asked, the best first."""
    rule = rule_for(policy, situation)
    turn = _Turn(policy, rule.choose if rule else policy.otherwise, situation, rule.name if rule else "")
    usable: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.key not in excluded and turn.admits(candidate):
            usable.setdefault(candidate.key, candidate)
    return [turn.ranked(one) for one in sorted(usable.values(), key=turn.rank)]


def wants_quotes(
    policy: Policy,
    situation: Situation,
    candidates: Iterable[Candidate] | None = None,
    excluded: Collection[str] = frozenset(),
) -> bool:
    """Whether a price or a time decides. With `candidates`: not where it is clear without who comes first."""
    rule = rule_for(policy, situation)
    if (rule.choose if rule else policy.otherwise).by not in {By.CHEAPEST, By.FASTEST}:
        return False
    if candidates is None:
        return True
    ranked = choose(policy, situation, candidates, excluded)
    return len(ranked) > 1 and ranked[0].kind == COURIER


def rule_for(policy: Policy, situation: Situation) -> Rule | None:
    """The first rule that fits; None if none does."""
    return next((rule for rule in policy.rules if fits(rule.when, situation)), None)


def fits(when: When, situation: Situation) -> bool:
    """Whether all conditions hold. A distance that is not known is within no range."""
    if when.channels and situation.channel not in when.channels:
        return False
    return _fits_time(when, situation.at) and all(
        _within(getattr(situation, name), getattr(when, f"{name}_from"), getattr(when, f"{name}_to"))
        for name in RANGES
    )


def _within(value: int | None, lowest: int | None, highest: int | None) -> bool:
    if lowest is None and highest is None:
        return True
    if value is None:
        return False
    return (lowest is None or lowest <= value) and (highest is None or value <= highest)


def _fits_time(when: When, at: datetime) -> bool:
    """By the clock on the wall: whether it was put forward or back that day changes nothing."""
    clock, day = at.time(), at.date()
    begins, ends = when.from_time or MIDNIGHT, when.to_time or MIDNIGHT
    if begins < ends:
        inside = begins <= clock < ends
    else:
        inside = clock >= begins or clock < ends
        if clock < ends <= begins:
            day -= timedelta(days=1)
    return inside and (not when.days or day.weekday() in when.days)


def refers(entry: str, key: str) -> bool:
    """Whether an entry of a document means this carrier."""
    return entry == key or (entry == RIDERS and _is_rider(key))


def could_ask(policy: Policy, key: str) -> bool:
    """Whether there is a situation in which this carrier is asked."""
    return any(_admits(policy, choice, key) for choice in policy.choices)


def _admits(policy: Policy, choice: Choice, key: str) -> bool:
    if not choice.named or any(refers(entry, key) for entry in choice.named):
        return True
    return _is_rider(key) and _own_first(policy, choice)


def _own_first(policy: Policy, choice: Choice) -> bool:
    if choice.own_first is not None:
        return choice.own_first
    return policy.own_first and not any(entry.startswith("rider") for entry in choice.named)


def _is_rider(key: str) -> bool:
    return key.startswith("rider:")


class _Turn:
    """One choice applied to one situation."""

    def __init__(self, policy: Policy, choice: Choice, situation: Situation, rule: str) -> None:
        self.policy, self.choice, self.situation, self.rule = policy, choice, situation, rule
        self.named = choice.named
        self.own_first = _own_first(policy, choice)
        self.given = _given(self.named, situation.given)

    def admits(self, one: Candidate) -> bool:
        has_room = one.kind != RIDER or one.live < self.policy.own_most
        return one.free and has_room and _admits(self.policy, self.choice, one.key)

    def entry(self, one: Candidate) -> str | None:
        """The entry of the choice that means this carrier: its own rather than that of all riders."""
        if one.key in self.named:
            return one.key
        return RIDERS if one.kind == RIDER and RIDERS in self.named else None

    def rank(self, one: Candidate) -> Rank:
        group = self.group(one)
        load = (one.joining or Joining(), one.live) if one.kind == RIDER else (Joining(), 0)
        by = load if group in {0, 2} else self.merit(one)
        return group, by, load, self.place(one), one.name, _by_key(one.key)

    def group(self, one: Candidate) -> int:
        """0: own riders first, 1: as the choice says, 2: own riders after the couriers, 3: resting."""
        if one.resting:
            return 3
        if one.kind == RIDER and self.own_first:
            return 0
        return 2 if one.kind == RIDER and not self.named else 1

    def place(self, one: Candidate) -> int:
        entry = self.entry(one)
        return self.named.index(entry) if entry in self.named else len(self.named)

    def merit(self, one: Candidate) -> Rank:
        """What the choice goes by, less being better, and what settles a tie."""
        fee, minutes = _unknown_last(_price(one)), _unknown_last(self.minutes(one))
        match self.choice.by:
            case By.FASTEST:
                return minutes, fee
            case By.RELIABLE:
                return -reliability(one.measure), fee, minutes
            case By.SHARES:
                return self.due(one), fee, minutes
            case By.ORDER:
                return (self.place(one),)
            case _:
                return fee, minutes

    def due(self, one: Candidate) -> Rank:
        """Of those to whom something is owed, who would soonest have waited too long.

        That keeps everybody within one order of their part, which the largest debt alone does not.
        """
        entry = self.entry(one) or ""
        part, given = self.choice.shares.get(entry, 0), self.given.get(entry, 0)
        if part <= 0:
            return True, Fraction(0)
        total = sum(self.given.values()) + 1
        return part * total <= 100 * given, Fraction(given + 1, part)

    def minutes(self, one: Candidate) -> int | None:
        """Whole minutes from now to the guest: as quoted, else as measured."""
        if one.quote and one.quote.dropoff_at:
            return max(0, ceil((one.quote.dropoff_at - self.situation.at).total_seconds() / 60))
        if one.measure and one.measure.deliver_p50 is not None:
            return max(0, ceil(one.measure.deliver_p50 / 60))
        return None

    def ranked(self, one: Candidate) -> Ranked:
        fee = None if one.kind == RIDER else _price(one)
        return Ranked(one.key, one.name, one.kind, self.why(one), fee, self.minutes(one))

    def why(self, one: Candidate) -> Why:
        group, joining = self.group(one), one.joining
        if group == 1:
            code, facts = self.reason(one)
        elif group == 0 and joining and joining.fit == Fit.ON_THE_WAY:
            code, facts = "own_joins", {"live": one.live, "minutes": ceil(joining.added / 60)}
        else:
            code = {0: "own_free", 2: "own_last", 3: "resting"}[group]
            facts = {"live": one.live} if group != 3 else {}
        return Why(code, {"rule": self.rule, **facts})

    def reason(self, one: Candidate) -> tuple[str, dict[str, Any]]:
        entry = self.entry(one) or ""
        match self.choice.by:
            case By.FASTEST:
                code = "fastest" if self.minutes(one) is not None else "no_time"
                return code, {"measured": not (one.quote and one.quote.dropoff_at)}
            case By.RELIABLE:
                measure = one.measure or Measure(0, 0)
                return "reliable", {"accepted": measure.accepted, "offers": measure.offers}
            case By.SHARES:
                part, given = self.choice.shares.get(entry, 0), self.given.get(entry, 0)
                return "share", {"part": part, "given": given, "total": sum(self.given.values())}
            case By.ORDER:
                return "order", {"place": self.place(one) + 1}
            case _:
                code = "cheapest" if _price(one) is not None else "no_price"
                return code, {"measured": one.kind == COURIER and one.quote is None}


def reliability(measure: Measure | None) -> Fraction:
    """The part of its offers a carrier takes, 0–1, as far as few offers can tell."""
    offers = max(0, measure.offers) if measure else 0
    accepted = min(max(0, measure.accepted), offers) if measure else 0
    return Fraction(accepted + PRIOR_ACCEPTED, offers + PRIOR_OFFERS)


def _price(one: Candidate) -> int | None:
    """What it costs: quoted, else its average; one more order for an own rider costs nothing."""
    if one.kind == RIDER:
        return 0
    if one.quote:
        return one.quote.fee
    return one.measure.fee if one.measure else None


def _given(named: Sequence[str], given: Mapping[str, int]) -> dict[str, int]:
    """What is carried today by entry of the choice; a rider with an entry does not count among all riders."""
    counts = dict.fromkeys(named, 0)
    for key, count in given.items():
        entry = key if key in counts else RIDERS
        if entry in counts and refers(entry, key):
            counts[entry] += max(0, count)
    return counts


def _unknown_last(value: int | None) -> tuple[bool, int]:
    return value is None, value or 0


def _by_key(key: str) -> tuple[str, int, str]:
    """Keys in the order of their numbers."""
    kind, _, number = key.partition(":")
    return kind, int(number) if number.isdecimal() and number.isascii() else 0, key
