"""The errand of the couriers' wire tests: two drinks from Jade Lane to Lotus Road, all fields filled."""

from dataclasses import replace
from typing import Any

from couriers.providers.base import Errand, Item, Place

ERRAND = Errand(
    origin_id="mp0123456789abcdef01234567",
    shop_no="11047059",
    number="42",
    pickup=Place("Jade Lane", "021-5550100", "1 Jade Lane", "Shanghai", 31.2304, 121.4737),
    receiver=Place("Lin", "13800000000", "8 Lotus Road", "Shanghai", 39.915, 116.404),
    pickup_code="4711",
    value=3600,
    currency="CNY",
    cups=2,
    items=(Item("BT-1", "Brown sugar boba", 2, 1800),),
    note="",
    source="eleme",
    source_number="E77",
    ready_at=None,
    deliver_by=None,
    bag=1,
    bags=1,
    callback_url="http://portal/couriers/dada/callback/token/",
)


def errand(**changes: Any) -> Errand:
    """The errand, with changes."""
    return replace(ERRAND, **changes)
