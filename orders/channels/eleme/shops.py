"""What `eleme.shop.mgetShopStatus` answers (pure).

Source: PHP SDK `Api/ShopService`.
"""

from __future__ import annotations

from typing import Any

from orders.channels.eleme.values import entries, flag


def level_of(statuses: Any, store_code: str) -> str:
    """Whether the shop takes orders: "open" or "paused", "" if it is not said.

    The SDK returns a map by shop number; a list is understood as well.
    """
    if isinstance(statuses, dict):
        statuses = list(statuses.values())
    for status in entries(statuses):
        if status.get("id") == store_code:
            is_open = flag(status.get("isOpen")) and flag(status.get("isValid", "1"))
            return "open" if is_open else "paused"
    return ""
