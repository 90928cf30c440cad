"""A photo of where the bag was left: optional, kept sealed, shown at the counter for a day."""

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from couriers.models import HandOff, RiderReport
from couriers.riders.forgetting import forget_reports
from couriers.riders.reported import SHOWN, reported
from couriers.services import cancel_hand_off
from couriers.tests.factories import MEI, after, make_staff, make_store
from couriers.tests.riders import PHOTO, PLAIN_PHOTO, Phone, carried_by, on_shift
from couriers.tests.work import facts
from stores.models import Store

pytestmark = pytest.mark.django_db
KIND = RiderReport.Kind


def on_the_road() -> tuple[Phone, HandOff]:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    phone.tap("picked-up", handoff, at=after(60))
    return phone, handoff


def photo(content: bytes = PHOTO) -> dict[str, SimpleUploadedFile]:
    return {"photo": SimpleUploadedFile("a.jpg", content, "image/jpeg")}


def test_a_photo_is_kept_once_without_what_the_camera_wrote_into_it() -> None:
    phone, handoff = on_the_road()
    for _ in range(2):
        assert phone.tap("proof", handoff, at=after(600), key="p", form=photo()).status_code == 200
    report = RiderReport.objects.get()
    assert (report.kind, report.photo, report.at) == ("proof", PLAIN_PHOTO, after(600))
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")


def test_a_photo_may_come_after_the_delivery_and_is_no_problem() -> None:
    phone, handoff = on_the_road()
    phone.tap("delivered", handoff, at=after(600))
    assert phone.tap("proof", handoff, at=after(630), form=photo()).status_code == 200
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")
    shown = [reported(handoff.store, kind, now=after(700)) for kind in (KIND.PROBLEM, KIND.PROOF)]
    assert [len(one.lines) for one in shown] == [0, 1]


def test_a_bag_that_never_left_is_proved_by_nothing() -> None:
    shift = on_shift()
    shelf, off = carried_by(shift), carried_by(shift)
    phone = Phone(shift)
    phone.tap("picked-up", off, at=after(10))
    cancel_hand_off(order_id=off.order_id, actor=MEI, now=after(30))
    for handoff in (shelf, off):
        assert phone.tap("proof", handoff, at=after(60), form=photo()).status_code == 409
    assert not RiderReport.objects.exists()


@pytest.mark.parametrize("form", [{}, {"photo": "words"}, photo(b"GIF89a" + bytes(100))])
def test_what_is_no_photo_is_refused(form: dict[str, object]) -> None:
    phone, handoff = on_the_road()
    answer = phone.tap("proof", handoff, at=after(600), form=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_photo")
    assert not RiderReport.objects.exists()


def test_a_link_stores_no_more_than_a_few_photos_of_a_bag() -> None:
    phone, handoff = on_the_road()
    answers = [phone.tap("proof", handoff, at=after(600), form=photo()) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [422]


def test_problems_do_not_use_up_what_photos_may_be_kept() -> None:
    phone, handoff = on_the_road()
    for _ in range(10):
        phone.tap("problem", handoff, at=after(300), form={"code": "other"})
    assert phone.tap("proof", handoff, at=after(600), form=photo()).status_code == 200


def test_the_list_tells_of_a_photo_that_has_arrived() -> None:
    phone, handoff = on_the_road()
    assert [stop["proven"] for stop in phone.stops()["stops"]] == [False]
    phone.tap("problem", handoff, at=after(300), form={"code": "other", **photo()})
    assert [stop["proven"] for stop in phone.stops()["stops"]] == [False]
    phone.tap("proof", handoff, at=after(600), form=photo())
    assert [stop["proven"] for stop in phone.stops()["stops"]] == [True]


def test_an_older_photo_is_found_by_its_orders_number() -> None:
    phone, handoff = on_the_road()
    phone.tap("proof", handoff, at=after(600), form=photo())
    week = after(7 * 86_400)

    def found(number: str = "", store: Store = handoff.store) -> int:
        return len(reported(store, KIND.PROOF, number=number, now=week).lines)

    number = handoff.order.daily_number
    assert [found(), found(number), found("no such"), found(number, make_store())] == [0, 1, 0, 0]
    assert [found(f"{number} Ele.me"), found(number.lower()), found(number.upper())] == [1, 1, 1]
    forget_reports(before=week)
    assert found(number) == 0


def test_it_says_that_there_are_more_than_it_shows() -> None:
    _phone, handoff = on_the_road()
    row = {
        "handoff": handoff,
        "rider": handoff.rider,
        "kind": KIND.PROOF,
        "photo": PLAIN_PHOTO,
        "at": after(60),
    }
    RiderReport.objects.bulk_create(RiderReport(command=str(key), **row) for key in range(SHOWN))
    shown = reported(handoff.store, KIND.PROOF, now=after(90))
    assert (len(shown.lines), shown.more) == (SHOWN, False)
    RiderReport.objects.create(command="one more", **row)
    shown = reported(handoff.store, KIND.PROOF, now=after(90))
    assert (len(shown.lines), shown.more) == (SHOWN, True)


@time_machine.travel(after(2 * 86_400), tick=False)
def test_the_counter_looks_for_an_order(client: Client) -> None:
    phone, handoff = on_the_road()
    store, number = handoff.store, handoff.order.daily_number
    client.force_login(make_staff(store))
    address = reverse("riders", args=[store.pk])
    phone.tap("proof", handoff, at=after(600), form=photo())
    found = client.get(address, {"order": f" #{number} "}).content.decode()
    assert (f'value="{number}"' in found, "report-photo" in found, "Nothing was reported" in found) == (
        True,
        True,
        False,
    )
    assert "report-photo" not in client.get(address).content.decode()  # long enough ago
    assert client.get(address, {"order": "\0"}).status_code == 200
    none = client.get(address, {"order": "<b>7"}).content.decode()
    assert "Nothing was reported about #&lt;b&gt;7, or it is forgotten by now." in none


def test_where_nobody_ever_rode_there_is_nothing_to_look_for(client: Client) -> None:
    client.force_login(make_staff(store := make_store()))
    assert 'name="order"' not in client.get(reverse("riders", args=[store.pk])).content.decode()


def test_who_looks_for_one_order_misses_no_new_report(client: Client) -> None:
    phone, handoff = on_the_road()
    client.force_login(make_staff(handoff.store))
    phone.tap("problem", handoff, at=after(600), form={"code": "absent", "note": "Rang twice"})
    with time_machine.travel(after(700), tick=False):
        page = client.get(reverse("riders", args=[handoff.store_id]), {"order": "no such"}).content.decode()
    assert page.index("Nothing was reported") < page.index("Other reports") < page.index("Rang twice")
    assert page.count("Rang twice") == 1
