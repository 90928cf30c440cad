"""Comparing what a platform believes with what is stored, and healing what differs.

A run asks for missed messages, for each store's orders, and for single orders that lack something or that the
two sides disagree about. Whatever is found goes through the writer of intake, so a run repeated, or beside
another one, changes nothing more. What does not fit into a run is a job of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from orders import conflicts
from orders.channels.calling import Access
from orders.channels.registry import PULLS
from orders.models import IncomingMessage, Order, Reconciliation
from orders.platforms import admitted
from orders.pulling import Found, Taker
from outbox.calling import Refused
from outbox.errors import NotYet
from outbox.models import Job
from outbox.services import enqueue
from stores.channels import Channel
from stores.models import ChannelAccount, StoreChannel

PERIOD = 30  # seconds between two runs of an account: what nobody pushed is found well within two minutes
WHOLE_EVERY = 10  # runs; the day's whole list finds what the short one cannot, but costs a call per 50 orders
RUN_SECONDS = 15.0  # then the rest is another job's: with its last call a run must end within its job's lease
MOST_ASKED = 40  # single orders of one kind a run asks for: with all kinds, what fits into its time
LONGEST_TURN = 1.0  # seconds a call waits while others are served; who rests longer is not to be asked
EARLY_BETWEEN = timedelta(hours=1), timedelta(seconds=PERIOD)
"""How old a message is whose order is asked for: it may be on its way, or never have been the store's."""
OWED_FOR = timedelta(days=1)  # how long a platform is asked for what an order lacks
DAY = timedelta(days=1)
YESTERDAY_UNTIL = timedelta(minutes=30)  # after midnight, the day before is asked for as well
CHINA = ZoneInfo("Asia/Shanghai")  # the days of all platforms there are to ask
# What a platform's list is compared by: its own numbers of orders, or the store's numbers of the day.
COMPARED_BY = {Channel.ELEME: "external_id", Channel.MEITUAN: "daily_number"}
ERROR_LENGTH = 200


def reconcile(
    account: ChannelAccount, now: datetime, *, after: str = "", whole: bool | None = None
) -> Reconciliation:
    """Compare and heal once; returns the run's row, which is also written if it raises.

    `after` is the code of the store another run ended with. `whole` lists the whole day: by default in every
    tenth period, and at an hour's first run. Raises what `orders.platforms.admitted` raises.
    """
    begun = time.monotonic()
    found = Found()
    try:
        whole = _is_whole(account, now) if whole is None else whole
        left_at = _Run(account, found=found, whole=whole, now=now).compare(after)
    except Exception as error:
        _row(account, found, now=now, problem=str(error) or type(error).__name__).save()
        raise
    row = _row(account, found, now=now, problem=found.problem)
    row.finished_at = now + timedelta(seconds=time.monotonic() - begun)
    with transaction.atomic():
        row.save()
        if left_at is not None:
            _go_on(account, after=left_at, whole=whole, now=now)
    return row


def enqueue_runs(*, now: datetime) -> int:
    """Write a job for each account that can be asked and is not being asked; returns how many.

    Its key is the period: two schedulers are one. An account whose platform is down keeps its one job.
    """
    accounts = ChannelAccount.objects.filter(active=True, channel__in=list(PULLS)).exclude(callback_url="")
    waiting = Job.objects.filter(queue="reconciliation", kind="channel.reconcile", state=Job.State.DUE)
    busy = {key.partition(":")[0] for key in waiting.values_list("key", flat=True)}
    idle = [pk for pk in accounts.values_list("pk", flat=True) if str(pk) not in busy]
    for pk in idle:
        enqueue(kind="channel.reconcile", key=f"{pk}:{_period(now)}", payload={"account": pk}, now=now)
    return len(idle)


