"""Orders, their lines, their event log, and what platforms sent word for word."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.states import Fulfilment, FundedBy, OrderState
from stores.models import ChannelAccount, Store, User
from stores.sealed import SealedTextField


class Order(models.Model):
    """One order as the store works it. `state` is written only by `orders.services` and intake.

    Amounts are minor units of `currency`. `content_hash` is the SHA-256 of what the platform said
    the order is. `previous_state` and `stepped_at` remember the last step while it can be undone.
    `delivery` is the short summary `couriers.services` keeps here for the card. `forgotten_at` says
    when personal data was blanked.
    """

    store = models.ForeignKey(
        Store, models.PROTECT, related_name="orders", db_index=False, verbose_name=_("store")
    )
    account = models.ForeignKey(
        ChannelAccount,
        models.PROTECT,
        related_name="orders",
        db_index=False,
        verbose_name=_("channel account"),
    )
    external_id = models.CharField(_("order number at the platform"), max_length=64)
    content_hash = models.CharField(max_length=64, editable=False)
    daily_number = models.CharField(_("daily number"), max_length=12)
    state = models.CharField(_("state"), max_length=10, choices=OrderState)
    on_board = models.BooleanField(_("on the board"), default=True)
    held_reason = models.CharField(_("held because"), max_length=40, blank=True)
    fulfilment = models.CharField(_("fulfilment"), max_length=20, choices=Fulfilment)

    currency = models.CharField(_("currency"), max_length=3)
    goods = models.BigIntegerField(_("goods"))
    delivery_fee = models.BigIntegerField(_("delivery fee"))
    platform_subsidy = models.BigIntegerField(_("platform subsidy"))
    shop_subsidy = models.BigIntegerField(_("shop subsidy"))
    customer_paid = models.BigIntegerField(_("customer paid"))
    shop_income = models.BigIntegerField(_("shop income"))
    funding = models.CharField(_("funding"), max_length=10, choices=FundedBy)
    campaign_code = models.CharField(_("campaign code"), max_length=64, blank=True)
    campaign_name = models.CharField(_("campaign"), max_length=100, blank=True)

    customer_name = models.CharField(_("customer"), max_length=100, blank=True)
    customer_phone = SealedTextField(_("phone"), blank=True)
    phone_mask = models.CharField(_("phone, masked"), max_length=20, blank=True)
    address = models.CharField(_("address"), max_length=300, blank=True)
    latitude = models.FloatField(_("latitude"), null=True)
    longitude = models.FloatField(_("longitude"), null=True)
    note = models.TextField(_("note"), blank=True)
    cups = models.PositiveIntegerField(_("cups"))

    placed_at = models.DateTimeField(_("placed at"))
    promised_at = models.DateTimeField(_("promised at"), null=True)
    received_at = models.DateTimeField(_("received at"))
    released_at = models.DateTimeField(_("released at"), null=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    ready_at = models.DateTimeField(_("ready at"), null=True)
    recalled_at = models.DateTimeField(_("back on the shelf at"), null=True)
    collected_at = models.DateTimeField(_("collected at"), null=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True)
    ended_at = models.DateTimeField(_("rejected or cancelled at"), null=True)
    end_reason = models.CharField(_("reason"), max_length=200, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=150, blank=True)
    urged_at = models.DateTimeField(_("urged at"), null=True)
    urges = models.PositiveSmallIntegerField(_("urges"), default=0, db_default=0)
    dismissed_at = models.DateTimeField(_("dismissed at"), null=True)
    previous_state = models.CharField(max_length=10, blank=True, db_default="", editable=False)
    stepped_at = models.DateTimeField(null=True, editable=False)
    delivery = models.JSONField(_("delivery"), null=True, encoder=DjangoJSONEncoder)
    forgotten_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "external_id"], name="order_external_id_unique"),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_known"),
        ]
        indexes = [
            models.Index(fields=["store"], condition=Q(on_board=True), name="order_on_board"),
            models.Index(fields=["store", "placed_at"], name="order_store_placed"),
            models.Index(fields=["-id"], condition=Q(forgotten_at__isnull=False), name="order_forgotten"),
        ]

    def __str__(self) -> str:
        return f"#{self.daily_number} ({self.external_id})"


class OrderLine(models.Model):
    """One drink of an order: `options` is a list of {"name", "value"} (sugar, ice, toppings)."""

    order = models.ForeignKey(
        Order, models.CASCADE, related_name="lines", db_index=False, verbose_name=_("order")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    sku = models.CharField(_("SKU"), max_length=64)
    name = models.CharField(_("name"), max_length=120)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.BigIntegerField(_("unit price"))
    options = models.JSONField(_("options"), default=list)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position_unique")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"


class StoreSequence(models.Model):
    """A store's event counter. `epoch` changes when history was replaced, so that boards start anew."""

    store = models.OneToOneField(
        Store, models.CASCADE, primary_key=True, related_name="sequence", verbose_name=_("store")
    )
    epoch = models.CharField(_("epoch"), max_length=32)
    last_seq = models.BigIntegerField(_("last number"), default=0)

    class Meta:
        verbose_name = _("event counter")
        verbose_name_plural = _("event counters")

    def __str__(self) -> str:
        return f"{self.store_id} #{self.last_seq}"


