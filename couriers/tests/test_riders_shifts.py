"""Shifts and riders: one open shift each, nobody leaves with orders in hand unnoticed, links rotate."""

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from couriers.models import HandOff, Rider, RiderReport, Shift
from couriers.retention import purge
from couriers.riders import links
from couriers.riders.errors import LinkOver, ShiftRefused, StillCarrying
from couriers.riders.photos import LARGEST, BadPhoto, cleaned
from couriers.riders.shifts import (
    LONGEST,
    end_shift,
    let_go,
    new_link,
    rename,
    start_shift,
    take_on,
)
from couriers.riders.steps import deliver
from couriers.tests.factories import BO, MEI, NOW, after, make_rider, make_store
from couriers.tests.riders import PHOTO, PLAIN_PHOTO, Phone, carried_by, on_shift
from couriers.tests.work import all_at_once, boards_follow, facts

one = pytest.mark.django_db


@one
def test_a_shift_begins_and_ends() -> None:
    shift = on_shift()
    assert (shift.started_at, shift.started_by, shift.ends_at) == (NOW, "Mei", NOW + LONGEST)
    assert end_shift(shift=shift, actor=MEI, now=after(60)) == 0
    shift.refresh_from_db()
    assert shift.ended_at == after(60)
    with pytest.raises(ShiftRefused, match="ended already"):
        end_shift(shift=shift, actor=MEI, now=after(61))


@one
def test_nobody_is_on_two_shifts() -> None:
    shift = on_shift()
    with pytest.raises(ShiftRefused, match="on a shift already"):
        start_shift(rider=shift.rider, actor=MEI, now=after(60))
    assert Shift.objects.count() == 1


