"""What the sandbox must know of the brand, as one JSON file: it imports nothing of ours."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from couriers.models import CourierAccount, Shift
from couriers.providers import Courier
from couriers.riders.links import token_of
from merchant_portal.demo import brand
from merchant_portal.demo.couriers import demo_accounts
from merchant_portal.demo.logins import Logins
from merchant_portal.demo.menu import menu
from merchant_portal.demo.platforms import slug
from merchant_portal.portal.var import write_private
from stores.channels import Channel
from stores.models import ChannelAccount, ChannelToken, Membership, StoreChannel

# By courier: what an account's credentials are called here, and in the sandbox.
KNOWN_AS: dict[str, dict[str, str]] = {
    Courier.DADA: {"source_id": "source_id", "app_key": "app_key", "app_secret": "app_secret"},
    Courier.PEISONG: {
        "app_key": "appkey",
        "app_secret": "secret",
        "service_code": "delivery_service_code",
    },
    Courier.UBER: {
        "customer_id": "customer_id",
        "client_id": "client_id",
        "client_secret": "client_secret",
        "signing_key": "webhook_key",
    },
    Courier.DOORDASH: {
        "developer_id": "developer_id",
        "key_id": "key_id",
        "signing_secret": "signing_secret",
        "webhook_authorization": "webhook_authorization",
    },
}
WITH_SHOPS = {Courier.DADA, Courier.PEISONG}  # the others go by addresses


def write_sandbox_config(
    *, var_dir: Path, portal_url: str, now: datetime, couriers: QuerySet[CourierAccount] | None = None
) -> None:
    """Write `var/sandbox/brand.json`; it holds secrets, so only this user can read it.

    `couriers`: the accounts that couriers shall know; else those of the demo.
    """
    folder = var_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "portal_url": portal_url,
        "campaign": brand.CAMPAIGN,
        "menu": menu(),
        "accounts": [_account(entry) for entry in _accounts()],
        **_couriers(demo_accounts() if couriers is None else couriers, portal_url),
        "crew": _crew(Logins(var_dir).all()),
        "phones": _phones(now),
    }
    write_private(folder / "brand.json", json.dumps(config, ensure_ascii=False, indent=1) + "\n")


def _accounts() -> list[ChannelAccount]:
    slugs = [slug(entry, channel) for entry in brand.FRANCHISES for channel in Channel]
    return list(ChannelAccount.objects.filter(slug__in=slugs).order_by("slug"))


def _account(account: ChannelAccount) -> dict[str, Any]:
    shops = account.store_channels.select_related("store").order_by("external_code")
    told = {
        "channel": account.channel,
        "slug": account.slug,
        "app_id": account.app_id,
        "app_key": account.app_key,
        "secret": account.secret_list[0],
        "intake_path": f"/intake/{account.channel}/{account.slug}/",
        "stores": [_shop(entry) for entry in shops],
    }
    token = ChannelToken.objects.filter(account=account).first()
    return {**told, "token": token.access, "refresh_token": token.refresh} if token else told


def _shop(entry: StoreChannel) -> dict[str, Any]:
    store = entry.store
    return {
        "code": entry.external_code,
        "store": store.code,
        "name": store.name,
        "city": store.city,
        "latitude": store.latitude,
        "longitude": store.longitude,
        "cups_per_hour": store.cups_per_hour,
    }


def _couriers(accounts: QuerySet[CourierAccount], portal_url: str) -> dict[str, list[dict[str, Any]]]:
    """The accounts by courier, with what the sandbox calls their credentials."""
    found: dict[str, list[dict[str, Any]]] = {provider: [] for provider in KNOWN_AS}
    for account in accounts.prefetch_related("shops").order_by("id"):
        credentials: dict[str, str] = json.loads(account.credentials)
        names = KNOWN_AS[account.provider]
        entry: dict[str, Any] = {there: credentials[here] for here, there in names.items()}
        if account.provider in WITH_SHOPS:
            entry["shops"] = [shop.shop_no for shop in account.shops.all()]
        else:
            entry["currency"] = "CNY"
        if account.provider != Courier.DADA:  # it is told an address with every errand
            path = reverse("courier-account-callback", args=[account.provider, account.callback_token])
            entry["callback_url"] = f"{portal_url.rstrip('/')}{path}"
        found[account.provider].append(entry)
    return found


def _phones(now: datetime) -> list[str]:
    """The pages of the own riders who are at work."""
    slugs = [entry.slug for entry in brand.FRANCHISES]
    mine = Shift.objects.filter(rider__store__franchise__slug__in=slugs)
    at_work = mine.filter(ended_at=None, ends_at__gt=now)
    return [reverse("rider-page", args=[token_of(shift)]) for shift in at_work.order_by("pk")]


def _crew(passwords: dict[str, str]) -> list[dict[str, Any]]:
    """One pretend person per store: the first of its staff."""
    found = []
    for entry in brand.STORES:
        member = Membership.objects.select_related("store").get(user__username=entry.logins[0])
        if member.store:
            found.append(
                {
                    "login": entry.logins[0],
                    "password": passwords[entry.logins[0]],
                    "store_id": member.store.id,
                    "code": entry.code,
                    "cups_per_hour": member.store.cups_per_hour,
                }
            )
    return found
