"""The policy's JSON: read strictly, every mistake at its place, written back the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.policy.document import DEFAULT, BadDocument, Choice, Mistake, Policy, Rule, When, read, write
from couriers.tests.policies import POLICIES, few

RULE = {"name": "Lunch", "when": {"days": [0]}, "choose": {"by": "cheapest"}}


def read_or_refuse(document: object) -> tuple[Policy, list[Mistake]]:
    try:
        return read(document), []
    except BadDocument as error:
        return DEFAULT, error.mistakes


@few
@given(POLICIES)
def test_what_is_written_is_read_as_the_same_policy(policy: Policy) -> None:
    assert read(json.loads(json.dumps(write(policy)))) == policy


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(write(DEFAULT))), inner),
)


@few
@given(JSON)
def test_any_other_value_is_refused_with_reasons_or_read(value: Any) -> None:
    policy, mistakes = read_or_refuse(value)
    assert mistakes or read(write(policy)) == policy


@few
@given(POLICIES, JSON, st.data())
def test_a_document_with_anything_put_anywhere_is_refused_with_reasons_or_read(
    policy: Policy, value: Any, data: st.DataObject
) -> None:
    document = write(policy)
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys)) if keys else None
        if key is None or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    if key is not None:
        place[key] = value
    policy, mistakes = read_or_refuse(document)
    assert mistakes or read(write(policy)) == policy


def test_an_empty_document_is_what_holds_without_one() -> None:
    assert read({}) == DEFAULT
    assert write(DEFAULT) == {
        "automatic": False,
        "own_first": True,
        "own_most": 3,
        "rescue": True,
        "accept_within": 120,
        "cups_per_rider": 12,
        "rules": [],
        "otherwise": {"by": "cheapest", "carriers": [], "shares": {}, "own_first": None},
    }


def test_a_rule_is_read_with_its_units() -> None:
    when = {"from_time": "22:00", "to_time": "02:30", "distance_to": 3000, "channels": ["eleme"]}
    policy = read(
        {"rules": [{"name": " Night ", "when": when, "choose": {"by": "order", "carriers": ["riders"]}}]}
    )
    (rule,) = policy.rules
    assert rule == Rule(
        "Night",
        When(from_time=rule.when.from_time, to_time=rule.when.to_time, distance_to=3000, channels=("eleme",)),
        Choice("order", ("riders",)),
    )
    assert f"{rule.when.from_time:%H:%M} {rule.when.to_time:%H:%M}" == "22:00 02:30"


def mistakes(document: object) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(BadDocument) as caught:
        read(document)
    return {one.place: one.text for one in caught.value.mistakes}


def rule(**parts: Any) -> dict[str, Any]:
    return {"rules": [RULE, {**RULE, **parts}]}


@pytest.mark.parametrize(
    ("document", "place", "text"),
    [
        ([], (), "This cannot be read."),
        ({"automatic": 1}, ("automatic",), "This must be yes or no."),
        ({"accept_within": 29}, ("accept_within",), "This must be a whole number from 30 to 1800."),
        ({"accept_within": None}, ("accept_within",), "This must be a whole number from 30 to 1800."),
        ({"own_most": True}, ("own_most",), "This must be a whole number from 1 to 30."),
        ({"color": "red"}, ("color",), "Nothing of this name is known here."),
        ({"rules": {}}, ("rules",), "This must be a list."),
        ({"rules": [RULE] * 21}, ("rules",), "There are more than 20 rules."),
        (rule(name=" "), ("rules", 1, "name"), "Give the rule a name."),
        (rule(name="x" * 61), ("rules", 1, "name"), "A name has at most 60 characters."),
        (
            rule(when={}),
            ("rules", 1, "when"),
            "Say when the rule holds: without a condition it would hide all that follow.",
        ),
        (
            rule(when={"days": [7]}),
            ("rules", 1, "when", "days"),
            "Days are numbers from 0, Monday, to 6, Sunday.",
        ),
        (
            rule(when={"from_time": "24:00"}),
            ("rules", 1, "when", "from_time"),
            "This is not a time of day, as 17:30.",
        ),
        (
            rule(when={"from_time": "12:00", "to_time": "12:00"}),
            ("rules", 1, "when", "to_time"),
            "The time range begins and ends at the same time.",
        ),
        (
            rule(when={"cups_from": 6, "cups_to": 5}),
            ("rules", 1, "when", "cups_to"),
            "“To” must not be smaller than “from”.",
        ),
        (
            rule(when={"distance_to": 1.5}),
            ("rules", 1, "when", "distance_to"),
            "This must be a whole number from 0 to 2147483647.",
        ),
        (rule(when={"channels": ["fax"]}), ("rules", 1, "when", "channels"), "“fax” is not a platform."),
        (rule(choose={"by": "luck"}), ("rules", 1, "choose", "by"), "Choose how a carrier is chosen."),
        (
            rule(choose={"carriers": ["courier:0"]}),
            ("rules", 1, "choose", "carriers"),
            "“courier:0” is not a carrier.",
        ),
        (
            rule(choose={"carriers": ["riders", "riders"]}),
            ("rules", 1, "choose", "carriers"),
            "A carrier is named twice.",
        ),
        (
            {"otherwise": {"by": "order"}},
            ("otherwise", "carriers"),
            "Name the carriers, in the order in which they are asked.",
        ),
        (
            {"otherwise": {"by": "shares", "shares": {"courier:1": 60, "riders": 30}}},
            ("otherwise", "shares"),
            "The shares must sum to 100 %; they sum to 90 %.",
        ),
        (
            {"otherwise": {"by": "shares", "shares": {"courier:1": 100, "riders": 0}}},
            ("otherwise", "shares", "riders"),
            "This must be a whole number from 1 to 100.",
        ),
        (
            {"otherwise": {"shares": {"courier:1": 100}}},
            ("otherwise", "shares"),
            "Parts are given only where carriers are chosen in shares.",
        ),
        (
            {"otherwise": {"own_first": "no"}},
            ("otherwise", "own_first"),
            "This must be yes, no, or as the policy says.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(document: object, place: tuple[str | int, ...], text: str) -> None:
    assert mistakes(document) == {place: text}


def test_all_mistakes_are_told_at_once() -> None:
    document = {
        "rescue": "yes",
        "rules": [{"name": "", "when": {"cups_from": -1}, "choose": {"by": "shares"}}],
    }
    assert set(mistakes(document)) == {
        ("rescue",),
        ("rules", 0, "name"),
        ("rules", 0, "when", "cups_from"),
        ("rules", 0, "choose", "shares"),
    }
