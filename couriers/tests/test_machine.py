"""The hand-off as a model: whatever couriers, riders, workers, forgers and people do, in whatever order, no
bag is ever two couriers' at once by their own ledgers, every ready order ends carried, rung for, or in a
person's hands, and what is booked is what is owed.

`PORTAL_STEPS` is how many steps a run takes, over examples of its own (`make model`); without it a run is
short and always the same.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import Q
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
from couriers.models import CarrierSearch, CourierStore, Fee, HandOff, Rider, Shift
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
from couriers.states import LIVE
from couriers.tests.factories import MEI, NOW, make_order, make_store
from couriers.tests.machine_couriers import NO_RIDERS, DadaThere, PeisongThere, There
from couriers.tests.searches import at_work, policy
from couriers.tests.work import QUEUES
from couriers.watching import watch
from orders.errors import CannotUndo, NotPossible, Stale
from orders.models import Order
from orders.moving import move
from orders.services import step, undo
from outbox.calling import CallFailed
from outbox.guard import guard_of
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim

STEPS = int(os.environ.get("PORTAL_STEPS", "0"))
A_RUN = 20  # steps of one example
NOT_READY = {"accepted", "making"}
ENDS_WELL = {"carried", "nobody", "stopped", "done"}
TROUBLES = st.sampled_from(["cut", "lose", "500", "garbage", "429", NO_RIDERS])
SIGNED_FOR = timedelta(minutes=9)  # a signed callback is good for ten
Acts = dict[str, Callable[[], object]]
Told = tuple[There, HandOff, int, datetime]
Later = tuple[datetime, There, str]


class HandOffMachine(RuleBasedStateMachine):
    """Two couriers, perhaps an own rider, and up to three orders of two stores that find carriers by
    themselves; an order may be moved from one to the other until it is begun."""

    callbacks: Bundle[Told] = Bundle("callbacks")

    def __init__(self) -> None:
        super().__init__()
        guard_of.cache_clear()
        self.now = NOW
        self.couriers: list[There] = []
        self.orders: list[Order] = []
        self.late: list[Later] = []
        self.asleep: list[tuple[HandOff, Created]] = []
        self.seen: list[set[str]] = []

    @initialize(
        by=st.sampled_from(["cheapest", "reliable"]),
        rescue=st.sampled_from([True, True, False]),
        own=st.booleans(),
        second=st.sampled_from([DadaThere, PeisongThere]),
    )
    def open_the_stores(self, by: str, rescue: bool, own: bool, second: type[There]) -> None:
        self.store = make_store()
        self.sibling = make_store(self.store.franchise)
        for kind, label in ((DadaThere, "A"), (second, "B")):
            self.couriers.append(there := kind(self.store, label, self.look))
            CourierStore.objects.create(account=there.account, store=self.sibling, shop_no="11047060")
        for store in (self.store, self.sibling):
            policy(store, otherwise={"by": by}, rescue=rescue, own_most=1, own_first=own)
        self.riders: list[Rider] = [at_work(self.store)] if own else []

    def look(self) -> None:
        """Between a courier's deed and its reply: which errands are live, at both."""
        self.seen.append(
            {
                number
                for there in self.couriers
                for number, status in list(there.errands().items())
                if status in there.live_at
            }
        )

    # --- The store -------------------------------------------------------------------------------

    @precondition(lambda self: len(self.orders) < 3)
    @rule(cups=st.sampled_from([2, 2, 15]), steps=st.sampled_from([2, 2, 1, 0]))
    def an_order_comes(self, cups: int, steps: int) -> None:
        order = make_order(self.store, state="accepted", ready_at=None, cups=cups)
        order.lines.update(quantity=cups)
        for verb in ("start", "ready")[:steps]:
            step(order_id=order.pk, verb=verb, actor=MEI, now=self.now)
        self.orders.append(order)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), instead=st.booleans())
    def a_person_acts(self, data: st.DataObject, instead: bool) -> None:
        """`instead`: what somebody has is given to another, too."""
        order, there = data.draw(st.sampled_from(self.orders)), data.draw(st.sampled_from(self.couriers))
        facts: dict[str, Any] = {"order_id": order.pk, "actor": MEI, "now": self.now}
        acts = self.acts_with_carriers(facts, there, instead)
        acts |= self.acts_with_riders(facts, instead) | self.acts_with_bags(facts, instead)
        acts |= {
            verb: lambda verb=verb: step(verb=verb, reason="guest", **facts)
            for verb in ("start", "ready", "cancel")
        }
        acts |= {"takes back": lambda: undo(**facts), "moves": lambda: self.move(order, facts)}
        with suppress(Stale, NotPossible, CannotUndo):
            acts[data.draw(st.sampled_from(sorted(acts)))]()

    def acts_with_carriers(self, facts: dict[str, Any], there: There, instead: bool) -> Acts:
        return {
            "calls off": lambda: cancel_hand_off(**facts),
            "picks a courier": lambda: hand_to_courier(account=there.account, instead=instead, **facts),
            "searches again": lambda: seek(**facts),
            "asks again": lambda: ask_again(**facts),
            "settles": lambda: self.settle_truly(facts),
        }

    def acts_with_bags(self, facts: dict[str, Any], instead: bool) -> Acts:
        """By hand: the whole order in two, and one of its bags."""
        first, second = ({"account": there.account, "instead": instead, **facts} for there in self.couriers)
        return {
            "splits": lambda: seek(bags=2, **facts),
            "splits and picks": lambda: hand_to_courier(bags=2, **first),
            "picks for a bag": lambda: hand_to_courier(bag=2, **second),
            "makes it one": lambda: hand_to_courier(bags=1, **second),
            "calls a bag off": lambda: cancel_hand_off(bag=1, **facts),
        }

    def acts_with_riders(self, facts: dict[str, Any], instead: bool) -> Acts:
        acts: Acts = {}
        for rider in self.riders:
            given = {"rider": rider, "instead": instead, **facts}
            acts["picks the rider"] = lambda given=given: hand_to_rider(**given)
            acts["the rider leaves"] = lambda: rider_picked_up(**facts)
            acts["the rider is back"] = lambda: rider_delivered(**facts)
        return acts

    def move(self, order: Order, facts: dict[str, Any]) -> object:
        order.refresh_from_db()
        here, there = self.store.pk, self.sibling.pk
        if order.store_id == there:
            here, there = there, here
        return move(from_store_id=here, to_store_id=there, **facts)

    def settle_truly(self, facts: dict[str, Any]) -> None:
        doubtful = HandOff.objects.filter(order=facts["order_id"], human_asked_at__isnull=False)
        for handoff in doubtful.order_by("pk"):
            settle(has=handoff.origin_id in self.live_errands(), bag=handoff.bag, **facts)

    # --- The couriers ------------------------------------------------------------------------------

    @rule(which=st.integers(0, 1), trouble=TROUBLES)
    def the_next_create_fails(self, which: int, trouble: str) -> None:
        for call in self.couriers[which].creates:
            self.couriers[which].fail(call, trouble)

    @rule(which=st.integers(0, 1), call=st.integers(0, 1), trouble=TROUBLES)
    def the_next_call_fails(self, which: int, call: int, trouble: str) -> None:
        there = self.couriers[which]
        there.fail(there.calls[call], trouble)

    @rule(seconds=st.integers(1, 8))
    def a_lost_create_arrives_late(self, seconds: int) -> None:
        """A request that nobody answered was under way all the time."""
        for there in self.couriers:
            for number in there.asked_for(3):
                if self.is_under_way(there, number, seconds):
                    self.late.append((self.now + timedelta(seconds=seconds), there, number))

    def is_under_way(self, there: There, number: str, seconds: int) -> bool:
        handoff = HandOff.objects.filter(origin_id=number, state__in=["unknown", "cancelling"]).first()
        if handoff is None or handoff.asked_at is None or number in there.errands():
            return False
        return self.now + timedelta(seconds=seconds) < handoff.asked_at + BEGIN + SETTLE

    @precondition(lambda self: self.live_errands())
    @rule(target=callbacks, data=st.data())
    def a_rider_goes_on(self, data: st.DataObject) -> Told:
        there, handoff = self.draw_errand(data)
        status = data.draw(
            st.sampled_from(there.ways.get(there.errands()[handoff.origin_id], there.ends[:1]))
        )
        there.go_on(handoff.origin_id, status)
        return there, handoff, status, self.now

    @rule(told=callbacks)
    def a_callback_comes(self, told: Told) -> None:
        """At once, late, or again."""
        there, handoff, status, at = told
        with self.clock():
            answer = there.tell(handoff, status, at)
        expired = isinstance(there, PeisongThere) and self.now - at > SIGNED_FOR
        assert answer == 200 or (expired and answer == 401)

    @precondition(lambda self: self.live_errands())
    @rule(data=st.data())
    def somebody_forges_the_end(self, data: st.DataObject) -> None:
        there, handoff = self.draw_errand(data)
        before = self.written()
        with self.clock():
            assert there.forge(handoff, data.draw(st.sampled_from(there.ends)), self.now) in {401, 404}
        assert self.written() == before

    def draw_errand(self, data: st.DataObject) -> tuple[There, HandOff]:
        number = data.draw(st.sampled_from(sorted(self.live_errands())))
        there = next(there for there in self.couriers if number in there.errands())
        return there, HandOff.objects.select_related("order").get(origin_id=number)

    def written(self) -> list[Any]:
        tables = (HandOff, CarrierSearch, Fee, Job, Order)
        return [row for table in tables for row in table.objects.order_by("pk").values()]

    @precondition(lambda self: self.riders)
    @rule(opens=st.booleans())
    def an_own_riders_phone_opens_or_falls_silent(self, opens: bool) -> None:
        """Silent from now on: for a while the rider still counts as there, and what they get is not shown."""
        Shift.objects.update(seen_at=self.now + timedelta(days=1) if opens else self.now)

    # --- The workers -------------------------------------------------------------------------------

    @rule(queue=st.sampled_from(QUEUES))
    def one_job_runs(self, queue: str) -> None:
        with self.clock():
            if (job := claim(queue=queue, now=self.now)) is not None:
                run(job)

    @rule()
    def all_jobs_run(self) -> None:
        with self.clock():
            while sum(self.run_due(queue) for queue in QUEUES):
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
                quote = claimed.quote_ref
                created = provider_of(claimed).create(access, errand, quote_ref=quote, now=self.now)
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
        for due, there, number in sorted(self.late, key=lambda late: late[0]):
            if due <= until and number not in there.errands():
                there.begin(number)
                self.look()
        self.late = [late for late in self.late if late[0] > until]
        self.now = until

    # --- What must hold ----------------------------------------------------------------------------

    @invariant()
    def no_bag_has_two_live_errands(self) -> None:
        self.look()
        looks, self.seen = self.seen, []
        rows = HandOff.objects.values_list("origin_id", "order_id", "bag", "bags")
        place = {number: (order, bag, bags) for number, order, bag, bags in rows}
        for live in looks:
            counted = Counter(place[number][:2] for number in live)
            assert not counted or max(counted.values()) == 1, counted
            splits = {(place[number][0], place[number][2]) for number in live}
            assert len(splits) == len({order for order, _bags in splits}), splits

    @invariant()
    def own_riders_and_couriers_share_no_bag(self) -> None:
        own = Q(state__in=LIVE, account=None)
        rows = HandOff.objects.filter(own | Q(origin_id__in=self.live_errands()))
        carried = list(rows.values_list("order_id", "bag", "bags"))
        assert len({(order, bag) for order, bag, _bags in carried}) == len(carried)
        splits = {(order, bags) for order, _bag, bags in carried}
        assert len(splits) == len({order for order, _bags in splits}), splits

    def teardown(self) -> None:
        """The troubles end, nobody does anything any more, and half an hour passes."""
        try:
            if self.orders:
                for there in self.couriers:
                    there.server.script.clear()
                for seconds in (8, 16, 31, 31, 70, 70, 125, 125, 310, 310, 310, 310):
                    self.time_passes(seconds)
                    self.the_watch_looks()
                    self.all_jobs_run()
                self.no_bag_has_two_live_errands()
                self.every_order_ends_well()
        finally:
            for there in self.couriers:
                there.server.stop()
            forget_all()

    def every_order_ends_well(self) -> None:
        for order in self.orders:
            order.refresh_from_db()
            searches = list(CarrierSearch.objects.filter(order=order))
            assert searches or order.state in {"cancelled", *NOT_READY}
            asked = [search for search in searches if search.bag <= search.bags]
            waiting = {search.state for search in asked if search.automatic or search.state != "offered"}
            not_ready = {"idle"} if order.state in NOT_READY else set()
            assert waiting <= ENDS_WELL | not_ready  # what a courier kept is a person's
            assert not [search.wish for search in searches if search.wish]
            for search in searches:
                live = HandOff.objects.filter(search=search, state__in=["sent", "confirmed"])
                at_courier = live.exclude(account=None).values_list("origin_id", flat=True)
                mine = HandOff.objects.filter(order=order, bag=search.bag).values_list("origin_id", flat=True)
                assert set(mine) & self.live_errands() == set(at_courier), search.state
                assert (search.state in {"carried", "offered"}) == live.exists()
        self.what_is_booked_is_what_is_owed()

    def what_is_booked_is_what_is_owed(self) -> None:
        by_account = {there.account.pk: there for there in self.couriers}
        for handoff in HandOff.objects.exclude(account=None):
            booked = sum(Fee.objects.filter(handoff=handoff).values_list("amount", flat=True))
            assert booked == by_account[handoff.account_id].owed(handoff), handoff.origin_id

    # --- Odds and ends -----------------------------------------------------------------------------

    def clock(self) -> time_machine.travel:
        return time_machine.travel(self.now, tick=False)

    def live_errands(self) -> set[str]:
        self.look()
        return self.seen.pop()


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
            max_examples=max(12, STEPS // A_RUN),
            stateful_step_count=A_RUN,
            deadline=None,
            database=None,
            derandomize=not STEPS,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
