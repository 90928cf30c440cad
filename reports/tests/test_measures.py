"""The pure part of the report: periods by the store's clock, percentiles, pauses, bars."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reports.measures import (
    Bar,
    HandOffs,
    Period,
    Row,
    busiest,
    daily,
    hourly,
    minutes,
    paused_seconds,
    percentile,
    share,
    together,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
START = datetime(2026, 2, 6, 16, tzinfo=UTC)
END = START + timedelta(hours=24)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_a_day_runs_from_midnight_to_midnight_by_the_clock_of_the_store():
    assert Period(date(2026, 2, 7)).bounds(SHANGHAI) == (
        datetime(2026, 2, 6, 16, tzinfo=UTC),
        datetime(2026, 2, 7, 16, tzinfo=UTC),
    )


def test_several_days_end_with_the_day_that_is_named():
    period = Period(date(2026, 2, 7), days=7)
    assert period.first_day == date(2026, 2, 1)
    assert period.bounds(SHANGHAI)[0] == datetime(2026, 1, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours", "around"),
    [
        (date(2026, 3, 29), 23, ["01:00+0100", "03:00+0200"]),
        (date(2026, 10, 25), 25, ["01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100"]),
        (date(2026, 6, 1), 24, ["01:00+0200", "02:00+0200"]),
    ],
)
def test_a_day_on_which_clocks_change_has_the_hours_that_pass(day, hours, around):
    shown = [f"{hour:%H:%M%z}" for hour in Period(day).hours(BERLIN)]
    assert len(shown) == hours
    assert shown[1 : 1 + len(around)] == around
    assert (shown[0][:5], shown[-1][:5]) == ("00:00", "23:00")


@pytest.mark.parametrize(
    ("histogram", "of", "expected"),
    [
        ([], 0.5, None),
        ([(60, 1)], 0.5, 60),
        ([(60, 1)], 0.9, 60),
        ([(300, 1), (60, 1), (120, 1), (240, 1)], 0.5, 120),
        ([(value, 1) for value in range(1, 11)], 0.9, 9),
        ([(10, 90), (600, 10)], 0.9, 10),
        ([(10, 89), (600, 11)], 0.9, 600),
    ],
)
def test_percentile_is_the_nearest_rank_of_what_was_counted(histogram, of, expected):
    assert percentile(histogram, of) == expected


@pytest.mark.parametrize(
    ("before", "changes", "hours"),
    [
        (False, [], 0),
        (True, [], 24),
        (False, [(at(1), True), (at(2), False)], 1),
        (True, [(at(3), False)], 3),
        (False, [(at(20), True)], 4),
        (False, [(at(1), True), (at(2), True), (at(3), False)], 2),
        (True, [(at(1), False), (at(2), False), (at(23), True)], 2),
        (False, [(START, True), (END, False)], 24),
    ],
)
def test_pauses_are_counted_inside_the_period_only(before, changes, hours):
    assert paused_seconds(paused_before=before, changes=changes, start=START, end=END) == hours * 3600


def test_a_period_that_has_not_begun_has_no_pause():
    assert paused_seconds(paused_before=True, changes=[], start=START, end=START - timedelta(hours=5)) == 0


def test_a_pause_that_still_runs_ends_now_and_later_changes_do_not_count():
    changes = [(at(1), True), (at(5), False)]
    assert paused_seconds(paused_before=False, changes=changes, start=START, end=at(2)) == 3600


def test_every_hour_has_a_bar_also_without_orders():
    bars = hourly(Period(date(2026, 2, 7)), SHANGHAI, {12: {"free": 3, "paid": 2}})
    assert len(bars) == 24
    assert bars[12] == Bar(at=datetime(2026, 2, 7, 12, tzinfo=SHANGHAI), paid=2, free=3)
    assert sum(bar.orders for bar in bars) == 5


def test_hours_add_up_to_days_by_the_clock_of_the_store_also_when_clocks_change():
    period = Period(date(2026, 10, 25), days=2)
    bars = hourly(period, BERLIN, {0: {"paid": 1}, 23: {"paid": 1}, 24: {"free": 1}, 48: {"subsidised": 1}})
    assert daily(bars) == [
        Bar(at=datetime(2026, 10, 24, tzinfo=BERLIN), paid=2),
        Bar(at=datetime(2026, 10, 25, tzinfo=BERLIN), free=1, subsidised=1),
    ]


def test_the_busiest_of_equals_is_the_earliest_and_nothing_is_not_busy():
    assert busiest([Bar(at(0), paid=1), Bar(at(1), paid=2), Bar(at(2), free=2)]) == Bar(at(1), paid=2)
    assert busiest([Bar(at(0))]) is None
    assert busiest([]) is None


def test_shares_and_minutes_of_nothing_are_unknown_not_zero():
    assert (share(0, 0), share(1, 3), minutes(None), minutes(90)) == (None, 33.3, None, 1.5)


def test_handoffs_under_way_have_no_outcome_yet():
    assert HandOffs(delivered=3, under_way=5, failed=1).delivered_share == 75.0
    assert HandOffs(under_way=5).delivered_share is None


def test_all_stores_together_take_times_over_all_orders_not_over_stores():
    one = Row(orders=9, free=3, lost=1, paused=60, ready_times=((60, 9),), handoffs=HandOffs(delivered=2))
    other = Row(orders=1, subsidised=1, paused=30, ready_times=((600, 1),), handoffs=HandOffs(failed=1))
    total = together([one, other])
    assert total == Row(
        orders=10,
        free=3,
        subsidised=1,
        lost=1,
        paused=90,
        ready_times=((60, 9), (600, 1)),
        handoffs=HandOffs(delivered=2, failed=1),
    )
    assert (total.median, total.p90, total.free_share, total.paused_minutes) == (1.0, 1.0, 30.0, 2)