class _Run:
    """One comparison, until it is done or its time is over."""

    def __init__(self, account: ChannelAccount, *, found: Found, whole: bool, now: datetime) -> None:
        self._account, self._found, self._whole, self._now = account, found, whole, now
        self._pulls = PULLS[account.channel]
        self._taker = Taker(account, found=found, now=now)
        self._told: set[str] = set()
        self._until = time.monotonic() + RUN_SECONDS

    def compare(self, after: str) -> str | None:
        """Returns the code of the store another run must go on after; None if all is done."""
        if not after:
            self._missed()
        days = {day: self._known(day) for day in _days(self._now)}
        for code in self._codes(after):
            for day, known in days.items():
                self._store(code, day, frozenset(known.get(code, ())))
            if self._is_over():
                return code
        self._one_by_one(_in_turns(self._incomplete(), self._now))
        self._one_by_one(_in_turns(self._awaited(), self._now))
        self._one_by_one(conflicts.disputed(self._account, now=self._now)[:MOST_ASKED])
        self._one_by_one(_in_turns(conflicts.going_on(self._account, now=self._now), self._now))
        return None

    def _missed(self) -> None:
        """Take what could not be delivered, and say so once it is committed."""
        with self._unless_refused("missed messages"):
            with self._admitted() as access:
                messages = self._pulls.missed(access=access, now=self._now)
            if refs := self._taker.take_missed(messages):
                with self._admitted() as access:
                    self._pulls.confirm(access=access, refs=refs, now=self._now)

    def _store(self, code: str, day: date, known: frozenset[str]) -> None:
        """Take one store's list; it is never cut short, for what comes last in it would never be seen."""
        told: dict[str, str | None] = {}
        with self._unless_refused(f"store {code}"), self._admitted() as access:
            listed = self._pulls.orders(
                access=access, store_code=code, day=day, known=known, whole=self._whole, now=self._now
            )
            told |= self._taker.take_orders(listed)
        self._settle(told)

    def _one_by_one(self, numbers: Iterable[str]) -> None:
        """Ask for single orders, take what is new, and settle what the two sides disagree about."""
        for number in numbers:
            if self._is_over():
                return
            if number in self._told:
                continue
            with self._unless_refused(f"order {number}"):
                with self._admitted() as access:
                    pulled = self._pulls.order(access=access, external_id=number, now=self._now)
                self._settle(self._taker.take_orders([pulled]) if pulled else {number: None})

    def _settle(self, told: Mapping[str, str | None]) -> None:
        self._told |= told.keys()
        conflicts.settle(self._account, told, now=self._now)

    def _codes(self, after: str) -> list[str]:
        bound = StoreChannel.objects.filter(account=self._account, external_code__gt=after)
        return list(bound.order_by("external_code").values_list("external_code", flat=True))

    def _known(self, day: date) -> dict[str, set[str]]:
        """The numbers of the day's orders by the code they were sold under; one may be made elsewhere."""
        begins = datetime.combine(day, datetime.min.time(), CHINA)
        orders = Order.objects.filter(
            account=self._account,
            store__franchise=self._account.franchise_id,
            placed_at__gte=begins,
            placed_at__lt=begins + DAY,
        )
        name = COMPARED_BY.get(Channel(self._account.channel), "external_id")
        known: dict[str, set[str]] = {}
        for code, number in orders.values_list("platform_store_code", name).iterator():
            known.setdefault(code, set()).add(number)
        return known

    def _incomplete(self) -> list[str]:
        """Orders that the platform owes parts of, the oldest first."""
        owed = Order.objects.filter(
            account=self._account, complete=False, placed_at__gte=self._now - OWED_FOR
        )
        return list(owed.order_by("pk").values_list("external_id", flat=True))

    def _awaited(self) -> list[str]:
        """Orders of which all but the order itself has come."""
        oldest, newest = EARLY_BETWEEN
        mine = IncomingMessage.objects.filter(account=self._account)
        early = mine.filter(
            outcome=IncomingMessage.Outcome.EARLY,
            received_at__gte=self._now - oldest,
            received_at__lte=self._now - newest,
        )
        unrouted = mine.filter(outcome=IncomingMessage.Outcome.UNROUTED).values("external_id")
        numbers = early.exclude(external_id__in=unrouted).values_list("external_id", flat=True)
        return sorted(set(numbers))

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until

    @contextmanager
    def _unless_refused(self, what: str) -> Iterator[None]:
        """What the platform refuses here stops nothing else: an unknown store, a call we may not make."""
        try:
            yield
        except Refused as refused:
            self._found.note(f"{what}: {refused}")

    @contextmanager
    def _admitted(self) -> Iterator[Access]:
        """Around one question, when it is its turn; half of the account's calls are left to others."""
        if settings.CHANNEL_CALLS_PER_SECOND:
            time.sleep(2 / settings.CHANNEL_CALLS_PER_SECOND)
        with ExitStack() as stack:
            yield self._enter(stack)

    def _enter(self, stack: ExitStack) -> Access:
        while True:
            try:
                return stack.enter_context(admitted(self._account))
            except NotYet as busy:
                if busy.seconds > LONGEST_TURN or self._is_over():
                    raise
                time.sleep(busy.seconds)


def _in_turns(numbers: Sequence[str], now: datetime) -> Sequence[str]:
    """All of them if they are few, else those whose turn it is in this period: the first may be hopeless."""
    if len(numbers) <= MOST_ASKED:
        return numbers
    turns = 2 * len(numbers) // MOST_ASKED  # parts of half the size: chance makes some larger
    turn = _period(now) % turns
    return [number for number in numbers if crc32(number.encode()) % turns == turn][:MOST_ASKED]


def _period(now: datetime) -> int:
    return int(now.timestamp()) // PERIOD


def _is_whole(account: ChannelAccount, now: datetime) -> bool:
    hour = now.replace(minute=0, second=0, microsecond=0)
    finished = Reconciliation.objects.filter(account=account, started_at__gte=hour, finished_at__isnull=False)
    return _period(now) % WHOLE_EVERY == 0 or not finished.exists()


def _days(now: datetime) -> list[date]:
    today, earlier = now.astimezone(CHINA).date(), (now - YESTERDAY_UNTIL).astimezone(CHINA).date()
    return [today] if earlier == today else [today, earlier]


def _row(account: ChannelAccount, found: Found, *, now: datetime, problem: str) -> Reconciliation:
    disagreeing = Order.objects.filter(account=account, placed_at__gte=now - DAY).exclude(conflict="")
    return Reconciliation(
        account=account,
        started_at=now,
        asked=found.asked,
        recovered=found.recovered,
        completed=found.completed,
        changed=found.changed,
        conflicts=disagreeing.count(),
        error=problem[:ERROR_LENGTH],
    )


def _go_on(account: ChannelAccount, *, after: str, whole: bool, now: datetime) -> None:
    payload = {"account": account.pk, "after": after, "whole": whole}
    key = f"{account.pk}:{now:%Y%m%d%H%M%S%f}:{after}"[:100]
    enqueue(kind="channel.reconcile", key=key, payload=payload, now=now)
