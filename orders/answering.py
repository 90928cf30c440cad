"""What the counter answers a guest: to a request, to an urge, and when the drinks will be ready.

One verb = one row held still and changed only if it still waits for that, one event with the whole card, and
the call that tells the platform, in one transaction; see `orders.services`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.utils.translation import gettext as _

from orders.cards import iso
from orders.channels.registry import CALLS
from orders.errors import NotPossible
from orders.following import needs_answer, shown
from orders.models import Order
from orders.services import Stepped, once, record, stale
from orders.states import ENDED, TO_MAKE
from orders.telling import tell_more
from stores.actors import Actor

RequestAnswer = Literal["agree", "refuse"]
UrgeAnswer = Literal["making", "on_the_way", "custom"]
CALL_OF_ANSWER = {"agree": "request.agreed", "refuse": "request.refused"}


@once
def answer_request(
    *,
    order_id: int,
    answer: RequestAnswer,
    reason: str = "",
    actor: Actor,
    now: datetime,
    command: str | None = None,
) -> Stepped:
    """Agree to what the guest asks for (calling it off, money back), or refuse it with a reason.

    The order's state stays: the platform says what became of it. Raises Stale if nobody waits for an answer
    (any more), NotPossible if the platform takes none, Order.DoesNotExist.
    """
    with transaction.atomic():
        order = _held_still(order_id)
        request = order.request
        if request is None or not needs_answer(request, order.state):
            raise stale(order_id)
        call = CALL_OF_ANSWER[answer]
        _check_hears(order, call)
        order.request = {**request, "answered": {"answer": answer, "by": actor.label, "at": iso(now)}}
        _write(order, request=order.request, on_board=_is_shown(order))
        data = {name: request[name] for name in ("about", "ref", "whole")} | {"reason": reason}
        name = (
            f"{request['at']}.{request['step']}.{request['ref']}"  # an appeal has its request's other names
        )
        tell_more(order_id=order_id, call=call, name=name, data=data, now=now)
        return record(order_id, kind="order.answered", actor=actor, now=now, command=command)


@once
def answer_urge(
    *,
    order_id: int,
    answer: UrgeAnswer,
    text: str = "",
    actor: Actor,
    now: datetime,
    command: str | None = None,
) -> Stepped:
    """Tell the guest who asks where the order is; `text` (30 characters) goes with "custom".

    Raises Stale if no urge waits (any more), NotPossible if the platform takes no answer, Order.DoesNotExist.
    """
    with transaction.atomic():
        order = _held_still(order_id)
        if order.urged_at is None or order.urge_answered_at is not None or order.state in ENDED:
            raise stale(order_id)
        _check_hears(order, "urge.answered")
        _write(order, urge_answered_at=now)
        data = {"ref": order.urge_ref, "answer": answer, "text": text}
        name = order.urge_ref or str(iso(order.urged_at))
        tell_more(order_id=order_id, call="urge.answered", name=name, data=data, now=now)
        return record(order_id, kind="order.answered", actor=actor, now=now, command=command)


@once
def postpone(
    *, order_id: int, minutes: int, actor: Actor, now: datetime, command: str | None = None
) -> Stepped:
    """Say that the order will be ready `minutes` from now, as long as it is not.

    A platform that has no ears for it is not told; the board shows it anyway. Raises Stale,
    Order.DoesNotExist.
    """
    with transaction.atomic():
        order = _held_still(order_id)
        if order.state not in TO_MAKE:
            raise stale(order_id)
        ready_at = now + timedelta(minutes=minutes)
        _write(order, expected_at=ready_at)
        if _hears(order, "order.delayed"):
            told = str(iso(ready_at))
            data = {"ready_at": told}
            tell_more(order_id=order_id, call="order.delayed", name=told, data=data, now=now)
        return record(order_id, kind="order.postponed", actor=actor, now=now, command=command)


def _held_still(order_id: int) -> Order:
    """The order, locked: of two who answer at once, the second finds what the first wrote."""
    rows = Order.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("account").get(pk=order_id)


def _write(order: Order, **values: object) -> None:
    Order.objects.filter(pk=order.pk).update(**values)


def _is_shown(order: Order) -> bool:
    facts = ("state", "fulfilment", "dismissed_at", "request")
    return shown({name: getattr(order, name) for name in facts})


def _hears(order: Order, call: str) -> bool:
    return call in CALLS[order.account.channel].hears


def _check_hears(order: Order, call: str) -> None:
    if not _hears(order, call):
        raise NotPossible(_("This platform takes no answer from here; give it in the platform's own app."))
