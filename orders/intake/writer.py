"""Writing a batch of deliveries as one transaction of set-based statements.

Order of writes: raw messages, orders, lines and outbox rows, changes of known orders, leaks, and last the
events, whose numbers lock the stores' counters. Whatever two intake processes may both want is taken once for
the whole batch and in the order of its keys, so that the two may wait for each other, but never in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from django.db import transaction

from orders.bulk import Statement, insert_rows, insertion, run
from orders.channels.incoming import Change, Placed, StoreStatus, Unknown
from orders.events import NewEvent
from orders.intake.changes import Row, carry_out_changes, change_of, keep_early, locked_orders
from orders.intake.consequences import Consequences
from orders.intake.delivery import Delivery, Outcome
from orders.intake.filling import fill
from orders.intake.known import any_key, contradicting_messages, reading_levels
from orders.intake.placing import place_orders, places_of
from orders.intake.rows import conflict_row, message_row
from orders.models import Conflict, IncomingMessage

Key = tuple[int, str]


def write_batch(deliveries: Sequence[Delivery], *, now: datetime) -> list[Outcome]:
    """Commit `deliveries` and return what became of each, in order.

    Nothing is stored if it raises; it raises what the database raises.
    """
    firsts: dict[Key, Delivery] = {}
    for delivery in deliveries:
        firsts.setdefault(delivery.delivery_key, delivery)
    with transaction.atomic():
        outcomes = _write(sorted(firsts.values(), key=attrgetter("delivery_key")), now=now)
        copies = [d for d in deliveries if d.proof.digest != firsts[d.delivery_key].proof.digest]
        _keep_conflicts(copies, now=now)
    return [_outcome(delivery, firsts[delivery.delivery_key], outcomes) for delivery in deliveries]


def carry_out(delivery: Delivery, *, now: datetime) -> None:
    """Do again, or for the first time, what a message that is stored already asks for.

    For orders whose store is known only now, and for kinds that were not understood. What was done before is
    found done.
    """
    with transaction.atomic():
        consequences = Consequences()
        (levels,) = run(reading_levels(places_of([delivery])))
        _carry_out([delivery], dict(levels), consequences, now=now)
        consequences.write(now=now)


def _outcome(delivery: Delivery, first: Delivery, outcomes: Mapping[Key, Outcome]) -> Outcome:
    if delivery.proof.digest != first.proof.digest:
        return Outcome.CONFLICT
    outcome = outcomes[delivery.delivery_key]
    return Outcome.DUPLICATE if outcome == Outcome.STORED and delivery is not first else outcome


def _write(deliveries: Sequence[Delivery], *, now: datetime) -> dict[Key, Outcome]:
    """Write pushes, none of them twice, sorted; returns what became of each."""
    consequences = Consequences()
    keys, levels = run(_taking_messages(deliveries, now), reading_levels(places_of(deliveries)))
    fresh_keys = set(keys)
    fresh = [delivery for delivery in deliveries if delivery.delivery_key in fresh_keys]
    repeated = [delivery for delivery in deliveries if delivery.delivery_key not in fresh_keys]
    known, contradicting = _carry_out(fresh, dict(levels), consequences, now=now)
    conflicts = contradicting_messages(repeated) | contradicting
    _keep_conflicts([d for d in deliveries if d.delivery_key in conflicts], now=now)
    _forget(contradicting)
    consequences.write(now=now)
    again = [d for d in known if isinstance(d.message.content, Placed) and d.message.content.first_hand]
    return {
        **dict.fromkeys(fresh_keys, Outcome.STORED),
        **{delivery.delivery_key: Outcome.DUPLICATE for delivery in (*repeated, *again)},
        **dict.fromkeys(conflicts, Outcome.CONFLICT),
    }


def _taking_messages(deliveries: Sequence[Delivery], now: datetime) -> Statement:
    """Stores the raw messages and gives back the keys of those that were not known."""
    rows = [message_row(delivery, now) for delivery in deliveries]
    return insertion(IncomingMessage, rows, returning=("account_id", "delivery_id"), unless_known=True)


def _carry_out(
    fresh: Sequence[Delivery], levels: Mapping[int, str], consequences: Consequences, *, now: datetime
) -> tuple[list[Delivery], set[Key]]:
    """Do what messages not seen before ask for: place the orders first, then change what is known.

    Returns the deliveries whose order was known already, and the delivery keys of those that contradict it.
    """
    known, said = place_orders(fresh, levels, consequences, now=now)
    homeless = [delivery for delivery in fresh if delivery.unrouted]
    changing = [delivery for delivery in fresh if not isinstance(delivery.message.content, Placed)]
    for delivery in (*changing, *known, *homeless):
        if change := change_of(delivery):
            said.setdefault(delivery.order_key, []).append(change)
    orders = locked_orders({*said, *(delivery.order_key for delivery in (*known, *homeless))})
    known += _found_a_home(homeless, orders)
    filled, contradicting = _retell(known, orders, now=now)
    consequences.events += filled
    consequences.events += carry_out_changes(_of_known(said, orders), orders, now=now)
    keep_early([delivery for delivery in changing if delivery.order_key not in orders])
    _note_the_rest(fresh, consequences)
    return known, contradicting


def _of_known(said: Mapping[Key, list[Change]], orders: Mapping[Key, Row]) -> dict[Key, list[Change]]:
    return {key: changes for key, changes in said.items() if key in orders}


def _found_a_home(homeless: Sequence[Delivery], orders: Mapping[Key, Row]) -> list[Delivery]:
    """Orders whose store code means nothing, but which somebody routed before: they wait for nobody."""
    routed = [delivery for delivery in homeless if delivery.order_key in orders]
    if routed:
        waiting = IncomingMessage.objects.filter(any_key("delivery_id", (d.delivery_key for d in routed)))
        waiting.update(outcome=IncomingMessage.Outcome.STORED)
    return routed


def _retell(
    known: Sequence[Delivery], orders: Mapping[Key, Row], *, now: datetime
) -> tuple[list[NewEvent], set[Key]]:
    """Orders that are placed again: give an incomplete one its missing parts, notice a contradiction."""
    events: list[NewEvent] = []
    contradicting: set[Key] = set()
    for delivery in known:
        placed, order = delivery.message.content, orders[delivery.order_key]
        if not isinstance(placed, Placed) or not placed.complete:
            continue
        if not order["complete"]:
            events += fill(order, placed, now=now)
        elif placed.first_hand and placed.content_hash != order["content_hash"]:
            contradicting.add(delivery.delivery_key)
    return events, contradicting


def _note_the_rest(fresh: Sequence[Delivery], consequences: Consequences) -> None:
    """What is about no order."""
    for delivery in fresh:
        match delivery.message.content:
            case StoreStatus() as status:
                consequences.note_store(delivery, status)
            case Unknown(ask=True):
                consequences.ask(delivery.account.id)


def _keep_conflicts(conflicts: Sequence[Delivery], *, now: datetime) -> None:
    """Keep contradicting bodies apart."""
    insert_rows(Conflict, [conflict_row(delivery, now) for delivery in conflicts], unless_known=True)


def _forget(contradicting: set[Key]) -> None:
    """A fresh push that contradicts its order is not remembered as taken, so that its repetition is answered
    with a conflict again."""
    if contradicting:
        IncomingMessage.objects.filter(any_key("delivery_id", contradicting)).delete()
