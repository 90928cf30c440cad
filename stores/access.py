"""Who may see which store: the one place every query starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from stores.models import Membership, Store, User  # noqa: F401 -- the row type below


class StoreQuerySet(models.QuerySet["Store"]):
    """Stores; start every query a person causes with `visible_to` or `managed_by`."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All stores for an admin, the franchise's for a manager, their own for staff, else none."""
        if not user.is_active or not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        mine = Q(memberships__user=user) | Q(franchise__memberships__in=_manager_memberships(user))
        return self.filter(mine).distinct()

    def managed_by(self, user: User | AnonymousUser) -> Self:
        """The stores whose reports and settings the user may see: staff manage none."""
        if not user.is_active or not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(franchise__memberships__in=_manager_memberships(user)).distinct()


def _manager_memberships(user: User) -> models.QuerySet[Membership]:
    return user.memberships.filter(role="manager")
