"""Reading a store's policy and its history."""

from __future__ import annotations

import logging

from couriers.models import CarrierPolicy, CarrierPolicyChange
from couriers.policy.document import DEFAULT, BadDocument, Policy, read

logger = logging.getLogger(__name__)
HISTORY = 50


def policy_of(store_id: int) -> Policy:
    """The store's policy, `DEFAULT` while nobody saved one. Never raises."""
    row = CarrierPolicy.objects.filter(store=store_id).first()
    return understood(row) if row else DEFAULT


def understood(row: CarrierPolicy | CarrierPolicyChange) -> Policy:
    """What a stored row says; `DEFAULT` if it cannot be read, which is logged."""
    try:
        return read(row.document)
    except BadDocument as error:
        logger.error("the carrier policy of store %s cannot be read: %s", row.store_id, error)
        return DEFAULT


def history(store_id: int) -> list[CarrierPolicyChange]:
    """Who changed the policy and when, the latest first."""
    return list(CarrierPolicyChange.objects.filter(store=store_id).order_by("-version")[:HISTORY])
