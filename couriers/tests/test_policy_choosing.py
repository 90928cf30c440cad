"""Whom a policy asks first: what always holds, and what every way of choosing means."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.policy.choosing import (
    Candidate,
    Measure,
    Ranked,
    Situation,
    Why,
    choose,
    could_ask,
    fits,
    reliability,
    rule_for,
    wants_quotes,
)
from couriers.policy.document import DEFAULT, RIDERS, By, Choice, Policy, Rule, When
from couriers.tests.policies import (
    AT,
    CANDIDATES,
    KEYS,
    POLICIES,
    SITUATIONS,
    courier,
    few,
    parts,
    quoted,
    rider,
    situation,
)


def keys(ranked: list[Ranked]) -> list[str]:
    return [one.key for one in ranked]


def by(choice: Choice, candidates: list[Candidate], **policy: object) -> list[str]:
    return keys(choose(Policy(otherwise=choice, **policy), situation(), candidates))


@few
@given(POLICIES, SITUATIONS, CANDIDATES, st.sets(KEYS), st.randoms(use_true_random=False))
def test_everybody_who_may_be_asked_is_there_once_and_nobody_else(
    policy: Policy, at: Situation, candidates: list[Candidate], excluded: set[str], random: Random
) -> None:
    one_each = list({one.key: one for one in candidates}.values())
    rule = rule_for(policy, at)
    choice = rule.choose if rule else policy.otherwise
    named, riders = set(choice.named), {"rider", RIDERS}
    own = choice.own_first
    if own is None:
        own = policy.own_first and not any(key.split(":")[0] in riders for key in named)
    usable = {
        one.key
        for one in one_each
        if one.free and one.key not in excluded
        if one.kind == "courier" or one.live < policy.own_most
        if not named or one.key in named or (one.kind == "rider" and (own or RIDERS in named))
    }
    ranked = keys(choose(policy, at, one_each, excluded))
    assert len(ranked) == len(set(ranked))
    assert set(ranked) == usable
    random.shuffle(one_each)
    assert keys(choose(policy, at, one_each, excluded)) == ranked
    resting = {one.key for one in one_each if one.resting}
    assert ranked == [key for key in ranked if key not in resting] + [key for key in ranked if key in resting]


@few
@given(POLICIES, SITUATIONS)
def test_the_first_rule_that_fits_wins(policy: Policy, at: Situation) -> None:
    fitting = [rule for rule in policy.rules if fits(rule.when, at)]
    assert rule_for(policy, at) == (fitting[0] if fitting else None)


@few
@given(parts(KEYS.filter(lambda key: key.startswith("courier"))), st.integers(1, 150))
def test_shares_are_never_further_than_one_order_from_their_parts(shares: dict[str, int], count: int) -> None:
    policy = Policy(otherwise=Choice("shares", (), shares))
    carriers = [courier(int(key.split(":")[1])) for key in shares]
    given_today: Counter[str] = Counter()
    for number in range(1, count + 1):
        first = choose(policy, situation(given=given_today), carriers)[0]
        given_today[first.key] += 1
        assert all(abs(given_today[key] - part * number / 100) < 1 for key, part in shares.items())


def test_who_declines_every_second_offer_is_asked_until_it_carries_its_share() -> None:
    policy = Policy(otherwise=Choice("shares", (), {"courier:1": 40, "courier:2": 60}))
    carried: Counter[str] = Counter()
    offers = 0
    for number in range(1, 201):
        first, second = choose(policy, situation(given=carried), [courier(1), courier(2)])
        offers += first.key == "courier:1"
        declined = first.key == "courier:1" and offers % 2
        carried[(second if declined else first).key] += 1
        assert abs(carried["courier:1"] - 0.4 * number) < 2
    assert (carried["courier:1"], offers) == (80, 160)


def test_own_riders_come_first_while_they_are_free_the_least_busy_before_the_others() -> None:
    candidates = [quoted(1, 500), rider(1, live=2), rider(2, live=1), rider(3, live=3), rider(4, free=False)]
    assert choose(DEFAULT, situation(), candidates) == [
        Ranked("rider:2", "Rider 2", "rider", Why("own_free", {"rule": "", "live": 1}), None, None),
        Ranked("rider:1", "Rider 1", "rider", Why("own_free", {"rule": "", "live": 2}), None, None),
        Ranked(
            "courier:1", "Courier 1", "courier", Why("cheapest", {"rule": "", "measured": False}), 500, None
        ),
    ]


def test_own_riders_come_after_the_couriers_where_they_are_not_to_be_first() -> None:
    candidates = [rider(1), courier(1), courier(2, resting=True)]
    assert by(Choice(), candidates, own_first=False) == ["courier:1", "rider:1", "courier:2"]
    assert by(Choice(own_first=True), candidates, own_first=False)[0] == "rider:1"
    assert by(Choice(own_first=False), candidates)[0] == "courier:1"


def test_a_choice_that_names_carriers_asks_nobody_else_but_own_riders_who_are_first() -> None:
    candidates = [rider(1), courier(1), courier(2)]
    assert by(Choice("order", ("courier:2",)), candidates) == ["rider:1", "courier:2"]
    assert by(Choice("order", ("courier:2",)), candidates, own_first=False) == ["courier:2"]


def test_a_choice_that_names_own_riders_puts_them_where_it_says() -> None:
    candidates = [rider(1), rider(2, live=1), courier(1), courier(2)]
    order = Choice("order", ("courier:2", RIDERS, "courier:1"))
    assert by(order, candidates) == ["courier:2", "rider:1", "rider:2", "courier:1"]
    assert by(replace(order, own_first=True), candidates) == ["rider:1", "rider:2", "courier:2", "courier:1"]
    shares = Choice("shares", (), {RIDERS: 30, "courier:1": 70})
    ranked = choose(
        Policy(otherwise=shares), situation(given={"courier:1": 2, "rider:9": 0, "courier:2": 5}), candidates
    )
    assert keys(ranked) == ["rider:1", "rider:2", "courier:1"]
    assert ranked[0].why == Why("share", {"rule": "", "part": 30, "given": 0, "total": 2})


def test_the_cheapest_is_by_quote_else_by_its_average_and_no_price_comes_last() -> None:
    candidates = [
        courier(1),
        quoted(2, 700, 30),
        quoted(3, 700, 20),
        courier(4, measure=Measure(9, 9, fee=650)),
        courier(5),
    ]
    ranked = choose(DEFAULT, situation(), candidates)
    assert [(one.key, one.fee, one.minutes, one.why.code, one.why.facts["measured"]) for one in ranked] == [
        ("courier:4", 650, None, "cheapest", True),
        ("courier:3", 700, 20, "cheapest", False),
        ("courier:2", 700, 30, "cheapest", False),
        ("courier:1", None, None, "no_price", True),
        ("courier:5", None, None, "no_price", True),
    ]


def test_the_fastest_is_by_quote_else_as_measured() -> None:
    candidates = [
        courier(1),
        courier(2, measure=Measure(9, 9, deliver_p50=1501)),
        quoted(3, 900, 25),
        quoted(4, 100),
    ]
    ranked = choose(Policy(otherwise=Choice("fastest")), situation(), candidates)
    assert [(one.key, one.minutes, one.why.code) for one in ranked] == [
        ("courier:3", 25, "fastest"),
        ("courier:2", 26, "fastest"),
        ("courier:4", None, "no_time"),
        ("courier:1", None, "no_time"),
    ]


def test_a_quote_that_is_late_already_is_at_once() -> None:
    ranked = choose(Policy(otherwise=Choice("fastest")), situation(), [quoted(1, 900, -5)])
    assert ranked[0].minutes == 0


def test_few_offers_do_not_look_like_certainty() -> None:
    candidates = [
        courier(1, measure=Measure(1, 1)),
        courier(2, measure=Measure(200, 190)),
        courier(3),
        courier(4, measure=Measure(1, 0)),
        courier(5, measure=Measure(200, 100)),
    ]
    ranked = choose(Policy(otherwise=Choice("reliable")), situation(), candidates)
    assert keys(ranked) == ["courier:2", "courier:1", "courier:3", "courier:4", "courier:5"]
    assert ranked[0].why == Why("reliable", {"rule": "", "accepted": 190, "offers": 200})


@few
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_reliability_grows_with_every_yes_and_falls_with_every_no(yes: int, no: int) -> None:
    here = reliability(Measure(yes + no, yes))
    assert reliability(Measure(yes + no + 1, yes)) < here < reliability(Measure(yes + no + 1, yes + 1)) < 1


def test_among_named_carriers_that_are_alike_the_named_order_decides_else_the_name() -> None:
    alike = [courier(1), courier(2), courier(10)]
    assert by(Choice("reliable", ("courier:10", "courier:1")), alike) == ["courier:10", "courier:1"]
    assert by(Choice("reliable"), alike) == ["courier:1", "courier:10", "courier:2"]
    assert by(Choice("reliable"), [replace(one, name="") for one in alike]) == [
        "courier:1",
        "courier:2",
        "courier:10",
    ]


def test_a_suggestion_says_its_rule() -> None:
    rule = Rule("Far", When(distance_from=1000), Choice("order", ("courier:1",)))
    ranked = choose(Policy(rules=(rule,), own_first=False), situation(), [courier(1)])
    assert ranked[0].as_json() == {
        "key": "courier:1",
        "kind": "courier",
        "name": "Courier 1",
        "why": {"code": "order", "rule": "Far", "place": 1},
        "fee": None,
        "minutes": None,
    }


@pytest.mark.parametrize(
    ("when", "inside", "outside"),
    [
        (When(distance_from=1000, distance_to=2000), {"distance": 2000}, {"distance": 2001}),
        (When(distance_to=2000), {"distance": 0}, {"distance": None}),
        (When(value_from=5000), {"value": 5000}, {"value": 4999}),
        (When(cups_to=6), {"cups": 6}, {"cups": 7}),
        (When(load_from=30), {"load": 30}, {"load": 29}),
        (When(channels=("eleme", "meituan")), {"channel": "eleme"}, {"channel": "standard"}),
        (When(days=(4,)), {"at": AT}, {"at": AT + timedelta(days=1)}),
        (When(from_time=time(12)), {"at": AT}, {"at": AT - timedelta(seconds=1)}),
        (When(to_time=time(12)), {"at": AT - timedelta(seconds=1)}, {"at": AT}),
    ],
)
def test_a_condition_says_who_is_in_and_who_is_out(when: When, inside: dict, outside: dict) -> None:
    assert fits(when, situation(**inside))
    assert not fits(when, situation(**outside))


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = When(days=(4,), from_time=time(22), to_time=time(2))
    friday = datetime(2026, 2, 6, tzinfo=UTC)
    moments = {
        hour: fits(night, situation(at=friday + timedelta(hours=hour))) for hour in (1, 21, 22, 25, 26, 47)
    }
    assert moments == {1: False, 21: False, 22: True, 25: True, 26: False, 47: False}


@few
@given(st.integers(0, 50 * 60), st.sampled_from([datetime(2026, 3, 28), datetime(2026, 10, 24)]))  # noqa: DTZ001
def test_the_clock_on_the_wall_decides_when_it_is_put_forward_or_back(minutes: int, day: datetime) -> None:
    start = day.replace(tzinfo=UTC)
    local = (start + timedelta(minutes=minutes)).astimezone(ZoneInfo("Europe/Berlin"))
    night = When(from_time=time(1, 30), to_time=time(2, 30))
    assert fits(night, situation(at=local)) == (time(1, 30) <= local.time() < time(2, 30))


def test_quotes_are_wanted_where_a_price_or_a_time_decides_between_couriers() -> None:
    assert wants_quotes(DEFAULT, situation())
    assert wants_quotes(Policy(otherwise=Choice("fastest")), situation())
    assert not wants_quotes(Policy(otherwise=Choice("reliable")), situation())
    couriers = [courier(1), courier(2)]
    assert wants_quotes(DEFAULT, situation(), couriers)
    assert not wants_quotes(DEFAULT, situation(), [*couriers, rider(1)])
    assert wants_quotes(DEFAULT, situation(), [*couriers, rider(1)], {"rider:1"})
    assert not wants_quotes(DEFAULT, situation(), couriers, {"courier:2"})
    assert not wants_quotes(DEFAULT, situation(), [])


@few
@given(POLICIES, SITUATIONS, CANDIDATES)
def test_whoever_is_asked_in_some_situation_could_be_asked(
    policy: Policy, at: Situation, candidates: list[Candidate]
) -> None:
    assert all(could_ask(policy, one.key) for one in choose(policy, at, candidates))


@pytest.mark.parametrize(
    ("own_first", "first", "otherwise", "asked"),
    [
        (False, ("courier:2",), ("courier:1",), ["courier:1", "courier:2"]),
        (True, ("courier:2",), ("courier:1",), ["courier:1", "courier:2", "rider:1"]),
        (False, (RIDERS,), ("courier:1",), ["courier:1", "rider:1"]),
        (False, ("courier:2",), (), ["courier:1", "courier:2", "courier:3", "rider:1"]),
    ],
)
def test_who_could_be_asked_is_in_a_rule_or_in_what_holds_otherwise(
    own_first: bool, first: tuple[str, ...], otherwise: tuple[str, ...], asked: list[str]
) -> None:
    rules = (Rule("Rush", When(load_from=20), Choice(carriers=first)),)
    policy = Policy(own_first=own_first, rules=rules, otherwise=Choice(carriers=otherwise))
    everybody = ["courier:1", "courier:2", "courier:3", "rider:1"]
    assert [key for key in everybody if could_ask(policy, key)] == asked


def test_shares_and_load_matter_in_a_rule_too() -> None:
    shares = Policy(rules=(Rule("Rush", When(cups_from=5), Choice(By.SHARES, shares={"courier:1": 100})),))
    assert (shares.goes_by_shares, shares.goes_by_load) == (True, False)
    load = Policy(rules=(Rule("Rush", When(load_to=5), Choice()),))
    assert (load.goes_by_shares, load.goes_by_load) == (False, True)
