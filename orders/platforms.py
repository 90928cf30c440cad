"""The one door through which platforms are called: the account's guard, its secret, its token."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils import timezone

from orders.channels.calling import Access
from orders.channels.registry import CALLS, PULLS
from outbox.calling import Refused, Unreachable
from outbox.errors import Hopeless, NotYet
from outbox.guard import Guard, Resting, guard_of
from outbox.models import Job
from outbox.services import enqueue
from stores.models import ChannelAccount, ChannelToken

TOKEN_REFUSED = "UNAUTHORIZED"  # noqa: S105 -- a code, no secret
FIRST_TOKEN = "first"  # noqa: S105 -- a name, no secret
WAIT_FOR_TOKEN = 2.0  # seconds


def call_platform(
    account: ChannelAccount, *, call_id: str, kind: str, data: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Make one call and return the answer.

    Raises outbox.calling.CallFailed, or NotYet for a call that was turned away at the door: it costs no
    attempt. Hopeless for an account without an address or a secret: it has nobody to tell.
    """
    with admitted(account) as access:
        return CALLS[account.channel].call(
            access=access, call_id=call_id, kind=kind, data=data, now=timezone.now()
        )


@contextmanager
def admitted(account: ChannelAccount, *, for_token: bool = False) -> Iterator[Access]:
    """Around one call to the account's platform: counted by its guard, with what it is signed with.

    `for_token`: it is the call that gets a token, and needs none.
    """
    access = access_of(account, for_token=for_token)
    with _counted(account, access):
        yield access


def access_of(account: ChannelAccount, *, for_token: bool = False) -> Access:
    """What the account's calls are signed with. Raises Hopeless for an account without an address or a
    secret, NotYet while its first token is on its way, Refused if that was not given."""
    if not account.callback_url or not account.secret_list:
        raise Hopeless(f"{account} has no platform address, or no secret.")
    token = ChannelToken.objects.filter(account=account).values_list("access", flat=True).first() or ""
    if not token and not for_token and account.channel in PULLS and PULLS[account.channel].NEEDS_TOKEN:
        _wait_for_first_token(account)
    return Access(
        url=account.callback_url,
        app_id=account.app_id,
        app_key=account.app_key,
        secret=account.secret_list[0],
        token=token,
    )


def _wait_for_first_token(account: ChannelAccount) -> None:
    if not ask_for_token(account, stale=""):
        raise Refused("The platform gave no token.", code=TOKEN_REFUSED)
    raise NotYet(_jittered(WAIT_FOR_TOKEN), "the first token is on its way")


@contextmanager
def in_passing(account: ChannelAccount, access: Access) -> Iterator[None]:
    """Around one of many calls that can wait: they leave half of the account's calls to all others."""
    half = guard_of(f"in passing:{account.pk}", settings.CHANNEL_CALLS_PER_SECOND / 2)
    with _let_in(half), _counted(account, access):
        yield


@contextmanager
def _counted(account: ChannelAccount, access: Access) -> Iterator[None]:
    guard = guard_of(f"channel:{account.pk}", settings.CHANNEL_CALLS_PER_SECOND)
    try:
        with _let_in(guard), guard.counted(now=timezone.now()):
            yield
    except Unreachable as error:
        if error.wait:
            raise NotYet(_jittered(error.wait), str(error)) from error
        raise
    except Refused as refused:
        if refused.code != TOKEN_REFUSED or not access.token:
            raise
        if not ask_for_token(account, stale=access.token):
            raise
        raise NotYet(_jittered(WAIT_FOR_TOKEN), str(refused)) from refused


@contextmanager
def _let_in(guard: Guard) -> Iterator[None]:
    try:
        with guard.admitted(now=timezone.now()):
            yield
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting


def ask_for_token(account: ChannelAccount, *, stale: str) -> bool:
    """Have the account's token renewed, once however many calls found it stale; False if that has failed."""
    key = f"{account.pk}:{token_name(stale)}"
    enqueue(kind="channel.token", key=key, payload={"account": account.pk}, now=timezone.now())
    return not Job.objects.filter(kind="channel.token", key=key, state=Job.State.DEAD).exists()


def token_name(access: str) -> str:
    """What a job calls a token: nobody can call with it. There is a name for having none, too."""
    return hashlib.sha256(access.encode()).hexdigest()[:16] if access else FIRST_TOKEN


def _jittered(seconds: float) -> float:
    """Up to half as long again: those who wait for one thing must not all come back at once."""
    return seconds * random.uniform(1.0, 1.5)  # noqa: S311 -- jitter
