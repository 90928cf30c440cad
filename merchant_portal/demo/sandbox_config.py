"""What the sandbox must know of the brand, as one JSON file: it imports nothing of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from couriers.models import CourierAccount
from merchant_portal.demo import brand
from merchant_portal.demo.logins import Logins
from merchant_portal.demo.menu import menu
from merchant_portal.demo.platforms import slug
from merchant_portal.portal.var import write_private
from stores.channels import Channel
from stores.models import ChannelAccount, ChannelToken, Membership, StoreChannel


def write_sandbox_config(*, var_dir: Path, portal_url: str) -> None:
    """Write `var/sandbox/brand.json`; it holds secrets, so only this user can read it."""
    folder = var_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "portal_url": portal_url,
        "campaign": brand.CAMPAIGN,
        "menu": menu(),
        "accounts": [_account(entry) for entry in _accounts()],
        "dada": [_dada(entry) for entry in CourierAccount.objects.prefetch_related("shops").order_by("id")],
        "crew": _crew(Logins(var_dir).all()),
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


def _dada(account: CourierAccount) -> dict[str, Any]:
    credentials: dict[str, str] = json.loads(account.credentials)
    return {**credentials, "shops": [shop.shop_no for shop in account.shops.all()]}


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
