"""Shanghai's calendar and clock, which platforms use without saying so (pure)."""

import time

AHEAD = 8 * 3600  # seconds ahead of UTC, all year


def shanghai_day(stamp: float) -> str:
    """Return the day of a Unix second, e.g. "2026-02-06"."""
    return time.strftime("%Y-%m-%d", time.gmtime(stamp + AHEAD))


def shanghai_clock(stamp: float) -> str:
    """Return the time of a Unix second, e.g. "2026-02-06T12:00:00"."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp + AHEAD))
