"""What the sandbox knows of the brand, read from `brand.json` in its state folder.

Without that file it plays no platform, and Dada knows one account: the documented QA one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Shop:
    """A store as a platform knows it."""

    code: str
    city: str
    latitude: float
    longitude: float
    cups_per_hour: int


@dataclass(frozen=True, slots=True)
class Account:
    """A franchise's account with the platform; `intake_url` is absolute."""

    slug: str
    secret: str
    intake_url: str
    stores: tuple[Shop, ...]


@dataclass(frozen=True, slots=True)
class DadaAccount:
    """A customer of Dada. An empty `shops` accepts every shop number."""

    source_id: str
    app_key: str
    app_secret: str
    shops: tuple[str, ...] = ()


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
    crew: tuple[CrewMember, ...] = ()
    menu: dict[str, Any] = field(default_factory=dict)
    campaign: dict[str, str] = field(default_factory=dict)


QA_ACCOUNT = DadaAccount("73753", "test_app_key", "test_app_secret")


def read_brand(path: Path) -> Brand:
    """Read `brand.json`; an empty brand if there is none."""
    if not path.exists():
        return Brand(dada=(QA_ACCOUNT,))
    found = json.loads(path.read_text(encoding="utf-8"))
    portal_url = found["portal_url"].rstrip("/")
    return Brand(
        portal_url=portal_url,
        accounts=tuple(_account(entry, portal_url) for entry in found["accounts"]),
        dada=(QA_ACCOUNT, *(_dada(entry) for entry in found["dada"])),
        crew=tuple(CrewMember(**entry) for entry in found["crew"]),
        menu=found["menu"],
        campaign=found["campaign"],
    )


def _account(entry: dict[str, Any], portal_url: str) -> Account:
    stores = tuple(Shop(**shop) for shop in entry["stores"])
    return Account(entry["slug"], entry["secret"], portal_url + entry["intake_path"], stores)


def _dada(entry: dict[str, Any]) -> DadaAccount:
    return DadaAccount(entry["source_id"], entry["app_key"], entry["app_secret"], tuple(entry["shops"]))
