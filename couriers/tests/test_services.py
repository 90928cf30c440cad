"""What people do with hand-offs, one after the other and at the same time."""

from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from couriers.errors import LiveHandOff
from couriers.models import CourierAccount, CourierStore, HandOff, Rider
from couriers.queries import carriers
from couriers.services import (
    cancel_hand_off,
    hand_to_courier,
    hand_to_rider,
    rider_delivered,
    rider_picked_up,
)
from couriers.tests.factories import BO, MEI, NOW, after, make_account, make_order, make_rider, make_store
from couriers.tests.fake_dada import callback_body
from couriers.tests.work import all_at_once, boards_follow, call_back, facts
from orders.errors import NotPossible, Stale
from orders.models import Order, OrderEvent
from orders.services import Stepped
from outbox.models import Job
from stores.actors import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def to_rider(order: Order, rider: Rider, actor: Actor = MEI, command: str | None = None) -> Stepped:
    return hand_to_rider(order_id=order.pk, rider=rider, actor=actor, now=NOW, command=command)


def to_courier(order: Order, account: CourierAccount, actor: Actor = MEI) -> Stepped:
    return hand_to_courier(order_id=order.pk, account=account, actor=actor, now=NOW)


def kinds(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("kind", flat=True))


def test_an_own_rider_brings_an_order_to_the_guest() -> None:
    order = make_order()
    rider = make_rider(order.store)
    with boards_follow(NOW):
        handed = to_rider(order, rider)
    handoff = HandOff.objects.get(order=order)
    assert handed.card["delivery"] == {
        "handoff": handoff.pk,
        "carrier": "own",
        "carrier_name": "Old Wang",
        "carrier_key": f"rider:{rider.pk}",
        "state": "confirmed",
        "progress": "assigned",
        "rider": "Old Wang",
        "rider_phone": "····0000",
        "eta": None,
        "reason": "",
        "since": "2026-02-06T04:00:00.000Z",
        "code": handoff.pickup_code,
        "fee": None,
        "at_store_since": None,
        "bag": 1,
        "bags": 1,
        "search": {
            "state": "carried",
            "automatic": True,
            "accept_by": None,
            "tried": [],
            "reason": "",
            "next": "",
        },
        "suggestion": None,
        "asks": None,
        "parts": [],
    }
    with boards_follow(after(60)):
        assert rider_picked_up(order_id=order.pk, actor=MEI, now=after(60)).card["state"] == "collected"
    with boards_follow(after(600)):
        assert rider_delivered(order_id=order.pk, actor=MEI, now=after(600)).card["state"] == "delivered"
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")
    assert (handoff.picked_up_at, handoff.delivered_at, handoff.ended_at) == (
        after(60),
        after(600),
        after(600),
    )
    assert kinds(order) == ["order.delivery", "order.collected", "order.delivered"]
    assert not Job.objects.filter(queue="couriers").exists()


def test_a_courier_is_called_by_a_job_and_the_card_says_so() -> None:
    order = make_order()
    handed = to_courier(order, make_account(order.store))
    handoff = HandOff.objects.get(order=order)
    assert handed.card["delivery"]["state"] == "pending"
    assert handed.card["delivery"]["carrier"] == "dada"
    assert Job.objects.get(kind="handoff.create").payload == {"handoff": handoff.pk}


@pytest.mark.parametrize(
    "values", [{"fulfilment": "pickup"}, {"fulfilment": "platform_courier"}, {"state": "accepted"}]
)
def test_what_the_store_does_not_deliver_or_has_not_begun_is_not_handed_off(values: dict[str, Any]) -> None:
    order = make_order(**values)
    with pytest.raises(NotPossible):
        to_rider(order, make_rider(order.store))
    assert not HandOff.objects.exists()
    assert kinds(order) == []


def test_another_stores_rider_and_courier_are_refused() -> None:
    order, elsewhere = make_order(), make_store()
    with pytest.raises(NotPossible):
        to_rider(order, make_rider(elsewhere))
    with pytest.raises(NotPossible):
        to_courier(order, make_account(elsewhere))


def test_another_franchises_courier_is_refused_even_if_it_knows_the_store() -> None:
    order = make_order()
    account = make_account(make_store())
    link = CourierStore(account=account, store=order.store, shop_no="7")
    with pytest.raises(ValidationError, match="different franchises"):
        link.full_clean()
    link.save()
    assert carriers(order.store, now=NOW)["couriers"] == []
    with pytest.raises(NotPossible):
        to_courier(order, account)
    assert not HandOff.objects.exists()


def test_of_two_people_one_hands_off_and_the_other_is_told_who_did() -> None:
    order = make_order()
    rider, account = make_rider(order.store), make_account(order.store)
    with boards_follow(NOW):
        outcomes = all_at_once(lambda: to_rider(order, rider, MEI), lambda: to_courier(order, account, BO))
    won = [outcome for outcome in outcomes if isinstance(outcome, Stepped)]
    told = [outcome for outcome in outcomes if isinstance(outcome, LiveHandOff)]
    assert (len(won), len(told)) == (1, 1)
    winner = HandOff.objects.get(order=order)
    assert (told[0].by, told[0].at) == (winner.created_label, NOW)
    assert told[0].card["delivery"] == won[0].card["delivery"]
    assert kinds(order) == ["order.delivery"]
    assert Job.objects.filter(kind="handoff.create").count() == (1 if winner.account_id else 0)


