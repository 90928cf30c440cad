"""The hand-off as a model: whatever couriers, riders, workers and people do, in whatever order, no bag is
ever two couriers' at once by their own ledgers, and every ready order ends carried, rung for, or in a
person's hands.

`PORTAL_STEPS` is how many steps a run takes, over examples of its own; without it the run is short and
always the same.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from couriers import record
from couriers.deciding import ask_again, settle
from couriers.errands import access_of, account_of, errand_of, provider_of
from couriers.jobs import BEGIN, SETTLE
from couriers.models import CarrierSearch, CourierAccount, Fee, HandOff, Rider
from couriers.providers.base import Created
from couriers.seeking_watch import watch as watch_searches
from couriers.services import (
    cancel_hand_off,
    hand_to_courier,
    hand_to_rider,
    rider_delivered,
    rider_picked_up,
    seek,
)
from couriers.tests.factories import MEI, NOW, make_store
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.searches import at_work, courier, policy, shelved
from couriers.tests.work import call_back
from couriers.watching import watch
from orders.errors import CannotUndo, NotPossible, Stale
from orders.models import Order
from orders.services import step, undo
from outbox.calling import CallFailed
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim

STEPS = int(os.environ.get("PORTAL_STEPS", "0"))
A_RUN = 20  # steps of one example
LIVE_AT_DADA = {1, 2, 3, 8, 9, 100}
ENDS_WELL = {"carried", "nobody", "stopped", "done"}
CREATES = ("addOrder", "addAfterQuery")
TROUBLES = st.sampled_from(["cut", "lose", "500", "garbage", "429", "no riders today"])
# What the courier's rider does next, by the errand's status.
WAYS = {1: [2, 5], 2: [100, 3, 1, 5], 100: [3, 1, 5], 3: [4, 10], 8: [2, 5]}
Later = tuple[datetime, FakeDada, str]


class HandOffMachine(RuleBasedStateMachine):
    """Two couriers, perhaps an own rider, and up to three orders of a store that finds carriers by itself."""

    callbacks: Bundle[tuple[HandOff, bytes]] = Bundle("callbacks")

    def __init__(self) -> None:
        super().__init__()
        guard_of.cache_clear()
        self.now = NOW
        self.servers: list[FakeDada] = []
        self.orders: list[Order] = []
        self.late: list[Later] = []
        self.asleep: list[tuple[HandOff, Created]] = []
        self.seen: list[set[str]] = []

    @initialize(
        by=st.sampled_from(["cheapest", "reliable"]),
        rescue=st.sampled_from([True, True, False]),
        own=st.booleans(),
    )
    def open_the_store(self, by: str, rescue: bool, own: bool) -> None:
        self.store = make_store()
        policy(self.store, otherwise={"by": by}, rescue=rescue, own_most=1, own_first=own)
        self.accounts: list[CourierAccount] = []
        for label in ("A", "B"):
            server = FakeDada()
            server.before_reply = self.look
            self.servers.append(server)
            self.accounts.append(courier(self.store, server, label))
        self.riders: list[Rider] = [at_work(self.store)] if own else []

    def look(self) -> None:
        """Between a courier's deed and its reply: which errands are live, at both."""
        self.seen.append(
            {
                number
                for server in self.servers
                for number, status in list(server.statuses.items())
                if status in LIVE_AT_DADA
            }
        )

    # --- The store -------------------------------------------------------------------------------

    @precondition(lambda self: len(self.orders) < 3)
    @rule(cups=st.sampled_from([2, 2, 15]))
    def an_order_is_ready(self, cups: int) -> None:
        order = shelved(store=self.store, cups=cups)
        order.lines.update(quantity=cups)
        step(order_id=order.pk, verb="ready", actor=MEI, now=self.now)
        self.orders.append(order)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def a_person_acts(self, data: st.DataObject) -> None:
        order, account = data.draw(st.sampled_from(self.orders)), data.draw(st.sampled_from(self.accounts))
        facts: dict[str, Any] = {"order_id": order.pk, "actor": MEI, "now": self.now}
        acts: dict[str, Callable[[], object]] = {
            "calls off": lambda: cancel_hand_off(**facts),
            "picks a courier": lambda: hand_to_courier(account=account, **facts),
            "searches again": lambda: seek(**facts),
            "asks again": lambda: ask_again(**facts),
            "settles": lambda: self.settle_truly(facts),
            "cancels the order": lambda: step(verb="cancel", reason="guest", **facts),
            "takes ready back": lambda: undo(**facts),
            "says ready again": lambda: step(verb="ready", **facts),
        }
        for rider in self.riders:
            acts["picks the rider"] = lambda rider=rider: hand_to_rider(rider=rider, **facts)
            acts["the rider leaves"] = lambda: rider_picked_up(**facts)
            acts["the rider is back"] = lambda: rider_delivered(**facts)
        self.may_be_refused(acts[data.draw(st.sampled_from(sorted(acts)))])

    def settle_truly(self, facts: dict[str, Any]) -> None:
        doubtful = HandOff.objects.filter(order=facts["order_id"], human_asked_at__isnull=False)
        for handoff in doubtful.order_by("pk"):
            settle(has=handoff.origin_id in self.live_errands(), bag=handoff.bag, **facts)

    # --- The couriers ------------------------------------------------------------------------------

    @rule(which=st.integers(0, 1), trouble=TROUBLES)
    def the_next_create_fails(self, which: int, trouble: str) -> None:
        for call in CREATES:
            self.servers[which].script[call].append(trouble)

    @rule(which=st.integers(0, 1), call=st.sampled_from(["query", "formalCancel"]), trouble=TROUBLES)
    def the_next_call_fails(self, which: int, call: str, trouble: str) -> None:
        self.servers[which].script[call].append(trouble)

    @rule(seconds=st.integers(1, 8))
    def a_lost_create_arrives_late(self, seconds: int) -> None:
        """A request that nobody answered was under way all the time."""
        for server in self.servers:
            for call, body in server.calls[-3:]:
                if call == "addOrder" and self.is_under_way(server, body["origin_id"], seconds):
                    self.late.append((self.now + timedelta(seconds=seconds), server, body["origin_id"]))

    def is_under_way(self, server: FakeDada, number: str, seconds: int) -> bool:
        handoff = HandOff.objects.filter(origin_id=number, state__in=["unknown", "cancelling"]).first()
        if handoff is None or handoff.asked_at is None or number in server.statuses:
            return False
        return self.now + timedelta(seconds=seconds) < handoff.asked_at + BEGIN + SETTLE

    @precondition(lambda self: self.live_errands())
    @rule(target=callbacks, data=st.data())
    def a_rider_goes_on(self, data: st.DataObject) -> tuple[HandOff, bytes]:
        number = data.draw(st.sampled_from(sorted(self.live_errands())))
        server = next(server for server in self.servers if number in server.statuses)
        status = data.draw(st.sampled_from(WAYS.get(server.statuses[number], [4])))
        server.statuses[number] = status
        handoff = HandOff.objects.select_related("order").get(origin_id=number)
        return handoff, callback_body(number, status, update_time=int(self.now.timestamp()))

    @rule(told=callbacks)
    def a_callback_comes(self, told: tuple[HandOff, bytes]) -> None:
        """At once, late, or again."""
        with self.clock():
            assert call_back(*told).status_code == 200

    # --- The workers -------------------------------------------------------------------------------

    @rule(queue=st.sampled_from(["searches", "couriers"]))
    def one_job_runs(self, queue: str) -> None:
        with self.clock():
            if (job := claim(queue=queue, now=self.now)) is not None:
                run(job)

    @rule()
    def all_jobs_run(self) -> None:
        with self.clock():
            while sum(self.run_due(queue) for queue in ("searches", "couriers")):
                pass

    def run_due(self, queue: str) -> int:
        done = 0
        while (job := claim(queue=queue, now=self.now)) is not None:
            run(job)
            done += 1
        return done

    @rule(after_the_call=st.booleans(), only_frozen=st.booleans())
    def a_worker_dies_at_its_call(self, after_the_call: bool, only_frozen: bool) -> None:
        """Before it, or between the courier's reply and our write; or it is frozen there for a while."""
        with self.clock():
            job = claim(queue="couriers", now=self.now)
            handoff = record.load(job.payload["handoff"]) if job and job.kind == "handoff.create" else None
            claimed = record.claim(handoff.pk, now=self.now) if handoff else None
            if claimed is None or not after_the_call:
                return
            try:
                access, errand = access_of(account_of(claimed)), errand_of(claimed)
                created = provider_of(claimed).create(access, errand, now=self.now)
            except CallFailed:
                return
            if only_frozen:
                self.asleep.append((claimed, created))

    @precondition(lambda self: self.asleep)
    @rule()
    def a_frozen_worker_wakes_up(self) -> None:
        claimed, created = self.asleep.pop()
        if not record.record_sent(claimed, created, now=self.now):
            why = f"late{claimed.fence}"
            record.find_out(claimed.pk, why=why, now=self.now, reference=created.reference)

    @rule()
    def the_watch_looks(self) -> None:
        watch(now=self.now)
        watch_searches(now=self.now)

    @rule(seconds=st.sampled_from([1, 3, 8, 16, 31, 70, 125, 310]))
    def time_passes(self, seconds: int) -> None:
        until = self.now + timedelta(seconds=seconds)
        for due, server, number in sorted(self.late, key=lambda late: late[0]):
            if due <= until and number not in server.statuses:
                server.ledger.append(number)
                server.statuses[number] = 1
                self.look()
        self.late = [late for late in self.late if late[0] > until]
        self.now = until

    # --- What must hold ----------------------------------------------------------------------------

    @invariant()
    def no_bag_has_two_live_errands(self) -> None:
        self.look()
        looks, self.seen = self.seen, []
        bags = dict(HandOff.objects.values_list("origin_id", "id"))
        place = {one.pk: (one.order_id, one.bag) for one in HandOff.objects.only("order_id", "bag")}
        for live in looks:
            counted = Counter(place[bags[number]] for number in live)
            assert not counted or max(counted.values()) == 1, counted

    @invariant()
    def one_create_is_one_errand(self) -> None:
        for server in self.servers:
            assert len(server.ledger) == len(set(server.ledger))

    def teardown(self) -> None:
        """The troubles end, nobody does anything any more, and half an hour passes."""
        try:
            if self.orders:
                for server in self.servers:
                    server.script.clear()
                for seconds in (8, 16, 31, 31, 70, 70, 125, 125, 310, 310, 310, 310):
                    self.time_passes(seconds)
                    self.the_watch_looks()
                    self.all_jobs_run()
                self.no_bag_has_two_live_errands()
                self.every_order_ends_well()
        finally:
            for server in self.servers:
                server.stop()
            forget_all()

    def every_order_ends_well(self) -> None:
        for order in self.orders:
            order.refresh_from_db()
            searches = list(CarrierSearch.objects.filter(order=order))
            assert searches or order.state in {"cancelled", "making"}
            waiting = {search.state for search in searches if search.automatic or search.state != "offered"}
            not_ready = {"idle"} if order.state == "making" else set()
            assert waiting <= ENDS_WELL | not_ready  # what a courier kept is a person's
            for search in searches:
                live = HandOff.objects.filter(search=search, state__in=["sent", "confirmed"])
                at_courier = live.exclude(account=None).values_list("origin_id", flat=True)
                mine = HandOff.objects.filter(order=order, bag=search.bag).values_list("origin_id", flat=True)
                assert set(mine) & self.live_errands() == set(at_courier), search.state
                assert (search.state in {"carried", "offered"}) == live.exists()
        self.what_is_booked_is_what_is_owed()

    def what_is_booked_is_what_is_owed(self) -> None:
        for handoff in HandOff.objects.exclude(account=None):
            booked = sum(Fee.objects.filter(handoff=handoff).values_list("amount", flat=True))
            assert booked in {0, 200, 850}

    # --- Odds and ends -----------------------------------------------------------------------------

    def clock(self) -> time_machine.travel:
        return time_machine.travel(self.now, tick=False)

    def live_errands(self) -> set[str]:
        self.look()
        return self.seen.pop()

    def may_be_refused(self, act: Callable[[], object]) -> None:
        with suppress(Stale, NotPossible, CannotUndo):
            act()


def forget_all() -> None:
    for model in (Job, Fee):
        model.objects.all().delete()
    Order.objects.all().delete()


@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_no_bag_is_ever_two_couriers_and_every_order_ends_well() -> None:
    run_state_machine_as_test(
        HandOffMachine,
        settings=settings(
            max_examples=max(4, STEPS // A_RUN),
            stateful_step_count=A_RUN,
            deadline=None,
            database=None,
            derandomize=not STEPS,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
