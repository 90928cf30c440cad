"""The demo's courier accounts are good at the sandbox's couriers, which call back where it listens."""

import json
import subprocess
import sys
import time

import httpx
import pytest
from django.conf import settings as project
from django.urls import resolve
from django.utils import timezone

from couriers.models import CourierAccount
from couriers.providers import PROVIDERS
from couriers.providers.base import Access, Errand, Item, Key, Place
from couriers.states import Outcome, Progress
from merchant_portal.demo.loader import load_brand
from merchant_portal.demo.sandbox_config import write_sandbox_config
from merchant_portal.portal.ports import free_port
from stores.models import Franchise

pytestmark = pytest.mark.django_db
PORTAL = "http://127.0.0.1:9"


@pytest.fixture
def loaded(tmp_path, settings):
    """The demo, with a sandbox that is not running yet: its address."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    url = f"http://127.0.0.1:{free_port()}"
    load_brand(var_dir=tmp_path, sandbox_url=url, now=timezone.now())
    write_sandbox_config(var_dir=tmp_path, portal_url=PORTAL, now=timezone.now())
    return url


@pytest.fixture
def sandbox(loaded, tmp_path):
    """It runs; riders wait to be told."""
    url, port = loaded, loaded.rpartition(":")[2]
    options = ["--port", port, "--state", str(tmp_path / "sandbox"), "--no-riders"]
    process = subprocess.Popen([sys.executable, "-m", "sandbox", *options], cwd=project.BASE_DIR)
    deadline = time.monotonic() + 30
    while not answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(timeout=20)


def answers(url):
    try:
        return httpx.get(f"{url}/control/health").is_success
    except httpx.ConnectError:
        return False


def errand(account):
    shop = account.shops.select_related("store").first()
    place = Place(
        name=shop.store.name,
        phone=shop.store.phone,
        address=shop.store.address,
        city=shop.store.city,
        latitude=shop.store.latitude,
        longitude=shop.store.longitude,
    )
    guest = Place("王女士", "13800000000", "上海市黄浦区淮海中路1号", "Shanghai", 31.22, 121.47)
    return Errand(
        origin_id=f"mp{account.pk:024x}",
        shop_no=shop.shop_no,
        number="17",
        pickup=place,
        receiver=guest,
        pickup_code="4711",
        value=1500,
        currency="CNY",
        cups=1,
        items=(Item("QH-JAS-01", "茉莉鲜奶茶", 1, 1500),),
        note="",
        source="standard",
        source_number="o1",
        ready_at=None,
        deliver_by=None,
        bag=1,
        bags=1,
        callback_url=f"{PORTAL}/couriers/dada/callback/token/",
    )


def test_every_account_can_ask_for_a_price_order_a_rider_and_call_it_off(sandbox):
    now, heard = timezone.now(), {}
    for account in CourierAccount.objects.select_related("franchise"):
        provider, wish = PROVIDERS[account.provider], errand(account)
        access = Access(account.base_url, json.loads(account.credentials))
        quote = provider.quote(access, wish, now=now)
        created = provider.create(access, wish, quote_ref=quote.reference, now=now)
        key = Key(wish.origin_id, created.reference)
        first = provider.query(access, key, now=now).status
        provider.cancel(access, key, reason="", now=now)
        last = provider.query(access, key, now=now).status
        heard[account.franchise.slug, account.provider] = (quote.fee > 0, quote.currency, first, last)
    expected = (True, "CNY", Progress.SEARCHING, Outcome.CANCELLED)
    couriers = ("dada", "peisong", "uber", "doordash")
    assert heard == {(slug, courier): expected for slug in ("yulan", "jinxi") for courier in couriers}
    ledger = httpx.get(f"{sandbox}/control/ledger", params={"couriers": 1}).json()["errands"]
    assert len({row[2] for row in ledger}) == 8
    assert all(row[9] for row in ledger), "an errand that was called off is still live"


def test_an_account_somebody_added_is_left_alone(loaded, tmp_path):
    mine = CourierAccount.objects.create(
        franchise=Franchise.objects.get(slug="yulan"),
        provider="dada",
        label="Dada for real",
        base_url="https://courier.example",
        credentials='{"source_id": "1"}',
    )
    load_brand(var_dir=tmp_path, sandbox_url="http://127.0.0.1:8", now=timezone.now())
    write_sandbox_config(var_dir=tmp_path, portal_url=PORTAL, now=timezone.now())
    told = json.loads((tmp_path / "sandbox" / "brand.json").read_text())
    mine.refresh_from_db()
    assert (mine.base_url, mine.shops.count(), len(told["dada"])) == ("https://courier.example", 0, 2)


def test_accounts_are_called_back_where_the_portal_listens(loaded, tmp_path):
    told = json.loads((tmp_path / "sandbox" / "brand.json").read_text())
    tokens = set(CourierAccount.objects.exclude(provider="dada").values_list("callback_token", flat=True))
    urls = [entry["callback_url"] for name in ("peisong", "uber", "doordash") for entry in told[name]]
    found = [resolve(url.removeprefix(PORTAL)) for url in urls]
    assert {match.kwargs["token"] for match in found} == tokens
    assert {match.url_name for match in found} == {"courier-account-callback"}
