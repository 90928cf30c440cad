"""One comparison of what a platform believes with what is stored, healing what differs.

It asks for missed messages, for each store's orders, and for single orders that lack something or that the
two sides may disagree about. Whatever is found goes through the writer of intake, so a comparison repeated,
or beside another one, changes nothing more. It ends when its time is over or the platform cannot be asked,
and says where another one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from zlib import crc32
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from orders import conflicts, store_levels
from orders.channels.calling import Access
from orders.channels.registry import PULLS
from orders.models import IncomingMessage, Order
from orders.platforms import access_of, in_passing
from orders.pulling import Found, Taker
from outbox.calling import CallFailed, Refused, Uncertain
from outbox.errors import Later, NotYet
from stores.models import ChannelAccount, StoreChannel

PERIOD = 30  # seconds between two runs of an account: what nobody pushed is found well within two minutes
RUN_SECONDS = 12.0
"""Then the rest is another job's: with its last call, a run must end within its job's lease.

Single orders have what lists leave of one run and all of another. So at 20 calls a second, half of which are
ours, an account of 50 stores asks for some 380 orders a minute: for each of 2,000 that go on, every five.
"""
MOST_ASKED = 20  # single orders of any other kind a run asks for, so that there is time for those that go on
LONGEST_TURN = 4.0  # seconds a call waits while others are served; who rests longer is not to be asked
MOST_FAULTS = 3  # in a row: it is not the stores that are at fault
EARLY_BETWEEN = timedelta(hours=1), timedelta(seconds=PERIOD)
"""How old a message is whose order is asked for: it may be on its way, or never have been the store's."""
OWED_FOR = timedelta(days=1)  # how long a platform is asked for what an order lacks
DAY = timedelta(days=1)
YESTERDAY_UNTIL = timedelta(minutes=30)  # after midnight, the day before is asked for as well
CHINA = ZoneInfo("Asia/Shanghai")  # the days of all platforms there are to ask
MISSED, STORES, SINGLE = "missed", "stores", "single"


class TimeIsUp(Exception):
    """What is left is for another run."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a comparison goes on: with missed messages, with stores, or with single orders.

    `store` is the code of the store; `day` and `start` say how far its lists were read.
    """

    stage: str = MISSED
    store: str = ""
    day: str = ""
    start: str = ""


