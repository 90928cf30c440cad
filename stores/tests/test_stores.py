"""Who sees which store, sealed columns, pause timers in the store's zone."""

from datetime import UTC, datetime, time

import pytest
from cryptography.fernet import InvalidToken
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connection

from stores import sealed
from stores.models import ChannelAccount, Store
from stores.queries import resume_time
from stores.sealed import seal, unseal
from stores.tests.factories import (
    SECRET,
    ChannelAccountFactory,
    ManagerFactory,
    StaffFactory,
    StoreChannelFactory,
    StoreFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores():
    """Two stores of one franchise and one of another."""
    first = StoreFactory()
    return [first, StoreFactory(franchise=first.franchise), StoreFactory()]


def codes(queryset):
    return sorted(store.code for store in queryset)


def test_staff_see_their_store_and_manage_none(stores):
    user = StaffFactory(store=stores[0])
    assert codes(Store.objects.visible_to(user)) == [stores[0].code]
    assert codes(Store.objects.managed_by(user)) == []


def test_managers_see_and_manage_their_franchise(stores):
    user = ManagerFactory(franchise=stores[0].franchise)
    assert codes(Store.objects.visible_to(user)) == codes(stores[:2])
    assert codes(Store.objects.managed_by(user)) == codes(stores[:2])


def test_admins_see_all(stores):
    user = UserFactory(is_superuser=True)
    assert codes(Store.objects.visible_to(user)) == codes(stores)


@pytest.mark.parametrize("who", ["stranger", "nobody", "inactive"])
def test_everybody_else_sees_nothing(stores, who):
    user = {
        "stranger": UserFactory,
        "nobody": AnonymousUser,
        "inactive": lambda: ManagerFactory(franchise=stores[0].franchise, is_active=False),
    }[who]()
    assert codes(Store.objects.visible_to(user)) == codes(Store.objects.managed_by(user)) == []


def test_secrets_are_sealed_at_rest():
    account = ChannelAccountFactory(secrets="whsec_one\nwhsec_two\n")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM stores_channelaccount")
        (stored,) = cursor.fetchone()
    assert "whsec" not in stored
    assert ChannelAccount.objects.get(pk=account.pk).secret_list == ["whsec_one", "whsec_two"]


@pytest.mark.parametrize("secrets", [SECRET, f"{SECRET}\n\n  {SECRET}\n"])
def test_secrets_of_the_published_form_are_taken(secrets):
    ChannelAccountFactory.build(secrets=secrets, franchise=None).clean()


@pytest.mark.parametrize(
    ("secrets", "fault"),
    [
        (" ", "Give at least one secret."),
        (f"{SECRET}\nwhsec_", "Secret 2 is not"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Secret 1 is not"),
        ("whsec_not base64", "Secret 1 is not"),
        ("whsec_c2hvcnQ=", "Secret 1 is not"),
    ],
)
def test_secrets_nobody_could_sign_with_are_refused(secrets, fault):
    with pytest.raises(ValidationError, match=fault) as refusal:
        ChannelAccountFactory.build(secrets=secrets, franchise=None).clean()
    assert "c2hvcnQ" not in str(refusal.value)


def test_an_old_key_still_opens_what_it_sealed(settings):
    try:
        settings.SEAL_KEYS = ["old"]
        sealed._fernet.cache_clear()
        token = seal("13812345678")
        settings.SEAL_KEYS = ["new", "old"]
        sealed._fernet.cache_clear()
        assert unseal(token) == "13812345678"
        settings.SEAL_KEYS = ["new"]
        sealed._fernet.cache_clear()
        with pytest.raises(InvalidToken):
            unseal(token)
    finally:
        sealed._fernet.cache_clear()


@pytest.mark.parametrize(
    ("lasts", "now", "until"),
    [
        ("5", "2026-02-06T02:00", "2026-02-06T02:05"),
        ("30", "2026-02-06T15:50", "2026-02-06T16:20"),
        ("shift", "2026-02-06T02:00", "2026-02-06T07:00"),  # 15:00 in Shanghai
        ("shift", "2026-02-06T07:00", "2026-02-06T14:00"),  # 22:00
        ("today", "2026-02-06T02:00", "2026-02-07T01:00"),  # 09:00 tomorrow
        ("today", "2026-02-06T16:30", "2026-02-07T01:00"),  # half past midnight there: still "today"
        ("today", "2026-02-06T00:30", "2026-02-07T01:00"),  # half past eight: the day that begins
        ("today", "2026-02-06T14:30", "2026-02-07T01:00"),  # half past ten in the evening
        ("shift", "2026-02-06T00:30", "2026-02-06T07:00"),
        ("shift", "2026-02-06T14:00", "2026-02-07T01:00"),  # just closed: until the next opening
        ("shift", "2026-02-06T14:30", "2026-02-07T01:00"),
    ],
)
def test_a_pause_ends_by_the_stores_own_clock(lasts, now, until):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert resume_time(store=StoreFactory.build(), lasts=lasts, now=moment) == expected


@pytest.mark.parametrize(
    ("opens", "closes", "lasts", "until"),
    [
        (9, 2, "today", "2026-02-07T01:00"),  # open past midnight
        (9, 2, "shift", "2026-02-06T18:00"),
        (0, 0, "today", "2026-02-06T16:00"),  # never closed
        (0, 0, "shift", "2026-02-06T16:00"),
    ],
)
def test_a_pause_in_the_evening_of_a_store_that_is_open_late(opens, closes, lasts, until):
    store = StoreFactory.build(opens_at=time(opens), closes_at=time(closes))
    evening = datetime(2026, 2, 6, 12, tzinfo=UTC)  # 20:00 in Shanghai
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert resume_time(store=store, lasts=lasts, now=evening) == expected


def test_a_store_takes_orders_through_its_own_franchises_account_alone():
    channel = StoreChannelFactory()
    channel.full_clean()
    channel.account = ChannelAccountFactory()
    with pytest.raises(ValidationError, match="different franchises"):
        channel.full_clean()


def test_a_pause_without_a_timer_waits_for_a_person(now):
    assert resume_time(store=StoreFactory.build(), lasts="", now=now) is None


@pytest.mark.parametrize("lasts", ["soon", "1.5"])
def test_an_unknown_timer_is_refused(now, lasts):
    with pytest.raises(ValueError, match=lasts):
        resume_time(store=StoreFactory.build(), lasts=lasts, now=now)