class OrderEvent(models.Model):
    """What happened at a store, in commit order without gaps; the feed is this table.

    `body` is the JSON text that goes to the boards (`orders/feed/wire.py` gives its shape).
    `command` is the idempotency key of the board command that caused it, if one did.
    """

    store = models.ForeignKey(
        Store, models.CASCADE, related_name="events", db_index=False, verbose_name=_("store")
    )
    seq = models.BigIntegerField(_("number"))
    order = models.ForeignKey(
        Order, models.CASCADE, null=True, related_name="events", verbose_name=_("order")
    )
    kind = models.CharField(_("kind"), max_length=40)
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(User, models.SET_NULL, null=True, db_index=False, verbose_name=_("user"))
    actor_label = models.CharField(_("by"), max_length=150, blank=True)
    body = models.TextField(_("body"))
    command = models.CharField(_("command key"), max_length=64, null=True)  # noqa: DJ001 -- unique if given

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["store", "-seq"]
        constraints = [
            models.UniqueConstraint(fields=["store", "seq"], name="event_store_seq_unique"),
            models.UniqueConstraint(
                fields=["order", "command"], condition=Q(command__isnull=False), name="event_command_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store_id}#{self.seq} {self.kind}"


class IncomingMessage(models.Model):
    """A platform's message as it came, sealed; unique by account and delivery id."""

    account = models.ForeignKey(
        ChannelAccount,
        models.PROTECT,
        related_name="messages",
        db_index=False,
        verbose_name=_("channel account"),
    )
    delivery_id = models.CharField(_("delivery id"), max_length=128)
    kind = models.CharField(_("kind"), max_length=40)
    external_id = models.CharField(_("order number at the platform"), max_length=64, blank=True)
    body = SealedTextField(_("body"))
    body_hash = models.CharField(_("hash of the body"), max_length=64)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("platform message")
        verbose_name_plural = _("platform messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "delivery_id"], name="message_delivery_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delivery_id}"


class Conflict(models.Model):
    """A message that contradicts what is stored: same id, another body. The order stays untouched."""

    account = models.ForeignKey(
        ChannelAccount, models.PROTECT, related_name="conflicts", verbose_name=_("channel account")
    )
    delivery_id = models.CharField(_("delivery id"), max_length=128)
    external_id = models.CharField(_("order number at the platform"), max_length=64, blank=True)
    body = SealedTextField(_("body"))
    body_hash = models.CharField(_("hash of the body"), max_length=64)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "delivery_id", "body_hash"], name="conflict_unique")
        ]

    def __str__(self) -> str:
        return f"{self.external_id} {self.delivery_id}"


class EarlyCancel(models.Model):
    """A cancellation that arrived before its order; the order is stored as cancelled when it comes."""

    account = models.ForeignKey(
        ChannelAccount,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("channel account"),
    )
    external_id = models.CharField(_("order number at the platform"), max_length=64)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    by = models.CharField(_("by"), max_length=40, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("early cancellation")
        verbose_name_plural = _("early cancellations")
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="early_cancel_unique")]

    def __str__(self) -> str:
        return self.external_id
