"""Hand-offs the rider's phone has not shown: those of the portal are taken back, of people's the card tells.

The phone has as long as the policy gives couriers to find a rider. It has shown a hand-off once it has
fetched its list after it; with a new link the time begins anew, for another phone is to show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_noop

from couriers.looking_after import each
from couriers.models import HandOff, Shift
from couriers.policy.document import LIMITS
from couriers.policy.queries import policy_of
from couriers.record import courier, move_and_publish
from couriers.seeking import MAY_BE_HANDED_OFF, PORTAL
from couriers.states import EndCause, HandOffState, Progress

S = HandOffState
BATCH = 500
BY_CHANCE = "?"  # nobody shall stand behind the same ones for ever
SHORTEST = timedelta(seconds=LIMITS["accept_within"][0])
IN_TIME = gettext_noop("The rider's phone did not show it in time.")
NOT_YET = gettext_noop("The rider's phone has not shown it yet.")
BY_ITSELF = Q(created_by=None, created_label=PORTAL.label)


def watch(*, now: datetime) -> int:
    """One round; returns how many were taken back, or told of. Each is changed only if it is still as it was
    seen: whoever picks a bag up is faster."""
    within: dict[int, timedelta] = {}
    late = []
    for handoff_id, store_id, given_at in _unseen(now - SHORTEST):
        if store_id not in within:
            within[store_id] = timedelta(seconds=policy_of(store_id).accept_within)
        if given_at <= now - within[store_id]:
            late.append(handoff_id)
    return each(late, lambda handoff_id: _act(handoff_id, now))


def shown(bags: Iterable[HandOff], *, now: datetime) -> None:
    """A phone is about to show these: neither `bags` nor their cards say to the contrary any more."""
    for bag in bags:
        if bag.reason == NOT_YET:
            bag.reason = ""
            with transaction.atomic():
                seen = _locked(HandOff.objects.filter(state=S.CONFIRMED, reason=NOT_YET), bag.pk)
                if seen is not None:
                    move_and_publish(seen, S.CONFIRMED, now=now, actor=courier(seen), reason="")


def _unseen(until: datetime) -> list[tuple[int, int, datetime]]:
    """Hand-off, its store, and from when on its rider's phone could have shown it: `until`, or before."""
    linked_at = Shift.objects.filter(rider=OuterRef("rider"), ended_at=None).values("linked_at")[:1]
    since = Greatest("created_at", Coalesce(Subquery(linked_at), F("created_at")))
    rows = _waiting().annotate(given_at=since).filter(given_at__lte=until)
    return list(rows.order_by(BY_CHANCE).values_list("pk", "store", "given_at")[:BATCH])


def _waiting() -> QuerySet[HandOff]:
    """Not shown, and nothing done about it. Of a rider whose phone was never connected a person knew that."""
    shifts = Shift.objects.filter(rider=OuterRef("rider"))
    connected = Exists(shifts.filter(ended_at=None, seen_at__isnull=False))
    given = HandOff.objects.filter(carrier=HandOff.Carrier.OWN, state=S.CONFIRMED, progress=Progress.ASSIGNED)
    # What the counter marked as collected left with somebody, whatever a phone shows.
    given = given.filter(order__state__in=MAY_BE_HANDED_OFF)
    given = given.filter(~Exists(shifts.filter(seen_at__gte=OuterRef("created_at"))))
    return given.filter(BY_ITSELF | (connected & ~Q(reason=NOT_YET)))


def _act(handoff_id: int, now: datetime) -> bool:
    with transaction.atomic():
        seen = _locked(_waiting(), handoff_id)
        if seen is None:
            return False
        if seen.created_by_id is not None or seen.created_label != PORTAL.label:
            return move_and_publish(seen, S.CONFIRMED, now=now, actor=PORTAL, reason=NOT_YET)
        facts: dict[str, Any] = {"reason": IN_TIME, "end_cause": EndCause.NO_RIDER}
        return move_and_publish(seen, S.CANCELLED, now=now, actor=PORTAL, **facts)


def _locked(rows: QuerySet[HandOff], handoff_id: int) -> HandOff | None:
    """The hand-off, held, if it is still one of these."""
    held = rows.select_for_update(of=("self",)).select_related("rider", "account")
    return held.filter(pk=handoff_id).first()
