"""The table of order states, who carried the price, and the limiter's verdict: all pure."""

import pytest

from orders.admission import Verdict, admit
from orders.masks import mask
from orders.states import ENDED, TRANSITIONS, OrderState, funded_by, on_board


def test_every_state_but_the_first_ones_can_be_reached():
    reached = {transition.target for transition in TRANSITIONS.values()}
    assert set(OrderState) - reached == {OrderState.HELD}


def test_nothing_leads_out_of_an_end_but_a_recall_and_a_platform_that_takes_a_delivery_back():
    leaving = {verb for verb, transition in TRANSITIONS.items() if transition.sources & ENDED}
    assert leaving == {"recall", "revoke"}


@pytest.mark.parametrize(
    ("paid", "platform", "shop", "funding"),
    [
        (1800, 0, 0, "paid"),
        (900, 900, 0, "subsidised"),
        (900, 0, 900, "subsidised"),
        (1, 1799, 0, "free"),
        (0, 0, 0, "free"),
        (2, 1798, 0, "subsidised"),
    ],
)
def test_free_is_at_most_one_minor_unit(paid, platform, shop, funding):
    assert funded_by(customer_paid=paid, platform_subsidy=platform, shop_subsidy=shop) == funding


@pytest.mark.parametrize(
    ("state", "fulfilment", "dismissed", "stands"),
    [
        ("held", "pickup", False, True),
        ("ready", "pickup", False, True),
        ("collected", "pickup", False, False),
        ("collected", "platform_courier", False, False),
        ("collected", "store_courier", False, True),
        ("delivered", "store_courier", False, False),
        ("rejected", "pickup", False, False),
        ("cancelled", "pickup", False, True),
        ("cancelled", "pickup", True, False),
    ],
)
def test_a_card_stands_until_the_guest_has_the_order(state, fulfilment, dismissed, stands):
    assert on_board(state=state, fulfilment=fulfilment, dismissed=dismissed) is stands


@pytest.mark.parametrize(
    ("level", "auto_accept", "verdict"),
    [
        ("open", False, Verdict(OrderState.PLACED)),
        ("open", True, Verdict(OrderState.ACCEPTED)),
        ("paused", False, Verdict(OrderState.HELD, "paused", leaked=True)),
        ("paused", True, Verdict(OrderState.HELD, "paused", leaked=True)),
    ],
)
def test_admission_follows_the_level(level, auto_accept, verdict):
    assert admit(level=level, auto_accept=auto_accept) == verdict


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13812345678", "····5678"), ("+49 (170) 12 34", "····1234"), ("", ""), ("99", "····99")],
)
def test_a_masked_phone_leaves_four_digits(phone, masked):
    assert mask(phone) == masked
