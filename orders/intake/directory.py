"""Channel accounts and store codes, kept in memory so that intake asks the database once per batch."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from asgiref.sync import sync_to_async
from cryptography.fernet import InvalidToken
from django.db import Error, connection

from orders.channels.incoming import Keys
from orders.intake.delivery import Account, Place
from stores.models import ChannelAccount, StoreChannel

logger = logging.getLogger(__name__)
FRESH = 5.0  # seconds until the next request reads the accounts anew
SOONEST = 0.5  # seconds between two readings, however many unknown names are asked for


class Directory:
    """Answers from memory; a name it does not know makes it look again, at most twice a second."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], Account] = {}
        self._places: dict[tuple[int, str], Place] = {}
        self._read_at = -FRESH
        self._reading = asyncio.Lock()

    async def account(self, channel: str, slug: str) -> Account | None:
        """The active account, or None."""
        await self._refresh(older_than=FRESH)
        if (channel, slug) not in self._accounts:
            await self._refresh(older_than=SOONEST)
        return self._accounts.get((channel, slug))

    def known(self, channel: str, slug: str) -> Account | None:
        """The account if it is in memory: for what is not worth a question to the database."""
        return self._accounts.get((channel, slug))

    async def place(self, account: Account, store_code: str) -> Place | None:
        """The store an account means by `store_code`, or None."""
        if (account.id, store_code) not in self._places:
            await self._refresh(older_than=SOONEST)
        return self._places.get((account.id, store_code))

    async def _refresh(self, *, older_than: float) -> None:
        if time.monotonic() - self._read_at < older_than:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < older_than:
                return
            try:
                self._accounts, self._places = await sync_to_async(_read)()
            except Error:
                if not self._accounts:
                    raise
                logger.exception("the accounts cannot be read anew; going on with those of before")
            self._read_at = time.monotonic()


def _read() -> tuple[dict[tuple[str, str], Account], dict[tuple[int, str], Place]]:
    try:
        accounts = {(account.channel, account.slug): account for account in _accounts()}
        places = {
            (row.account_id, row.external_code): Place(row.store_id, row.auto_accept)
            for row in StoreChannel.objects.filter(account__active=True)
        }
    finally:
        connection.close()  # outside a request nobody else gives it back
    return accounts, places


def _accounts() -> Iterator[Account]:
    """Every account whose secrets can be opened; one sealed with a lost key shuts out nobody else."""
    for row in ChannelAccount.objects.filter(active=True).defer("secrets"):
        try:
            keys = Keys(app_id=row.app_id, secrets=tuple(row.secret_list))
            yield Account(row.pk, row.channel, row.slug, keys)
        except InvalidToken:
            logger.exception("the secrets of %s were sealed with a key that is not known", row.slug)
