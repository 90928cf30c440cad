"""The doors of courier accounts: each call is counted, and each rest is kept, for the rail and the report.

All processes share a door (`outbox.guard`); whose call closed it writes the rest down. While they cannot
share it, several may find out by themselves: what is one rest stays one row.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from couriers.models import CourierAccount, CourierRest
from couriers.providers import PROVIDERS
from outbox.guard import Guard, Rest, guard_of

REASON_LENGTH = 200


def door_of(account: CourierAccount) -> Guard:
    """The account's door, with as many calls a second as its courier allows."""
    return guard_of(f"courier:{account.pk}", PROVIDERS[account.provider].can.per_second)


@contextmanager
def guarded(account: CourierAccount, *, now: datetime) -> Iterator[None]:
    """Around one call: let in, counted, and the rest it led to written down. Raises Resting to come later."""
    with door_of(account).admitted(now=now), counted(account, now=now):
        yield


@contextmanager
def counted(account: CourierAccount, *, now: datetime) -> Iterator[None]:
    """Around the call itself, inside `admitted`, for who has more to do at the door."""
    try:
        with door_of(account).counted(now=now):
            yield
    finally:
        keep_rest(account)


def keep_rest(account: CourierAccount) -> None:
    """Write down what is new about the account's rest; after calls in threads without a database, too."""
    rest = door_of(account).take_rest()
    if rest is not None:
        _write(account, rest)


def _write(account: CourierAccount, rest: Rest) -> None:
    """One row a rest: what lasts longer, or what other processes learnt meanwhile, prolongs it."""
    with transaction.atomic():
        CourierAccount.objects.select_for_update(no_key=True).only("pk").get(pk=account.pk)
        known = CourierRest.objects.filter(
            account=account, began_at__lte=rest.until, until__gte=rest.began
        ).order_by("-began_at", "-pk")
        row = known.first() or CourierRest(account=account, began_at=rest.began, until=rest.until)
        row.began_at, row.until = min(row.began_at, rest.began), max(row.until, rest.until)
        row.faults, row.reason = max(row.faults or 0, rest.faults), rest.reason[:REASON_LENGTH]
        row.save()


def resting(accounts: Iterable[CourierAccount | int], now: datetime) -> dict[int, datetime]:
    """Until when accounts rest, in any process, by account id; only those that do. One query."""
    ids = [one if isinstance(one, int) else one.pk for one in accounts]
    rests = CourierRest.objects.filter(account__in=ids, until__gt=now).order_by()
    return dict(rests.values_list("account").annotate(Max("until")))
