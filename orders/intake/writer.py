"""Writing a batch of deliveries as one transaction of set-based statements.

Order of writes: raw messages, orders, lines and outbox rows, changes of known orders, leaks, and last the
events, whose numbers lock the stores' counters. Rows that two intake processes may both want are written in
the order of their keys, so that the two may wait for each other, but never in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from django.db import transaction

from orders.bulk import Statement, insert_rows, insertion, run
from orders.channels.incoming import Placed, StoreStatus, Unknown
from orders.events import NewEvent
from orders.intake.changes import apply_changes
from orders.intake.consequences import Consequences
from orders.intake.delivery import Delivery, Outcome
from orders.intake.filling import fill
from orders.intake.known import any_key, contradicting_messages, known_orders
from orders.intake.placing import Surroundings, looking_around, place_orders
from orders.intake.rows import conflict_row, message_row
from orders.models import Conflict, IncomingMessage

Key = tuple[int, str]


def write_batch(deliveries: Sequence[Delivery], *, now: datetime) -> list[Outcome]:
    """Commit `deliveries` and return what became of each, in order.

    Nothing is stored if it raises; it raises what the database raises.
    """
    outcomes: dict[int, Outcome] = {}
    with transaction.atomic():
        consequences = Consequences()
        for indexes in _rounds(deliveries):
            results = _write_round([deliveries[index] for index in indexes], consequences, now=now)
            outcomes.update(zip(indexes, results, strict=True))
        consequences.write(now=now)
    return [outcomes[index] for index in range(len(deliveries))]


def carry_out(delivery: Delivery, *, now: datetime) -> None:
    """Do again, or for the first time, what a message that is stored already asks for.

    For orders whose store is known only now, and for kinds that were not understood. What was done before is
    found done.
    """
    with transaction.atomic():
        consequences = Consequences()
        around = Surroundings.read(*run(*looking_around([delivery])))
        _carry_out([delivery], around, consequences, now=now)
        consequences.write(now=now)


def _rounds(deliveries: Sequence[Delivery]) -> Iterable[list[int]]:
    """Split the batch so that no round holds one push twice or two messages about one order."""
    waiting = list(range(len(deliveries)))
    while waiting:
        seen: set[tuple[str, int, str]] = set()
        taken: list[int] = []
        later: list[int] = []
        for index in waiting:
            keys = _keys(deliveries[index])
            (later if keys & seen else taken).append(index)
            seen |= keys
        yield taken
        waiting = later


def _keys(delivery: Delivery) -> set[tuple[str, int, str]]:
    """The push and, if the message is about one, the order."""
    push = {("push", *delivery.delivery_key)}
    return push | {("order", *delivery.order_key)} if delivery.message.external_id else push


def _write_round(
    deliveries: Sequence[Delivery], consequences: Consequences, *, now: datetime
) -> list[Outcome]:
    keys, *around = run(_taking_messages(deliveries, now), *looking_around(deliveries))
    fresh_keys = set(keys)
    fresh = [delivery for delivery in deliveries if delivery.delivery_key in fresh_keys]
    repeated = [delivery for delivery in deliveries if delivery.delivery_key not in fresh_keys]
    known, contradicting = _carry_out(fresh, Surroundings.read(*around), consequences, now=now)
    conflicts = contradicting_messages(repeated) | contradicting
    _keep_conflicts([d for d in deliveries if d.delivery_key in conflicts], fresh_keys, now=now)
    again = [d for d in known if isinstance(d.message.content, Placed) and d.message.content.first_hand]
    duplicates = {delivery.delivery_key for delivery in (*repeated, *again)}
    return [_outcome(delivery.delivery_key, conflicts, duplicates) for delivery in deliveries]


def _taking_messages(deliveries: Sequence[Delivery], now: datetime) -> Statement:
    """Stores the raw messages and gives back the keys of those that were not known."""
    rows = [message_row(delivery, now) for delivery in sorted(deliveries, key=attrgetter("delivery_key"))]
    return insertion(IncomingMessage, rows, returning=("account_id", "delivery_id"), unless_known=True)


def _outcome(key: Key, conflicts: set[Key], duplicates: set[Key]) -> Outcome:
    if key in conflicts:
        return Outcome.CONFLICT
    return Outcome.DUPLICATE if key in duplicates else Outcome.STORED


def _carry_out(
    fresh: Sequence[Delivery], around: Surroundings, consequences: Consequences, *, now: datetime
) -> tuple[list[Delivery], set[Key]]:
    """Do what messages not seen before ask for.

    Returns the deliveries whose order is known already, and the delivery keys of those that contradict it.
    """
    known = place_orders(fresh, around, consequences, now=now)
    changing = [d for d in fresh if not isinstance(d.message.content, Placed)]
    retold = [d for d in known if isinstance(d.message.content, Placed) and d.message.content.standing]
    filled, contradicting = _retell(known, now=now)
    consequences.events += filled
    consequences.events += apply_changes(sorted([*changing, *retold], key=attrgetter("order_key")), now=now)
    for delivery in fresh:
        match delivery.message.content:
            case StoreStatus() as status:
                consequences.note_store(delivery, status)
            case Unknown(ask=True):
                consequences.ask(delivery.account.id)
    return known, contradicting


def _retell(known: Sequence[Delivery], *, now: datetime) -> tuple[list[NewEvent], set[Key]]:
    """Orders that are placed again: give an incomplete one its missing parts, notice a contradiction."""
    stored = known_orders(known)
    events: list[NewEvent] = []
    contradicting: set[Key] = set()
    for delivery in known:
        placed, order = delivery.message.content, stored[delivery.order_key]
        if not isinstance(placed, Placed) or placed.content_hash == order.content_hash:
            continue
        if not order.complete and placed.complete:
            events += fill(order.id, placed, now=now)
        elif order.complete and placed.complete and placed.first_hand:
            contradicting.add(delivery.delivery_key)
    return events, contradicting


def _keep_conflicts(conflicts: Sequence[Delivery], fresh_keys: set[Key], *, now: datetime) -> None:
    """Keep the contradicting bodies apart. A fresh push among them is not remembered as taken, so that
    its repetition is answered with a conflict again."""
    insert_rows(Conflict, [conflict_row(delivery, now) for delivery in conflicts], unless_known=True)
    if taken := [delivery.delivery_key for delivery in conflicts if delivery.delivery_key in fresh_keys]:
        IncomingMessage.objects.filter(any_key("delivery_id", taken)).delete()
