"""Policies, situations and candidates for the tests, plain and drawn."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from couriers.policy.choosing import COURIER, RIDER, Candidate, Measure, Situation
from couriers.policy.document import RANGES, RIDERS, By, Choice, Policy, Rule, When
from couriers.providers.base import Quote
from couriers.riders.joining import Fit, Joining
from stores.channels import Channel

AT = datetime(2026, 2, 6, 12, 0, tzinfo=UTC)  # a Friday
few = settings(max_examples=60, deadline=None)


def situation(**values: Any) -> Situation:
    plain: dict[str, Any] = {
        "at": AT,
        "distance": 1500,
        "value": 3600,
        "cups": 2,
        "load": 10,
        "channel": "standard",
    }
    return Situation(**(plain | values))


def quoted(number: int, fee: int, minutes: int | None = None, **values: Any) -> Candidate:
    dropoff = None if minutes is None else AT + timedelta(minutes=minutes)
    return courier(number, quote=Quote(fee, "CNY", dropoff_at=dropoff), **values)


def courier(number: int, **values: Any) -> Candidate:
    return Candidate(f"courier:{number}", f"Courier {number}", COURIER, **values)


def rider(number: int, **values: Any) -> Candidate:
    return Candidate(f"rider:{number}", f"Rider {number}", RIDER, **values)


def _ends(highest: int) -> st.SearchStrategy[tuple[int | None, int | None]]:
    ends = st.tuples(st.none() | st.integers(0, highest), st.none() | st.integers(0, highest))
    return ends.filter(lambda pair: None in pair or pair[0] <= pair[1])


CLOCKS = st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59))


@st.composite
def whens(draw: Any) -> When:
    ranges = {name: draw(_ends(30)) for name in draw(st.sets(st.sampled_from(RANGES)))}
    when = When(
        days=tuple(sorted(draw(st.sets(st.integers(0, 6))))),
        from_time=draw(CLOCKS),
        to_time=draw(CLOCKS),
        channels=tuple(draw(st.lists(st.sampled_from(Channel.values), unique=True))),
        **{
            f"{name}_{end}": pair[at]
            for name, pair in ranges.items()
            for at, end in enumerate(("from", "to"))
        },
    )
    nowhere = when == When() or (when.from_time is not None and when.from_time == when.to_time)
    return When(days=(0,)) if nowhere else when


KEYS = st.sampled_from([*(f"courier:{n}" for n in range(1, 5)), *(f"rider:{n}" for n in range(1, 4)), RIDERS])


@st.composite
def parts(draw: Any, keys: st.SearchStrategy[str] = KEYS) -> dict[str, int]:
    named = draw(st.lists(keys, unique=True, min_size=1, max_size=6))
    cuts = sorted(
        draw(st.sets(st.integers(1, 99), min_size=len(named) - 1, max_size=len(named) - 1)),
    )
    return {key: high - low for key, low, high in zip(named, [0, *cuts], [*cuts, 100], strict=True)}


@st.composite
def choices(draw: Any) -> Choice:
    by, own_first = draw(st.sampled_from(By)), draw(st.none() | st.booleans())
    if by == By.SHARES:
        return Choice(by, (), draw(parts()), own_first)
    carriers = draw(st.lists(KEYS, unique=True, min_size=1 if by == By.ORDER else 0))
    return Choice(by, tuple(carriers), {}, own_first)


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60
).map(str.strip)
RULES = st.builds(Rule, NAMES.filter(bool), whens(), choices())
POLICIES = st.builds(
    Policy,
    automatic=st.booleans(),
    own_first=st.booleans(),
    own_most=st.integers(1, 5),
    rescue=st.booleans(),
    accept_within=st.integers(30, 1800),
    cups_per_rider=st.integers(1, 500),
    rules=st.lists(RULES, max_size=4).map(tuple),
    otherwise=choices(),
)
SITUATIONS = st.builds(
    Situation,
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.timezones()),  # noqa: DTZ001
    distance=st.none() | st.integers(-1, 40),
    value=st.integers(-1, 40),
    cups=st.integers(0, 40),
    load=st.integers(0, 40),
    channel=st.sampled_from([*Channel.values, "another"]),
    given=st.dictionaries(KEYS, st.integers(-1, 30)),
)
QUOTES = st.none() | st.builds(
    Quote,
    st.integers(-5, 2000),
    st.sampled_from(["CNY", "USD"]),
    dropoff_at=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
COUNTS = st.integers(-3, 100)
MEASURES = st.none() | st.builds(
    Measure, COUNTS, COUNTS, st.none() | COUNTS, st.none() | COUNTS, st.none() | COUNTS
)
CANDIDATES = st.lists(
    st.builds(
        lambda key, **facts: Candidate(key, f"{key[-1]}", key.split(":")[0], **facts),
        key=KEYS.filter(lambda key: key != RIDERS),
        free=st.booleans(),
        live=st.integers(0, 6),
        quote=QUOTES,
        resting=st.booleans(),
        measure=MEASURES,
        joining=st.none() | st.builds(Joining, st.sampled_from(Fit), st.integers(-60, 600)),
    ),
    max_size=8,
)
