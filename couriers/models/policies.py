"""A store's policy: who is to carry which order, and every version it ever had."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stores.models import Store, User


class CarrierPolicy(models.Model):
    """Who carries a store's orders; one row per store, written only by `couriers.policy.services`.

    `document` is what `couriers.policy.document` reads: rules in order, and what holds when none fits.
    `version` grows with every change. `automatic` repeats the document's switch, for queries.
    """

    store = models.OneToOneField(
        Store, models.CASCADE, primary_key=True, related_name="carrier_policy", verbose_name=_("store")
    )
    version = models.PositiveIntegerField(_("version"), default=0)
    automatic = models.BooleanField(_("hands off by itself"), default=False)
    document = models.JSONField(_("rules"), default=dict)
    changed_at = models.DateTimeField(_("changed at"))
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("carrier policy")
        verbose_name_plural = _("carrier policies")

    def __str__(self) -> str:
        return f"{self.store} v{self.version}"


class CarrierPolicyChange(models.Model):
    """History of a policy: who saved what, and when. Never changed."""

    store = models.ForeignKey(
        Store, models.CASCADE, related_name="carrier_policy_changes", verbose_name=_("store")
    )
    version = models.PositiveIntegerField(_("version"))
    document = models.JSONField(_("rules"))
    actor = models.ForeignKey(User, models.SET_NULL, null=True, verbose_name=_("user"))
    actor_label = models.CharField(_("changed by"), max_length=150)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("change of a carrier policy")
        verbose_name_plural = _("changes of carrier policies")
        ordering = ["-at", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["store", "version"], name="carrier_policy_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.store} v{self.version}"
