"""Tokens: renewed in time, sealed, once for however many ask; what is refused is for an admin."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from orders import tokens
from orders.platforms import admitted, ask_for_token, call_platform
from orders.tests import meituan_messages as meituan
from orders.tests.eleme_platform import TOKEN, running_eleme
from orders.tests.eleme_shop import bound_shop
from orders.tests.meituan_messages import running_meituan
from outbox.calling import Refused
from outbox.errors import NotYet
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.models import ChannelToken
from stores.tests.factories import ChannelAccountFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ANSWER = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 86400}


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.CHANNEL_CALLS_PER_SECOND = 0
    guard_of.cache_clear()


@pytest.fixture
def eleme():
    with running_eleme() as platform:
        platform.replies["token"] = (200, json.dumps(ANSWER).encode())
        yield platform


@pytest.fixture
def account(eleme, now):
    return bound_shop(eleme, now=now).account


def token_of(account):
    token = ChannelToken.objects.get(account=account)
    return token.access, token.refresh, token.expires_at


def run_all():
    """Run what is due; returns the jobs' states by key."""
    while job := claim(queue="platforms", now=timezone.now() + timedelta(minutes=1)):
        run(job)
    return dict(Job.objects.values_list("key", "state"))


def test_a_token_is_renewed_before_it_expires_and_kept_sealed(eleme, account, now):
    end = ChannelToken.objects.get().expires_at

    assert tokens.enqueue_renewals(now=end - timedelta(hours=5)) == 0
    assert [tokens.enqueue_renewals(now=end - timedelta(hours=4)) for _ in range(2)] == [1, 1]
    assert list(run_all().values()) == ["done"]

    access, refresh, expires_at = token_of(account)
    assert (access, refresh) == ("access-2", "refresh-2")
    assert timedelta(hours=23) < expires_at - timezone.now() <= timedelta(days=1)
    assert eleme.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-1", "scope": "all"}]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT access, refresh FROM {ChannelToken._meta.db_table}")
        assert not {"access-2", "refresh-2"} & set(cursor.fetchone())


def test_however_many_find_a_token_stale_it_is_renewed_once(eleme, account, now):
    for _ in range(3):
        ask_for_token(account, stale=TOKEN)
    tokens.enqueue_renewals(now=now + timedelta(days=30))

    assert set(run_all().values()) == {"done"}
    assert (len(eleme.forms), Job.objects.count()) == (1, 2)


def test_a_renewal_waits_for_another_one_of_the_same_account(eleme, account, now):
    ask_for_token(account, stale=TOKEN)
    tokens.enqueue_renewals(now=now + timedelta(days=30))
    both = [claim(queue="platforms", now=timezone.now()) for _ in range(2)]
    first, second = sorted(both, key=lambda job: job.pk)

    run(second)
    second.refresh_from_db()
    assert (second.state, second.attempts, eleme.forms) == ("due", 0, [])
    run(first)
    assert set(run_all().values()) == {"done"}
    assert len(eleme.forms) == 1


def test_a_refused_refresh_is_a_dead_letter_and_stays_one(eleme, account, now):
    eleme.replies.clear()
    before = token_of(account)
    late = now + timedelta(days=30)
    tokens.enqueue_renewals(now=late)
    run_all()
    tokens.enqueue_renewals(now=late + timedelta(minutes=1))

    job = Job.objects.get()
    assert (job.state, job.last_error) == ("dead", "The platform gives no new token: stale")
    assert token_of(account) == before


def test_a_platform_that_does_not_answer_is_asked_again(eleme, account, now):
    eleme.replies["token"] = (503, b"")
    tokens.enqueue_renewals(now=now + timedelta(days=30))
    run(claim(queue="platforms", now=timezone.now() + timedelta(minutes=1)))

    assert Job.objects.values_list("state", "attempts").get() == ("due", 1)


def test_an_account_gets_its_first_token_by_itself(eleme, account, now):
    ChannelToken.objects.all().delete()
    tokens.enqueue_renewals(now=now)

    assert run_all() == {f"{account.pk}:first": "done"}
    assert eleme.forms == [{"grant_type": "client_credentials"}]
    assert token_of(account)[0] == "access-2"


def test_a_call_before_the_first_token_has_one_got_and_waits_for_it(eleme, account, now):
    ChannelToken.objects.all().delete()
    eleme.replies["token"] = (200, json.dumps({**ANSWER, "access_token": TOKEN}).encode())
    asked = {"call_id": "c", "kind": "order.accepted", "data": {"order_id": "1"}}

    with pytest.raises(NotYet):
        call_platform(account, **asked)
    assert run_all() == {f"{account.pk}:first": "done"}
    call_platform(account, **asked)

    assert [action for action, _ in eleme.calls] == ["eleme.order.confirmOrderLite"]


def test_where_no_first_token_is_given_calls_are_refused(eleme, account, now):
    eleme.replies["token"] = (200, b'{"error": "invalid_client"}')
    ChannelToken.objects.all().delete()
    tokens.enqueue_renewals(now=now)
    assert run_all() == {f"{account.pk}:first": "dead"}

    with pytest.raises(Refused), admitted(account):
        pass
    assert eleme.calls == []


def test_a_platform_without_tokens_is_not_asked_for_one(now):
    with running_meituan() as platform:
        account = ChannelAccountFactory(
            channel="meituan", app_id=meituan.APP_ID, secrets=meituan.SECRET, callback_url=platform.url
        )
        tokens.enqueue_renewals(now=now)

        assert run_all() == {f"{account.pk}:first": "done"}
        assert (platform.calls, ChannelToken.objects.count()) == ([], 0)
