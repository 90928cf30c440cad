"""The demo brand: loaded once, the same when loaded again, told to scripts only where it is a demo."""

import json
import stat

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from couriers.models import CarrierPolicy, CourierAccount, CourierStore, Rider, Shift
from merchant_portal.demo.brand import STORES
from merchant_portal.demo.credentials import NoDemo, credentials
from merchant_portal.demo.loader import load_brand
from merchant_portal.demo.sandbox_config import write_sandbox_config
from orders.models import StoreSequence
from stores.models import (
    ChannelAccount,
    ChannelToken,
    Franchise,
    IntakeState,
    Membership,
    Store,
    StoreChannel,
    User,
)

pytestmark = pytest.mark.django_db
TABLES = (
    Franchise, Store, User, Membership, ChannelAccount, StoreChannel, IntakeState, StoreSequence,
    CourierAccount, CourierStore, Rider, Shift, CarrierPolicy, ChannelToken,
)  # fmt: skip


def load(var_dir, sandbox_url="http://127.0.0.1:8001"):
    load_brand(var_dir=var_dir, sandbox_url=sandbox_url, now=timezone.now())


def contents():
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in TABLES}


@pytest.fixture(autouse=True)
def cheap_passwords(settings):
    """Argon2 is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def loaded(tmp_path):
    load(tmp_path)
    return tmp_path


def test_it_is_twelve_stores_in_three_cities_of_two_franchises(loaded):
    assert Store.objects.count() == 12
    assert set(Store.objects.values_list("city", flat=True)) == {"Shanghai", "Hangzhou", "Chengdu"}
    managed = [
        set(Store.objects.managed_by(user)) for user in User.objects.filter(memberships__role="manager")
    ]
    assert len(managed) == 2
    assert not managed[0] & managed[1]
    assert len(managed[0] | managed[1]) == 12


def test_loading_it_again_changes_nothing(loaded):
    before = contents()
    load(loaded)
    assert contents() == before


def test_riders_are_at_work_and_two_stores_have_a_policy(loaded):
    assert Shift.objects.filter(ended_at=None).count() == Rider.objects.count() == 24
    policies = CarrierPolicy.objects.values_list("store__code", "automatic")
    assert dict(policies) == {"SH-03": True, "CD-03": False}


def test_the_sandbox_may_move(loaded):
    load(loaded, "http://127.0.0.1:9999")
    urls = [*ChannelAccount.objects.values_list("callback_url", flat=True)]
    urls += CourierAccount.objects.values_list("base_url", flat=True)
    assert all(url.startswith("http://127.0.0.1:9999/") for url in urls)


def test_logins_are_random_private_and_work(loaded, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    path = loaded / "demo-logins.json"
    logins = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(logins.values())) == len(logins) == 27
    assert User.objects.get(username="sh-01.yue").check_password(logins["sh-01.yue"])
    User.objects.all().delete()
    load(other)
    assert json.loads((other / "demo-logins.json").read_text()).values() != logins.values()


def test_credentials_tell_scripts_all_they_need(loaded):
    found = credentials(var_dir=loaded, demo=True, public_url="http://127.0.0.1:8000")
    assert found["base_url"] == "http://127.0.0.1:8000"
    assert [(user["name"], user["role"], len(user["stores"])) for user in found["users"][:4]] == [
        ("admin", "admin", 12),
        ("manager.yulan", "manager", 7),
        ("manager.jinxi", "manager", 5),
        ("sh-01.yue", "staff", 1),
    ]
    assert found["users"][3]["stores"] == [{"id": Store.objects.get(code="SH-01").pk, "code": "SH-01"}]
    assert [(account["channel"], account["intake_path"]) for account in found["channel_accounts"]] == [
        ("standard", "/intake/standard/qinghe-jinxi/"),
        ("eleme", "/intake/eleme/qinghe-jinxi-eleme/"),
        ("meituan", "/intake/meituan/qinghe-jinxi-meituan/"),
        ("standard", "/intake/standard/qinghe-yulan/"),
        ("eleme", "/intake/eleme/qinghe-yulan-eleme/"),
        ("meituan", "/intake/meituan/qinghe-yulan-meituan/"),
    ]
    standard = [account for account in found["channel_accounts"] if account["channel"] == "standard"]
    codes = sorted(code for account in standard for code in account["store_codes"])
    assert codes == sorted(store.code for store in STORES)


def test_credentials_are_refused_where_it_is_no_demo(loaded, tmp_path_factory):
    with pytest.raises(NoDemo, match="not a demo"):
        credentials(var_dir=loaded, demo=False, public_url="")
    with pytest.raises(NoDemo, match="not loaded"):
        credentials(var_dir=tmp_path_factory.mktemp("empty"), demo=True, public_url="")


def test_the_command_refuses_in_one_line(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match=r"^This is not a demo"):
        call_command("demo_credentials")


def test_the_sandbox_is_told_all_it_needs(loaded, client):
    write_sandbox_config(var_dir=loaded, portal_url="http://127.0.0.1:8000", now=timezone.now())
    path = loaded / "sandbox" / "brand.json"
    told = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [len(account["stores"]) for account in told["accounts"]] == [5, 5, 5, 7, 7, 7]
    assert len(told["crew"]) == 12
    assert [client.get(f"{page}stops").status_code for page in told["phones"]] == [200] * 24
    assert not Shift.objects.filter(seen_at=None).exists()
    assert sorted(len(account["shops"]) for account in told["dada"]) == [5, 7]
    assert len(told["menu"]["drinks"]) == 12
