"""What couriers keep and tell reaches the ledger, whatever way it is learnt, in the order's money alone."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from couriers.fees import FOREIGN
from couriers.models import Fee, HandOff
from couriers.services import cancel_hand_off
from couriers.tests import fake_peisong
from couriers.tests.couriers import handed_to_courier, tell_account, uber_tells
from couriers.tests.factories import MEI, NOW, after
from couriers.tests.fake_dada import FakeDada
from couriers.tests.fake_peisong import FakePeisong
from couriers.tests.fake_uber import FakeUber
from couriers.tests.work import handed_to, run_all

pytestmark = pytest.mark.django_db(transaction=True)


def booked(handoff: HandOff) -> list[tuple[str, int, str]]:
    return list(Fee.objects.filter(handoff=handoff).order_by("pk").values_list("kind", "amount", "currency"))


def called_off(handoff: HandOff, *seconds: int) -> HandOff:
    """Mei calls it off half a minute after it was given; then time passes."""
    with time_machine.travel(after(30), tick=False):
        cancel_hand_off(order_id=handoff.order_id, actor=MEI, now=after(30))
    for moment in (30, *seconds):
        run_all(after(moment))
    return HandOff.objects.get(pk=handoff.pk)


def at_uber(uber: FakeUber, **values: Any) -> HandOff:
    """An errand that Uber has; nobody looks for the next one when it ends."""
    handoff = handed_to_courier("uber", f"{uber.url}/v1", uber.credentials, **values)
    run_all(NOW)
    return HandOff.objects.select_related("order", "account").get(pk=handoff.pk)


def told(handoff: HandOff, step: str, seconds: int, **more: Any) -> HandOff:
    with time_machine.travel(after(seconds), tick=False):
        callback = uber_tells(handoff, step, after(seconds), **more)
        assert tell_account(handoff.account, callback).status_code == 200
    return HandOff.objects.get(pk=handoff.pk)


def during_the_cancel(uber: FakeUber, act: Callable[[], object]) -> None:
    """Have `act` happen before the reply to a cancel that worked."""
    carry_out = uber.carry_out

    def first(call: str, body: Any, headers: dict[str, str]) -> Any:
        answer = carry_out(call, body, headers)
        if call.endswith("/cancel") and answer[0] == 200:
            act()
        return answer

    uber.carry_out = first  # type: ignore[method-assign]


@pytest.mark.parametrize("fee", [325, None])
def test_a_callback_that_overtakes_the_reply_loses_no_fee(uber: FakeUber, fee: int | None) -> None:
    handoff = at_uber(uber)
    during_the_cancel(uber, lambda: told(handoff, "cancelled", 30, fee=fee))
    assert called_off(handoff, 40, 60).state == "cancelled"
    assert booked(handoff) == [
        ("delivery", 650, "USD"),
        ("correction", -650, "USD"),
        ("cancel", 325, "USD"),
    ]


def test_a_cancel_whose_reply_is_lost_costs_what_is_told_when_asked(dada: FakeDada) -> None:
    handoff = handed_to(dada)
    run_all(NOW)
    dada.script["formalCancel"].append("cut")
    ended = called_off(handoff, 40, 60, 70)
    assert (ended.state, ended.fee) == ("cancelled", 200)
    assert booked(handoff) == [
        ("delivery", 850, "CNY"),
        ("correction", -850, "CNY"),
        ("cancel", 200, "CNY"),
    ]


def test_a_courier_that_gives_up_by_itself_keeps_nothing(uber: FakeUber) -> None:
    handoff = at_uber(uber)
    assert told(handoff, "cancelled", 60).state == "failed"
    assert booked(handoff) == [("delivery", 650, "USD"), ("correction", -650, "USD")]


def test_a_fee_in_another_currency_is_shown_and_not_booked(uber: FakeUber) -> None:
    handoff = at_uber(uber, currency="CAD")
    assert (handoff.state, handoff.fee) == ("sent", None)
    assert told(handoff, "assigned", 60).reason == FOREIGN
    ended = called_off(handoff, 70)
    assert (ended.state, ended.fee, booked(handoff)) == ("cancelled", None, [])


def test_an_errand_in_doubt_at_peisong_is_named_and_called_off(peisong: FakePeisong) -> None:
    handoff = handed_to_courier("peisong", f"{peisong.url}/api", fake_peisong.CREDENTIALS)
    peisong.script["createByShop"].append("cut")
    run_all(NOW)
    assert HandOff.objects.get(pk=handoff.pk).state == "unknown"
    run_all(after(5))
    assert HandOff.objects.get(pk=handoff.pk).state == "sent"
    assert called_off(handoff).state == "cancelled"
    assert (len(peisong.ledger), list(peisong.statuses.values())) == (1, [99])
