"""The counter of a hand-off run: `python -m benchmarks.counter '{…}' <file>` writes what it did as JSON.

{"by": "shares"} has all stores choose their couriers so. {"rate": 20, "orders": […]} makes one order after
the other ready, at that rate; the file says when each was committed. {"bulk": […]} hands orders of one store
off with one tap; the file says when, and how far that was.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Models can be imported only after the set-up.
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from couriers import bulk as bulks  # noqa: E402
from orders.models import Order  # noqa: E402
from orders.services import step  # noqa: E402
from stores.actors import Actor  # noqa: E402
from tests.chaos.carriage.world import choose  # noqa: E402

HANDS = 8  # orders that are made ready at the same moment
LIKE_LIFE = 300  # seconds in which a rider is to accept
LOOK_EVERY, PATIENCE = 0.25, 120.0  # seconds
COUNTER = Actor("counter")


def steady(*, rate: float, orders: Sequence[int]) -> dict[int, float]:
    """Order → when it was ready for all to see; an open loop: who is late does not wait for others."""
    begun = time.time() + 0.5
    with ThreadPoolExecutor(HANDS) as hands:
        planned = ((order, begun + place / rate) for place, order in enumerate(orders))
        return dict(hands.map(lambda one: _make_ready(*one), planned))


def _make_ready(order: int, at: float) -> tuple[int, float]:
    time.sleep(max(0.0, at - time.time()))
    step(order_id=order, verb="ready", actor=COUNTER, now=timezone.now())
    ready = time.time()
    connection.close()
    return order, ready


def at_once(orders: Sequence[int]) -> dict[str, Any]:
    """One tap for all; what a person sees of it meanwhile is a list of (seconds, done)."""
    store = Order.objects.select_related("store").get(pk=orders[0]).store
    begun = time.time()
    tap = bulks.start(
        store=store, order_ids=orders, target="auto", actor=COUNTER, now=timezone.now(), command="bench"
    )
    progress: list[tuple[float, int]] = []
    while time.time() < begun + PATIENCE and (not progress or progress[-1][1] < len(orders)):
        time.sleep(LOOK_EVERY)
        view = bulks.progress(tap)
        progress.append((time.time() - begun, view["done"] + view["refused"]))
    return {"begun": begun, "progress": progress}


def main() -> None:
    """Do as told on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    seen: object = None
    if "by" in told:
        choose(told["by"], accept_within=LIKE_LIFE)
    elif "bulk" in told:
        seen = at_once(told["bulk"])
    else:
        seen = steady(**told)
    Path(sys.argv[2]).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
