"""How the delivery of an order stands, bag by bag: its searches and its hand-offs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Case, F, Q, QuerySet, Value, When

from couriers.models import CarrierSearch, HandOff
from couriers.states import LIVE, RANK, HandOffState, Progress

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
# "Delivered", and the counter took that back: it is on the shelf. When one bag of several comes back, the
# order is recalled too, but the guest keeps the others: theirs are only deliveries of the whole order.
RECALLED = Q(state=HandOffState.DELIVERED, ended_at__lt=F("order__recalled_at")) & (
    Q(bags=1) | Q(delivered_at__lte=F("order__delivered_at"))
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One bag of an order: the search for its carrier, and all its hand-offs in their order.

    `recalled`: the last one was a delivery, and the counter took that back.
    """

    bag: int
    bags: int
    search: CarrierSearch | None
    handoffs: tuple[HandOff, ...]
    recalled: bool = False

    @property
    def last(self) -> HandOff | None:
        """The hand-off the card shows."""
        return self.handoffs[-1] if self.handoffs else None

    @property
    def delivered(self) -> bool:
        """Whether the guest has this bag."""
        return self.last is not None and self.last.state == HandOffState.DELIVERED and not self.recalled

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
    recalled: dict[int, bool] = {}
    back = Case(When(RECALLED, then=Value(True)), default=Value(False))
    rows = HandOff.objects.select_related("rider", "account").only(*SHOWN).annotate(recalled=back)
    for handoff in rows.filter(order=order_id).order_by("pk"):
        handoffs[handoff.bag].append(handoff)
        recalled[handoff.bag] = handoff.recalled
    if not searches and not handoffs:
        return []
    bags = searches[1].bags if 1 in searches else 1
    return [
        Piece(bag, bags, searches.get(bag), tuple(handoffs[bag]), recalled.get(bag, False))
        for bag in range(1, bags + 1)
    ]


def taken(handoffs: QuerySet[HandOff]) -> QuerySet[HandOff]:
    """Of these, those that leave nothing to be sought: live, or delivered for good."""
    return handoffs.filter(state__in=[*LIVE, HandOffState.DELIVERED]).exclude(RECALLED)


def carrier_key(handoff: HandOff) -> str:
    """The carrier's key: "courier:3", "rider:7"."""
    return f"courier:{handoff.account_id}" if handoff.account_id else f"rider:{handoff.rider_id}"
