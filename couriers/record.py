"""Writing down what becomes of a hand-off: what jobs, callbacks and the watch learn.

Every change is one conditional UPDATE of the row as it was seen (state, fence, progress), what it costs,
the card's summary and one event, in one transaction; and when the search behind it must go on, the job for
that. Nobody else writes a hand-off's state. Locks are taken in this order: hand-off, order, store's counter;
the search's only if it is free.
"""

import secrets
from collections.abc import Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from couriers.calls import ask, call_off, price, send, step_search
from couriers.fees import book, is_wanting
from couriers.models import CarrierSearch, HandOff
from couriers.providers.base import Created, Report
from couriers.standing import Piece, pieces_of
from couriers.states import LIVE, NEXT, EndCause, HandOffState, Progress, SearchState
from couriers.summary import carrier_facts, summarise
from orders.models import Order
from orders.services import Stepped, follow_delivery
from orders.states import OrderState
from stores.actors import Actor

S = HandOffState
ENDING = frozenset({S.CANCELLING, S.CANCELLED, S.FAILED})
TAKEN = frozenset({S.SENT, S.CONFIRMED, S.DELIVERED})
BACK = frozenset({S.CONFIRMED, S.CANCELLING})  # leaving them is news to the search, wherever it leads
# Longer than the longest call; with the watch's period it is the time until a dead worker's
# hand-off is looked after.
LEASE = timedelta(seconds=15)
REASON_LENGTH = 200
AT_ONCE = timedelta(seconds=5)  # no wait worth speaking of between the tap and the sending


def load(handoff_id: int) -> HandOff:
    """The hand-off with all that its summary and its errand need. Raises HandOff.DoesNotExist."""
    return HandOff.objects.select_related("order__account", "store", "rider", "account").get(pk=handoff_id)


def live_of(search: CarrierSearch) -> HandOff | None:
    """The hand-off of this search that stands in the way of another."""
    rows = HandOff.objects.select_related("order__account", "store", "rider", "account")
    return rows.filter(order=search.order_id, bag=search.bag, state__in=LIVE).first()


def courier(handoff: HandOff) -> Actor:
    """The courier as the one behind an event."""
    return Actor(handoff.account.label if handoff.account else handoff.rider_name)


def move(seen: HandOff, target: HandOffState, *, now: datetime, **values: Any) -> HandOff | None:
    """Compare and set; None when the row is no longer as it was `seen`.

    Keeps the time stamps that follow from the state, the ledger of fees, and the search behind the hand-off
    informed. A move that `NEXT` does not know is a programming error and raises ValueError.
    """
    if target != seen.state and target not in NEXT[seen.state]:
        raise ValueError(f"a hand-off cannot go from {seen.state} to {target}")
    if (told := _fee(seen, target, values)) is not None:
        values["fee"] = told
    with transaction.atomic(savepoint=False):
        unchanged = HandOff.objects.filter(
            pk=seen.pk,
            state=seen.state,
            fence=seen.fence,
            progress=seen.progress,
            provider_time=seen.provider_time,
        )
        stamped = _with_stamps(seen, target, now, values)
        if unchanged.update(**stamped) != 1:
            return None
        moved = _with(seen, stamped)
        if told is not None or not moved.live:
            book(moved, told=told)
        if target in TAKEN and seen.state not in TAKEN and is_wanting(moved):
            price(moved, now=now)
        if target != seen.state and (target == S.CONFIRMED or seen.state in BACK or not moved.live):
            _tell_search(moved, now)
    return moved


def _fee(seen: HandOff, target: HandOffState, values: dict[str, Any]) -> int | None:
    """What is told, or what it was quoted at, until somebody tells a fee."""
    told = values.get("fee")
    return seen.quoted_fee if told is None and seen.fee is None and target in TAKEN else told


def _with(seen: HandOff, values: dict[str, Any]) -> HandOff:
    """As the row is now; what was loaded with it is not loaded again."""
    moved = copy(seen)
    for name, value in values.items():
        setattr(moved, name, value)
    return moved


