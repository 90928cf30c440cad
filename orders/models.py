"""Orders, their lines, their event log, and what platforms sent word for word."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.states import Disagreement, Fulfilment, FundedBy, OrderState, PlatformState
from stores.models import ChannelAccount, Store, User
from stores.sealed import SealedTextField


class Order(models.Model):
    """One order as the store works it. `state` is written only by `orders.services` and intake.

    Amounts are minor units of `currency`. `content_hash` is the SHA-256 of what the platform said
    the order is. `previous_state` and `stepped_at` remember the last step while it can be undone.
    `delivery` is the short summary of who carries it: `couriers.services` keeps it here for the card, or the
    platform does that delivers it. `forgotten_at` says when personal data was blanked.

    What the platform believes: `platform_state`, with `conflict` when that cannot be true together with
    `state`; `platform_store_code`, the store it sold the order for; `asked_at`, when it was last asked about
    the order; `complete` is False while it still owes parts of the order; `request` is the guest's last wish
    to cancel or to be paid back (`orders.following.request_of`); `urge_ref` is what an answer to the last
    urge must name. `recovered_at`: the platform never told us of it, we found it by asking. `expected_at` is
    when the counter said it will be ready.
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
    end_reason = models.CharField(_("reason"), max_length=200, blank=True, db_default="")
    ended_by = models.CharField(_("ended by"), max_length=150, blank=True, db_default="")
    urged_at = models.DateTimeField(_("urged at"), null=True)
    urges = models.PositiveSmallIntegerField(_("urges"), default=0, db_default=0)
    dismissed_at = models.DateTimeField(_("dismissed at"), null=True)
    previous_state = models.CharField(max_length=10, blank=True, db_default="", editable=False)
    stepped_at = models.DateTimeField(null=True, editable=False)
    delivery = models.JSONField(_("delivery"), null=True, encoder=DjangoJSONEncoder)
    forgotten_at = models.DateTimeField(null=True, editable=False)

    platform_state = models.CharField(
        _("state at the platform"), max_length=10, choices=PlatformState, blank=True, db_default=""
    )
    platform_store_code = models.CharField(
        _("store code at the platform"), max_length=64, blank=True, db_default=""
    )
    conflict = models.CharField(
        _("conflict"), max_length=12, choices=Disagreement, blank=True, default="", db_default=""
    )
    complete = models.BooleanField(_("complete"), default=True, db_default=True)
    recovered_at = models.DateTimeField(_("recovered at"), null=True)
    asked_at = models.DateTimeField(null=True, editable=False)
    expected_at = models.DateTimeField(_("ready about"), null=True)
    request = models.JSONField(_("request of the guest"), null=True, encoder=DjangoJSONEncoder)
    urge_ref = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    urge_answered_at = models.DateTimeField(_("urge answered at"), null=True)

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
            models.Index(fields=["account"], condition=~Q(conflict=""), name="order_in_conflict"),
            models.Index(fields=["account"], condition=Q(complete=False), name="order_incomplete"),
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
    """A platform's message as it came, sealed; unique by account and delivery id.

    `outcome` says what became of it, `secret` which of the account's secrets it was signed with (0: the
    newest then; None: we asked for it, so nobody signed it).
    """

    class Outcome(models.TextChoices):
        STORED = "stored", _("Carried out")
        EARLY = "early", _("Waits for its order")
        UNROUTED = "unrouted", _("Waits for a store")
        UNKNOWN = "unknown", _("Of an unknown kind")

    class Source(models.TextChoices):
        PUSH = "push", _("Pushed")
        PULL = "pull", _("Asked for")

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
    store_code = models.CharField(_("store code at the platform"), max_length=64, blank=True, db_default="")
    body = SealedTextField(_("body"))
    body_hash = models.CharField(_("hash of the body"), max_length=64)
    received_at = models.DateTimeField(_("received at"))
    outcome = models.CharField(
        _("outcome"), max_length=8, choices=Outcome, default=Outcome.STORED, db_default=Outcome.STORED
    )
    source = models.CharField(
        _("source"), max_length=4, choices=Source, default=Source.PUSH, db_default=Source.PUSH
    )
    secret = models.PositiveSmallIntegerField(_("secret"), null=True, db_default=0)

    class Meta:
        verbose_name = _("platform message")
        verbose_name_plural = _("platform messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "delivery_id"], name="message_delivery_unique")
        ]
        indexes = [
            models.Index(
                fields=["account", "external_id"], condition=Q(outcome="early"), name="message_early"
            ),
            models.Index(
                fields=["account", "store_code"], condition=Q(outcome="unrouted"), name="message_unrouted"
            ),
            models.Index(fields=["account"], condition=Q(outcome="unknown"), name="message_unknown"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delivery_id}"


class UnroutedOrder(IncomingMessage):
    """A message that waits for a store, for whoever routes it (`orders.intake.routing`)."""

    class Meta:
        proxy = True
        verbose_name = _("unrouted order")
        verbose_name_plural = _("unrouted orders")

    def __str__(self) -> str:
        return self.external_id


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


class Tally(models.Model):
    """How many messages of an account ended how in an hour; `what` is an answer's word or a refusal's status.

    Counted in memory and written every few seconds, beside the messages: a killed process loses the last few.
    """

    account = models.ForeignKey(
        ChannelAccount,
        models.CASCADE,
        related_name="tallies",
        db_index=False,
        verbose_name=_("channel account"),
    )
    hour = models.DateTimeField(_("hour"))
    what = models.CharField(_("outcome"), max_length=12)
    count = models.PositiveIntegerField(_("count"))

    class Meta:
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        constraints = [models.UniqueConstraint(fields=["account", "hour", "what"], name="tally_unique")]

    def __str__(self) -> str:
        return f"{self.account} {self.hour:%F %H}h {self.what} {self.count}"


class RefusedMessage(models.Model):
    """One of the last messages of an account that were refused: to be looked at when orders are missing.

    Nobody vouches for what is in it. Only so many are kept per account, and only the beginning of a body.
    """

    account = models.ForeignKey(
        ChannelAccount, models.CASCADE, related_name="refused", verbose_name=_("channel account")
    )
    at = models.DateTimeField(_("at"))
    status = models.PositiveSmallIntegerField(_("status"))
    reason = models.CharField(_("reason"), max_length=200)
    head = models.TextField(_("request"))
    body = SealedTextField(_("body"))

    class Meta:
        verbose_name = _("refused message")
        verbose_name_plural = _("refused messages")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"


class Reconciliation(models.Model):
    """One comparison of what a platform believes with what is stored, and what it found.

    `asked` counts what the platform listed; `recovered` orders it had never told us of, `completed` orders
    whose missing parts it gave, `changed` messages that moved an order, `conflicts` orders the two sides
    disagree about.
    """

    account = models.ForeignKey(
        ChannelAccount, models.CASCADE, related_name="reconciliations", verbose_name=_("channel account")
    )
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    asked = models.PositiveIntegerField(_("listed"), default=0)
    recovered = models.PositiveIntegerField(_("recovered"), default=0)
    completed = models.PositiveIntegerField(_("completed"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    conflicts = models.PositiveIntegerField(_("conflicts"), default=0)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-started_at"], name="reconciliation_latest")]

    def __str__(self) -> str:
        return f"{self.account} {self.started_at:%F %T}"
