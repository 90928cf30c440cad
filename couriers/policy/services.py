"""Saving a store's policy: one verb, by compare and set, with a line of history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from couriers.models import CarrierPolicy, CarrierPolicyChange, CourierAccount, Rider
from couriers.policy.document import RIDERS, BadDocument, Choice, Mistake, Place, Policy, read, write
from couriers.policy.measures import key_of
from stores.actors import Actor
from stores.models import Store


class PolicyChanged(Exception):
    """Somebody else saved in between: `latest` is what they saved."""

    def __init__(self, latest: CarrierPolicy) -> None:
        super().__init__(f"version {latest.version} was saved by {latest.changed_by}")
        self.latest = latest


def save_policy(
    *, store: Store, document: object, actor: Actor, now: datetime, expected_version: int
) -> CarrierPolicy:
    """Save the policy over `expected_version` (0: there is none yet); the same again makes no new version.

    Raises BadDocument, also for a carrier that never served the store, and PolicyChanged.
    """
    policy = read(document)
    with transaction.atomic():
        row = CarrierPolicy.objects.select_for_update().filter(store=store).first()
        known = carrier_keys(store) | (_named_in(row.document) if row else set())
        if foreign := list(_foreign(policy, known)):
            raise BadDocument(foreign)
        if row and row.version != expected_version:
            raise PolicyChanged(row)
        if row and row.document == write(policy):
            return row
        return _write(store, row, policy, actor=actor, now=now)


def carrier_keys(store: Store) -> set[str]:
    """What a policy of the store may name."""
    accounts = CourierAccount.objects.filter(shops__store=store, franchise=store.franchise_id)
    riders = Rider.objects.filter(store=store)
    return {
        RIDERS,
        *(key_of(pk, None) for pk in accounts.values_list("pk", flat=True)),
        *(key_of(None, pk) for pk in riders.values_list("pk", flat=True)),
    }


def _write(
    store: Store, row: CarrierPolicy | None, policy: Policy, *, actor: Actor, now: datetime
) -> CarrierPolicy:
    version = row.version if row else 0
    values: dict[str, Any] = {
        "version": version + 1,
        "automatic": policy.automatic,
        "document": write(policy),
        "changed_at": now,
        "changed_by": actor.label,
    }
    if row is None:
        _insert(store, values)
    elif CarrierPolicy.objects.filter(store=store, version=version).update(**values) != 1:
        raise PolicyChanged(CarrierPolicy.objects.get(store=store))
    CarrierPolicyChange.objects.create(
        store=store,
        version=version + 1,
        document=values["document"],
        actor=actor.user,
        actor_label=actor.label,
        at=now,
    )
    return CarrierPolicy.objects.get(store=store)


def _insert(store: Store, values: dict[str, Any]) -> None:
    """The first of several at the same time wins."""
    try:
        with transaction.atomic():
            CarrierPolicy.objects.create(store=store, **values)
    except IntegrityError:
        raise PolicyChanged(CarrierPolicy.objects.get(store=store)) from None


def _foreign(policy: Policy, known: set[str]) -> Iterator[Mistake]:
    text = _("“%(key)s” does not serve this store.")
    for place, choice in _choices(policy):
        for key in choice.named:
            if key not in known:
                yield Mistake((*place, "carriers"), text % {"key": key})


def _choices(policy: Policy) -> Iterator[tuple[Place, Choice]]:
    for index, rule in enumerate(policy.rules):
        yield ("rules", index, "choose"), rule.choose
    yield ("otherwise",), policy.otherwise


def _named_in(document: object) -> set[str]:
    """What the stored policy names: somebody who serves the store no longer may stay in it."""
    try:
        return {key for _place, choice in _choices(read(document)) for key in choice.named}
    except BadDocument:
        return set()
