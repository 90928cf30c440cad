"""Callbacks to an account's own address: whose errand they are about, who is believed, what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from couriers.models import CourierAccount, CourierMessage, HandOff
from couriers.tests import fake_doordash, fake_peisong
from couriers.tests.couriers import TELLERS, Told, handed_to_courier, peisong_tells, tell_account, uber_tells
from couriers.tests.factories import NOW, after
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.fake_doordash import FakeDoorDash
from couriers.tests.fake_peisong import FakePeisong
from couriers.tests.fake_uber import FakeUber
from couriers.tests.fakes import Fake
from couriers.tests.work import all_at_once, boards_follow, call_back, facts, handed_to, run_jobs
from orders.models import OrderEvent
from outbox.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
FAKES: dict[str, type[Fake]] = {"uber": FakeUber, "peisong": FakePeisong, "doordash": FakeDoorDash}
PATHS = {"uber": "/v1", "peisong": "/api", "doordash": "/drive/v2"}
ANSWERS = {"uber": {}, "peisong": {"code": 0}, "doordash": {}}


@pytest.fixture
def fake(request: Any) -> Iterator[Fake]:
    """The pretend courier of the parameter's name."""
    server = FAKES[request.param]()
    yield server
    server.stop()


def name_of(fake: Fake) -> str:
    return next(name for name, kind in FAKES.items() if isinstance(fake, kind))


def credentials_of(fake: Fake) -> dict[str, str]:
    if isinstance(fake, FakeUber):
        return fake.credentials
    return fake_peisong.CREDENTIALS if isinstance(fake, FakePeisong) else fake_doordash.CREDENTIALS


def handed(fake: Fake, **values: Any) -> HandOff:
    """An errand that the courier has."""
    name = name_of(fake)
    handoff = handed_to_courier(name, fake.url + PATHS[name], credentials_of(fake), **values)
    run_jobs(NOW)
    handoff.refresh_from_db()
    assert handoff.state == "sent"
    return handoff


def tell(handoff: HandOff, step: str, seconds: int, **more: Any) -> Any:
    """A callback `seconds` after the hand-off, which arrives at once."""
    told = TELLERS[handoff.account.provider](handoff, step, after(seconds), **more)
    with time_machine.travel(after(seconds), tick=False), boards_follow(after(seconds)):
        return tell_account(handoff.account, told)


def send(account: CourierAccount, told: Told, seconds: int = 60, token: str = "") -> int:
    with time_machine.travel(after(seconds), tick=False):
        return tell_account(account, told, token).status_code


def outcomes() -> list[str]:
    return list(CourierMessage.objects.order_by("id").values_list("outcome", flat=True))


every_courier = pytest.mark.parametrize("fake", ["uber", "peisong", "doordash"], indirect=True)
strong_couriers = pytest.mark.parametrize("fake", ["uber", "peisong"], indirect=True)


@every_courier
def test_the_card_follows_the_rider(fake: Fake) -> None:
    handoff = handed(fake)
    told = []
    for seconds, step in ((5, "assigned"), (50, "at_store"), (60, "picked_up")):
        reply = tell(handoff, step, seconds)
        assert (reply.status_code, reply.json()) == (200, ANSWERS[name_of(fake)])
        told.append(facts(handoff))
    assert told == [
        ("confirmed", "assigned", "", "ready"),
        ("confirmed", "at_store", "", "ready"),
        ("confirmed", "picked_up", "", "collected"),
    ]
    assert outcomes() == ["taken"] * 3


@strong_couriers
def test_a_strong_signature_is_believed_to_the_end(fake: Fake) -> None:
    handoff = handed(fake)
    tell(handoff, "picked_up", 60)
    tell(handoff, "delivered", 90)
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")


def test_a_fixed_header_is_asked_about_before_the_end_is_believed(doordash: FakeDoorDash) -> None:
    handoff = handed(doordash)
    tell(handoff, "picked_up", 60)
    tell(handoff, "delivered", 90)
    assert facts(handoff) == ("confirmed", "picked_up", "", "collected")
    doordash.deliveries[handoff.origin_id] |= {
        "delivery_status": "delivered",
        "updated_at": after(90).isoformat(),
    }
    run_jobs(after(90))
    assert facts(handoff) == ("delivered", "delivered", "", "delivered")
    assert outcomes() == ["taken", "asked"]


