"""Pretend phones of the brand's own riders: the page is open, so the portal gives them orders by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import httpx

log = logging.getLogger(__name__)
EVERY = 15.0  # seconds, as the page asks


async def keep_open(portal_url: str, pages: Sequence[str]) -> None:
    """Fetch the list of each page ("/r/<token>/") again and again, until cancelled.

    A link that is over stays over: somebody made a new one, which is on another phone.
    """
    left = list(pages)
    async with httpx.AsyncClient(base_url=portal_url, timeout=15.0) as client:
        while left:
            left = [page for page in left if await _is_good(client, page)]
            await asyncio.sleep(EVERY)


async def _is_good(client: httpx.AsyncClient, page: str) -> bool:
    try:
        answer = await client.get(f"{page}stops")
    except httpx.HTTPError as reason:
        log.info("a rider's phone: %s", reason)
        return True
    return answer.status_code not in {404, 410}
