"""What happens where riders and bags meet: the card at the door, riders' words, bulk hand-offs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from couriers.models.carriers import Rider, new_token
from couriers.models.handoffs import HandOff
from orders.models import Order
from stores.models import Store, User
from stores.sealed import SealedBinaryField, SealedTextField


class RiderDoor(models.Model):
    """A store's public rider card: `token` is in its address, `instructions` say where to stand."""

    store = models.OneToOneField(
        Store, models.CASCADE, primary_key=True, related_name="rider_door", verbose_name=_("store")
    )
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    instructions = models.CharField(_("where riders wait"), max_length=300, blank=True)
    open = models.BooleanField(_("shown to riders"), default=True)

    class Meta:
        verbose_name = _("rider card")
        verbose_name_plural = _("rider cards")

    def __str__(self) -> str:
        return str(self.store)


class RiderReport(models.Model):
    """What an own rider said from the road: a problem, or a proof; `photo` is a JPEG, sealed."""

    class Kind(models.TextChoices):
        PROBLEM = "problem", _("Problem")
        PROOF = "proof", _("Proof of delivery")

    handoff = models.ForeignKey(
        HandOff, models.CASCADE, related_name="rider_reports", verbose_name=_("hand-off")
    )
    rider = models.ForeignKey(Rider, models.PROTECT, related_name="reports", verbose_name=_("rider"))
    command = models.CharField(_("command key"), max_length=64)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    code = models.CharField(_("what"), max_length=20, blank=True)
    note = SealedTextField(_("note"), blank=True)
    photo = SealedBinaryField(_("photo"), null=True, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("rider's report")
        verbose_name_plural = _("riders' reports")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["handoff", "command"], name="rider_report_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.handoff_id}"


class BulkHandOff(models.Model):
    """Many orders handed off with one tap; each has an item with its own result.

    `target` is "auto" (as the policy says), "courier:3" or "rider:7". `command` is the board's key: the same
    tap sent twice is one.
    """

    store = models.ForeignKey(Store, models.CASCADE, related_name="bulk_handoffs", verbose_name=_("store"))
    target = models.CharField(_("to"), max_length=40)
    command = models.CharField(_("command key"), max_length=64)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, verbose_name=_("user"))
    actor_label = models.CharField(_("by"), max_length=150)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("bulk hand-off")
        verbose_name_plural = _("bulk hand-offs")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["store", "command"], name="bulk_handoff_once")]

    def __str__(self) -> str:
        return f"{self.store} {self.at:%F %T}"


class BulkItem(models.Model):
    """One order of a bulk hand-off: what became of it; "" while it waits."""

    class Outcome(models.TextChoices):
        DONE = "done", _("Handed off")
        REFUSED = "refused", _("Refused")

    bulk = models.ForeignKey(
        BulkHandOff, models.CASCADE, related_name="items", db_index=False, verbose_name=_("bulk hand-off")
    )
    order = models.ForeignKey(
        Order, models.CASCADE, db_index=False, related_name="+", verbose_name=_("order")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("item of a bulk hand-off")
        verbose_name_plural = _("items of bulk hand-offs")
        constraints = [models.UniqueConstraint(fields=["bulk", "order"], name="bulk_item_once")]
        indexes = [models.Index(fields=["bulk"], condition=Q(outcome=""), name="bulk_item_waiting")]

    def __str__(self) -> str:
        return f"{self.bulk_id} {self.order_id}"
