"""Orders add up, whoever pays."""

from datetime import UTC, datetime
from random import Random

import pytest

from sandbox.brand import read_brand
from sandbox.orders import make_order
from sandbox.tests.conftest import BRAND

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)


@pytest.fixture
def brand(state_dir):
    return read_brand(state_dir / "brand.json")


def order(brand, funding, seed, fulfilment=""):
    shop = brand.accounts[0].stores[0]
    dice = Random(seed)
    return make_order(
        dice, brand, shop, order_id="9", number="17", funding=funding, now=NOW, fulfilment=fulfilment
    )


@pytest.mark.parametrize("funding", ["free", "subsidised", "paid"])
@pytest.mark.parametrize("seed", range(20))
def test_subsidies_and_what_the_guest_pays_add_up_to_the_price(brand, funding, seed):
    found = order(brand, funding, seed)
    amounts = found["amounts"]
    carried = amounts["customer_paid"] + amounts["platform_subsidy"] + amounts["shop_subsidy"]
    assert amounts["goods"] == sum(item["quantity"] * item["unit_price"] for item in found["items"])
    assert carried == amounts["goods"] + amounts["delivery_fee"]
    assert (amounts["customer_paid"] <= 1) == (funding == "free")
    assert (carried == amounts["customer_paid"]) == (funding == "paid")
    assert found["campaign"] == (BRAND["campaign"] if funding == "free" else None)


def test_a_guest_lives_near_the_store_and_picks_up_without_an_address(brand):
    guest = order(brand, "paid", 1, "store_courier")["customer"]
    assert abs(guest["latitude"] - 31.2) < 0.03
    assert abs(guest["longitude"] - 121.4) < 0.03
    assert order(brand, "paid", 1, "pickup")["customer"] is None


def test_times_are_real(brand):
    found = order(brand, "paid", 1)
    assert found["placed_at"] == "2026-02-06T04:00:00.000+00:00"
    assert found["promised_at"] > found["placed_at"]
