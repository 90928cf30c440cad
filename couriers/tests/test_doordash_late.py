"""An order that reaches DoorDash too late is refused by DoorDash itself, and may surely be sent again."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from couriers.models import HandOff
from couriers.providers import doordash as module
from couriers.providers.doordash import DoorDash
from couriers.tests.couriers import handed_to_courier
from couriers.tests.factories import after
from couriers.tests.fake_doordash import CREDENTIALS, FakeDoorDash, claims_of, fault
from couriers.tests.test_doordash import ACCEPT, ERRAND, KEY, NAME, NOW, ONE, access, calls
from couriers.tests.work import facts, run_all
from outbox.calling import Refused, Unreachable, beginning_within


def expiry(doordash: FakeDoorDash) -> dict[str, datetime]:
    """When the token of each call ended that came so far."""
    tokens = [claims_of(headers["authorization"])["exp"] for headers in doordash.headers]
    return dict(zip(calls(doordash), [datetime.fromtimestamp(end, UTC) for end in tokens], strict=True))


@pytest.mark.parametrize(("left", "lives"), [(7.5, 12), (0.9, 5), (3_000, 300)])
def test_what_orders_a_rider_is_good_for_the_time_to_begin_and_the_way(
    doordash: FakeDoorDash, left: float, lives: int
) -> None:
    """Also when several requests are needed: a number that is taken by its own quote is accepted."""
    courier = DoorDash()
    with beginning_within(left):
        courier.quote(access(doordash), ERRAND, now=NOW)
        courier.create(access(doordash), ERRAND, now=NOW)
        courier.query(access(doordash), KEY, now=NOW)
        courier.cancel(access(doordash), KEY, reason="", now=NOW)
    in_time, whole = NOW + timedelta(seconds=lives), NOW + timedelta(minutes=5)
    assert expiry(doordash) == {
        "POST quotes": whole,
        "POST deliveries": in_time,
        f"GET {ONE}": whole,
        ACCEPT: in_time,
        f"PUT {ONE}/cancel": whole,
    }


@pytest.mark.parametrize("quote_ref", ["", NAME])
def test_an_order_that_is_held_up_on_its_way_creates_nothing_and_may_be_sent_again(
    doordash: FakeDoorDash, monkeypatch: pytest.MonkeyPatch, quote_ref: str
) -> None:
    courier = DoorDash()
    courier.quote(access(doordash), ERRAND, now=NOW)
    monkeypatch.setattr(module, "WAY", timedelta(seconds=1))
    held_up(doordash, monkeypatch, seconds=1.3)
    with pytest.raises(Unreachable, match="too late"), beginning_within(0.2):
        courier.create(access(doordash), ERRAND, quote_ref=quote_ref, now=NOW)
    assert doordash.ledger == []


def held_up(doordash: FakeDoorDash, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """Every request comes so much after it was written."""

    def clock() -> float:
        time.sleep(seconds)
        return NOW.timestamp() + seconds

    monkeypatch.setattr(doordash, "clock", clock)


def test_a_token_that_is_refused_in_time_is_a_matter_of_credentials(doordash: FakeDoorDash) -> None:
    doordash.script["POST deliveries"].append(fault(401, "authentication_error", "invalid signature"))
    with pytest.raises(Refused, match="invalid signature"), beginning_within(7):
        DoorDash().create(access(doordash), ERRAND, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_a_late_order_waits_for_its_next_turn_and_is_there_once(
    doordash: FakeDoorDash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seven seconds in which a claim's call may begin are shortened to a moment."""
    handoff = handed_to_courier("doordash", f"{doordash.url}/drive/v2", CREDENTIALS)
    with monkeypatch.context() as held:
        held.setattr(module, "WAY", timedelta(seconds=-6.9))
        held_up(doordash, held, seconds=0.3)
        run_all(NOW)
    assert facts(handoff) == ("pending", "", "The courier cannot be reached; trying again.", "ready")
    assert doordash.ledger == []
    run_all(after(5))
    assert (facts(handoff)[0], HandOff.objects.get().asks) == ("sent", 2)
    assert doordash.ledger == [handoff.origin_id]
