"""The jobs of couriers: have an errand sent, called off or asked about, and have a search go on."""

from datetime import datetime, timedelta

from couriers.models import CourierAccount, HandOff
from couriers.providers import PROVIDERS
from couriers.states import EndCause
from outbox.services import enqueue

# By then a wave of errands is sent, and whatever else tells a fee has told it.
PRICED_IN = timedelta(seconds=30)


def step_search(search_id: int, *, why: str, now: datetime) -> None:
    """Have a search go on; `why` makes the job unique."""
    enqueue(kind="search.step", key=f"{search_id}/{why}", payload={"search": search_id}, now=now)


def send(handoff_id: int, *, why: str, now: datetime, account: CourierAccount | None = None) -> None:
    """Have the errand sent to its courier; `why` makes the job unique, `account` need not be looked up."""
    lane = _lane_of(account) if account else ""
    _enqueue_call("handoff.create", handoff_id, why, now, lane=lane)


def call_off(handoff_id: int, *, why: str, now: datetime) -> None:
    """Have the errand cancelled at its courier; `why` makes the job unique."""
    _enqueue_call("handoff.cancel", handoff_id, why, now)


def ask(
    handoff_id: int,
    *,
    why: str,
    now: datetime,
    due_at: datetime | None = None,
    rumour: str = "",
    cause: EndCause | None = None,
) -> None:
    """Have the courier asked how the errand stands; `why` makes the job unique.

    `rumour` and `cause` are what a callback gave as the reason; they count if the courier confirms that it
    gave up.
    """
    _enqueue_call("handoff.query", handoff_id, why, now, due_at=due_at, rumour=rumour, cause=cause or "")


def price(handoff: HandOff, *, now: datetime) -> None:
    """Have the price of an errand that was sent asked for, once, where its courier tells none by itself."""
    account = handoff.account
    if account is not None and not PROVIDERS[account.provider].can.tells_fee:
        due_at, lane = now + PRICED_IN, _lane_of(account)
        _enqueue_call("handoff.price", handoff.pk, "sent", now, due_at=due_at, lane=lane)


def _lane_of(account: CourierAccount) -> str:
    return f"{account.provider}/{account.pk}"


def _enqueue_call(
    kind: str,
    handoff_id: int,
    why: str,
    now: datetime,
    *,
    due_at: datetime | None = None,
    lane: str = "",
    **more: str,
) -> None:
    """A job that calls the courier, in the lane of its account."""
    if not lane:
        account = HandOff.objects.filter(pk=handoff_id).values_list("account__provider", "account")
        lane = "{}/{}".format(*account.get())
    enqueue(
        kind=kind,
        key=f"{handoff_id}/{why}",
        payload={"handoff": handoff_id, **more},
        now=now,
        due_at=due_at,
        lane=lane,
    )