def _with_stamps(
    seen: HandOff, target: HandOffState, now: datetime, values: dict[str, Any]
) -> dict[str, Any]:
    values = {**values, "state": target, "heard_at": now}
    if target != seen.state:
        values["changed_at"] = now
    if target == S.CONFIRMED and seen.confirmed_at is None:
        values["confirmed_at"] = now
    if target not in LIVE:
        values |= {"ended_at": now, "lease_until": None}
    if target not in ENDING:
        values["end_cause"] = ""
    if target not in {S.UNKNOWN, S.CLAIMED, S.CANCELLING}:
        values["human_asked_at"] = None
    if (seen.state, target) == (S.CLAIMED, S.CANCELLING):
        values["doubted"] = True  # until whoever is sending it says otherwise
    return values


def _tell_search(moved: HandOff, now: datetime) -> None:
    """Have the search go on from here; each change has its own job, which finds out what to do.

    Nothing is to be found out when somebody took it: that is written at once, if nobody holds the search.
    """
    if moved.search_id is not None and not (moved.state == S.CONFIRMED and _end_offer(moved.search_id, now)):
        why = f"{moved.pk}.{moved.state}.{secrets.token_hex(4)}"
        step_search(moved.search_id, why=why, now=now)


def _end_offer(search_id: int, now: datetime) -> bool:
    """The offered search is carried from now on. False if it is not offered, somebody else is wanted, or
    somebody holds its row: to wait for that, with the hand-off's lock in hand, would be against the order of
    locks."""
    offered = CarrierSearch.objects.filter(pk=search_id, state=SearchState.OFFERED, wish__isnull=True)
    free = offered.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    carried = {"state": SearchState.CARRIED, "accept_by": None, "reason": "", "changed_at": now}
    return bool(free) and offered.update(**carried) == 1


def publish(
    handoff: HandOff,
    *,
    actor: Actor,
    now: datetime,
    verb: str | None = None,
    command: str | None = None,
    order: Order | None = None,
) -> Stepped:
    """Put the hand-off on its order's card, and take the order's `verb` with it if that is possible.

    The order's row is locked after the hand-off's, always, and its bags are read after that: of two who
    publish at once, the second shows what the first wrote. "recall" brings back what was collected, never
    what the counter marked as delivered. An order of several bags is collected when all are on the way, and
    delivered when the guest has all. `order` is the row, if it is locked already.
    """
    order = order or Order.objects.select_for_update(no_key=True).only("state").get(pk=handoff.order_id)
    pieces = pieces_of(order.pk)
    return follow_delivery(
        order_id=order.pk,
        summary=summarise(pieces),
        actor=actor,
        now=now,
        verb=_verb_of_all(verb, order, pieces),
        command=command,
        carrier=carrier_facts(handoff),
    )


def publish_order(order_id: int, *, actor: Actor, now: datetime, command: str | None = None) -> Stepped:
    """Put on the card how the searches stand after a person's command that moved no hand-off."""
    Order.objects.select_for_update(no_key=True).only("pk").get(pk=order_id)
    summary = summarise(pieces_of(order_id))
    return follow_delivery(order_id=order_id, summary=summary, actor=actor, now=now, command=command)


def _verb_of_all(verb: str | None, order: Order, pieces: Sequence[Piece]) -> str | None:
    """The step the order takes when one of its bags took `verb`."""
    if verb == "recall":
        return verb if order.state == OrderState.COLLECTED else None
    if verb is None or all(piece.delivered for piece in pieces):
        return verb and "deliver"
    return "collect" if all(piece.picked_up for piece in pieces) else None


def publish_search(order_id: int, *, actor: Actor, now: datetime) -> None:
    """Put a change of a search on its order's card; an event only if the card looks different."""
    order = Order.objects.select_for_update(no_key=True).only("delivery").get(pk=order_id)
    summary = summarise(pieces_of(order_id))
    if summary != order.delivery:
        follow_delivery(order_id=order_id, summary=summary, actor=actor, now=now)


def move_and_publish(
    seen: HandOff,
    target: HandOffState,
    *,
    now: datetime,
    verb: str | None = None,
    actor: Actor | None = None,
    **values: Any,
) -> bool:
    """`move`, and show it on the card, by default in the courier's name; False when the row had changed."""
    with transaction.atomic():
        moved = move(seen, target, now=now, **values)
        if moved is None:
            return False
        publish(moved, actor=actor or courier(moved), now=now, verb=verb)
    return True


