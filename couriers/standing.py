"""How the delivery of an order stands, bag by bag: its searches and its hand-offs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from couriers.models import CarrierSearch, HandOff
from couriers.states import RANK, HandOffState, Progress

# Of a hand-off, what a card shows and what a piece says of itself. Read for every event, and columns take
# time.
SHOWN = (
    "order", "bag", "state", "progress", "rider_name", "rider_phone", "eta", "reason", "changed_at",
    "pickup_code", "fee", "arrived_at", "end_cause", "human_asked_at", "asked_at", "asks",
    "provider_ref", "origin_id",
    "rider__name", "account__label", "account__provider",
)  # fmt: skip
PICKED_UP = frozenset(
    {Progress.PICKED_UP, Progress.DELIVERED, Progress.RETURNING, Progress.RETURNED}
)  # somebody has taken it out of the store


@dataclass(frozen=True, slots=True)
class Piece:
    """One bag of an order: the search for its carrier, and all its hand-offs in their order."""

    bag: int
    bags: int
    search: CarrierSearch | None
    handoffs: tuple[HandOff, ...]

    @property
    def last(self) -> HandOff | None:
        """The hand-off the card shows."""
        return self.handoffs[-1] if self.handoffs else None

    @property
    def delivered(self) -> bool:
        """Whether the guest has this bag."""
        return self.last is not None and self.last.state == HandOffState.DELIVERED

    @property
    def picked_up(self) -> bool:
        """Whether somebody is on the way with this bag, or was."""
        live = self.last is not None and self.last.live and self.last.progress in PICKED_UP
        return live or self.delivered

    @property
    def advance(self) -> tuple[int, int]:
        """How far this bag is; the least advanced one stands for the order."""
        last = self.last
        if last is None:
            return 0, 0
        if not last.live and not self.delivered:
            return 1, 0
        return 2, RANK[Progress(last.progress)] if last.progress else 0


def pieces_of(order_id: int) -> list[Piece]:
    """The bags of an order as it is split now; none before anybody looked for a carrier. Two queries."""
    searches = {search.bag: search for search in CarrierSearch.objects.filter(order=order_id)}
    handoffs: defaultdict[int, list[HandOff]] = defaultdict(list)
    rows = HandOff.objects.select_related("rider", "account").only(*SHOWN).filter(order=order_id)
    for handoff in rows.order_by("pk"):
        handoffs[handoff.bag].append(handoff)
    if not searches and not handoffs:
        return []
    bags = searches[1].bags if 1 in searches else 1
    return [Piece(bag, bags, searches.get(bag), tuple(handoffs[bag])) for bag in range(1, bags + 1)]
