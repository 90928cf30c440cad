"""What is forgotten, and what is not."""

from datetime import timedelta

import pytest

from couriers.models import BulkHandOff, BulkItem, CourierMessage, CourierRest, Fee, HandOff
from couriers.retention import purge
from couriers.services import cancel_hand_off, hand_to_rider
from couriers.tests.factories import MEI, NOW, make_account, make_order, make_rider
from outbox import retention

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def handed_off() -> HandOff:
    order = make_order()
    hand_to_rider(order_id=order.pk, rider=make_rider(order.store), actor=MEI, now=NOW)
    handoff = HandOff.objects.get(order=order)
    CourierMessage.objects.create(handoff=handoff, key=f"k{handoff.pk}", body="{}", received_at=NOW)
    return handoff


def test_riders_and_messages_of_ended_hand_offs_are_forgotten_in_time() -> None:
    ended, live = handed_off(), handed_off()
    cancel_hand_off(order_id=ended.order_id, actor=MEI, now=NOW)
    assert purge(now=NOW + 30 * DAY) == {"messages": 0, "riders": 0, "reports": 0, "rests": 0, "bulks": 0}
    assert purge(now=NOW + 31 * DAY) == {"messages": 2, "riders": 1, "reports": 0, "rests": 0, "bulks": 0}
    assert purge(now=NOW + 31 * DAY) == {"messages": 0, "riders": 0, "reports": 0, "rests": 0, "bulks": 0}
    ended.refresh_from_db()
    live.refresh_from_db()
    assert (ended.rider_name, ended.rider_phone) == ("", "")
    assert (live.rider_name, live.rider_phone) == ("Old Wang", "13900000000")


def test_everything_old_is_forgotten_in_one_round_of_short_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "SLICE", 1)
    for handoff in [handed_off() for _ in range(3)]:
        cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=NOW)
    assert purge(now=NOW + 31 * DAY) == {"messages": 3, "riders": 3, "reports": 0, "rests": 0, "bulks": 0}


def test_rests_are_forgotten_and_what_was_paid_is_not() -> None:
    order = make_order()
    account = make_account(order.store)
    handoff = handed_off()
    fee = {"handoff": handoff, "account": account, "store": order.store, "currency": "CNY", "at": NOW}
    Fee.objects.create(kind="delivery", key="create", amount=850, **fee)
    for days in (0, 1):
        began = NOW + days * DAY
        CourierRest.objects.create(account=account, began_at=began, until=began, faults=5, reason="no reply")
    assert purge(now=NOW + 31 * DAY)["rests"] == 1
    assert CourierRest.objects.get().began_at == NOW + DAY
    assert Fee.objects.count() == 1


def test_bulk_hand_offs_are_forgotten_with_their_items() -> None:
    order = make_order()
    bulk = BulkHandOff.objects.create(
        store=order.store, target="auto", command="x", actor_label="Mei", at=NOW
    )
    BulkItem.objects.create(bulk=bulk, order=order)
    assert purge(now=NOW + 30 * DAY)["bulks"] == 0
    assert purge(now=NOW + 31 * DAY)["bulks"] == 2