def claim(
    handoff_id: int, *, now: datetime, of: HandOffState = S.PENDING, seen: HandOff | None = None
) -> HandOff | None:
    """Take the hand-off for one call to its courier; None when it is not there to be taken.

    Committed before the call, with a new fence: whoever held an older one can write nothing back. `of` is
    UNKNOWN where the only way to ask about an errand is to send it once more under the same number. `seen` is
    the hand-off as somebody just loaded it.
    """
    seen = seen or load(handoff_id)
    if seen.state != of:
        return None
    facts = {"fence": seen.fence + 1, "asks": seen.asks + 1, "lease_until": now + LEASE, "asked_at": now}
    if seen.asks or seen.search_id is None or (waited := now - seen.created_at) < AT_ONCE:
        return move(seen, S.CLAIMED, now=now, **facts)
    with transaction.atomic():
        _give_back_the_wait(seen.search_id, waited)
        claimed = move(seen, S.CLAIMED, now=now, **facts)
        transaction.set_rollback(claimed is None)
    return claimed


def _give_back_the_wait(search_id: int, waited: timedelta) -> None:
    """The time to find a rider runs from the first sending; the search is locked before its hand-off."""
    offered = CarrierSearch.objects.filter(pk=search_id, state=SearchState.OFFERED)
    offered.exclude(accept_by=None).update(accept_by=F("accept_by") + waited)


def record_sent(claimed: HandOff, created: Created, *, now: datetime) -> bool:
    """The courier took the errand. False when the claim was lost meanwhile."""
    told: dict[str, Any] = {"provider_ref": created.reference[:64], "fee": created.fee, "eta": created.eta}
    known = {name: value for name, value in told.items() if value not in ("", None)}
    known["doubted"] = False
    if _settle(claimed, S.SENT, now=now, progress=Progress.SEARCHING, reason="", **known):
        return True
    with transaction.atomic():
        faster_callback = HandOff.objects.filter(pk=claimed.pk, fence=claimed.fence, state__in=LIVE)
        if faster_callback.update(**known) != 1:
            return False
        book(load(claimed.pk), told=created.fee)
    return True


def record_refused(
    claimed: HandOff, reason: str, *, now: datetime, cause: EndCause = EndCause.REFUSED
) -> bool:
    """Nothing was created: the order goes back on the shelf. False when the claim was lost."""
    return _settle(claimed, S.FAILED, now=now, verb="recall", reason=reason[:REASON_LENGTH], end_cause=cause)


def release(claimed: HandOff, reason: str, *, now: datetime) -> bool:
    """Surely not sent: whoever comes next may claim it again. False when the claim was lost."""
    return _settle(claimed, S.PENDING, now=now, reason=reason[:REASON_LENGTH])


def record_unknown(claimed: HandOff, reason: str, *, now: datetime, ask_in: float = 2) -> bool:
    """It may have been sent or not: the courier is asked by our own id. False when the claim was lost.

    Takes the fence away, so that a worker that slept past its lease can write nothing back.
    """
    with transaction.atomic():
        fence = claimed.fence + 1
        if not _settle(claimed, S.UNKNOWN, now=now, fence=fence, doubted=True, reason=reason[:REASON_LENGTH]):
            return False
        ask(claimed.pk, why=f"f{fence}", now=now, due_at=now + timedelta(seconds=ask_in))
    return True


def send_again(seen: HandOff, *, now: datetime) -> bool:
    """The courier, asked late enough, does not know the errand: send it once more, under the same id."""
    with transaction.atomic():
        if not move_and_publish(seen, S.PENDING, now=now, doubted=False):
            return False
        send(seen.pk, why=f"f{seen.fence}", now=now)
    return True


def find_out(
    handoff_id: int, *, why: str, now: datetime, reference: str = "", fee: int | None = None
) -> None:
    """The courier has the errand although nobody here waits for that any more.

    A live hand-off is asked about; one that has ended is called off, so that no rider comes for
    an order that somebody else may be carrying. `reference` is the courier's own number, if it is news;
    `fee` is what it costs, if that was told.
    """
    fresh = load(handoff_id)
    if reference:
        learn_reference(fresh, reference)
    learn_fee(handoff_id, fee, now=now)
    if fresh.live:
        ask(handoff_id, why=why, now=now)
    elif fresh.state != S.DELIVERED:
        call_off(handoff_id, why=why, now=now)


