"""The rows of hand-offs: carriers, hand-offs and the search behind them, policies, the counter."""

from couriers.models.carriers import (
    CourierAccount,
    CourierRest,
    CourierStore,
    Rider,
    Shift,
    new_token,
    validate_credentials,
)
from couriers.models.counters import BulkHandOff, BulkItem, RiderDoor, RiderReport
from couriers.models.handoffs import CarrierSearch, CourierMessage, Fee, HandOff, new_origin_id
from couriers.models.policies import CarrierPolicy, CarrierPolicyChange

__all__ = [
    "BulkHandOff",
    "BulkItem",
    "CarrierPolicy",
    "CarrierPolicyChange",
    "CarrierSearch",
    "CourierAccount",
    "CourierMessage",
    "CourierRest",
    "CourierStore",
    "Fee",
    "HandOff",
    "Rider",
    "RiderDoor",
    "RiderReport",
    "Shift",
    "new_origin_id",
    "new_token",
    "validate_credentials",
]