@one
def test_a_shift_that_ran_out_makes_room_for_the_next() -> None:
    shift = on_shift()
    following = start_shift(rider=shift.rider, actor=MEI, now=shift.ends_at)
    shift.refresh_from_db()
    assert (shift.ended_at, following.key != shift.key) == (shift.ends_at, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_of_two_who_start_a_shift_at_once_one_does() -> None:
    rider = make_rider(make_store())
    act = partial(start_shift, rider=rider, actor=MEI, now=NOW)
    outcomes = all_at_once(act, act)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Shift", "ShiftRefused"]
    assert Shift.objects.count() == 1


@one
def test_a_rider_with_orders_in_hand_stays_on_the_shift_until_somebody_says_what_becomes_of_them() -> None:
    shift = on_shift()
    one_bag, other = carried_by(shift), carried_by(shift)
    Phone(shift).tap("picked-up", other, at=after(30))
    with pytest.raises(StillCarrying, match="still has 2 orders"):
        end_shift(shift=shift, actor=MEI, now=after(60))
    shift.refresh_from_db()
    assert (shift.ended_at, facts(one_bag)[0]) == (None, "confirmed")
    with boards_follow(after(70)):
        assert end_shift(shift=shift, actor=MEI, now=after(70), put_orders_back=True) == 2
    words = "The rider's shift has ended."
    assert facts(one_bag) == ("cancelled", "assigned", words, "ready")
    assert facts(other) == ("cancelled", "picked_up", words, "ready")
    assert {one_bag.end_cause, other.end_cause} == {"rider"}
    shift.refresh_from_db()
    assert shift.ended_at == after(70)


@one
def test_a_new_link_is_made_once_by_two_who_press_at_the_same_time() -> None:
    shift = on_shift()
    same = Shift.objects.select_related("rider__store").get()
    old = links.token_of(shift)
    fresh = new_link(shift=shift, now=after(60))
    with pytest.raises(ShiftRefused, match="changed meanwhile"):
        new_link(shift=same, now=after(60))
    assert links.shift_of(links.token_of(fresh), now=after(61)) == shift
    with pytest.raises(LinkOver):
        links.shift_of(old, now=after(61))


@one
def test_a_link_is_an_address_and_a_square_that_needs_no_style(settings: Any) -> None:
    settings.PUBLIC_URL = "https://portal.example/"
    link = links.link_of(on_shift())
    assert re.fullmatch(r"https://portal\.example/r/[\w-]{43}\.[\w-]{43}/", link)
    picture = links.qr_of(link)
    assert "style" not in picture
    square = ET.fromstring(picture)  # noqa: S314  # our own
    assert (square.tag, square.get("class")) == ("svg", "qr")


@one
def test_riders_are_taken_on_renamed_let_go_and_come_back() -> None:
    store = make_store()
    rider = take_on(store=store, name="Ann", phone="13700000000")
    with pytest.raises(ShiftRefused, match="There is a rider called Ann already"):
        take_on(store=store, name="Ann", phone="")
    other = take_on(store=store, name="Bo", phone="")
    with pytest.raises(ShiftRefused, match="There is a rider called Ann already"):
        rename(rider=other, name="Ann", phone="")
    rename(rider=rider, name="Anna", phone="")
    let_go(rider=rider)
    rider.refresh_from_db()
    assert (rider.name, rider.phone, rider.active) == ("Anna", "13700000000", False)
    with pytest.raises(ShiftRefused, match="does not ride"):
        start_shift(rider=rider, actor=MEI, now=NOW)
    assert take_on(store=store, name="Anna", phone="13711111111") == rider
    rider.refresh_from_db()
    assert (rider.phone, rider.active) == ("13711111111", True)


@one
def test_nobody_is_let_go_in_the_middle_of_a_shift_or_with_orders_in_hand() -> None:
    shift = on_shift()
    with pytest.raises(ShiftRefused, match="End the shift"):
        let_go(rider=shift.rider)
    end_shift(shift=shift, actor=MEI, now=after(1))
    carried_by(shift)
    with pytest.raises(StillCarrying):
        let_go(rider=shift.rider)
    assert Rider.objects.get().active


@one
def test_an_order_given_while_the_shift_ends_keeps_it_open() -> None:
    """Somebody hands an order to the rider after it was counted that there are none."""
    shift = on_shift()
    late = carried_by(shift)
    HandOff.objects.filter(pk=late.pk).update(state="unknown")
    with pytest.raises(StillCarrying):
        end_shift(shift=shift, actor=MEI, now=after(1), put_orders_back=True)
    shift.refresh_from_db()
    assert shift.ended_at is None


@one
def test_reports_are_forgotten_after_a_month_but_that_there_was_one() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    for at in (NOW, after(86_400)):
        row = {"handoff": handoff, "rider": shift.rider, "kind": "problem", "code": "absent"}
        RiderReport.objects.create(**row, command=str(at), note="locked", photo=PLAIN_PHOTO, at=at)
    assert purge(now=NOW + timedelta(days=30, hours=1))["reports"] == 1
    assert purge(now=NOW + timedelta(days=30, hours=1))["reports"] == 0
    rows = RiderReport.objects.order_by("at").values_list("code", "note", "photo")
    assert [tuple(row) for row in rows] == [("absent", "", None), ("absent", "locked", PLAIN_PHOTO)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_the_counter_and_the_phone_at_once_leave_one_truth() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    names = {"handoff_id": handoff.pk, "order_id": handoff.order_id, "command": "d"}
    outcomes = all_at_once(
        partial(end_shift, shift=shift, actor=MEI, now=after(60), put_orders_back=True),
        partial(deliver, **names, at=after(59), actor=BO, now=after(60)),
    )
    back, delivered = outcomes
    assert (back, type(delivered).__name__) in {(1, "Stale"), (0, "Stepped")}
    assert facts(handoff)[0] == ("cancelled" if back else "delivered")
    shift.refresh_from_db()
    assert shift.ended_at == after(60)


def test_a_photo_is_kept_without_what_the_camera_wrote_into_it() -> None:
    assert cleaned(PHOTO) == PLAIN_PHOTO == cleaned(PLAIN_PHOTO)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        PHOTO[:30],
        PHOTO[:-2],
        PHOTO.replace(b"\xff\xc0\x00\x0b", b"\xff\xc0\x00\x00"),
        PHOTO.replace(b"\xff\xc0\x00\x0b\x08\x00\x01", b"\xff\xc0\x00\x0b\x08\xff\xff"),
        PLAIN_PHOTO + bytes(LARGEST),
        PHOTO.replace(b"\xff\xc0", b"\xff\xe5"),
    ],
)
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(BadPhoto):
        cleaned(content)
