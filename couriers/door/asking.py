"""How often one address may look: a crowd on a store's Wi-Fi, but nobody who tries all pick-up codes.

Nor anybody who makes up cards: each that is not known costs a look into the database.
"""

from ipaddress import ip_address

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

LOOKUPS = 60  # a minute, per store and address: a store's Wi-Fi is one address
MISSES = 60  # a minute, per address, of cards that are not there
WINDOW = 60  # seconds


def may_ask(store_id: int, address: str, *, minute: int) -> bool:
    """Count one look-up; False when there were too many in this minute."""
    return _counted(f"door-asked:{store_id}:{address}:{minute}") <= LOOKUPS


def may_miss(address: str, *, minute: int) -> bool:
    """Whether another card may be looked for; False when too many of this minute were not there."""
    missed: int = cache.get(f"door-missed:{address}:{minute}", 0)
    return missed < MISSES


def count_miss(address: str, *, minute: int) -> None:
    """The card was not there."""
    _counted(f"door-missed:{address}:{minute}")


def _counted(key: str) -> int:
    cache.add(key, 0, 2 * WINDOW)
    try:
        count: int = cache.incr(key)
    except ValueError:  # it was dropped between the two: then it is the first again
        return 1
    return count


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; behind the proxy of a production site, what the proxy saw."""
    seen = request.META.get("REMOTE_ADDR") or ""
    if not settings.LOCAL:
        seen = request.headers.get("X-Forwarded-For", seen).rsplit(",", 1)[-1].strip()
    try:
        return str(ip_address(seen))
    except ValueError:
        return "unknown"