def learn_reference(handoff: HandOff, reference: str) -> None:
    """Keep the courier's own number of an errand, if none is known; `handoff` has it from now on."""
    HandOff.objects.filter(pk=handoff.pk, provider_ref="").update(provider_ref=reference[:64])
    handoff.provider_ref = handoff.provider_ref or reference[:64]


def learn_fee(handoff_id: int, fee: int | None, *, now: datetime) -> None:
    """Keep what an errand costs, where that is owed and nobody has told it so far."""
    if fee is None:
        return
    with transaction.atomic():
        row = HandOff.objects.select_for_update(no_key=True).only("pk").get(pk=handoff_id)
        if is_wanting(handoff := load(row.pk)):
            HandOff.objects.filter(pk=handoff_id).update(fee=fee)
            handoff.fee = fee
            book(handoff, told=fee)
            publish(handoff, actor=courier(handoff), now=now)


def fail(seen: HandOff, reason: str, *, now: datetime) -> bool:
    """Give up a courier that cannot be reached: the order goes back on the shelf with the reason."""
    cause, shown = EndCause.UNREACHABLE, reason[:REASON_LENGTH]
    return move_and_publish(seen, S.FAILED, now=now, verb="recall", reason=shown, end_cause=cause)


def record_cancelled(seen: HandOff, *, fee: int | None, now: datetime) -> bool:
    """The courier confirmed the cancellation; `fee` is what it keeps."""
    values: dict[str, Any] = {} if fee is None else {"fee": fee}
    return move_and_publish(seen, S.CANCELLED, now=now, verb="recall", **values)


def keep(seen: HandOff, reason: str, *, now: datetime) -> bool:
    """The courier will not cancel: the hand-off goes on where it was."""
    target = S.SENT if seen.progress in {"", Progress.SEARCHING} else S.CONFIRMED
    return move_and_publish(seen, target, now=now, reason=reason[:REASON_LENGTH])


def note(seen: HandOff, reason: str, *, now: datetime) -> bool:
    """Show something about a hand-off that otherwise stays as it is; once."""
    if seen.reason == reason[:REASON_LENGTH]:
        return move(seen, HandOffState(seen.state), now=now) is not None
    return move_and_publish(seen, HandOffState(seen.state), now=now, reason=reason[:REASON_LENGTH])


def rider_facts(seen: HandOff, report: Report) -> dict[str, Any]:
    """The columns in which `report` says something else than `seen` about the rider and the numbers."""
    told = {
        "rider_name": report.rider_name[:60],
        "rider_phone": report.rider_phone[:30],
        "provider_ref": report.reference[:64],
        "fee": report.fee,
        "eta": report.eta,
    }
    return {name: value for name, value in told.items() if value not in ("", None, getattr(seen, name))}


def _settle(
    claimed: HandOff, target: HandOffState, *, now: datetime, verb: str | None = None, **values: Any
) -> bool:
    """Write back the outcome of a call under the claim's fence.

    Somebody may have asked to cancel during the call: then the lease ends here, and the cancelling
    job, which waits for that, finds out how things stand. A callback may have been faster than the
    reply: then it stands.
    """
    if move_and_publish(claimed, target, now=now, verb=verb, lease_until=None, **values):
        return True
    learnt = {"provider_ref": values["provider_ref"]} if values.get("provider_ref") else {}
    doubted = values.get("doubted", claimed.doubted)
    cancelling = HandOff.objects.filter(pk=claimed.pk, fence=claimed.fence, state=S.CANCELLING)
    with transaction.atomic():
        if cancelling.update(lease_until=None, doubted=doubted, **learnt) != 1:
            return False
        learn_fee(claimed.pk, values.get("fee"), now=now)
    return True


def expire(seen: HandOff, *, now: datetime) -> bool:
    """The lease of a claim has run out: whoever held it is dead, asleep or too late."""
    return record_unknown(seen, seen.reason, now=now, ask_in=0)
