"""Whom an order can be given to: the store's own riders and their shifts, and couriers' accounts."""

from __future__ import annotations

import json
import secrets

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from couriers.providers import PROVIDERS, Courier
from stores.models import Franchise, Store, check_same_franchise
from stores.sealed import SealedTextField


def new_token() -> str:
    """An unguessable word for an address (256 bits)."""
    return secrets.token_urlsafe(32)


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
    `callback_token` is in the address that couriers with one address an account call back.
    """

    franchise = models.ForeignKey(
        Franchise, models.PROTECT, related_name="courier_accounts", verbose_name=_("franchise")
    )
    provider = models.CharField(_("courier"), max_length=20, choices=Courier)
    label = models.CharField(_("name"), max_length=60, help_text=_("As the counter sees it"))
    base_url = models.URLField(_("address of the courier's API"))
    credentials = SealedTextField(_("credentials"), validators=[validate_credentials])
    callback_token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
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

    def clean(self) -> None:
        """Refuse credentials with which the courier cannot be called."""
        provider = PROVIDERS.get(self.provider)
        try:
            validate_credentials(self.credentials)
        except ValidationError:
            return  # that is said of the field itself
        told = json.loads(self.credentials)
        missing = [name for name in provider.needs if not told.get(name)] if provider else []
        if missing:
            lacking = _("The credentials lack: %(names)s") % {"names": ", ".join(missing)}
            raise ValidationError({"credentials": lacking})


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


class Shift(models.Model):
    """A rider at work; at most one of a rider is open. `key` is what the rider's phone link is signed for:
    a new one makes the old link worthless; `linked_at` is when that last happened, None if never."""

    rider = models.ForeignKey(Rider, models.CASCADE, related_name="shifts", verbose_name=_("rider"))
    key = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    started_at = models.DateTimeField(_("started at"))
    started_by = models.CharField(_("started by"), max_length=150, blank=True)
    linked_at = models.DateTimeField(_("new link at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at the latest"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    seen_at = models.DateTimeField(_("phone last seen at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["rider"], condition=Q(ended_at=None), name="shift_one_open"),
        ]

    def __str__(self) -> str:
        return f"{self.rider} {self.started_at:%F %H:%M}"


class CourierRest(models.Model):
    """A while in which an account was called no more, because too many calls had failed in a row.

    `faults` is how many; `reason` the last one's words. Kept for the managers' courier page and the rail.
    """

    account = models.ForeignKey(
        CourierAccount,
        models.CASCADE,
        related_name="rests",
        db_index=False,
        verbose_name=_("courier account"),
    )
    began_at = models.DateTimeField(_("began at"))
    until = models.DateTimeField(_("until"))
    faults = models.PositiveIntegerField(_("failed calls"))
    reason = models.CharField(_("reason"), max_length=200)

    class Meta:
        verbose_name = _("courier's rest")
        verbose_name_plural = _("couriers' rests")
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-began_at"], name="courier_rest_latest")]

    def __str__(self) -> str:
        return f"{self.account} {self.began_at:%F %T}"
