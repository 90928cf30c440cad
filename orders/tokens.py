"""What platforms let us call with: renewed before it expires, once however many find it stale."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from orders.channels.registry import PULLS
from orders.platforms import admitted, token_name
from outbox.calling import Refused
from outbox.errors import Hopeless, NotYet
from outbox.models import Job
from outbox.services import enqueue
from stores.models import ChannelAccount, ChannelToken

KIND = "channel.token"
RENEW_BEFORE = timedelta(days=1) / 5  # a night's outage of the platform, or of us, leaves time to renew
WAIT = 2.0  # seconds until the other renewal is over


def renew(*, account: ChannelAccount, about: str, now: datetime) -> bool:
    """Get the account's next token and keep it; False if there is nothing to renew.

    `about` names the token that is to be replaced (the job's key after the account). Raises Hopeless if the
    platform refuses, else what `orders.platforms.admitted` raises.
    """
    held = ChannelToken.objects.filter(account=account).first()
    if account.channel not in PULLS or about not in names_of(held):
        return False
    refresh = held.refresh if held else ""
    with admitted(account, for_token=True) as access:
        try:
            token = PULLS[account.channel].renew(access=access, refresh=refresh, now=now)
        except Refused as refused:
            raise Hopeless(f"The platform gives no new token: {refused}") from refused
    if token is None:
        return False
    values = {
        "access": token.access,
        "refresh": token.refresh or refresh,
        "expires_at": now + timedelta(seconds=token.seconds),
    }
    ChannelToken.objects.update_or_create(account=account, defaults=values)
    return True


def names_of(token: ChannelToken | None) -> frozenset[str]:
    """What jobs call this token: by its hash, or by when it expires."""
    if token is None:
        return frozenset({token_name("")})
    return frozenset({token_name(token.access), _by_expiry(token.expires_at)})


def wait_for_others(job: Job, *, now: datetime) -> None:
    """Raise NotYet while an older job renews the account's token: a refresh token may work only once."""
    account, _, _ = job.key.partition(":")
    others = Job.objects.filter(kind=KIND, key__startswith=f"{account}:", state=Job.State.DUE)
    if others.filter(pk__lt=job.pk, lease_until__gt=now).exists():
        raise NotYet(WAIT, "another renewal is under way")


def enqueue_renewals(*, now: datetime) -> int:
    """Write a job for each token that expires soon, and for each account that never had one.

    The same token makes the same job, so that one that was refused stays a single dead letter.
    """
    missing, ending = Q(token=None), Q(token__expires_at__lt=now + RENEW_BEFORE)
    accounts = ChannelAccount.objects.filter(missing | ending, active=True, channel__in=list(PULLS))
    accounts = accounts.exclude(callback_url="").select_related("token")
    for account in accounts:
        token = getattr(account, "token", None)
        about = _by_expiry(token.expires_at) if token else token_name("")
        enqueue(kind=KIND, key=f"{account.pk}:{about}", payload={"account": account.pk}, now=now)
    return len(accounts)


def _by_expiry(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
