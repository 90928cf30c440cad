"""What every app's tests share: a clean intake directory and the moments tests speak of."""

from datetime import UTC, datetime

import pytest

WAVE_DAY = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


@pytest.fixture
def now() -> datetime:
    """Ten o'clock on the day of the wave, in Shanghai."""
    return WAVE_DAY
