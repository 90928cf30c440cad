"""The stores, account and person every contender finds: `python -m benchmarks.world` prints them as JSON.

Run against the migrated database of the environment.
"""

from __future__ import annotations

import json
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Models can be imported only after the set-up.
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.pushes import ACCOUNT, SECRET  # noqa: E402
from stores.channels import Channel  # noqa: E402
from stores.models import ChannelAccount, Franchise, Membership, Store, StoreChannel, User  # noqa: E402
from stores.services import open_store  # noqa: E402

STORES = 12


def build() -> dict[str, Any]:
    """Return {"codes": store codes, "stores": their ids, "session": the cookie of a manager}."""
    franchise = Franchise.objects.create(name="Bench Tea", slug="bench-tea")
    account = ChannelAccount.objects.create(
        franchise=franchise, channel=Channel.STANDARD, slug=ACCOUNT, secrets=SECRET
    )
    stores = [_store(franchise, account, f"B-{n:02}") for n in range(STORES)]
    return {
        "codes": [store.code for store in stores],
        "stores": [store.pk for store in stores],
        "session": _session(franchise),
    }


def _store(franchise: Franchise, account: ChannelAccount, code: str) -> Store:
    """An open store that accepts by itself, so that every order makes a job."""
    store = Store.objects.create(
        franchise=franchise, code=code, name=f"Store {code}", city="Shanghai", latitude=31.2, longitude=121.5
    )
    open_store(store=store, now=timezone.now())
    StoreChannel.objects.create(store=store, account=account, external_code=code, auto_accept=True)
    return store


def _session(franchise: Franchise) -> str:
    manager = User.objects.create_user("bench-manager")
    Membership.objects.create(user=manager, role=Membership.Role.MANAGER, franchise=franchise)
    session = SessionStore()
    session[SESSION_KEY] = str(manager.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = manager.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    print(json.dumps(build()))
