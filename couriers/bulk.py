"""Many orders handed off with one tap: the tap is written down whole, jobs work it off in chunks.

Each order goes through the same verbs as a single hand-off, under a command key of its item: a chunk that
a killed worker leaves half done is simply done again, and no order gets two carriers.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from django.db import transaction
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, Value, When
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from couriers.models import BulkHandOff, BulkItem, CourierAccount, Rider
from couriers.services import hand_to_courier, hand_to_rider, seek
from orders.errors import NotPossible, Stale
from orders.models import Order
from orders.services import Stepped
from outbox.models import Job
from outbox.services import enqueue
from stores.actors import Actor
from stores.models import Store

logger = logging.getLogger(__name__)
MOST_ORDERS = 1_000
TAKEN_UP_FOR = timedelta(hours=1)  # whoever tapped has long looked for another way
CHUNK = 20  # a fraction of a second: between two chunks other stores' errands get their turn
AUTO = "auto"
Outcome = BulkItem.Outcome
Give = Callable[[int, Actor, datetime, str], Stepped]


class ItemView(TypedDict):
    """An order of a bulk hand-off; `outcome` is "" while it waits, `detail` says why it was refused."""

    order: int
    number: str
    outcome: str
    detail: str


class BulkView(TypedDict):
    """How far a bulk hand-off is; the refused ones come first."""

    total: int
    done: int
    refused: int
    waiting: int
    items: list[ItemView]


def start(
    *, store: Store, order_ids: Sequence[int], target: str, actor: Actor, now: datetime, command: str
) -> BulkHandOff:
    """Write the wish down and begin; the same `command` again gives the first one back.

    Orders that are not the store's are left out. Raises NotPossible for a carrier the store does not have.
    """
    _giver(target, store)
    with transaction.atomic():
        bulk, fresh = BulkHandOff.objects.get_or_create(
            store=store,
            command=command,
            defaults={"target": target, "actor": actor.user, "actor_label": actor.label, "at": now},
        )
        if fresh:
            _write_items(bulk, order_ids)
            _next_chunk(bulk, 1, now)
    return bulk


def progress(bulk: BulkHandOff) -> BulkView:
    """How far it is, in two queries."""
    counts = bulk.items.aggregate(
        total=Count("pk"),
        done=Count("pk", filter=Q(outcome=Outcome.DONE)),
        refused=Count("pk", filter=Q(outcome=Outcome.REFUSED)),
    )
    refused_first = Case(When(outcome=Outcome.REFUSED, then=Value(0)), default=1, output_field=IntegerField())
    rows = bulk.items.order_by(refused_first, "pk").values(
        "order", "order__daily_number", "outcome", "detail"
    )[:MOST_ORDERS]
    return {
        "total": counts["total"],
        "done": counts["done"],
        "refused": counts["refused"],
        "waiting": counts["total"] - counts["done"] - counts["refused"],
        "items": [
            {
                "order": row["order"],
                "number": row["order__daily_number"],
                "outcome": row["outcome"],
                "detail": row["detail"],
            }
            for row in rows
        ],
    }


def work(job: Job) -> None:
    """The outbox's handler: hand the next chunk off, and have the one after it done."""
    bulk = BulkHandOff.objects.select_related("store", "actor").get(pk=job.payload["bulk"])
    waiting = bulk.items.filter(outcome="").order_by("pk")
    with translation.override(job.payload["language"]):
        for item in waiting[:CHUNK]:
            _hand_off(bulk, item)
    if waiting.exists():
        _next_chunk(bulk, job.payload["chunk"] + 1, timezone.now(), language=job.payload["language"])


def take_up(*, now: datetime) -> int:
    """Go on with what waits although its job was given up; returns how many were taken up."""
    waiting = BulkItem.objects.filter(bulk=OuterRef("pk"), outcome="")
    recent = BulkHandOff.objects.filter(Exists(waiting), at__gte=now - TAKEN_UP_FOR)
    return sum(_take_up(bulk, now) for bulk in recent.order_by("pk")[:CHUNK])


def _take_up(bulk: BulkHandOff, now: datetime) -> bool:
    """With a job of its own; not while there is one, which may only be late."""
    jobs = Job.objects.filter(kind="handoff.bulk", key__startswith=f"{bulk.pk}/")
    last = jobs.order_by("-pk").first()
    if last is None or last.state != Job.State.DEAD:
        return False
    _next_chunk(bulk, last.payload["chunk"] + 1, now, language=last.payload["language"])
    return True


def _write_items(bulk: BulkHandOff, order_ids: Sequence[int]) -> None:
    """In the order they were chosen in, each once."""
    own = set(Order.objects.filter(store=bulk.store, pk__in=order_ids).values_list("pk", flat=True))
    chosen = [order for order in dict.fromkeys(order_ids) if order in own]
    BulkItem.objects.bulk_create([BulkItem(bulk=bulk, order_id=order) for order in chosen])


def _next_chunk(bulk: BulkHandOff, chunk: int, now: datetime, language: str | None = None) -> None:
    """One chunk after the other: a thousand orders of one store do not stand before another's one.

    Reasons are told in the language of whoever tapped.
    """
    payload = {"bulk": bulk.pk, "chunk": chunk, "language": language or translation.get_language()}
    enqueue(kind="handoff.bulk", key=f"{bulk.pk}/{chunk}", payload=payload, now=now)


def _hand_off(bulk: BulkHandOff, item: BulkItem) -> None:
    """One order: what came of it goes on the item, unless somebody else was faster with the same."""
    outcome, detail = Outcome.DONE, ""
    actor = Actor(bulk.actor_label, bulk.actor)
    try:
        _check_store(bulk, item)
        _giver(bulk.target, bulk.store)(item.order_id, actor, timezone.now(), f"bulk-{item.pk}")
    except (Stale, NotPossible) as refusal:
        outcome, detail = Outcome.REFUSED, str(refusal)
    except Exception:
        # One that cannot be handed off, for whatever reason, does not hold up those behind it.
        logger.exception("order %s of bulk hand-off %s failed", item.order_id, bulk.pk)
        outcome, detail = Outcome.REFUSED, _("This did not work. Try again.")
    BulkItem.objects.filter(pk=item.pk, outcome="").update(outcome=outcome, detail=detail[:200])


def _check_store(bulk: BulkHandOff, item: BulkItem) -> None:
    """It may have been moved since the tap, and is no longer this counter's to give away."""
    if not Order.objects.filter(pk=item.order_id, store=bulk.store_id).exists():
        raise NotPossible(_("Another store makes it now."))


def _giver(target: str, store: Store) -> Give:
    """How an order is given to `target`. Raises NotPossible when the store has no such carrier."""
    if target == AUTO:
        return lambda order, actor, now, command: seek(order_id=order, actor=actor, now=now, command=command)
    kind, number = target.split(":")
    if kind == "rider" and (rider := Rider.objects.filter(store=store, pk=number, active=True).first()):
        return lambda order, actor, now, command: hand_to_rider(
            order_id=order, rider=rider, actor=actor, now=now, command=command
        )
    accounts = CourierAccount.objects.filter(shops__store=store, active=True)
    if kind == "courier" and (account := accounts.filter(pk=number).first()):
        return lambda order, actor, now, command: hand_to_courier(
            order_id=order, account=account, actor=actor, now=now, command=command
        )
    raise NotPossible(_("This carrier is not there any more."))
