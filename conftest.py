"""What every app's tests share: the product's own language before each, and the moments tests speak of."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.utils import translation

WAVE_DAY = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request's language stays with its thread when the test client is done; no test may meet another's."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture
def now() -> datetime:
    """Ten o'clock on the day of the wave, in Shanghai."""
    return WAVE_DAY
