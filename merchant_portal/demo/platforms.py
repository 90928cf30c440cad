"""The demo brand's accounts with the platforms, made once and kept; addresses follow the sandbox."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from merchant_portal.demo.brand import STORES, DemoFranchise, DemoStore
from stores.channels import Channel
from stores.models import ChannelAccount, ChannelToken, Franchise, Store, StoreChannel

FIRST_SHOP_ID = 7200321  # Ele.me numbers shops; Meituan takes the code a brand gives them
TOKEN_LASTS = timedelta(days=30)


def load_accounts(entry: DemoFranchise, franchise: Franchise, sandbox_url: str, now: datetime) -> None:
    """One account per channel."""
    for channel in Channel:
        account, created = ChannelAccount.objects.get_or_create(
            slug=slug(entry, channel),
            defaults={"franchise": franchise, "channel": channel, **_credentials(channel)},
        )
        url = _address(account, sandbox_url)
        if account.callback_url != url:
            ChannelAccount.objects.filter(pk=account.pk).update(callback_url=url)
        if created and channel == Channel.ELEME:
            access, refresh = secrets.token_hex(16), secrets.token_hex(16)
            ChannelToken.objects.create(
                account=account, access=access, refresh=refresh, expires_at=now + TOKEN_LASTS
            )


def list_store(entry: DemoStore, store: Store, franchise: Franchise) -> None:
    """Let every account of the franchise know the store."""
    for account in franchise.channel_accounts.all():
        known_as = {"external_code": shop_code(entry, account.channel), "auto_accept": entry.auto_accept}
        StoreChannel.objects.get_or_create(store=store, account=account, defaults=known_as)


def slug(entry: DemoFranchise, channel: str) -> str:
    """The account's name in addresses."""
    return entry.account if channel == Channel.STANDARD else f"{entry.account}-{channel}"


def shop_code(entry: DemoStore, channel: str) -> str:
    """What a platform calls the store."""
    if channel == Channel.ELEME:
        return str(FIRST_SHOP_ID + STORES.index(entry))
    return f"qh_{entry.code.lower().replace('-', '_')}" if channel == Channel.MEITUAN else entry.code


def _credentials(channel: str) -> dict[str, str]:
    if channel == Channel.STANDARD:
        return {"secrets": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()}
    numbered = {"app_id": str(secrets.randbelow(9 * 10**7) + 10**7), "secrets": secrets.token_hex(20)}
    return {**numbered, "app_key": secrets.token_hex(8)} if channel == Channel.ELEME else numbered


def _address(account: ChannelAccount, sandbox_url: str) -> str:
    if account.channel == Channel.STANDARD:
        return f"{sandbox_url}/platform/standard/{account.slug}/calls"
    return f"{sandbox_url}/platform/{account.channel}/api/v1"
