"""The one door through which platforms are called: the account's guard, its secret, its token."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils import timezone

from orders.channels.calling import Access
from orders.channels.registry import CALLS
from outbox.calling import Refused, Unreachable
from outbox.errors import Hopeless, NotYet
from outbox.guard import Resting, guard_of
from outbox.models import Job
from outbox.services import enqueue
from stores.models import ChannelAccount, ChannelToken

TOKEN_REFUSED = "UNAUTHORIZED"  # noqa: S105 -- a code, no secret
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
def admitted(account: ChannelAccount) -> Iterator[Access]:
    """Around one call to the account's platform: counted by its guard, with what it is signed with."""
    if not account.callback_url or not account.secret_list:
        raise Hopeless(f"{account} has no platform address, or no secret.")
    guard = guard_of(f"channel:{account.pk}", settings.CHANNEL_CALLS_PER_SECOND)
    access = _access(account)
    try:
        with guard.admitted(now=timezone.now()), guard.counted(now=timezone.now()):
            yield access
    except Resting as resting:
        raise NotYet(resting.wait, str(resting)) from resting
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


def ask_for_token(account: ChannelAccount, *, stale: str) -> bool:
    """Have the account's token renewed, once however many calls found it stale; False if that has failed."""
    key = f"{account.pk}:{token_name(stale)}"
    enqueue(kind="channel.token", key=key, payload={"account": account.pk}, now=timezone.now())
    return not Job.objects.filter(kind="channel.token", key=key, state=Job.State.DEAD).exists()


def token_name(access: str) -> str:
    """What a job calls a token: nobody can call with it."""
    return hashlib.sha256(access.encode()).hexdigest()[:16]


def _jittered(seconds: float) -> float:
    """Up to half as long again: those who wait for one thing must not all come back at once."""
    return seconds * random.uniform(1.0, 1.5)  # noqa: S311 -- jitter


def _access(account: ChannelAccount) -> Access:
    token = ChannelToken.objects.filter(account=account).first()
    return Access(
        url=account.callback_url,
        app_id=account.app_id,
        app_key=account.app_key,
        secret=account.secret_list[0],
        token=token.access if token else "",
    )
