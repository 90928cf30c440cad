"""Fixtures of the intake tests: a store on a channel, and its platform that pushes."""

from functools import partial

import pytest

from orders.tests.intake_client import push_all
from stores.tests.factories import StoreChannelFactory


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def account(channel):
    return channel.account.slug


@pytest.fixture
def push(account):
    """Push envelopes to the channel's account, all at once; returns their (status, body)."""
    return partial(push_all, account)
