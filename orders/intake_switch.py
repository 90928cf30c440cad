"""The intake switch: the level with its history (in `stores`), the boards' event, and what was held."""

from datetime import datetime

from django.db import transaction

from orders.errors import Stale
from orders.events import NewEvent, append
from orders.feed.wire import encode
from orders.models import Order
from orders.queries import intake_view
from orders.services import step
from orders.states import OrderState
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import IntakeState, StoreChannel
from stores.queries import intake_of
from stores.services import change_level, forget_told, record_not_told, record_told, tell_channel

TIMER = Actor("timer")
PLATFORM = Actor("platform")


def set_intake(
    *,
    store_id: int,
    level: IntakeLevel,
    reason: str,
    actor: Actor,
    now: datetime,
    resumes_at: datetime | None = None,
    expected_version: int | None = None,
) -> bool:
    """Change a store's intake level; False if it was so already (or changed meanwhile).

    Effects: the row and its history, a job per platform, one `intake.changed` event; opening then
    releases the orders a pause held, each in a transaction of its own (an event's number is taken
    last, so one transaction must not step through several orders).
    """
    with transaction.atomic():
        changed = change_level(
            store_id=store_id, level=level, reason=reason, actor=actor, now=now, resumes_at=resumes_at,
            expected_version=expected_version,
        )  # fmt: skip
        if changed is None:
            return False
        announce(store_id=store_id, actor=actor, now=now)
    if level == IntakeLevel.OPEN:
        release_held(store_id=store_id, actor=actor, now=now)
    return True


def announce(*, store_id: int, actor: Actor, now: datetime) -> int:
    """Show the boards the intake switch as it is now; returns the event's number."""
    content = f'"intake":{encode(intake_view(store_id))}'
    return append([NewEvent(store_id, None, "intake.changed", actor, content)], at=now)[0]


def resume_due(*, now: datetime) -> int:
    """Open every store whose pause has run out; returns how many. Two callers open each once."""
    due = IntakeState.objects.filter(level=IntakeLevel.PAUSED, resumes_at__lte=now)
    opened = 0
    for store_id, version in due.values_list("store_id", "version"):
        opened += set_intake(
            store_id=store_id,
            level=IntakeLevel.OPEN,
            reason="",
            actor=TIMER,
            now=now,
            expected_version=version,
        )
    return opened


def confirm_told(*, channel: StoreChannel, version: int, confirmed: bool, now: datetime) -> None:
    """A platform answered the news about `version`."""
    with transaction.atomic():
        if record_told(store_channel_id=channel.pk, version=version, confirmed=confirmed):
            announce(store_id=channel.store_id, actor=PLATFORM, now=now)


def tell_again_if_changed(*, channel: StoreChannel, since: int, now: datetime) -> bool:
    """Tell a platform the newest level once more if it changed while it was told version `since`."""
    version = intake_of(channel.store_id).version
    if version == since:
        return False
    with transaction.atomic():
        forget_told(store_channel_id=channel.pk)
        tell_channel(store_channel_id=channel.pk, version=version, now=now, after=since)
        announce(store_id=channel.store_id, actor=PLATFORM, now=now)
    return True


def fail_told(*, channel: StoreChannel, version: int, error: str, now: datetime) -> None:
    """A platform could not be told `version`; the board shows it until it could."""
    with transaction.atomic():
        if record_not_told(store_channel_id=channel.pk, version=version, error=error):
            announce(store_id=channel.store_id, actor=PLATFORM, now=now)


def release_held(*, store_id: int, actor: Actor, now: datetime) -> int:
    """Let the orders a pause held go on: to acceptance, or accepted where the store does so by itself.

    Returns how many. An order that somebody moved meanwhile is left where it is.
    """
    held = Order.objects.filter(store_id=store_id, state=OrderState.HELD, on_board=True).order_by("id")
    automatic = StoreChannel.objects.filter(store_id=store_id, auto_accept=True)
    accounts = set(automatic.values_list("account_id", flat=True))
    return sum(
        _release(order_id, verb="accept" if account_id in accounts else "release", actor=actor, now=now)
        for order_id, account_id in list(held.values_list("id", "account_id"))
    )


def release_forgotten(*, now: datetime) -> int:
    """Release what is still held in open stores, because whoever opened one died halfway."""
    held = Order.objects.filter(state=OrderState.HELD, on_board=True, store__intake__level=IntakeLevel.OPEN)
    stores = list(held.order_by("store_id").values_list("store_id", flat=True).distinct())
    return sum(release_held(store_id=store_id, actor=TIMER, now=now) for store_id in stores)


def _release(order_id: int, *, verb: str, actor: Actor, now: datetime) -> bool:
    try:
        step(order_id=order_id, verb=verb, actor=actor, now=now)
    except Stale:
        return False
    return True
