"""Everything a script, a test or a benchmark needs to use the demo, as one plain dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from merchant_portal.demo.logins import Logins
from merchant_portal.portal.var import read_state
from stores.models import ChannelAccount, Store, User


class NoDemo(Exception):
    """There is no demo here to give credentials of."""


def credentials(*, var_dir: Path, demo: bool, public_url: str) -> dict[str, Any]:
    """Return base URL, users with passwords and stores, channel accounts with secrets. Raises NoDemo."""
    passwords = Logins(var_dir).all()
    if not demo:
        raise NoDemo("This is not a demo, so there are no credentials to show.")
    users = list(User.objects.filter(username__in=passwords))
    if not passwords or not users:
        raise NoDemo("The demo is not loaded. Start it with: make run")
    state = read_state(var_dir) or {}
    order = list(passwords)
    users.sort(key=lambda user: order.index(user.username))
    return {
        "base_url": state.get("url") or public_url,
        "sandbox_url": state.get("sandbox_url"),
        "users": [_user(user, passwords[user.username]) for user in users],
        "channel_accounts": [_account(account) for account in ChannelAccount.objects.filter(active=True)],
    }


def _user(user: User, password: str) -> dict[str, Any]:
    membership = user.memberships.first()
    role = "admin" if user.is_superuser else membership.role if membership else ""
    stores = Store.objects.visible_to(user).order_by("code").values("id", "code")
    return {"name": user.username, "password": password, "role": role, "stores": list(stores)}


def _account(account: ChannelAccount) -> dict[str, Any]:
    codes = account.store_channels.order_by("external_code").values_list("external_code", flat=True)
    return {
        "channel": account.channel,
        "account": account.slug,
        "intake_path": f"/intake/{account.channel}/{account.slug}/",
        "app_id": account.app_id,
        "secret": account.secret_list[0],
        "store_codes": list(codes),
    }