def test_many_people_at_once_make_one_hand_off() -> None:
    order = make_order()
    account = make_account(order.store)
    outcomes = all_at_once(*[lambda: to_courier(order, account)] * 6)
    assert sum(isinstance(outcome, Stepped) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LiveHandOff) for outcome in outcomes) == 5
    assert HandOff.objects.count() == Job.objects.filter(kind="handoff.create").count() == 1


def test_the_database_itself_refuses_a_second_live_hand_off() -> None:
    order = make_order()
    to_rider(order, make_rider(order.store))
    again = HandOff.objects.get(order=order)
    again.pk, again.origin_id, again.callback_token = None, "mp-another", "another"
    with pytest.raises(IntegrityError):
        again.save(force_insert=True)


def test_a_command_sent_twice_is_carried_out_once() -> None:
    order = make_order()
    rider = make_rider(order.store)
    first = to_rider(order, rider, command="key-1")
    assert to_rider(order, rider, command="key-1") == first
    assert HandOff.objects.count() == 1
    assert kinds(order) == ["order.delivery"]


def test_a_command_sent_twice_at_once_is_carried_out_once() -> None:
    order = make_order()
    rider = make_rider(order.store)
    outcomes = all_at_once(*[lambda: to_rider(order, rider, command="key-1")] * 2)
    assert outcomes[0] == outcomes[1]
    assert isinstance(outcomes[0], Stepped)
    assert kinds(order) == ["order.delivery"]


def test_an_own_riders_hand_off_is_cancelled_at_once_and_the_next_may_begin() -> None:
    order = make_order()
    rider = make_rider(order.store)
    to_rider(order, rider)
    handoff = HandOff.objects.get(order=order)
    with boards_follow(after(5)):
        cancelled = cancel_hand_off(order_id=order.pk, actor=BO, now=after(5), reason="flat tyre")
    assert facts(handoff) == ("cancelled", "assigned", "flat tyre", "ready")
    assert cancelled.card["delivery"]["state"] == "cancelled"
    assert cancelled.card["delivery"]["rider_phone"] == ""
    to_rider(order, rider)
    assert HandOff.objects.filter(order=order).count() == 2


def test_what_a_rider_brings_back_stands_on_the_shelf_again() -> None:
    order = make_order()
    to_rider(order, make_rider(order.store))
    rider_picked_up(order_id=order.pk, actor=MEI, now=after(5))
    handoff = HandOff.objects.get(order=order)
    with boards_follow(after(9)):
        cancel_hand_off(order_id=order.pk, actor=MEI, now=after(9), reason="nobody at home")
    assert facts(handoff) == ("cancelled", "picked_up", "nobody at home", "ready")
    assert kinds(order) == ["order.delivery", "order.collected", "order.recalled"]


def test_an_unsent_hand_off_is_cancelled_without_calling_the_courier() -> None:
    order = make_order()
    to_courier(order, make_account(order.store))
    cancel_hand_off(order_id=order.pk, actor=MEI, now=after(1))
    assert HandOff.objects.get(order=order).state == "cancelled"
    assert not Job.objects.filter(queue="couriers").exists()


def test_of_two_people_who_cancel_one_is_told_of_the_other() -> None:
    order = make_order()
    to_rider(order, make_rider(order.store))
    acts = [lambda: cancel_hand_off(order_id=order.pk, actor=MEI, now=after(2))] * 2
    outcomes = all_at_once(*acts)
    assert sum(isinstance(outcome, Stepped) for outcome in outcomes) == 1
    stale = next(outcome for outcome in outcomes if isinstance(outcome, Stale))
    assert (stale.by, stale.at) == ("Mei", after(2))
    assert kinds(order) == ["order.delivery", "order.delivery"]


def test_a_courier_that_reports_at_the_same_moment_turns_nobody_away() -> None:
    order = make_order()
    to_courier(order, make_account(order.store))
    HandOff.objects.update(state="sent", progress="searching", fence=1)
    handoff = HandOff.objects.get(order=order)

    def news(second: int) -> None:
        body = callback_body(handoff.origin_id, 1, update_time=int(after(second).timestamp()))
        call_back(handoff, body)

    acts = [partial(news, second) for second in range(4)]
    outcomes = all_at_once(*acts, lambda: cancel_hand_off(order_id=order.pk, actor=MEI, now=after(5)))
    assert isinstance(outcomes[-1], Stepped)


def test_a_rider_cannot_leave_with_an_order_that_is_not_ready() -> None:
    order = make_order(state="making", ready_at=None)
    to_rider(order, make_rider(order.store))
    with pytest.raises(NotPossible):
        rider_picked_up(order_id=order.pk, actor=MEI, now=after(5))
    assert HandOff.objects.get(order=order).progress == "assigned"


def test_without_a_live_hand_off_there_is_nothing_to_cancel_or_to_follow() -> None:
    order = make_order()
    for verb in (cancel_hand_off, rider_picked_up, rider_delivered):
        with pytest.raises(Stale):
            verb(order_id=order.pk, actor=MEI, now=NOW)
    assert kinds(order) == []


def test_couriers_tell_their_own_progress() -> None:
    order = make_order()
    to_courier(order, make_account(order.store))
    for verb in (rider_picked_up, rider_delivered):
        with pytest.raises(NotPossible):
            verb(order_id=order.pk, actor=MEI, now=NOW)
