"""Channel accounts in the admin: what can be written but not read, what to register, what is missing."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from orders.tests import admins
from orders.tests.admins import address, text_of
from orders.tests.stored import eleme_account, meituan_account
from stores.models import ChannelAccount, ChannelToken
from stores.tests.factories import SECRET, ChannelAccountFactory, StoreChannelFactory

pytestmark = pytest.mark.django_db

NO_TOKEN = {"token-TOTAL_FORMS": "0", "token-INITIAL_FORMS": "0"}


@pytest.fixture
def boss():
    return admins.boss()


def form(account, **changes):
    names = ("channel", "slug", "app_id", "app_key", "callback_url")
    plain = {name: getattr(account, name) for name in names}
    return {**plain, "franchise": account.franchise_id, "active": "on", "secrets": "", **NO_TOKEN, **changes}


def token_form(**fields):
    """A token as the page sends it; `days` from now it runs out."""
    moment = timezone.now() + timedelta(days=fields.pop("days", 30))
    facts = {"access": "", "refresh": "", **fields}
    return {
        "token-TOTAL_FORMS": "1",
        "token-INITIAL_FORMS": "0",
        "token-0-expires_at": f"{moment:%Y-%m-%dT%H:%M:%S}",
        **{f"token-0-{name}": value for name, value in facts.items()},
    }


def test_it_shows_what_to_register_at_the_platform(boss, settings):
    settings.PUBLIC_URL = "https://portal.example/"
    texts = [text_of(boss, account) for account in (ChannelAccountFactory(slug="a"), eleme_account())]
    assert "https://portal.example/intake/standard/a/ " in texts[0]
    assert "https://portal.example/intake/eleme/jx-ele/ " in texts[1]
    page = boss.get(address(meituan_account())).content.decode()
    kinds = (
        "binding cancelled completed confirmed logistics paid privacy refund refund-result store-status urge"
    )
    for kind in kinds.split():
        assert f'<code class="address">https://portal.example/intake/meituan/jx-mt/{kind}/</code>' in page


def test_it_leads_to_the_accounts_own_messages(boss):
    account = ChannelAccountFactory()
    page = boss.get(address(account)).content.decode()
    for name in ("incomingmessage", "unroutedorder", "refusedmessage", "conflict", "reconciliation"):
        target = f"/admin/orders/{name}/?account__id__exact={account.pk}"
        assert f'href="{target}"' in page
        assert boss.get(target).status_code == 200


def faults(client, account):
    page = client.get(address(account)).content.decode()
    return [part.partition("</p>")[0] for part in page.split('<p class="fault">')[1:]]


def test_it_says_what_is_missing(boss):
    account = eleme_account(active=False)
    assert [fault.partition(":")[0] for fault in faults(boss, account)] == [
        "Not active", "No store is bound to it", "No platform address", "No token",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "refresh", "said"),
    [
        (30, "r", []),
        (0.5, "r", ["The token runs out soon"]),
        (-1, "r", ["The token ran out"]),
        (30, "", ["No refresh token"]),
    ],
)
def test_it_says_how_the_token_is(boss, days, refresh, said):
    account = eleme_account(callback_url="https://platform.example/api/v1")
    StoreChannelFactory(account=account)
    expires_at = timezone.now() + timedelta(days=days)
    ChannelToken.objects.create(account=account, access="t", refresh=refresh, expires_at=expires_at)
    assert [fault.partition(":")[0] for fault in faults(boss, account)] == said
    assert ("Nothing is missing." in text_of(boss, account)) == (not said)


def test_a_token_can_be_written_and_not_read(boss):
    account = eleme_account()
    given = token_form(access="a-token-to-hide", refresh="a-refresh-to-hide")
    assert boss.post(address(account), form(account, **given)).status_code == 302
    token = ChannelToken.objects.get()
    assert (token.account, token.access, token.refresh) == (account, "a-token-to-hide", "a-refresh-to-hide")
    pages = [address(row, page) for row in (account, token) for page in ("change", "history")]
    assert [page for page in pages if "to-hide" in boss.get(page).content.decode()] == []

    kept = token_form(refresh="another") | {"token-INITIAL_FORMS": "1", "token-0-account": account.pk}
    assert boss.post(address(account), form(account, **kept)).status_code == 302
    token.refresh_from_db()
    assert (token.access, token.refresh) == ("a-token-to-hide", "another")


@pytest.mark.parametrize("make", [eleme_account, meituan_account])
def test_any_line_is_a_secret_where_the_platform_makes_them(boss, make):
    account = make()
    response = boss.post(address(account), form(account, secrets=" newer \n\n older"))
    account.refresh_from_db()
    assert (response.status_code, account.secret_list) == (302, ["newer", "older"])

    boss.post(address(account), form(account, secrets=" \n "))
    account.refresh_from_db()
    assert account.secret_list == ["newer", "older"]


def errors(response):
    return response.context["adminform"].form.errors


def test_a_platform_that_numbers_its_partners_wants_our_id(boss):
    account = eleme_account()
    assert list(errors(boss.post(address(account), form(account, app_id="")))) == ["app_id"]


def test_two_accounts_of_a_platform_cannot_have_one_id(boss):
    taken = eleme_account().app_id
    other = eleme_account(slug="other", app_id="4711")
    response = boss.post(address(other), form(other, app_id=taken))
    assert list(errors(response).items()) == [
        ("__all__", ["Another account has this id: each would take messages that are meant for the other."])
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_an_id_is_unique_within_its_platform_and_may_be_missing():
    meituan_account(app_id=eleme_account().app_id)
    ChannelAccountFactory(), ChannelAccountFactory()
    with pytest.raises(IntegrityError):
        eleme_account(slug="other")


def test_a_standard_secret_must_be_of_the_published_form(boss):
    account = ChannelAccountFactory()
    for channel, secrets in (("standard", "newer"), ("eleme", "")):
        response = boss.post(address(account), form(account, channel=channel, secrets=secrets))
        assert errors(response), (channel, secrets)
    assert ChannelAccount.objects.get().secret_list == [SECRET]
