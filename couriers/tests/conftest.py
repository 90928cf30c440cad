"""Fixtures of the couriers' tests."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from couriers.quotes import SLOW
from couriers.tests.fake_dada import FakeDada
from couriers.tests.fake_doordash import FakeDoorDash
from couriers.tests.fake_peisong import FakePeisong
from couriers.tests.fake_uber import FakeUber
from outbox.guard import guard_of


@pytest.fixture
def dada() -> Iterator[FakeDada]:
    """A pretend Dada of this test's own."""
    server = FakeDada()
    yield server
    server.stop()


@pytest.fixture
def peisong() -> Iterator[FakePeisong]:
    """A pretend Peisong of this test's own."""
    server = FakePeisong()
    yield server
    server.stop()


@pytest.fixture
def uber() -> Iterator[FakeUber]:
    """A pretend Uber of this test's own."""
    server = FakeUber()
    yield server
    server.stop()


@pytest.fixture
def doordash() -> Iterator[FakeDoorDash]:
    """A pretend DoorDash of this test's own."""
    server = FakeDoorDash()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _open_doors() -> None:
    """No test inherits the rest that another's courier takes."""
    guard_of.cache_clear()
    SLOW.clear()
    cache.clear()
