"""Fixtures of the couriers' tests."""

from collections.abc import Iterator

import pytest

from couriers.tests.fake_dada import FakeDada
from outbox.guard import guard_of


@pytest.fixture
def dada() -> Iterator[FakeDada]:
    """A pretend Dada of this test's own."""
    server = FakeDada()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _open_doors() -> None:
    """No test inherits the rest that another's courier takes."""
    guard_of.cache_clear()
