"""All pretend platforms together: which store is where, and how guests spread over them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from random import Random
from typing import Any

from starlette.routing import Route

from sandbox.brand import ELEME, MEITUAN, STANDARD, Account, Shop
from sandbox.eleme import Eleme
from sandbox.eleme_api import ElemeApi
from sandbox.ledger import Message
from sandbox.meituan import Meituan
from sandbox.meituan_api import MeituanApi
from sandbox.platform import Platform, World
from sandbox.standard import Standard

SHARES = {MEITUAN: 0.45, ELEME: 0.35, STANDARD: 0.20}  # of the guests of a store that is on all of them
PREFERRED = (STANDARD, ELEME, MEITUAN)  # when a code is known at several and nobody said which


@dataclass(frozen=True, slots=True)
class Place:
    """A store at one platform."""

    platform: Platform
    account: Account
    shop: Shop

    def lets_through(self) -> bool:
        """Whether guests can order here now."""
        return self.platform.lets_through(self.account, self.shop.code)

    def order(self, *, funding: str, fulfilment: str = "", follow_up: bool = True) -> Message:
        """A guest orders here."""
        return self.platform.place(
            self.account, self.shop.code, funding=funding, fulfilment=fulfilment, follow_up=follow_up
        )

    def tell(self, kind: str, order_id: str, **facts: Any) -> Message:
        """Let something happen here. Raises NotPossible."""
        return self.platform.tell(self.account, self.shop.code, kind, order_id, **facts)


class Platforms:
    """What `/control` and the traffic reach the platforms by."""

    def __init__(self, world: World) -> None:
        standard, eleme, meituan = Standard(world), Eleme(world), Meituan(world)
        self.world = world
        self._all: dict[str, Platform] = {STANDARD: standard, ELEME: eleme, MEITUAN: meituan}
        self._routes = [*standard.routes(), *ElemeApi(eleme).routes(), *MeituanApi(meituan).routes()]
        self.dice = Random()
        self.stores: dict[str, list[Place]] = defaultdict(list)
        for channel in PREFERRED:
            self._place_stores(self._all[channel])

    def routes(self) -> list[Route]:
        """Return the addresses the portal calls."""
        return self._routes

    def find(self, code: str, account: str = "", order_id: str = "") -> Place | None:
        """Return a store by its code at a platform or the brand's own, where the order is if one is named."""
        places = [
            place
            for places in self.stores.values()
            for place in places
            if code in {place.shop.code, place.shop.key} and account in {"", place.account.slug}
        ]
        knowing = [place for place in places if self.world.book.find(place.account.slug, order_id)]
        return next(iter(knowing or places), None)

    def choose(self, key: str) -> Place:
        """Return the platform a guest of this store orders at."""
        places = self.stores[key]
        shares = [SHARES[place.platform.channel] for place in places]
        return self.dice.choices(places, shares)[0]

    def resume(self) -> None:
        """Go on where the sandbox ended."""
        for platform in self._all.values():
            platform.resume()

    async def stop(self) -> None:
        """Give up everything that runs."""
        for platform in self._all.values():
            await platform.stop()

    def public(self, account: str = "") -> dict[str, Any]:
        """Return the ledger, and what the platforms believe of their orders."""
        return {**self.world.ledger.public(account), "orders": self.world.book.public(account)}

    async def ping(self, account: str) -> dict[str, Any]:
        """Check an account's address as a platform does when it is saved. Raises KeyError."""
        for platform in self._all.values():
            if account in platform.accounts:
                return await platform.ping(platform.accounts[account])
        raise KeyError(account)

    def _place_stores(self, platform: Platform) -> None:
        for (slug, _code), shop in platform.shops.items():
            self.stores[shop.key].append(Place(platform, platform.accounts[slug], shop))
