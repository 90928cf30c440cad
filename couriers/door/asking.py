"""Who may look up how many pick-up codes: a crowd on one store's Wi-Fi, but nobody who tries them all."""

from ipaddress import ip_address

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

LOOKUPS = 60  # a minute, per store and address: a store's Wi-Fi is one address
WINDOW = 60  # seconds


def may_ask(store_id: int, address: str, *, minute: int) -> bool:
    """Count one look-up; False when there were too many in this minute."""
    key = f"door-asked:{store_id}:{address}:{minute}"
    cache.add(key, 0, 2 * WINDOW)
    try:
        return cache.incr(key) <= LOOKUPS
    except ValueError:  # it was dropped between the two: then it is the first again
        return True


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; behind the proxy of a production site, what the proxy saw."""
    seen = request.META.get("REMOTE_ADDR") or ""
    if not settings.LOCAL:
        seen = request.headers.get("X-Forwarded-For", seen).rsplit(",", 1)[-1].strip()
    try:
        return str(ip_address(seen))
    except ValueError:
        return "unknown"
