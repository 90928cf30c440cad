"""What must be true when all is healed: the couriers' own ledger against what the portal believes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.chaos.carriage.database import Database

Errand = Mapping[str, Any]  # a line of the sandbox's ledger; times are its own clock's
NO_END = float("inf")
ENDS = "('delivered', 'failed', 'cancelled')"
# An order ends at the guest's, or on the shelf with an alarm.
ASTRAY = """
SELECT o.id, o.state, s.state FROM orders_order o
LEFT JOIN couriers_carriersearch s ON s.order_id = o.id AND s.bag <= s.bags
WHERE s.id IS NULL OR NOT (o.state = 'delivered' AND s.state = 'done' OR o.state = 'ready' AND s.state = 'nobody')
"""  # noqa: E501
STORY = """
SELECT origin_id, state, end_cause, asks, fence, created_at, asked_at, ended_at, reason FROM couriers_handoff
WHERE order_id = {} ORDER BY id
"""
# What somebody delivered according to the portal.
CARRIED = "SELECT origin_id FROM couriers_handoff WHERE state = 'delivered'"


def faults(database: Database, errands: Iterable[Errand]) -> Iterator[str]:
    """Everything that is not as it must be."""
    known = list(errands)
    yield from _doubled(database, known)
    yield from _told_wrong(database, known)
    yield from _open(database)


def overlaps(errands: Iterable[Errand]) -> Iterator[str]:
    """Errands of one bag that were live at the same moment."""
    ordered = sorted(errands, key=lambda errand: errand["created_at"])
    for earlier, later in pairwise(ordered):
        if later["created_at"] < (earlier["ended_at"] or NO_END):
            yield f"{_words(later)} while {_words(earlier)} was live"


def _doubled(database: Database, errands: Iterable[Errand]) -> Iterator[str]:
    """At most one live errand of a bag at any moment, whatever number it was asked for by."""
    rows = database.rows("SELECT origin_id, order_id, bag FROM couriers_handoff")
    bags = {origin: (order, bag) for origin, order, bag in rows}
    of_bag = defaultdict(list)
    for errand in errands:
        if errand["origin_id"] in bags:
            of_bag[bags[errand["origin_id"]]].append(errand)
        else:
            yield f"{_words(errand)}: no hand-off has this number"
    for (order, bag), found in of_bag.items():
        wrong = [*overlaps(found), *_brought_again(found)]
        yield from (f"order {order}, bag {bag}: {what}{_story(database, order)}" for what in wrong)


def _brought_again(errands: Iterable[Errand]) -> Iterator[str]:
    """What a guest has, nobody brings a second time."""
    brought = [errand for errand in errands if errand["state"] == "delivered"]
    yield from (f"{_words(errand)} was one too many" for errand in brought[1:])


def _story(database: Database, order: int) -> str:
    """What the portal did, in its own words: the run's database is gone when somebody reads of the fault."""
    rows = database.rows(STORY.format(order))
    return "".join(f"\n  {' | '.join(map(str, row))}" for row in rows)


def _told_wrong(database: Database, errands: Iterable[Errand]) -> Iterator[str]:
    """The portal and the couriers agree on what was delivered, and no rider is under way for nobody."""
    theirs = {errand["origin_id"] for errand in errands if errand["state"] == "delivered"}
    ours = {origin for (origin,) in database.rows(CARRIED)}
    for origin in sorted(theirs ^ ours):
        who = "the courier" if origin in theirs else "the portal"
        yield f"{origin} was delivered, says {who} alone"
    for errand in errands:
        if errand["ended_at"] is None:
            yield f"{_words(errand)} is still live"


def _open(database: Database) -> Iterator[str]:
    for order, state, search in database.rows(ASTRAY):
        yield f"order {order} is {state}, its search {search or 'was never begun'}"
    for origin, state in database.rows(
        f"SELECT origin_id, state FROM couriers_handoff WHERE state NOT IN {ENDS}"
    ):
        yield f"hand-off {origin} is {state}"
    for kind, key, error in database.rows(
        "SELECT kind, key, last_error FROM outbox_job WHERE state = 'dead'"
    ):
        yield f"job {kind} {key} is dead: {error}"


def _words(errand: Errand) -> str:
    lived = f"{errand['created_at']}..{errand['ended_at']}"
    return f"{errand['courier']}'s errand {errand['origin_id']} ({lived}, {errand['state']})"
