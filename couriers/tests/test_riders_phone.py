"""What a rider's phone may do with its link, and what nobody may."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from couriers.models import CarrierSearch, HandOff, RiderReport
from couriers.riders import photos
from couriers.services import cancel_hand_off, hand_to_rider
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider
from couriers.tests.riders import PHOTO, PLAIN_PHOTO, Phone, carried_by, handed, on_shift
from couriers.tests.work import facts, run_all
from orders.models import Order, OrderEvent

pytestmark = pytest.mark.django_db
VERBS = [
    "arrived", "not-arrived", "picked-up", "delivered", "not-picked-up", "given-back", "problem", "proof",
    "call",
]  # fmt: skip


def kinds(order: Order) -> list[tuple[str, str]]:
    events = OrderEvent.objects.filter(order=order).order_by("seq")
    return list(events.values_list("kind", "actor_label"))


def test_a_stop_says_all_that_is_needed_to_bring_it() -> None:
    shift = on_shift()
    handoff = carried_by(shift, promised_at=after(1_800), note="Ring twice")
    order = handoff.order
    assert Phone(shift).stops() == {
        "at": "2026-02-06T04:00:00.000Z",
        "shift": {"id": shift.pk, "ends_at": "2026-02-06T16:00:00.000Z"},
        "rider": {"id": shift.rider_id, "name": "Old Wang"},
        "store": {
            "name": "Jade Lane",
            "address": "1 Jade Lane",
            "phone": "021-5550100",
            "latitude": 31.2304,
            "longitude": 121.4737,
            "timezone": "Asia/Shanghai",
        },
        "stops": [
            {
                "order": order.pk,
                "number": order.daily_number,
                "channel": "standard",
                "state": "ready",
                "cups": 2,
                "guest": "Lin",
                "phone_mask": "138****0000",
                "address": "8 Lotus Road",
                "note": "Ring twice",
                "latitude": 31.2350,
                "longitude": 121.4800,
                "promised_at": "2026-02-06T04:30:00.000Z",
                "ready_at": "2026-02-06T04:00:00.000Z",
                "leg": 1063,
                "problem": "",
                "proven": False,
                "bags": [
                    {
                        "handoff": handoff.pk,
                        "bag": 1,
                        "bags": 1,
                        "code": handoff.pickup_code,
                        "here": None,
                        "picked_up": False,
                    }
                ],
            }
        ],
        "delivered": 0,
    }


def test_a_bag_goes_from_the_shelf_to_the_guest() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    picked_up = phone.tap("picked-up", handoff, at=after(60)).json()
    assert (picked_up["state"], picked_up["stops"][0]["bags"][0]["picked_up"]) == ("collected", True)
    delivered = phone.tap("delivered", handoff, at=after(600)).json()
    assert (delivered["state"], delivered["stops"], delivered["delivered"]) == ("delivered", [], 1)
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")
    assert (handoff.picked_up_at, handoff.delivered_at, handoff.ended_at) == (
        after(60),
        after(600),
        after(600),
    )
    assert kinds(handoff.order) == [
        ("order.delivery", "Mei"),
        ("order.collected", "Old Wang"),
        ("order.delivered", "Old Wang"),
    ]


def test_what_was_tapped_without_a_network_keeps_its_time() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    phone.tap("picked-up", handoff, at=after(900), ago=timedelta(seconds=840))
    phone.tap("delivered", handoff, at=after(900), ago=timedelta(seconds=240))
    handoff.refresh_from_db()
    assert (handoff.picked_up_at, handoff.delivered_at) == (after(60), after(660))


def test_a_phone_with_a_wrong_clock_delivers_nothing_before_it_was_handed_off() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    Phone(shift).tap("picked-up", handoff, at=after(60), ago=timedelta(hours=9))
    handoff.refresh_from_db()
    assert handoff.picked_up_at == NOW


def test_the_same_tap_sent_twice_happens_once() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    answers = [phone.tap("picked-up", handoff, at=after(s), key="one") for s in (60, 61)]
    answers += [phone.tap("delivered", handoff, at=after(s), key="two") for s in (600, 700)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(kinds(handoff.order)) == 3
    handoff.refresh_from_db()
    assert handoff.delivered_at == after(600)


def test_a_tap_without_a_key_is_refused() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    for key in ("", "k" * 65):
        with time_machine.travel(after(1), tick=False):
            path = f"{phone.base}handoffs/{handoff.pk}/picked-up"
            answer = phone.client.post(path, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (400, "no_key")
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")


def test_a_pick_up_is_taken_back_for_a_while() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    phone.tap("picked-up", handoff, at=after(60))
    assert phone.tap("not-picked-up", handoff, at=after(67)).json()["state"] == "ready"
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")
    phone.tap("picked-up", handoff, at=after(70))
    late = phone.tap("not-picked-up", handoff, at=after(70 + 121))
    assert (late.status_code, late.json()["detail"]) == (422, "This step can no longer be undone.")
    arrived_late = phone.tap("not-picked-up", handoff, at=after(400), ago=timedelta(seconds=325))
    assert arrived_late.status_code == 200
    assert facts(handoff) == ("confirmed", "assigned", "", "ready")


def test_a_rider_gives_an_order_back() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    assert Phone(shift).tap("given-back", handoff, at=after(60)).json()["stops"] == []
    assert facts(handoff) == ("failed", "assigned", "The rider gave it back.", "ready")
    assert handoff.end_cause == "rider"


def test_the_counter_was_faster_and_the_rider_is_told_who() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(30))
    answer = Phone(shift).tap("delivered", handoff, at=after(60))
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "stale",
        "detail": "The order has changed meanwhile.",
        "by": "Mei",
        "at": "2026-02-06T04:00:30.000Z",
    }


def test_an_order_given_to_somebody_else_is_no_longer_this_riders() -> None:
    shift = on_shift()
    first = carried_by(shift)
    cancel_hand_off(order_id=first.order_id, actor=MEI, now=after(10))
    other = make_rider(shift.rider.store, "Young Li")
    hand_to_rider(order_id=first.order_id, rider=other, actor=MEI, now=after(20))
    second = HandOff.objects.exclude(pk=first.pk).get()
    phone = Phone(shift)
    assert phone.tap("delivered", first, at=after(30)).status_code == 409
    assert phone.tap("delivered", second, at=after(30)).status_code == 404
    assert facts(second) == ("confirmed", "assigned", "", "ready")


@pytest.mark.parametrize("verb", VERBS)
def test_another_riders_bag_is_not_there(verb: str) -> None:
    shift = on_shift()
    siblings, strangers = carried_by(on_shift(shift.rider.store, "Young Li")), carried_by(on_shift())
    phone = Phone(shift)
    for handoff in (siblings, strangers):
        photo = SimpleUploadedFile("a.jpg", PHOTO, "image/jpeg")
        answer = phone.tap(verb, handoff, at=after(60), form={"code": "other", "photo": photo})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert facts(handoff) == ("confirmed", "assigned", "", "ready")
    assert phone.stops()["stops"] == []
    assert not RiderReport.objects.exists()


def test_a_cancelled_order_is_shown_and_can_only_be_brought_back() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    phone.tap("picked-up", handoff, at=after(60))
    Order.objects.filter(pk=handoff.order_id).update(state="cancelled")
    assert phone.stops(at=after(90))["stops"][0]["state"] == "cancelled"
    answer = phone.tap("delivered", handoff, at=after(100))
    assert answer.json()["detail"] == "The order was cancelled: bring it back to the store."


def test_a_problem_is_on_the_card_and_its_note_and_photo_are_kept_sealed() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    note = "<script>alert(1)</script> the gate is locked"
    form = {"code": "absent", "note": note, "photo": SimpleUploadedFile("a.jpg", PHOTO, "image/jpeg")}
    phone = Phone(shift)
    for _ in range(2):
        answer = phone.tap("problem", handoff, at=after(300), key="p", form=dict(form))
        form["photo"].seek(0)
        assert answer.status_code == 200
    assert answer.json()["stops"][0]["problem"] == "The rider says: nobody opens."
    report = RiderReport.objects.get()
    assert (report.kind, report.code, report.note, report.photo) == ("problem", "absent", note, PLAIN_PHOTO)
    assert facts(handoff)[2] == "The rider says: nobody opens."


def test_a_link_stores_no_more_than_a_few_reports_of_a_bag() -> None:
    shift = on_shift()
    handoff, another = carried_by(shift), carried_by(shift)
    phone = Phone(shift)
    form = {"code": "other", "note": "x"}
    answers = [phone.tap("problem", handoff, key=f"p{number}", form=form) for number in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [422]
    assert answers[-1].json()["code"] == "not_possible"
    assert RiderReport.objects.filter(handoff=handoff).count() == 10
    assert phone.tap("problem", handoff, key="p9", form=form).status_code == 200  # sent again: not one more
    assert phone.tap("problem", another, form=form).status_code == 200


def broken(content: bytes) -> dict[str, Any]:
    return {"code": "other", "photo": SimpleUploadedFile("a.jpg", content, "image/jpeg")}


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"code": "lost"}, 422, "invalid"),
        (broken(b"GIF89a" + bytes(100)), 422, "no_photo"),
        (broken(b"\xff\xd8<script>\xff\xd9"), 422, "no_photo"),
        (broken(PLAIN_PHOTO + bytes(photos.LARGEST)), 413, "too_large"),
    ],
)
def test_a_problem_that_is_none_is_refused(form: dict[str, Any], status: int, code: str) -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    answer = Phone(shift).tap("problem", handoff, at=after(60), form=form)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not RiderReport.objects.exists()
    assert len(kinds(handoff.order)) == 1


def test_a_number_is_told_to_who_has_the_bag_and_that_is_written_down() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    assert "13800000000" not in phone.get("stops").content.decode()
    assert phone.tap("call", handoff, at=after(60)).json() == {"phone": "13800000000"}
    assert kinds(handoff.order)[-1] == ("order.phone_revealed", "Old Wang")
    phone.tap("delivered", handoff, at=after(90))
    assert phone.tap("call", handoff, at=after(120)).status_code == 409


@pytest.mark.parametrize(
    "path", ["handoffs/%s/arrived", "handoffs/%s/problem", "handoffs/%s/proof", "handoffs/%s/call"]
)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe{", "application/json"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data"),
        (b"code=absent&note=%00%ff", "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
def test_nonsense_is_answered_in_words(path: str, body: bytes, kind: str) -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    for number in (handoff.pk, 10**30):
        with time_machine.travel(after(1), tick=False):
            answer = phone.client.generic(
                "POST", phone.base + path % number, body, kind, headers={"X-Tapped": "x" * 99}
            )
        assert answer.status_code < 500
        assert answer.status_code == 200 or answer.json()["detail"]


def test_a_guest_without_a_number_cannot_be_called() -> None:
    shift = on_shift()
    handoff = carried_by(shift, customer_phone="")
    assert Phone(shift).tap("call", handoff, at=after(60)).status_code == 422


def test_the_counter_sees_when_a_phone_was_last_there() -> None:
    shift = on_shift()
    phone = Phone(shift)
    for seconds in (10, 15, 40):
        phone.stops(at=after(seconds))
        shift.refresh_from_db()
        assert shift.seen_at == after(40 if seconds == 40 else 10)


def test_stops_are_in_the_best_order_from_where_the_rider_is() -> None:
    shift = on_shift()
    places = {"far": 31.2604, "near": 31.2354, "middle": 31.2454}
    bags = {name: carried_by(shift, latitude=at, longitude=121.4737) for name, at in places.items()}
    urgent = carried_by(shift, latitude=31.2204, longitude=121.4737, promised_at=after(600))
    phone = Phone(shift)

    def order() -> list[int]:
        return [stop["order"] for stop in phone.stops(at=after(120))["stops"]]

    first = [urgent, bags["near"], bags["middle"], bags["far"]]
    assert order() == [bag.order_id for bag in first]
    for bag in first:
        phone.tap("picked-up", bag, at=after(60))
    phone.tap("delivered", bags["far"], at=after(100))
    # The promise still comes first; after it, back from there.
    assert order() == [urgent.order_id, bags["near"].order_id, bags["middle"].order_id]
    phone.tap("delivered", urgent, at=after(110))
    assert order() == [bags["near"].order_id, bags["middle"].order_id]


def test_bags_of_one_order_are_one_stop_and_go_one_by_one() -> None:
    shift = on_shift()
    order = make_order(shift.rider.store, cups=20)
    hand_to_rider(order_id=order.pk, rider=shift.rider, actor=MEI, now=NOW)
    one, two = HandOff.objects.select_related("order").filter(order=order).order_by("bag")
    phone = Phone(shift)
    (stop,) = phone.stops()["stops"]
    assert [(bag["handoff"], bag["bag"], bag["bags"]) for bag in stop["bags"]] == [
        (one.pk, 1, 2),
        (two.pk, 2, 2),
    ]
    steps = [(verb, bag) for verb in ("picked-up", "delivered") for bag in (one, two)]
    states = [phone.tap(verb, bag, at=after(60)).json()["state"] for verb, bag in steps]
    assert states == ["ready", "collected", "collected", "delivered"]
    assert phone.stops(at=after(60))["delivered"] == 1


def test_two_riders_of_a_store_have_lists_of_their_own() -> None:
    one, two = (shift := on_shift()), on_shift(shift.rider.store, "Young Li")
    order = make_order(one.rider.store)
    handed(order, two.rider)
    assert (len(Phone(one).stops()["stops"]), len(Phone(two).stops()["stops"])) == (0, 1)


def test_what_a_rider_gave_back_is_not_offered_to_them_again() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    Phone(shift).tap("given-back", handoff, at=after(60))
    run_all(after(61))
    search = CarrierSearch.objects.get(order=handoff.order_id)
    assert (search.state, search.excluded) == ("nobody", [f"rider:{shift.rider_id}"])
