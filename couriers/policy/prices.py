"""What a delivery would have cost: the average of what a carrier took for orders about as far away."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from statistics import fmean

from couriers.models import HandOff
from couriers.policy.measures import LATELY, MOST, key_of
from couriers.policy.situations import metres
from stores.models import Store

ENOUGH = 3  # fees of a kilometre, before they count more than all of the carrier's
Key = tuple[str, int | None]


class Prices:
    """The fees of the deliveries in the week before `until`; one query."""

    def __init__(self, store: Store, *, until: datetime) -> None:
        self._fees: dict[Key, list[int]] = defaultdict(list)
        rows = HandOff.objects.filter(store=store, created_at__gte=until - LATELY, created_at__lt=until)
        known = rows.filter(account__isnull=False, fee__isnull=False, delivered_at__isnull=False)
        columns = ("account", "fee", "order__latitude", "order__longitude")
        for account, fee, latitude, longitude in known.order_by("-created_at").values_list(*columns)[:MOST]:
            key = key_of(account, None)
            self._fees[key, None].append(fee)
            if latitude is not None and longitude is not None:
                distance = metres((store.latitude, store.longitude), (latitude, longitude))
                self._fees[key, distance // 1000].append(fee)

    def of(self, key: str, distance: int | None) -> int | None:
        """A carrier's average for this distance in metres; None if nothing is known of it."""
        near = self._fees.get((key, distance // 1000), []) if distance is not None else []
        fees = near if len(near) >= ENOUGH else self._fees.get((key, None), [])
        return round(fmean(fees)) if fees else None
