"""Riders, courier accounts, hand-offs, and what couriers sent word for word."""

from __future__ import annotations

import json
import secrets

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from couriers.providers import Courier
from couriers.states import LIVE, HandOffState, Progress
from orders.models import Order
from stores.models import Franchise, Store, User, check_same_franchise
from stores.sealed import SealedTextField


def new_token() -> str:
    """An unguessable word for a callback address (256 bits)."""
    return secrets.token_urlsafe(32)


def new_origin_id() -> str:
    """Our number for a hand-off at its courier: unique, without meaning, 26 letters and digits."""
    return "mp" + secrets.token_hex(12)


def validate_credentials(text: str) -> None:
    """Credentials are one JSON object of texts."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValidationError(_("This is not valid JSON.")) from error
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise ValidationError(_("This must be a JSON object whose values are texts."))


class Rider(models.Model):
    """Somebody of the store's own who brings orders to guests."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="riders", verbose_name=_("store"))
    name = models.CharField(_("name"), max_length=60)
    phone = SealedTextField(_("phone"), blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("rider")
        verbose_name_plural = _("riders")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["store", "name"], name="rider_name_unique_in_store")]

    def __str__(self) -> str:
        return self.name


class CourierAccount(models.Model):
    """A franchise's account with a courier.

    `credentials` is a JSON object of texts; which keys it needs, the courier's module says.
    """

    franchise = models.ForeignKey(
        Franchise, models.PROTECT, related_name="courier_accounts", verbose_name=_("franchise")
    )
    provider = models.CharField(_("courier"), max_length=20, choices=Courier)
    label = models.CharField(_("name"), max_length=60, help_text=_("As the counter sees it"))
    base_url = models.URLField(_("address of the courier's API"))
    credentials = SealedTextField(_("credentials"), validators=[validate_credentials])
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("courier account")
        verbose_name_plural = _("courier accounts")
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(fields=["franchise", "label"], name="courier_account_label_unique")
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} · {self.label}"


class CourierStore(models.Model):
    """A store as a courier knows it."""

    account = models.ForeignKey(
        CourierAccount, models.CASCADE, related_name="shops", verbose_name=_("courier account")
    )
    store = models.ForeignKey(Store, models.CASCADE, related_name="courier_shops", verbose_name=_("store"))
    shop_no = models.CharField(_("shop number at the courier"), max_length=64)

    class Meta:
        verbose_name = _("store at a courier")
        verbose_name_plural = _("stores at couriers")
        ordering = ["account", "shop_no"]
        constraints = [
            models.UniqueConstraint(fields=["account", "store"], name="courier_store_unique"),
            models.UniqueConstraint(fields=["account", "shop_no"], name="courier_shop_no_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.shop_no}"

    def clean(self) -> None:
        """Refuse an account of another franchise."""
        check_same_franchise(self)


class HandOff(models.Model):
    """An order given to somebody who carries it; at most one of an order is live.

    Written only by `couriers.services` and `couriers.record`, each time by a conditional UPDATE.
    `origin_id` is the same on every attempt; `fence` grows with every claim, and only the holder of
    the latest may write back. `provider_time` is the courier's time of `progress`, `heard_at` ours of
    the last news, `changed_at` ours of the last change of state. `fee` is in minor units of the
    order's currency.
    """

    class Carrier(models.TextChoices):
        OWN = "own", _("Own rider")
        PROVIDER = "provider", _("Courier")

    order = models.ForeignKey(
        Order, models.CASCADE, related_name="handoffs", db_index=False, verbose_name=_("order")
    )
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="handoffs", db_index=False, verbose_name=_("store")
    )
    carrier = models.CharField(_("carrier"), max_length=10, choices=Carrier)
    rider = models.ForeignKey(
        Rider, models.PROTECT, null=True, blank=True, related_name="handoffs", verbose_name=_("rider")
    )
    account = models.ForeignKey(
        CourierAccount,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="handoffs",
        verbose_name=_("courier"),
    )
    state = models.CharField(_("state"), max_length=10, choices=HandOffState, default=HandOffState.PENDING)
    progress = models.CharField(_("progress"), max_length=10, choices=Progress, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    origin_id = models.CharField(
        _("our number at the courier"), max_length=32, unique=True, default=new_origin_id
    )
    callback_token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    provider_ref = models.CharField(_("courier's number"), max_length=64, blank=True)
    fence = models.PositiveIntegerField(_("fence"), default=0)
    asks = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)

    fee = models.BigIntegerField(_("fee"), null=True, blank=True)
    rider_name = models.CharField(_("rider's name"), max_length=60, blank=True)
    rider_phone = SealedTextField(_("rider's phone"), blank=True)
    eta = models.DateTimeField(_("expected at"), null=True, blank=True)
    provider_time = models.DateTimeField(_("courier's time"), null=True, blank=True)

    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+", verbose_name=_("user")
    )
    created_label = models.CharField(_("handed off by"), max_length=150)
    created_at = models.DateTimeField(_("handed off at"))
    changed_at = models.DateTimeField(_("changed at"))
    heard_at = models.DateTimeField(_("last news at"))
    asked_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("rider found at"), null=True, blank=True)
    picked_up_at = models.DateTimeField(_("picked up at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hand-off")
        verbose_name_plural = _("hand-offs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(state__in=sorted(LIVE)), name="handoff_one_live_per_order"
            ),
            models.CheckConstraint(condition=Q(state__in=HandOffState.values), name="handoff_state_known"),
            models.CheckConstraint(
                condition=Q(carrier="own", rider__isnull=False, account__isnull=True)
                | Q(carrier="provider", rider__isnull=True, account__isnull=False),
                name="handoff_carrier_is_one",
            ),
        ]
        indexes = [
            models.Index(fields=["order", "-id"], name="handoff_order"),
            models.Index(fields=["store", "created_at"], name="handoff_store_created"),
            models.Index(fields=["heard_at"], condition=Q(state__in=sorted(LIVE)), name="handoff_live_heard"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} · {self.get_carrier_display()} · {self.get_state_display()}"

    @property
    def live(self) -> bool:
        """Whether this hand-off still stands in the way of another."""
        return self.state in LIVE


class CourierMessage(models.Model):
    """A courier's callback as it came, sealed; unique by what the courier repeats it with."""

    handoff = models.ForeignKey(HandOff, models.CASCADE, related_name="messages", verbose_name=_("hand-off"))
    key = models.CharField(_("key"), max_length=128, unique=True)
    body = SealedTextField(_("body"))
    outcome = models.CharField(_("outcome"), max_length=40)
    received_at = models.DateTimeField(_("received at"), db_index=True)

    class Meta:
        verbose_name = _("courier message")
        verbose_name_plural = _("courier messages")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.key
