"""What the sandbox knows of the brand, read from `brand.json` in its state folder; README.md shows its shape.

Without that file it plays no platform, and every courier knows one account: the QA ones below.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

STANDARD, ELEME, MEITUAN = "standard", "eleme", "meituan"


@dataclass(frozen=True, slots=True)
class Shop:
    """A store as a platform knows it: by `code`. `store` is the brand's own code for the same place."""

    code: str
    city: str
    latitude: float
    longitude: float
    cups_per_hour: int
    store: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """What is the same at every platform the store is on."""
        return self.store or self.code


@dataclass(frozen=True, slots=True)
class Account:
    """A franchise's account with a platform; `intake_url` is absolute (Meituan's: without the kind).

    `tries`, `ack_within` (seconds) and `spacing` (seconds before the second try) say how a platform that
    gives up pushes; channel `standard` never gives up and ignores them. `app_key` is what Ele.me's calls
    name the app by, if that is not its number.
    """

    slug: str
    secret: str
    intake_url: str
    stores: tuple[Shop, ...]
    channel: str = STANDARD
    app_id: str = ""
    app_key: str = ""
    tries: int = 3
    ack_within: float = 3.0
    spacing: float = 1.0
    token: str = ""
    refresh_token: str = ""


@dataclass(frozen=True, slots=True)
class DadaAccount:
    """A customer of Dada. An empty `shops` accepts every shop number."""

    source_id: str
    app_key: str
    app_secret: str
    shops: tuple[str, ...] = ()


@dataclass(slots=True)
class PeisongAccount:
    """A partner of Meituan Peisong. An empty `shops` accepts every shop.

    Here and below, nothing is told without a `callback_url`.
    """

    appkey: str
    secret: str
    delivery_service_code: str
    shops: tuple[str, ...] = ()
    callback_url: str = ""


@dataclass(slots=True)
class UberAccount:
    """A customer of Uber Direct; `webhook_key` signs its events."""

    customer_id: str
    client_id: str
    client_secret: str
    webhook_key: str
    currency: str = "USD"
    callback_url: str = ""


@dataclass(slots=True)
class DoorDashAccount:
    """A developer at DoorDash; `signing_secret` is base64url, `webhook_authorization` a header's value."""

    developer_id: str
    key_id: str
    signing_secret: str
    webhook_authorization: str
    currency: str = "USD"
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class CrewMember:
    """A pretend person behind a counter who signs in to the portal."""

    login: str
    password: str
    store_id: int
    code: str
    cups_per_hour: int


@dataclass(frozen=True, slots=True)
class Brand:
    """All of it."""

    portal_url: str = ""
    accounts: tuple[Account, ...] = ()
    dada: tuple[DadaAccount, ...] = ()
    peisong: tuple[PeisongAccount, ...] = ()
    uber: tuple[UberAccount, ...] = ()
    doordash: tuple[DoorDashAccount, ...] = ()
    crew: tuple[CrewMember, ...] = ()
    phones: tuple[str, ...] = ()
    menu: dict[str, Any] = field(default_factory=dict)
    campaign: dict[str, str] = field(default_factory=dict)


class BadBrand(ValueError):
    """The file says something that no platform could use."""


QA_DADA = DadaAccount("73753", "test_app_key", "test_app_secret")
_OPTIONAL = ("channel", "app_id", "app_key", "tries", "ack_within", "spacing", "token", "refresh_token")


def read_brand(path: Path) -> Brand:
    """Read `brand.json`; an empty brand if there is none. Raises BadBrand."""
    if not path.exists():
        return _with_qa(Brand())
    found = json.loads(path.read_text(encoding="utf-8"))
    portal_url = found["portal_url"].rstrip("/")
    return _with_qa(_brand(found, portal_url))


def _brand(found: dict[str, Any], portal_url: str) -> Brand:
    return Brand(
        portal_url=portal_url,
        accounts=tuple(_account(entry, portal_url) for entry in found["accounts"]),
        dada=tuple(_dada(entry) for entry in found["dada"]),
        peisong=tuple(_peisong(entry) for entry in found.get("peisong", [])),
        uber=tuple(UberAccount(**entry) for entry in found.get("uber", [])),
        doordash=tuple(DoorDashAccount(**entry) for entry in found.get("doordash", [])),
        crew=tuple(CrewMember(**entry) for entry in found["crew"]),
        phones=tuple(found.get("phones", [])),
        menu=found["menu"],
        campaign=found["campaign"],
    )


def _with_qa(brand: Brand) -> Brand:
    """Let every courier know its QA account too; these are made anew, for their addresses may be changed."""
    return replace(
        brand,
        dada=(QA_DADA, *brand.dada),
        peisong=(PeisongAccount("test_appkey", "test_secret", "4011"), *brand.peisong),
        uber=(UberAccount("test_customer", "test_client", "test_secret", "test_signing_key"), *brand.uber),
        doordash=(
            DoorDashAccount(
                "test_developer",
                "test_key",
                "dGhlLXNpZ25pbmctc2VjcmV0LW9mLXRoZS1zYW5kYm94",
                "Basic dGVzdDp0ZXN0",
            ),
            *brand.doordash,
        ),
    )


def _account(entry: dict[str, Any], portal_url: str) -> Account:
    stores = tuple(Shop(**shop) for shop in entry["stores"])
    more = {name: entry[name] for name in _OPTIONAL if name in entry}
    account = Account(entry["slug"], entry["secret"], portal_url + entry["intake_path"], stores, **more)
    _check(account)
    return account


def _check(account: Account) -> None:
    if account.channel not in {STANDARD, ELEME, MEITUAN}:
        raise BadBrand(f"{account.slug}: there is no channel {account.channel}")
    if account.channel == ELEME:
        numbers = [account.app_id, *(shop.code for shop in account.stores)]
        if not all(number.isdecimal() for number in numbers):
            raise BadBrand(f"{account.slug}: Ele.me knows apps and shops by numbers only")
    if account.channel == MEITUAN and not account.app_id:
        raise BadBrand(f"{account.slug}: Meituan needs an app_id")


def _dada(entry: dict[str, Any]) -> DadaAccount:
    return DadaAccount(entry["source_id"], entry["app_key"], entry["app_secret"], tuple(entry["shops"]))


def _peisong(entry: dict[str, Any]) -> PeisongAccount:
    return PeisongAccount(**{**entry, "shops": tuple(entry.get("shops", ()))})