def test_an_end_that_doordash_does_not_confirm_changes_nothing(doordash: FakeDoorDash) -> None:
    handoff = handed(doordash)
    tell(handoff, "delivered", 60)
    run_jobs(after(60))
    assert facts(handoff)[0] == "sent"


@pytest.mark.both_databases
@every_courier
def test_the_same_callback_many_times_at_once_changes_things_once(fake: Fake) -> None:
    handoff = handed(fake)
    events = OrderEvent.objects.count()
    told = TELLERS[name_of(fake)](handoff, "assigned", after(5))
    with time_machine.travel(after(5), tick=False):
        replies = all_at_once(*[lambda: tell_account(handoff.account, told).status_code] * 6)
    assert replies == [200] * 6
    assert OrderEvent.objects.count() == events + 1
    assert outcomes() == ["taken"]


@every_courier
def test_an_errand_nobody_knows_is_kept_and_answered(fake: Fake) -> None:
    handoff = handed(fake)
    before, known = facts(handoff), handoff.origin_id
    handoff.origin_id, handoff.provider_ref = "mp-never-sent", "never-sent"
    assert tell(handoff, "assigned", 5).status_code == 200
    handoff.origin_id = known
    assert facts(handoff) == before
    message = CourierMessage.objects.get()
    assert (message.handoff, message.outcome) == (None, "unknown errand")


@pytest.mark.both_databases
@every_courier
def test_another_franchises_errand_is_out_of_reach(fake: Fake) -> None:
    theirs, ours = handed(fake), handed(fake)
    before, events = facts(theirs), OrderEvent.objects.count()
    told = TELLERS[name_of(fake)](theirs, "delivered", after(60))
    assert send(ours.account, told) == 200
    assert (facts(theirs), OrderEvent.objects.count()) == (before, events)
    assert outcomes() == ["unknown errand"]
    assert send(theirs.account, told) == 200, "nor does it use up the other's message"
    assert outcomes()[1] != "repeated"


@strong_couriers
def test_another_number_of_the_courier_is_kept_and_not_followed(fake: Fake) -> None:
    handoff = handed(fake)
    before = facts(handoff)
    handoff.provider_ref = "del_999"
    tell(handoff, "delivered", 60)
    assert facts(handoff) == before
    assert outcomes() == ["another number"]


def test_forged_signatures_change_nothing(
    uber: FakeUber, peisong: FakePeisong, doordash: FakeDoorDash
) -> None:
    forged = {"key": "another"}, {"secret": "another"}, {"authorization": "Basic another"}
    for server, wrong in zip((uber, peisong, doordash), forged, strict=True):
        handoff = handed(server)
        before, events, jobs = facts(handoff), OrderEvent.objects.count(), Job.objects.count()
        assert tell(handoff, "delivered", 60, **wrong).status_code == 401
        assert (facts(handoff), OrderEvent.objects.count(), Job.objects.count()) == (before, events, jobs)
    assert outcomes() == []


@every_courier
def test_a_right_signature_at_a_wrong_address_is_turned_away(fake: Fake) -> None:
    handoff = handed(fake)
    before = facts(handoff)
    told = TELLERS[name_of(fake)](handoff, "delivered", after(60))
    assert send(handoff.account, told, token="guessed") == 404
    assert send(handoff.account, told, token=handoff.callback_token) == 404
    assert (facts(handoff), outcomes()) == (before, [])


def test_an_account_is_found_under_its_own_courier_only(uber: FakeUber, peisong: FakePeisong) -> None:
    ubers, peisongs = handed(uber), handed(peisong)
    told = uber_tells(ubers, "delivered", after(60))
    assert send(ubers.account, told, token=peisongs.account.callback_token) == 404


