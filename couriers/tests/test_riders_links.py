"""The link to a rider's page: nobody forges it, it ends in time, and it goes nowhere else."""

import logging

import pytest
from django.conf import settings

from couriers.riders import links
from couriers.riders.logs import Discreet
from couriers.riders.shifts import end_shift, new_link
from couriers.tests.factories import MEI, after
from couriers.tests.riders import Phone, carried_by, on_shift
from orders.models import OrderEvent

pytestmark = pytest.mark.django_db


def test_the_page_is_a_shell_without_guests_that_gives_its_address_to_nobody() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    answer = Phone(shift).get()
    assert answer.status_code == 200
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "private, no-cache")
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert not answer.cookies
    assert handoff.order.address not in answer.content.decode()


def test_every_answer_keeps_the_link_to_itself() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    phone = Phone(shift)
    for answer in (phone.get("stops"), phone.tap("picked-up", handoff, at=after(1))):
        assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "private, no-cache")
        assert not answer.cookies


def test_a_link_nobody_made_leads_nowhere() -> None:
    shift = on_shift()
    token = links.token_of(shift)
    forged = [shift.key, f"{shift.key}.x", token[:-1], f"x{token}", token + "0" * 300, "%00", "é"]
    for word in forged:
        phone = Phone(shift)
        phone.base = f"/r/{word}/"
        assert phone.get("stops").status_code == 404
        assert phone.get().status_code == 404


def test_a_link_is_over_when_its_shift_is_or_another_was_made() -> None:
    shift = on_shift()
    first = Phone(shift)
    assert first.get("stops").status_code == 200
    second = Phone(new_link(shift=shift, now=after(60)))
    answer = first.get("stops", at=after(61))
    assert (answer.status_code, answer.json()["code"]) == (410, "link_over")
    assert "Ask at the counter" in answer.json()["detail"]
    assert (first.get(at=after(61)).status_code, second.get(at=after(61)).status_code) == (410, 200)
    assert second.get("stops", at=shift.ends_at).status_code == 410
    end_shift(shift=shift, actor=MEI, now=after(120))
    assert second.get("stops", at=after(121)).status_code == 410


def test_a_rider_who_was_let_go_is_shut_out() -> None:
    shift = on_shift()
    phone = Phone(shift)
    type(shift.rider).objects.filter(pk=shift.rider_id).update(active=False)
    assert phone.get("stops").status_code == 410


def test_a_new_link_carries_on_where_the_old_one_was() -> None:
    shift = on_shift()
    handoff = carried_by(shift)
    Phone(shift).tap("picked-up", handoff, at=after(60), key="same")
    phone = Phone(new_link(shift=shift, now=after(61)))
    assert phone.tap("picked-up", handoff, at=after(70), key="same").status_code == 200
    assert OrderEvent.objects.filter(order=handoff.order_id).count() == 2


def test_no_link_is_ever_written_to_the_logs() -> None:
    token = links.token_of(on_shift())
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 0, "%s: %s", ("Conflict", f"/r/{token}/stops"), None
    )
    assert Discreet().filter(record)
    assert record.getMessage() == "Conflict: /r/…/stops"
    assert "discreet" in settings.LOGGING["handlers"]["stderr"]["filters"]
