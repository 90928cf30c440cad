"""The day of 6 February, minute by minute."""

import pytest

from sandbox import wave


def hour(text: str) -> float:
    return wave.parse_clock(text)


def test_the_noon_peak_is_the_highest_point_of_the_day():
    minutes = range(wave.OPENS, wave.CLOSES + 1)
    assert max(minutes, key=wave.intensity) == hour("12:00")
    assert wave.intensity(hour("12:00")) == 1.0


def test_the_wave_begins_at_ten():
    assert wave.intensity(hour("09:45")) < 0.07
    assert wave.intensity(hour("10:00")) == 0.2
    assert wave.free_share(hour("09:45")) == 0.0
    assert wave.free_share(hour("10:00")) == 0.7


def test_the_afternoon_is_a_trough_and_the_evening_has_two_humps():
    trough = wave.intensity(hour("16:00"))
    assert trough < wave.intensity(hour("14:00"))
    assert (
        trough < wave.intensity(hour("18:30")) > wave.intensity(hour("19:30")) < wave.intensity(hour("20:15"))
    )


@pytest.mark.parametrize("minute", [wave.OPENS - 1, wave.CLOSES + 1, 0])
def test_nobody_orders_outside_opening_hours(minute):
    assert wave.intensity(minute) == 0.0


@pytest.mark.parametrize(
    ("draw", "funding"), [(0.0, "free"), (0.79, "free"), (0.81, "subsidised"), (0.88, "paid"), (0.99, "paid")]
)
def test_at_noon_four_of_five_orders_are_free(draw, funding):
    assert wave.funding(hour("12:00"), draw) == funding


def test_stores_share_orders_by_what_they_can_make():
    assert wave.shares({"A": 300, "B": 100}) == {"A": 0.75, "B": 0.25}


def test_the_clock_runs_at_its_speed_and_starts_again_after_closing_time():
    clock = wave.DayClock(started=100.0, speed=60.0)
    day = wave.CLOSES - wave.OPENS
    assert clock.minute(100.0) == wave.OPENS
    assert clock.minute(190.0) == wave.OPENS + 90
    assert clock.minute(100.0 + day + 5) == wave.OPENS + 5


def test_a_changed_clock_goes_on_from_where_it_was():
    clock = wave.DayClock(started=0.0, speed=60.0).changed(90.0, speed=120.0)
    assert clock.minute(90.0) == wave.OPENS + 90
    assert clock.minute(100.0) == wave.OPENS + 110


def test_a_clock_can_be_set_to_a_time_of_day():
    clock = wave.DayClock(started=0.0, speed=60.0).changed(5.0, minute=hour("11:30"))
    assert wave.clock_text(clock.minute(5.0)) == "11:30"
