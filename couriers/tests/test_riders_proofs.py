"""A photo of where the bag was left: optional, kept sealed, shown at the counter for a day."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from couriers.models import HandOff, RiderReport
from couriers.riders.crew import reports_of
from couriers.services import cancel_hand_off
from couriers.tests.factories import MEI, after
from couriers.tests.riders import PHOTO, PLAIN_PHOTO, Phone, carried_by, on_shift
from couriers.tests.work import facts

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
    shown = [
        list(reports_of(handoff.store, now=after(700), kind=kind)) for kind in (KIND.PROBLEM, KIND.PROOF)
    ]
    assert [len(one) for one in shown] == [0, 1]


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
