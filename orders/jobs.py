"""Outbox handlers: telling platforms about orders and about the intake level."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from orders.cards import iso
from orders.channels.calling import CallFailed
from orders.channels.registry import CALLS
from orders.intake_switch import confirm_told, fail_told, tell_again_if_changed
from orders.models import Order
from orders.states import OrderState
from outbox.errors import Hopeless
from outbox.models import Job
from stores.models import ChannelAccount, StoreChannel
from stores.queries import intake_of

CALLED_OFF = frozenset({OrderState.REJECTED, OrderState.CANCELLED})
ENDINGS = frozenset({"order.rejected", "order.cancelled"})


def tell_order(job: Job) -> None:
    """Tell the platform a step of an order: payload {"order", "call", "reason"}.

    A step of an order that was called off meanwhile is not told any more.
    """
    order = Order.objects.select_related("account").get(pk=job.payload["order"])
    if order.state in CALLED_OFF and job.payload["call"] not in ENDINGS:
        return
    known_as = StoreChannel.objects.get(store_id=order.store_id, account=order.account)
    data = {
        "order_id": order.external_id,
        "store_code": known_as.external_code,
        "reason": job.payload["reason"],
    }
    try:
        _call(order.account, job, kind=job.payload["call"], data=data)
    except CallFailed as failed:
        raise failed if failed.retry else Hopeless(str(failed)) from failed


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
        answer = _call(channel.account, job, kind="store.intake", data=data)
    except CallFailed as failed:
        fail_told(channel=channel, version=state.version, error=str(failed), now=timezone.now())
        raise failed if failed.retry else Hopeless(str(failed)) from failed
    else:
        confirmed = answer.get("level") == state.level
        confirm_told(channel=channel, version=state.version, confirmed=confirmed, now=timezone.now())
    finally:
        tell_again_if_changed(channel=channel, since=state.version, now=timezone.now())


def _call(account: ChannelAccount, job: Job, *, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Sign with the account's newest secret; an account without an address has nobody to tell."""
    if not account.callback_url:
        raise Hopeless(f"{account} has no platform address.")
    return CALLS[account.channel](
        url=account.callback_url,
        secret=account.secret_list[0],
        call_id=f"{job.kind}:{job.key}",
        kind=kind,
        data=data,
        now=timezone.now(),
    )
