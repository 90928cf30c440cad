"""The verbs of shifts and of riders: start, end, a new link; take on, rename, let go.

Each is one conditional UPDATE or one INSERT under the "one open shift" constraint. Raises ShiftRefused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from couriers.models import HandOff, Rider, Shift, new_token
from couriers.opening import held_still
from couriers.riders.errors import ShiftRefused, StillCarrying
from couriers.riders.steps import put_back
from couriers.states import LIVE
from orders.errors import NotPossible, Stale
from stores.actors import Actor
from stores.models import Store

LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=20)  # a phone that asks more often is written down no more often
SHIFT_OVER = gettext_noop("The rider's shift has ended.")


def start_shift(*, rider: Rider, actor: Actor, now: datetime) -> Shift:
    """Open a shift; one that has run out meanwhile is closed first."""
    if not rider.active:
        raise ShiftRefused(_("%(rider)s does not ride for the store any more.") % {"rider": rider.name})
    with transaction.atomic():
        Shift.objects.filter(rider=rider, ended_at=None, ends_at__lte=now).update(ended_at=now)
        try:
            with transaction.atomic():
                return Shift.objects.create(
                    rider=rider,
                    started_at=now,
                    started_by=actor.label,
                    ends_at=now + LONGEST,
                )
        except IntegrityError:
            words = _("%(rider)s is on a shift already.") % {"rider": rider.name}
            raise ShiftRefused(words) from None


def new_link(*, shift: Shift, now: datetime) -> Shift:
    """Give the shift another key: whoever has an old link is shut out from now on."""
    key = new_token()
    mine = Shift.objects.filter(pk=shift.pk, key=shift.key, ended_at=None, ends_at__gt=now)
    if mine.update(key=key, linked_at=now, seen_at=None) != 1:
        raise ShiftRefused(_("The shift has changed meanwhile."))
    shift.key, shift.linked_at, shift.seen_at = key, now, None
    return shift


def end_shift(*, shift: Shift, actor: Actor, now: datetime, put_orders_back: bool = False) -> int:
    """Close a shift; its link is worthless from now on.

    Refused with StillCarrying while the rider has orders; with `put_orders_back` they go back on the shelf
    first, each as a change of its own. Returns how many went back.
    """
    carried = HandOff.objects.filter(rider=shift.rider_id, state__in=LIVE)
    if (live := carried.count()) and not put_orders_back:
        raise StillCarrying(rider=shift.rider.name, live=live)
    back = sum(_back(handoff_id, actor, now) for handoff_id in list(carried.values_list("pk", flat=True)))
    with transaction.atomic():
        held_still(shift.rider_id)
        if Shift.objects.filter(pk=shift.pk, ended_at=None).update(ended_at=now) != 1:
            raise ShiftRefused(_("The shift has ended already."))
        # Somebody may have given the rider an order in this very moment: the shift then goes on.
        if left := carried.count():
            raise StillCarrying(rider=shift.rider.name, live=left)
    return back


def note_seen(shift: Shift, bags: Iterable[HandOff], *, now: datetime) -> None:
    """The rider's phone fetches its list, with these bags; written at most every `SEEN_EVERY`, but at once
    when something on it is new."""
    seen_at = shift.seen_at
    if seen_at is None or now - seen_at >= SEEN_EVERY or any(bag.created_at > seen_at for bag in bags):
        # Not by a link that was just replaced.
        Shift.objects.filter(pk=shift.pk, key=shift.key, ended_at=None).update(seen_at=now)


def take_on(*, store: Store, name: str, phone: str) -> Rider:
    """A new rider of the store; one of that name who was let go comes back."""
    known = Rider.objects.filter(store=store, name=name).first()
    if known is None:
        return _named(Rider(store=store, name=name, phone=phone))
    if known.active:
        raise ShiftRefused(_taken(name))
    known.active, known.phone = True, phone or known.phone
    known.save(update_fields=["active", "phone"])
    return known


def rename(*, rider: Rider, name: str, phone: str) -> Rider:
    """Another name, and another phone number if one is given."""
    rider.name, rider.phone = name, phone or rider.phone
    return _named(rider)


def let_go(*, rider: Rider) -> None:
    """The rider rides no more for the store; not in the middle of a shift."""
    with transaction.atomic():
        held_still(rider.pk)
        if Shift.objects.filter(rider=rider, ended_at=None).exists():
            raise ShiftRefused(_("End the shift of %(rider)s first.") % {"rider": rider.name})
        if live := HandOff.objects.filter(rider=rider, state__in=LIVE).count():
            raise StillCarrying(rider=rider.name, live=live)
        Rider.objects.filter(pk=rider.pk).update(active=False)


def _named(rider: Rider) -> Rider:
    """Save; two riders of a store have two names."""
    try:
        with transaction.atomic():
            rider.save()
    except IntegrityError:
        raise ShiftRefused(_taken(rider.name)) from None
    return rider


def _taken(name: str) -> str:
    return _("There is a rider called %(rider)s already.") % {"rider": name}


def _back(handoff_id: int, actor: Actor, now: datetime) -> bool:
    """Whether the order went back; one that somebody settled meanwhile is no longer the rider's."""
    try:
        put_back(handoff_id=handoff_id, actor=actor, now=now, reason=SHIFT_OVER)
    except (Stale, NotPossible):
        return False
    return True
