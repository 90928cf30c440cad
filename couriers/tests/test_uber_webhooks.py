"""What Uber Direct tells by itself: signed events, what they mean, and what is forged or broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from couriers.providers.base import Access, Callback, Forged, Key, Malformed, Report
from couriers.providers.uber import Uber, webhook_signature
from couriers.states import EndCause, Outcome, Progress
from couriers.tests.errands import errand
from couriers.tests.fake_uber import CREDENTIALS, event_body, signature
from outbox.line import Line

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
LINE = Line()
ERRAND = errand()


def read(
    body: bytes, header: str = "x-uber-signature", key: str = "test_signing_key", now: datetime = NOW
) -> Any:
    return Uber(LINE).parse_callback(body, {header: signature(body, key)}, Access("", CREDENTIALS), now=now)


def test_the_signature_of_a_webhook_equals_the_published_rule() -> None:
    body = b'{"kind":"event.delivery_status","id":"evt_1"}'
    wanted = "500dd5a9352caf0ea2ebd9470580ae0ea1294ea739b7bf6cc31e5e1dd931c725"
    assert webhook_signature("test_signing_key", body) == wanted


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "pending"}, Progress.SEARCHING),
        ({"status": "pickup"}, Progress.ASSIGNED),
        ({"status": "pickup", "courier_imminent": True}, Progress.AT_STORE),
        ({"status": "pickup_complete"}, Progress.PICKED_UP),
        ({"status": "dropoff"}, Progress.PICKED_UP),
        ({"status": "dropoff", "courier_imminent": True}, Progress.PICKED_UP),
        ({"status": "delivered"}, Progress.DELIVERED),
        ({"status": "canceled"}, Outcome.CANCELLED),
        ({"status": "canceled", "undeliverable_reason": "wrong address"}, Outcome.FAILED),
        ({"status": "returned"}, Progress.RETURNED),
        ({"status": "on_the_moon"}, None),
        ({"id": "ret_1", "status": "dropoff"}, Progress.RETURNING),
        ({"id": "ret_1", "status": "delivered"}, Progress.RETURNED),
        ({"id": "ret_1", "status": "canceled"}, None),
    ],
)
def test_every_status_has_its_meaning_and_unknown_ones_have_none(told: Any, status: Any) -> None:
    assert read(event_body(**told)).report.status == status


def test_an_event_tells_rider_time_and_numbers() -> None:
    courier = {"name": "Ana", "phone_number": "+14155550199"}
    assert read(event_body(status="pickup", courier=courier)) == Callback(
        key="uber:evt_1",
        errand=Key(ERRAND.origin_id, "del_1"),
        report=Report(
            code="pickup",
            status=Progress.ASSIGNED,
            at=datetime(2026, 2, 6, 4, 1, 1, tzinfo=UTC),
            reference="del_1",
            rider_name="Ana",
            rider_phone="+14155550199",
            fee=650,
            eta=datetime(2026, 2, 6, 4, 40, tzinfo=UTC),
            currency="USD",
        ),
    )


def test_who_ended_it_follows_from_whether_there_was_a_rider() -> None:
    assert read(event_body(status="canceled")).report.cause == EndCause.NO_RIDER
    assert read(event_body(status="canceled", courier={"name": "Ana"})).report.cause == EndCause.COURIER
    assert read(event_body(status="returned")).report.cause == EndCause.RETURNED


def test_a_return_trip_is_about_the_delivery_it_belongs_to() -> None:
    related = [{"id": "del_1", "relationship": "original"}]
    callback = read(event_body(id="ret_1", status="dropoff", external_id="", related_deliveries=related))
    assert callback.errand == Key("", "del_1")
    assert (callback.report.code, callback.report.reference, callback.report.fee) == (
        "return dropoff",
        "",
        None,
    )


def test_the_older_name_of_the_header_counts_too() -> None:
    assert read(event_body(), header="x-postmates-signature").report.code == "pending"


@pytest.mark.parametrize("kind", ["event.courier_update", "event.refund_request", "event.shopping_progress"])
def test_other_events_are_kept_and_change_nothing(kind: str) -> None:
    assert read(event_body(kind=kind)).report is None


def test_of_all_the_places_where_a_courier_was_one_is_kept() -> None:
    first, second = (read(event_body(number, "event.courier_update")).key for number in ("evt_1", "evt_2"))
    assert first == second != read(event_body()).key


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (event_body(), {}),
        (event_body(), {"x-uber-signature": "0" * 64}),
        (event_body(), {"x-uber-signature": signature(event_body(), "other")}),
        (event_body(), {"x-uber-signature": "ü" * 64}),
        (event_body() + b" ", {"x-uber-signature": signature(event_body())}),
    ],
)
def test_what_is_not_signed_over_its_raw_body_is_forged(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        Uber(LINE).parse_callback(body, headers, Access("", CREDENTIALS), now=NOW)


def test_another_customers_event_and_an_old_one_are_forged() -> None:
    with pytest.raises(Forged):
        read(event_body().replace(b"cus_1", b"cus_2"))
    for now in (NOW + timedelta(days=1, minutes=2), NOW - timedelta(minutes=10)):
        with pytest.raises(Forged):
            read(event_body(), now=now)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[]", b"{}", b'{"id": null}', b'{"id": "\\ud800"}', b"[" * 50_000]
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
