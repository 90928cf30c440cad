"""People at all counters who want somebody else: `python -m tests.chaos.carriage.people` until it is killed.

They tap through the same verb as the API, for errands that a courier has and no rider has fetched.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from contextlib import suppress

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# Models can be imported only after the set-up.
from django.db import DatabaseError, close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from couriers.models import CourierAccount, HandOff  # noqa: E402
from couriers.services import hand_to_courier  # noqa: E402
from couriers.states import BEFORE_PICK_UP, LIVE  # noqa: E402
from orders.errors import NotPossible, Stale  # noqa: E402
from stores.actors import Actor  # noqa: E402

PAUSE = 0.3  # seconds between two taps
LATELY = 200  # of the newest hand-offs, one changes hands


def tap() -> None:
    """Somebody else, for one of those that are not fetched yet."""
    live = HandOff.objects.filter(state__in=LIVE, progress__in=BEFORE_PICK_UP, order__state="ready")
    found = list(live.order_by("-pk").values_list("order", "store", "account")[:LATELY])
    if not found:
        return
    order, store, has_it = random.choice(found)
    others = CourierAccount.objects.filter(shops__store=store, active=True).exclude(pk=has_it)
    if (other := others.order_by("?").first()) is not None:
        who, key = Actor("Somebody"), uuid.uuid4().hex
        with suppress(NotPossible, Stale):
            hand_to_courier(
                order_id=order, account=other, actor=who, now=timezone.now(), command=key, instead=True
            )


def main() -> None:
    """Tap until somebody ends this process."""
    while True:
        with suppress(DatabaseError):
            tap()
        close_old_connections()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
