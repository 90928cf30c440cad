"""What every app's tests share: the product's own language before each, and the moments tests speak of."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import translation

from outbox import runner
from tests.services import Redis, find_redis

WAVE_DAY = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request's language stays with its thread when the test client is done; no test may meet another's."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True, scope="session")
def own_doors() -> Iterator[None]:
    """Accounts have the same numbers in every test: none may meet at its doors what another one did there."""
    with override_settings(OUTBOX_DOORS_URL=""):
        yield


@pytest.fixture(autouse=True)
def own_lanes() -> Iterator[None]:
    """Accounts have the same numbers in every test: none may find shut what another one shut."""
    yield
    runner._lanes.cache_clear()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis for tests that share doors in it, under names of their own; mark them `redis`."""
    if (binary := find_redis()) is None:
        pytest.skip("no redis-server on PATH, and it could not be installed")
    server = Redis(tmp_path_factory.mktemp("shared") / "redis", binary)
    yield server
    server.stop()


@pytest.fixture
def now() -> datetime:
    """Ten o'clock on the day of the wave, in Shanghai."""
    return WAVE_DAY
