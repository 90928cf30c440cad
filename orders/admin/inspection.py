"""What the inspector finds out about a stored message: is it proven, what does it say, what did it cause."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from orders.admin.parsed import Parsed, parsed
from orders.admin.words import RULES
from orders.channels.incoming import Keys, Rejected, Request
from orders.channels.registry import PUSHES
from orders.intake.routing import Unreadable, read
from orders.models import Conflict, IncomingMessage, Order, OrderEvent, RefusedMessage
from orders.telling import CALLS, call_key
from outbox.models import Job
from stores.channels import Channel
from stores.models import ChannelAccount

# Channels whose signature is part of what is kept; the others send it in a head, which is not.
SIGNED_WITHIN = frozenset({Channel.ELEME, Channel.MEITUAN})
MOST = 20  # rows of a kind


@dataclass(frozen=True, slots=True)
class Proven:
    """How a message was verified, and whether it would be now: None if that cannot be told any more."""

    rule: str | Promise
    result: str
    now: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Caused:
    """What a message led to, and what contradicts it."""

    order: Order | None
    events: list[OrderEvent]
    jobs: list[Job]
    conflicts: list[Conflict]


def opened(message: IncomingMessage | Conflict | RefusedMessage) -> str | None:
    """The text as it came; None if it was sealed with a key that is not known."""
    try:
        return message.body
    except InvalidToken:
        return None


def parsed_view(message: IncomingMessage) -> tuple[Parsed | None, str]:
    """What the message says; or None, and why it cannot be read."""
    try:
        return parsed(read(message)), ""
    except Unreadable as unreadable:
        return None, str(unreadable)


def proven(message: IncomingMessage) -> Proven:
    """Which rule proved the message, with which secret, and whether it would again."""
    rule = RULES[message.account.channel]
    if message.secret is None:
        return Proven(rule, _("asked for by us: nobody signed it"), None, "")
    result = _("valid, newest secret")
    if message.secret:
        result = _("valid, secret no. %(number)d (older)") % {"number": message.secret + 1}
    if message.account.channel not in SIGNED_WITHIN:
        return Proven(rule, result, None, _("its signature came in the head, which is not kept"))
    why = _refused_now(message)
    return Proven(rule, result, not why, why)


def _refused_now(message: IncomingMessage) -> str:
    """Why the message would be refused if it came again, "" if it would not."""
    account, raw = message.account, opened(message)
    if raw is None:
        return _("its seal cannot be opened")
    keys = Keys(account.app_id, tuple(account.secret_list))
    address = push_address(account, message.kind)
    reason = ""
    for url in (address, address.removesuffix("/")):  # both reach us, and one of them was signed
        request = Request("POST", url, message.kind, "", {}, raw.encode())
        try:
            PUSHES[account.channel].verify(keys=keys, request=request)
        except Rejected as rejected:
            reason = rejected.detail
        else:
            return ""
    return reason


def push_address(account: ChannelAccount, kind: str = "") -> str:
    """Where the platform pushes messages of `kind` to."""
    base = f"{settings.PUBLIC_URL.rstrip('/')}/intake/{account.channel}/{account.slug}/"
    return f"{base}{kind}/" if kind in PUSHES[account.channel].KINDS else base


def caused(message: IncomingMessage) -> Caused:
    """What the message led to: at the moment it came or, if its order came later, at that moment."""
    order = _order_of(message)
    events, jobs = OrderEvent.objects.none(), Job.objects.none()
    if order is not None:
        at = max(message.received_at, order.received_at)
        events = order.events.filter(at=at).order_by("seq")
        keys = [call_key(order_id=order.pk, verb=verb) for verb in CALLS]
        jobs = Job.objects.filter(kind="channel.order", key__in=keys, created_at=at).order_by("pk")
    return Caused(order, list(events[:MOST]), list(jobs[:MOST]), list(_conflicts(message)[:MOST]))


def _order_of(message: IncomingMessage) -> Order | None:
    if not message.external_id:
        return None
    orders = Order.objects.filter(account=message.account_id, external_id=message.external_id)
    return orders.select_related("store").first()


def _conflicts(message: IncomingMessage) -> QuerySet[Conflict]:
    about = Q(delivery_id=message.delivery_id)
    if message.external_id:
        about |= Q(external_id=message.external_id)
    return Conflict.objects.filter(about, account=message.account_id).defer("body")


def contradicted(conflict: Conflict) -> IncomingMessage | None:
    """The stored message that a conflict is with: the same push, else the first about the same order."""
    stored = IncomingMessage.objects.filter(account=conflict.account_id).select_related("account")
    same = stored.filter(delivery_id=conflict.delivery_id).defer("body").first()
    if same is None and conflict.external_id:
        return stored.filter(external_id=conflict.external_id).order_by("pk").defer("body").first()
    return same


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference; `kind` is "added", "removed", "place" or ""."""

    kind: str
    text: str


KINDS = {"+": "added", "-": "removed", "@": "place"}


def difference(stored: IncomingMessage, conflict: Conflict) -> tuple[list[Line], str]:
    """The lines of a unified diff of what the two say, and why there is none if they cannot be compared."""
    other = IncomingMessage(account=conflict.account, kind=stored.kind, body=opened(conflict) or "")
    views = [parsed_view(stored), parsed_view(other)]
    if problem := next((problem for view, problem in views if view is None), ""):
        return [], problem
    before, after = (view.as_text() for view, _problem in views if view is not None)
    names = _("stored"), _("contradicting")
    lines = unified_diff(before, after, *names, lineterm="", n=2)
    return [Line(KINDS.get(text[0], ""), text) for text in lines], ""
