"""Reads for the list of stores: who takes orders in, and how much stands there to be made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from orders.models import Order
from orders.states import TO_MAKE, WAITING
from stores.levels import IntakeLevel
from stores.models import Store


@dataclass(frozen=True, slots=True)
class StoreRow:
    """A store as the list shows it. `minutes` is how long its counter needs for `cups`."""

    store: Store
    paused: bool
    waiting: int
    making: int
    cups: int

    @property
    def minutes(self) -> int:
        return -(-self.cups * 60 // self.store.cups_per_hour)


def live_rows(stores: Sequence[Store]) -> list[StoreRow]:
    """One row per store, in the order given; one query for all of them.

    `stores` come with their `intake` selected.
    """
    load = {row["store"]: row for row in _load(stores)}
    nothing = {"waiting": 0, "making": 0, "cups": 0}
    return [_row(store, load.get(store.pk, nothing)) for store in stores]


def _load(stores: Sequence[Store]) -> Iterable[Mapping[str, Any]]:
    return (
        Order.objects.filter(store__in=stores, on_board=True, state__in=TO_MAKE)
        .order_by()
        .values("store")
        .annotate(
            waiting=Count("pk", filter=Q(state__in=WAITING)),
            making=Count("pk", filter=~Q(state__in=WAITING)),
            cups=Sum("cups"),
        )
    )


def _row(store: Store, load: Mapping[str, Any]) -> StoreRow:
    intake = getattr(store, "intake", None)
    return StoreRow(
        store=store,
        paused=intake is not None and intake.level != IntakeLevel.OPEN,
        waiting=load["waiting"],
        making=load["making"],
        cups=load["cups"],
    )