def test_a_dada_callback_with_a_right_unkeyed_checksum_changes_nothing(dada: FakeDada) -> None:
    mine, other = handed_to(dada), handed_to(dada)
    run_jobs(NOW)
    before, events, jobs = facts(mine), OrderEvent.objects.count(), Job.objects.count()
    forged = callback_body(mine.origin_id, 4, update_time=int(after(60).timestamp()))
    with time_machine.travel(after(60), tick=False):
        assert call_back(mine, forged, token="guessed").status_code == 404
        assert call_back(mine, forged, token=other.callback_token).status_code == 401
        assert tell_account(other.account, Told(forged)).status_code == 200
        assert (facts(mine), OrderEvent.objects.count(), Job.objects.count()) == (before, events, jobs)
        assert call_back(mine, forged).status_code == 200
    run_jobs(after(60))
    assert facts(mine) == before, "the address leaked, and still Dada was asked"
    assert outcomes() == ["unknown errand", "asked"]


def test_a_return_trip_leaves_the_deliverys_number_alone(uber: FakeUber) -> None:
    handoff = handed(uber)
    tell(handoff, "picked_up", 60)
    related = [{"id": "del_1", "relationship": "original"}]
    tell(handoff, "picked_up", 90, id="ret_1", related_deliveries=related)
    assert facts(handoff) == ("confirmed", "returning", "", "collected")
    assert handoff.provider_ref == "del_1"
    tell(handoff, "delivered", 120, id="ret_1", related_deliveries=related)
    assert facts(handoff)[:2] == ("failed", "returned")
    assert handoff.order.state == "ready"


def test_a_peisong_exception_is_shown_once_and_changes_no_state(peisong: FakePeisong) -> None:
    handoff = handed(peisong)
    tell(handoff, "assigned", 5)
    news = {"exception_id": "77", "exception_code": "20001", "exception_descr": "Nobody opens"}
    tell(handoff, "assigned", 30, **news)
    assert facts(handoff) == ("confirmed", "assigned", "Nobody opens", "ready")
    events = OrderEvent.objects.count()
    tell(handoff, "assigned", 40, **news)
    assert OrderEvent.objects.count() == events
    assert outcomes() == ["taken", "shown"]


def test_a_sign_from_an_hour_ago_is_refused(peisong: FakePeisong) -> None:
    handoff = handed(peisong)
    assert send(handoff.account, peisong_tells(handoff, "delivered", after(0)), seconds=3600) == 401


def test_a_rider_who_wants_to_cancel_before_the_pick_up_is_let_go(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    content = {"orderId": handoff.origin_id, "dadaOrderId": 1357061741749469184, "cancelReason": "flat tyre"}
    body = json.dumps({"messageType": 1, "messageBody": json.dumps(content)}).encode()
    with time_machine.travel(after(30), tick=False), boards_follow(after(30)):
        replies = [call_back(handoff, body) for _ in range(2)]
    assert [(reply.status_code, reply.json()) for reply in replies] == [(200, {"status": "ok"})] * 2
    assert facts(handoff)[2] == "The rider wants to give the order back: flat tyre"
    run_jobs(after(30))
    sent = [body for call, body in dada.calls if call == "confirm"]
    assert [json.loads(body["messageBody"]) for body in sent] == [
        {"orderId": handoff.origin_id, "isConfirm": 1, "dadaOrderId": 1357061741749469184}
    ]
    assert dada.calls[-1] == ("query", {"order_id": handoff.origin_id})


def test_a_rider_who_has_the_order_is_not_let_go(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_jobs(NOW)
    picked_up = callback_body(handoff.origin_id, 3, update_time=int(after(60).timestamp()))
    wish = json.dumps({"messageType": 1, "messageBody": json.dumps({"orderId": handoff.origin_id})}).encode()
    with time_machine.travel(after(60), tick=False):
        assert [call_back(handoff, body).status_code for body in (picked_up, wish)] == [200, 200]
    run_jobs(after(60))
    assert "confirm" not in [call for call, _ in dada.calls]


@every_courier
def test_a_message_too_long_is_refused(fake: Fake) -> None:
    handoff = handed(fake)
    assert send(handoff.account, Told(b"x" * 70_000)) == 413
    assert send(handoff.account, Told(b"x" * 60_000)) in {400, 401}