BEGINNING = Mark()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a comparison ended: `rest` is where another one goes on, in `wait` seconds; None if all is done.

    `broken`: the platform could not be asked.
    """

    rest: Mark | None = None
    wait: float = 0.0
    broken: bool = False


class Comparison:
    """One comparison, from `mark` on. `whole` lists the whole day, `levels` asks whether stores are open."""

    def __init__(
        self, account: ChannelAccount, *, mark: Mark, whole: bool, levels: bool, now: datetime
    ) -> None:
        self.found = Found()
        self._account, self._whole, self._levels, self._now = account, whole, levels, now
        self._pulls = PULLS[account.channel]
        self._taker = Taker(account, found=self.found, now=now)
        self._mark, self._moved, self._faults = mark, False, 0
        self._last = mark.stage == SINGLE
        self._told: set[str] = set()
        self._until = time.monotonic() + RUN_SECONDS

    def run(self) -> Outcome:
        """Go as far as time and the platform let it. Raises what is a fault of ours."""
        try:
            self._compare()
        except TimeIsUp:
            return Outcome(None if self._last else self._mark)
        except (CallFailed, Later) as fault:
            return self._broken(fault)
        return Outcome()

    def _compare(self) -> None:
        if self._mark.stage == MISSED:
            self._missed()
            self._reach(Mark(STORES))
        if self._mark.stage == STORES:
            self._stores()
            self._reach(Mark(SINGLE))
        self._single_orders()

    def _reach(self, mark: Mark) -> None:
        """A step is done: another run would go on here."""
        self._mark, self._moved = mark, True

    def _broken(self, fault: CallFailed | Later) -> Outcome:
        """The next run tries once more where this one got stuck, then goes on behind it; single orders are
        left, for their turn comes in the next period."""
        self.found.note(str(fault))
        if self._mark.stage == SINGLE:
            return Outcome(broken=True)
        wait = max(fault.seconds, 1.0) if isinstance(fault, Later) else float(PERIOD)
        return Outcome(self._mark if self._moved else self._behind(), wait, broken=True)

    def _behind(self) -> Mark:
        if self._mark.stage == MISSED:
            return Mark(STORES)
        later = self._stores_of_account().filter(external_code__gt=self._mark.store)
        code = later.values_list("external_code", flat=True).first()
        return Mark(STORES, code) if code else Mark(SINGLE)

    def _missed(self) -> None:
        """Take what could not be delivered, and say so once it is committed."""
        with self._noting("missed messages"):
            messages = self._pulls.missed(access=self._access(), now=self._now)
            if refs := self._taker.take_missed(messages):
                self._pulls.confirm(access=self._access(), refs=refs, now=self._now)

    def _stores(self) -> None:
        begun = self._mark
        known = {day.isoformat(): self._known(day) for day in _days(self._now)}
        stores = self._stores_of_account().filter(external_code__gte=begun.store)
        for code in list(stores.values_list("external_code", flat=True)):
            self._store(begun if code == begun.store else Mark(STORES, code), known)
            self._moved = True

    def _store(self, mark: Mark, known: Mapping[str, Mapping[str, set[str]]]) -> None:
        self._mark = mark
        days = list(known)
        if self._levels and not mark.day:
            self._level()
            self._reach(replace(mark, day=days[0]))
        for day in days[days.index(mark.day) :] if mark.day in days else days:
            start = mark.start if day == mark.day else ""
            self._mark = Mark(STORES, mark.store, day, start)
            self._list(frozenset(known[day].get(mark.store, ())))

    def _level(self) -> None:
        """Ask whether the store takes orders there, unless it still has to hear from us whether it should."""
        store = store_levels.comparable(self._stores_of_account(), code=self._mark.store)
        if store is None:
            return
        with self._noting(f"store {self._mark.store}"):
            level = self._pulls.level(access=self._access(), store_code=self._mark.store, now=self._now)
            store_levels.settle(store, level, now=self._now)

    def _list(self, known: frozenset[str]) -> None:
        """Take a store's list page by page; however often it is left, it is read to its end."""
        mark = self._mark
        with self._noting(f"store {mark.store}"):
            pages = self._pulls.orders(
                access=self._access(),
                store_code=mark.store,
                day=date.fromisoformat(mark.day),
                known=known,
                whole=self._whole,
                start=mark.start,
                now=self._now,
            )
            for page in pages:
                if page.fault:
                    self._note(f"store {mark.store}", page.fault)
                self._settle(self._taker.take_orders(page.orders))
                self._reach(replace(mark, start=page.rest))

    def _single_orders(self) -> None:
        for numbers in self._in_doubt():
            for number in numbers:
                if number not in self._told:
                    self._ask(number)
                    self._moved = True

    def _in_doubt(self) -> Iterator[Sequence[str]]:
        """Orders to ask for one by one; of the last kind as many as there is time for."""
        yield _in_turns(self._incomplete(), self._now)
        yield _in_turns(self._awaited(), self._now)
        yield conflicts.disputed(self._account, now=self._now)[:MOST_ASKED]
        yield conflicts.going_on(self._account, now=self._now)

    def _ask(self, number: str) -> None:
        """Ask for a single order, take what is new, and settle what the two sides disagree about."""
        told: dict[str, str | None] = {}
        with self._noting(f"order {number}"):
            pulled = self._pulls.order(access=self._access(), external_id=number, now=self._now)
            told |= self._taker.take_orders([pulled]) if pulled else {number: None}
        conflicts.note_asked(self._account, number, now=self._now)
        self._settle(told)

    def _settle(self, told: Mapping[str, str | None]) -> None:
        self._told |= told.keys()
        conflicts.settle(self._account, told, now=self._now)

    def _stores_of_account(self) -> QuerySet[StoreChannel]:
        return StoreChannel.objects.filter(account=self._account).order_by("external_code")

    def _known(self, day: date) -> dict[str, set[str]]:
        """The numbers of the day's orders by the code they were sold under; one may be made elsewhere."""
        begins = datetime.combine(day, datetime.min.time(), CHINA)
        orders = Order.objects.filter(
            account=self._account,
            store__in=conflicts.stores_of(self._account),
            placed_at__gte=begins,
            placed_at__lt=begins + DAY,
        )
        known: dict[str, set[str]] = {}
        # In no order: the newest first would be looked for among the orders of all accounts and times.
        for code, number in orders.order_by().values_list("platform_store_code", self._pulls.KNOWN_BY):
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

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """What goes wrong here stops nothing else, unless it goes wrong everywhere."""
        try:
            yield
        except (Refused, Uncertain) as fault:
            self._note(what, fault)

    def _note(self, what: str, fault: Refused | Uncertain) -> None:
        self.found.note(f"{what}: {fault}")
        if isinstance(fault, Uncertain):
            self._faults += 1
            if self._faults >= MOST_FAULTS:
                raise fault

    def _access(self) -> Access:
        """For the calls of one step; each of them comes when it is its turn."""
        access = access_of(self._account)
        return replace(access, turn=partial(self._turn, access))

    @contextmanager
    def _turn(self, access: Access) -> Iterator[None]:
        with ExitStack() as stack:
            self._enter(stack, access)
            yield
        self._faults = 0

    def _enter(self, stack: ExitStack, access: Access) -> None:
        """Wait until the call may be made; a run makes at least one step, however long that takes."""
        while True:
            if self._moved and self._is_over():
                raise TimeIsUp
            try:
                return stack.enter_context(in_passing(self._account, access))
            except NotYet as busy:
                if busy.seconds > LONGEST_TURN or self._is_over():
                    raise
                time.sleep(busy.seconds)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until


def _in_turns(numbers: Sequence[str], now: datetime) -> Sequence[str]:
    """All of them if they are few, else those whose turn it is in this period: the first may be hopeless."""
    if len(numbers) <= MOST_ASKED:
        return numbers
    turns = 2 * len(numbers) // MOST_ASKED  # parts of half the size: chance makes some larger
    turn = period(now) % turns
    return [number for number in numbers if crc32(number.encode()) % turns == turn][:MOST_ASKED]


def period(now: datetime) -> int:
    """The number of the period that `now` is in."""
    return int(now.timestamp()) // PERIOD


def _days(now: datetime) -> list[date]:
    today, earlier = now.astimezone(CHINA).date(), (now - YESTERDAY_UNTIL).astimezone(CHINA).date()
    return [today] if earlier == today else [today, earlier]
