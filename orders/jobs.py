"""Outbox handlers: telling platforms about orders and about the intake level."""

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from orders import reconciliation, tokens
from orders.cards import iso
from orders.channels.registry import CALLS, PULLS
from orders.comparison import Mark
from orders.intake_switch import confirm_told, fail_told, tell_again_if_changed
from orders.models import Order
from orders.platforms import call_platform
from orders.services import note_heard
from orders.states import ENDED, TO_MAKE, Fulfilment, OrderState, PlatformState
from orders.telling import call_key
from outbox.calling import CallFailed, Refused, Uncertain
from outbox.errors import Hopeless, NotYet
from outbox.models import Job
from stores.models import ChannelAccount, StoreChannel
from stores.queries import intake_of
from stores.sealed import unseal

logger = logging.getLogger(__name__)
CALLED_OFF = frozenset({OrderState.REJECTED, OrderState.CANCELLED})
ENDINGS = frozenset({"order.rejected", "order.cancelled"})
# What a platform hears only of an order that it knows as accepted: of the first, whoever accepts it.
OF_ACCEPTED = frozenset({"order.delayed", "order.self_delivery"})
AFTER_ACCEPTANCE = OF_ACCEPTED | {"order.ready", "order.collected", "order.delivered"}
WAIT_FOR_ACCEPTANCE = 5.0  # seconds
# Where an order stands at the platform once it took the call.
HEARD = {
    "order.accepted": PlatformState.ACCEPTED,
    "order.rejected": PlatformState.CANCELLED,
    "order.cancelled": PlatformState.CANCELLED,
}
CARRIER = {"rider_name": "rider", "carrier": "carrier"}  # what a call says, by the card's name for it


def tell_order(job: Job) -> None:
    """Tell the platform something about an order: payload {"order", "call", "data"}.

    A step of an order that was called off meanwhile is not told any more, nor is what the platform has no
    ears for.
    """
    order = Order.objects.select_related("account").get(pk=job.payload["order"])
    kind = job.payload["call"]
    if kind not in CALLS[order.account.channel].hears:
        return
    if _is_pointless(order, kind, job.payload["data"]):
        return
    if _is_too_early(order, kind):
        raise NotYet(WAIT_FOR_ACCEPTANCE, "the platform does not know the order as accepted")
    data = {
        "order_id": order.external_id,
        "store_code": store_code_of(order),
        **_carrier_of(order),
        **job.payload["data"],
    }
    if "rider_phone" in data:
        data["rider_phone"] = unseal(data["rider_phone"])
    try:
        call_platform(order.account, call_id=f"{job.kind}:{job.key}", kind=kind, data=data)
    except Refused as refused:
        if not _may_be_told(job, kind):
            raise Hopeless(str(refused)) from refused
        logger.info("%s was refused after an attempt nobody answered: taken as told (%s)", job, refused)
    if kind in HEARD:
        note_heard(order_id=order.pk, platform_state=HEARD[kind])


def _is_too_early(order: Order, kind: str) -> bool:
    """Whether the acceptance comes first, and is still on its way."""
    if order.platform_state != PlatformState.PLACED:
        return False
    if kind in OF_ACCEPTED:
        return True
    accepting = Job.objects.filter(kind="channel.order", key=call_key(order_id=order.pk, verb="accept"))
    return kind in AFTER_ACCEPTANCE and accepting.filter(state=Job.State.DUE).exists()


def _may_be_told(job: Job, kind: str) -> bool:
    """Whether an earlier attempt may have been taken, so that a refusal only says that it was.

    Not for what changes where the order stands: there the channel asks before it calls it refused.
    """
    return kind not in HEARD and job.last_error.startswith(Uncertain.__name__)


def _is_pointless(order: Order, kind: str, data: Mapping[str, Any]) -> bool:
    """Whether it is no news any more: of an order called off, or a time that another has replaced."""
    if kind == "order.delayed":
        return order.state not in TO_MAKE or data["ready_at"] != iso(order.expected_at)
    if kind == "order.self_delivery":
        return order.state in ENDED
    return order.state in CALLED_OFF and kind not in ENDINGS and data.get("about") != "refund"


def store_code_of(order: Order) -> str:
    """The store the platform sold the order for; it may be made at another one by now."""
    if order.platform_store_code:
        return order.platform_store_code
    known_as = StoreChannel.objects.get(store_id=order.store_id, account_id=order.account_id)
    return known_as.external_code


def _carrier_of(order: Order) -> dict[str, str]:
    """Who brings an order that the store delivers, as far as its card shows it."""
    if order.fulfilment != Fulfilment.STORE_COURIER:
        return {}
    delivery = order.delivery or {}
    return {name: delivery[shown] for name, shown in CARRIER.items() if delivery.get(shown)}


def tell_intake(job: Job) -> None:
    """Tell a platform the intake level: payload {"store_channel", "version"}.

    News that is out of date is not told. The platform confirms by repeating the level. If the level
    changed during the call, the platform may have heard the two in the wrong order (or may yet hear
    this one, if the call timed out): then it is told the newest again.
    """
    channel = StoreChannel.objects.select_related("account").get(pk=job.payload["store_channel"])
    state = intake_of(channel.store_id)
    if state.version != job.payload["version"]:
        return
    data = {
        "store_code": channel.external_code,
        "level": state.level,
        "version": state.version,
        "resumes_at": iso(state.resumes_at),
    }
    try:
        answer = _tell_intake(channel, job, data)
    except CallFailed as failed:
        fail_told(channel=channel, version=state.version, error=str(failed), now=timezone.now())
        if isinstance(failed, Refused):
            raise Hopeless(str(failed)) from failed
        raise
    else:
        confirmed = answer.get("level") == state.level
        confirm_told(channel=channel, version=state.version, confirmed=confirmed, now=timezone.now())
    finally:
        tell_again_if_changed(channel=channel, since=state.version, now=timezone.now())


def _tell_intake(channel: StoreChannel, job: Job, data: Mapping[str, Any]) -> Mapping[str, Any]:
    return call_platform(channel.account, call_id=f"{job.kind}:{job.key}", kind="store.intake", data=data)


def reconcile(job: Job) -> None:
    """Compare an account with its platform: payload {"account"}, and what `orders.reconciliation.reconcile`
    is to be given: "mark", "whole", "levels".

    A platform that cannot be asked is no fault of the job: what is left is a job of its own.
    """
    account = ChannelAccount.objects.get(pk=job.payload["account"])
    if not account.active or not account.callback_url or account.channel not in PULLS:
        return
    wanted = {name: job.payload[name] for name in ("whole", "levels") if name in job.payload}
    mark = Mark(**job.payload.get("mark", {}))
    reconciliation.reconcile(account, timezone.now(), mark=mark, **wanted)


def renew_token(job: Job) -> None:
    """Get an account's next token: payload {"account"}; the key's second part names the one to replace.

    A refusal is a dead letter: until somebody lets us in again, calls of this account cannot work.
    """
    account = ChannelAccount.objects.get(pk=job.payload["account"])
    if account.active:
        tokens.wait_for_others(job, now=timezone.now())
        tokens.renew(account=account, about=job.key.partition(":")[2], now=timezone.now())
