"""Looking after searches: time that has run out, orders nobody is asked to carry, what a lost job left."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from couriers import calls, record, seeking, seeking_again
from couriers.looking_after import each
from couriers.models import CarrierSearch, HandOff
from couriers.riders import unseen
from couriers.seeking_follow import recalled
from couriers.standing import RECALLED, taken
from couriers.states import LIVE, HandOffState, SearchState
from orders.models import Order
from orders.states import ENDED, Fulfilment, OrderState
from outbox.services import enqueue

S = SearchState
BATCH = 500
BY_CHANCE = "?"  # a round's work may change nothing: nobody shall stand behind the same ones for ever
# A job does what is to be done within seconds; later than this, nobody is doing it.
PATIENCE = timedelta(seconds=20)
NOT_LONGER = timedelta(minutes=5)
# How long an errand may wait for its turn at its courier, never sent, before the next one is asked.
IN_LINE = timedelta(minutes=15)
# The states in which it may stay open for long whether a courier has the errand, and since when it is.
NOT_KNOWN = {HandOffState.UNKNOWN: "created_at", HandOffState.CANCELLING: "changed_at"}


def watch(*, now: datetime) -> dict[str, int]:
    """One round; returns how many of each kind were looked after."""
    return {
        "closed": _close(now),
        "unseen": unseen.watch(now=now),
        "late": each(_late(now), lambda search: seeking.let_time_pass(search, now=now)),
        "stuck": each(_stuck(now), lambda search: _step(search, now)),
        "recalled": each(recalled(now - PATIENCE), lambda search: _step(search, now)),
        "unsought": each(_unsought(now), lambda order: _seek(order, now)),
        "again": seeking_again.look(now=now),
        "asking": each(_not_known(now), lambda handoff: _ask_a_person(handoff, now)),
    }


def _close(now: datetime) -> int:
    """Searches of ended orders in which nobody was waited for: no card shows them any more."""
    quiet = CarrierSearch.objects.filter(
        state__in=[S.IDLE, S.STOPPED], order__state__in=ENDED, changed_at__lte=now - PATIENCE
    )
    closed = CarrierSearch.objects.filter(pk__in=list(quiet.values_list("pk", flat=True)[:BATCH]))
    return closed.filter(state__in=[S.IDLE, S.STOPPED]).update(state=S.DONE, changed_at=now)


def _late(now: datetime) -> list[CarrierSearch]:
    """Whoever was asked has had their time; what still waits in line was not asked, and has another."""
    waits = Q(state=HandOffState.PENDING, asks=0, created_at__gt=now - IN_LINE)
    not_late = HandOff.objects.filter(Q(state__in=seeking.IN_DOUBT) | waits, search=OuterRef("pk"))
    rows = CarrierSearch.objects.filter(~Exists(not_late), state=S.OFFERED, accept_by__lte=now)
    return list(rows.order_by("accept_by")[:BATCH])


def _stuck(now: datetime) -> list[CarrierSearch]:
    """Those that no longer say how things are: of ended orders, without the hand-off they wait for, seeking
    without anybody at it, or waiting for the end of what is not called off."""
    live = HandOff.objects.filter(order=OuterRef("order"), bag=OuterRef("bag"), state__in=LIVE)
    wrong = (
        (Q(order__state__in=ENDED) & ~Q(state__in=[S.IDLE, S.STOPPED]))
        | Q(state=S.SEEKING)
        | (Q(wish__isnull=False) & ~Exists(live.filter(state=HandOffState.CANCELLING)))
        | (Q(state__in=seeking.ATTACHED) & ~Exists(live))
        | Q(state=S.OFFERED, automatic=True, accept_by=None) & ~Exists(live.filter(state="cancelling"))
    )
    rows = CarrierSearch.objects.exclude(state=S.DONE).filter(wrong, changed_at__lte=now - PATIENCE)
    return list(rows.order_by(BY_CHANCE)[:BATCH])


def _step(search: CarrierSearch, now: datetime) -> bool:
    """One job every half minute at most; each finds out for itself what there is to do."""
    calls.step_search(search.pk, why=f"w{int(now.timestamp()) // 30}", now=now)
    return True


def _unsought(now: datetime) -> list[Order]:
    """Orders on the shelf of stores that find carriers by themselves, with a bag nobody was asked for."""
    known = CarrierSearch.objects.filter(order=OuterRef("pk"))
    rows = Order.objects.filter(
        on_board=True,
        state=OrderState.READY,
        fulfilment=Fulfilment.STORE_COURIER,
        store__carrier_policy__automatic=True,
        ready_at__lte=now - PATIENCE,
    )
    unsought = ~Exists(known) | Exists(_resting(known, now - PATIENCE))
    return list(rows.filter(unsought).order_by(BY_CHANCE)[:BATCH])


def _resting(searches: QuerySet[CarrierSearch], since: datetime) -> QuerySet[CarrierSearch]:
    """Of these, those of bags nobody has that have not begun, or ended with a delivery that was taken back.

    Not those of bags there are no more: they say how the order was split before. Whoever is about to give
    bag by bag, or to give it once more, has had a moment for that.
    """
    mine = HandOff.objects.filter(order=OuterRef("order"), bag=OuterRef("bag"))
    there = CarrierSearch.objects.filter(order=OuterRef("order"), bag=1, bags__gte=OuterRef("bag"))
    back = Q(state=S.DONE, order__recalled_at__lte=since) & Exists(mine.filter(RECALLED))
    idle = searches.filter(Q(state=S.IDLE) | back, changed_at__lte=since)
    return idle.filter(~Exists(taken(mine)), Exists(there))


def _seek(order: Order, now: datetime) -> bool:
    key = f"{order.pk}.w{int(now.timestamp()) // 30}"
    enqueue(kind="order.ready", key=key, payload={"order": order.pk}, now=now)
    return True


def _not_known(now: datetime) -> list[HandOff]:
    """Nobody could find out for minutes whether the courier has it."""
    old = Q()
    for state, clock in NOT_KNOWN.items():
        old |= Q(state=state, **{f"{clock}__lte": now - NOT_LONGER})
    rows = HandOff.objects.select_related("order", "rider", "account").filter(
        old, state__in=LIVE, human_asked_at=None, carrier=HandOff.Carrier.PROVIDER
    )
    return list(rows.order_by("heard_at")[:BATCH])


def _ask_a_person(handoff: HandOff, now: datetime) -> bool:
    return record.move_and_publish(
        handoff, HandOffState(handoff.state), now=now, actor=seeking.PORTAL, human_asked_at=now
    )
