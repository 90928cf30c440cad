"""The demo brand's accounts with couriers, made once and kept; addresses follow the sandbox."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from couriers.models import CourierAccount, CourierStore
from couriers.providers import Courier
from merchant_portal.demo.brand import FRANCHISES, DemoFranchise, DemoStore
from stores.models import Franchise, Store

Credentials = dict[str, str]


@dataclass(frozen=True, slots=True)
class DemoCourier:
    """A courier the brand uses: what the counter calls it, and where the sandbox plays it."""

    label: str
    path: str
    make: Callable[[DemoFranchise], Credentials]


def _dada(entry: DemoFranchise) -> Credentials:
    number = str(73800 + FRANCHISES.index(entry))
    return {
        "source_id": number,
        "app_key": f"dada{secrets.token_hex(6)}",
        "app_secret": secrets.token_hex(16),
    }


def _peisong(entry: DemoFranchise) -> Credentials:
    return {"app_key": secrets.token_hex(16), "app_secret": secrets.token_hex(32), "service_code": "4011"}


def _uber(entry: DemoFranchise) -> Credentials:
    return {
        "customer_id": f"cus_{secrets.token_hex(8)}",
        "client_id": secrets.token_hex(12),
        "client_secret": secrets.token_hex(20),
        "signing_key": secrets.token_hex(20),
        "calling_code": "+86",
        "country": "CN",
    }


def _doordash(entry: DemoFranchise) -> Credentials:
    return {
        "developer_id": secrets.token_hex(12),
        "key_id": secrets.token_hex(12),
        "signing_secret": secrets.token_urlsafe(32),
        "webhook_authorization": "Basic " + base64.b64encode(secrets.token_bytes(24)).decode(),
        "calling_code": "+86",
    }


COURIERS = {
    Courier.DADA: DemoCourier("Dada 达达", "/dada", _dada),
    Courier.PEISONG: DemoCourier("Meituan Peisong 美团配送", "/peisong/api", _peisong),
    Courier.UBER: DemoCourier("Uber Direct", "/uber/v1", _uber),
    Courier.DOORDASH: DemoCourier("DoorDash Drive", "/doordash/drive/v2", _doordash),
}


def load_couriers(entry: DemoFranchise, franchise: Franchise, sandbox_url: str) -> None:
    """One account per courier."""
    for provider, courier in COURIERS.items():
        url = f"{sandbox_url}{courier.path}"
        account, _created = CourierAccount.objects.get_or_create(
            franchise=franchise,
            label=courier.label,
            defaults={
                "provider": provider,
                "base_url": url,
                "credentials": json.dumps(courier.make(entry)),
            },
        )
        _follow(account, url, sandbox_url)


def _follow(account: CourierAccount, url: str, sandbox_url: str) -> None:
    """Bring the addresses at the sandbox up to date."""
    credentials: Credentials = json.loads(account.credentials)
    known = dict(credentials)
    if account.provider == Courier.UBER:
        credentials["token_url"] = f"{sandbox_url}/uber/oauth/v2/token"
    if (account.base_url, known) != (url, credentials):
        account.base_url, account.credentials = url, json.dumps(credentials)
        account.save(update_fields=["base_url", "credentials"])


def demo_accounts() -> QuerySet[CourierAccount]:
    """The accounts above, and none that somebody added."""
    slugs = [entry.slug for entry in FRANCHISES]
    labels = [courier.label for courier in COURIERS.values()]
    return CourierAccount.objects.filter(franchise__slug__in=slugs, label__in=labels)


def list_at_couriers(entry: DemoStore, store: Store, franchise: Franchise) -> None:
    """Let every courier of the franchise know the store."""
    shop_no = f"QH{entry.code.replace('-', '')}"
    for account in demo_accounts().filter(franchise=franchise):
        CourierStore.objects.get_or_create(store=store, account=account, defaults={"shop_no": shop_no})
