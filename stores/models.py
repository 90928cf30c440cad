"""Who sells where, who may see it, through which accounts orders come, and how much is taken in."""

from datetime import time

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stores.access import StoreQuerySet
from stores.channels import Channel
from stores.levels import IntakeLevel
from stores.sealed import SealedTextField
from stores.secrets import check_standard_secrets


class User(AbstractUser):
    """A person who signs in: store staff, franchise manager or admin (Django's superuser)."""

    @property
    def label(self) -> str:
        """The name that stands behind an action: full name, else the login."""
        return self.get_full_name() or self.username


class Franchise(models.Model):
    """A tea brand's franchisee: owns stores, channel accounts and courier accounts."""

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), unique=True)

    class Meta:
        verbose_name = _("franchise")
        verbose_name_plural = _("franchises")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def check_same_franchise(link: models.Model) -> None:
    """Raise ValidationError if the `account` and the `store` of `link` are of two franchises."""
    account, store = getattr(link, "account", None), getattr(link, "store", None)
    if account and store and account.franchise_id != store.franchise_id:
        raise ValidationError(_("The account and the store belong to different franchises."))


class Store(models.Model):
    """One shop. Times on its screens are in `timezone`; coordinates are WGS-84 degrees."""

    franchise = models.ForeignKey(
        Franchise, models.PROTECT, related_name="stores", verbose_name=_("franchise")
    )
    code = models.SlugField(_("store code"), help_text=_("As the franchise writes it, e.g. SH-01"))
    name = models.CharField(_("name"), max_length=100)
    city = models.CharField(_("city"), max_length=60)
    address = models.CharField(_("address"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True)
    timezone = models.CharField(_("time zone"), max_length=60, default="Asia/Shanghai")
    latitude = models.FloatField(_("latitude"), validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = models.FloatField(
        _("longitude"), validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    cups_per_hour = models.PositiveIntegerField(
        _("cups per hour"), default=120, help_text=_("What the counter can make")
    )
    opens_at = models.TimeField(_("opens at"), default=time(9))
    shift_ends_at = models.TimeField(_("first shift ends at"), default=time(15))
    closes_at = models.TimeField(_("closes at"), default=time(22))

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        ordering = ["city", "code"]
        constraints = [
            models.UniqueConstraint(fields=["franchise", "code"], name="store_code_unique_in_franchise"),
            models.CheckConstraint(condition=Q(cups_per_hour__gt=0), name="store_cups_per_hour_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Membership(models.Model):
    """What a user may see: staff belong to one store, managers to a whole franchise."""

    class Role(models.TextChoices):
        STAFF = "staff", _("Store staff")
        MANAGER = "manager", _("Franchise manager")

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    franchise = models.ForeignKey(
        Franchise, models.CASCADE, related_name="memberships", verbose_name=_("franchise")
    )
    store = models.ForeignKey(
        Store, models.CASCADE, related_name="memberships", null=True, blank=True, verbose_name=_("store")
    )

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "store"], condition=Q(store__isnull=False), name="membership_once_per_store"
            ),
            models.UniqueConstraint(
                fields=["user", "franchise"], condition=Q(store=None), name="membership_once_per_franchise"
            ),
            models.CheckConstraint(
                condition=Q(role="staff", store__isnull=False) | Q(role="manager", store__isnull=True),
                name="membership_staff_have_a_store",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.store or self.franchise}"


class ChannelAccount(models.Model):
    """A franchise's account with a platform: `slug` is in the intake path, `secrets` verify pushes.

    `secrets` holds one secret a line, the newest first; several are valid while they are rotated.
    `app_id` is who we are at the platform, where it numbers its partners; `app_key` is what calls name
    instead, where that is another (Ele.me). `callback_url` is where the platform takes our calls (accepted,
    ready, store paused …).
    """

    franchise = models.ForeignKey(
        Franchise, models.PROTECT, related_name="channel_accounts", verbose_name=_("franchise")
    )
    channel = models.CharField(_("channel"), max_length=20, choices=Channel)
    slug = models.SlugField(_("account"), unique=True)
    app_id = models.CharField(
        _("our id at the platform"),
        max_length=64,
        blank=True,
        help_text=_("The app id, as pushes name it"),
    )
    app_key = models.CharField(
        _("our key at the platform"),
        max_length=64,
        blank=True,
        help_text=_("Ele.me: the app key that calls name; leave empty where it is the id"),
    )
    secrets = SealedTextField(_("secrets"), help_text=_("One a line, the newest first"))
    callback_url = models.URLField(_("platform address"), blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("channel account")
        verbose_name_plural = _("channel accounts")
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "app_id"],
                condition=~Q(app_id=""),
                name="channel_account_app_id_unique",
                violation_error_message=_(
                    "Another account has this id: each would take messages that are meant for the other."
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} · {self.slug}"

    def clean(self) -> None:
        """Refuse what would refuse good orders: secrets nobody could sign with, a missing id."""
        if self.channel == Channel.STANDARD and self.secrets:
            check_standard_secrets(self.secret_list)
        if self.channel != Channel.STANDARD and not self.app_id:
            raise ValidationError({"app_id": _("This platform knows its partners by an id.")})

    @property
    def secret_list(self) -> list[str]:
        """The valid secrets, newest first."""
        return [line.strip() for line in self.secrets.splitlines() if line.strip()]


class ChannelToken(models.Model):
    """What a platform lets us call with, where it hands out tokens; `refresh` gets the next one."""

    account = models.OneToOneField(
        ChannelAccount,
        models.CASCADE,
        primary_key=True,
        related_name="token",
        verbose_name=_("channel account"),
    )
    access = SealedTextField(_("token"), blank=True)
    refresh = SealedTextField(_("refresh token"), blank=True)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("channel token")
        verbose_name_plural = _("channel tokens")

    def __str__(self) -> str:
        return str(self.account)


class StoreChannel(models.Model):
    """A store as one platform knows it, and what that platform was last told about intake.

    A pause is verified: `told_version` and `confirmed_version` follow `IntakeState.version`;
    `leaked` counts the orders that came in although the platform should have stopped. `reported_level` is
    what the platform said by itself ("open", "paused"), "" if it never did or we said something since.
    """

    store = models.ForeignKey(Store, models.PROTECT, related_name="channels", verbose_name=_("store"))
    account = models.ForeignKey(
        ChannelAccount, models.PROTECT, related_name="store_channels", verbose_name=_("channel account")
    )
    external_code = models.CharField(_("store code at the platform"), max_length=64)
    auto_accept = models.BooleanField(_("accept orders automatically"), default=True)
    told_version = models.PositiveIntegerField(_("told version"), default=0, editable=False)
    confirmed_version = models.PositiveIntegerField(_("confirmed version"), default=0, editable=False)
    leaked = models.PositiveIntegerField(_("leaked orders"), default=0, editable=False)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, editable=False)
    reported_level = models.CharField(_("reported level"), max_length=10, blank=True, editable=False)
    reported_at = models.DateTimeField(_("reported at"), null=True, editable=False)

    class Meta:
        verbose_name = _("store at a channel")
        verbose_name_plural = _("stores at channels")
        ordering = ["account", "external_code"]
        constraints = [
            models.UniqueConstraint(fields=["account", "external_code"], name="store_channel_code_unique"),
            models.UniqueConstraint(fields=["store", "account"], name="store_channel_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.external_code}"

    def clean(self) -> None:
        """Refuse an account of another franchise."""
        check_same_franchise(self)


class IntakeState(models.Model):
    """How much a store takes in now; one row per store, written only by `stores.services`.

    `version` grows with every change and names it towards the platforms.
    """

    store = models.OneToOneField(
        Store, models.CASCADE, primary_key=True, related_name="intake", verbose_name=_("store")
    )
    level = models.CharField(_("level"), max_length=10, choices=IntakeLevel, default=IntakeLevel.OPEN)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    actor_label = models.CharField(_("set by"), max_length=150, blank=True)
    changed_at = models.DateTimeField(_("changed at"))
    resumes_at = models.DateTimeField(_("resumes at"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=0)

    class Meta:
        verbose_name = _("intake level")
        verbose_name_plural = _("intake levels")

    def __str__(self) -> str:
        return f"{self.store} · {self.get_level_display()}"


class IntakeChange(models.Model):
    """History of the intake switch: who set what, why, and until when. Never changed."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="intake_changes", verbose_name=_("store"))
    version = models.PositiveIntegerField(_("version"))
    level = models.CharField(_("level"), max_length=10, choices=IntakeLevel)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, verbose_name=_("user"))
    actor_label = models.CharField(_("set by"), max_length=150)
    at = models.DateTimeField(_("at"))
    resumes_at = models.DateTimeField(_("resumes at"), null=True)

    class Meta:
        verbose_name = _("intake change")
        verbose_name_plural = _("intake changes")
        ordering = ["-at", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["store", "version"], name="intake_change_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.store} · {self.get_level_display()} · {self.at:%F %T}"
