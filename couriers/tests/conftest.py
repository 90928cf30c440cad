"""Fixtures of the couriers' tests."""

import pytest

from couriers.tests.fake_dada import FakeDada


@pytest.fixture
def dada():
    """A pretend Dada of this test's own."""
    server = FakeDada()
    yield server
    server.stop()
