"""Hand-offs, the search for a carrier behind them, what it cost, and what couriers sent word for word."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from couriers.models.carriers import CourierAccount, Rider, new_token
from couriers.states import LIVE, EndCause, HandOffState, Progress, SearchState
from orders.models import Order
from stores.models import Store, User
from stores.sealed import SealedTextField


def new_origin_id() -> str:
    """Our number for a hand-off at its courier: unique, without meaning, 26 letters and digits."""
    return "mp" + secrets.token_hex(12)


class CarrierSearch(models.Model):
    """The search for somebody who carries one bag of an order; an order in one piece has one bag.

    Written only by `couriers.seeking` and its `seeking_*`, and by `couriers.record` when a carrier took it.
    `excluded` lists those who failed or let the time pass ("courier:3", "rider:7"): nobody is asked twice.
    While it is OFFERED, the live hand-off has until `accept_by`. `automatic`: the next one is asked without a
    person. `round` grows with every offer and names its job. `suggestion` is what the card proposes
    (`couriers.policy.choosing.Ranked` as JSON). `wish` is whom a person wants next, as soon as the one who is
    called off has confirmed that (`couriers.instead.Wish`).
    """

    order = models.ForeignKey(
        Order, models.CASCADE, related_name="searches", db_index=False, verbose_name=_("order")
    )
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="searches", db_index=False, verbose_name=_("store")
    )
    bag = models.PositiveSmallIntegerField(_("bag"), default=1)
    bags = models.PositiveSmallIntegerField(_("bags"), default=1)
    state = models.CharField(_("state"), max_length=10, choices=SearchState, default=SearchState.IDLE)
    automatic = models.BooleanField(_("goes on by itself"), default=False)
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    excluded = models.JSONField(_("not asked again"), default=list)
    suggestion = models.JSONField(_("suggestion"), null=True, blank=True)
    wish = models.JSONField(_("wanted next"), null=True, blank=True)
    accept_by = models.DateTimeField(_("must accept by"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started at"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("search for a carrier")
        verbose_name_plural = _("searches for carriers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "bag"], name="search_one_per_bag"),
            models.CheckConstraint(
                condition=Q(bag__gte=1, bag__lte=models.F("bags")), name="search_bag_of_bags"
            ),
        ]
        indexes = [
            models.Index(
                fields=["accept_by"], condition=Q(state=SearchState.OFFERED), name="search_offered_until"
            ),
            models.Index(
                fields=["changed_at"], condition=~Q(state=SearchState.DONE), name="search_open_since"
            ),
            models.Index(fields=["store"], condition=Q(state=SearchState.NOBODY), name="search_nobody"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.bag} · {self.get_state_display()}"


class HandOff(models.Model):
    """A bag of an order given to somebody who carries it; at most one of a bag is live.

    Written only by `couriers.services` and `couriers.record`, each time by a conditional UPDATE.
    `origin_id` is the same on every attempt; `fence` grows with every claim, and only the holder of
    the latest may write back. `provider_time` is the courier's time of `progress`, `heard_at` ours of
    the last news, `changed_at` ours of the last change of state. `fee` is in minor units of the
    order's currency. `pickup_code` is what the rider says at the counter; it is unique among the live
    hand-offs of a store. `end_cause` says why it ended otherwise than delivered. `human_asked_at`: nobody
    could find out for minutes whether the courier has it, so somebody must decide. `doubted`: a sending
    got no clear answer, and nothing heard since says what became of it. `quote_ref` is placed until
    `quote_until`; `quoted_fee` is the fee until the courier tells another, for some tell none.
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
    search = models.ForeignKey(
        CarrierSearch,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="handoffs",
        db_index=False,
        verbose_name=_("search"),
    )
    bag = models.PositiveSmallIntegerField(_("bag"), default=1, db_default=1)
    bags = models.PositiveSmallIntegerField(_("bags"), default=1, db_default=1)
    pickup_code = models.CharField(_("pick-up code"), max_length=6, blank=True, db_default="")
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
    end_cause = models.CharField(
        _("ended because"), max_length=12, choices=EndCause, blank=True, db_default=""
    )

    origin_id = models.CharField(
        _("our number at the courier"), max_length=32, unique=True, default=new_origin_id
    )
    callback_token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    provider_ref = models.CharField(_("courier's number"), max_length=64, blank=True)
    fence = models.PositiveIntegerField(_("fence"), default=0)
    asks = models.PositiveSmallIntegerField(_("attempts"), default=0)
    doubted = models.BooleanField(_("in doubt"), default=False, db_default=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)

    quote_ref = models.CharField(_("number of the quote"), max_length=128, blank=True, db_default="")
    quote_until = models.DateTimeField(_("quote good until"), null=True, blank=True)
    quoted_fee = models.BigIntegerField(_("quoted fee"), null=True, blank=True)
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
    arrived_at = models.DateTimeField(_("rider at the store at"), null=True, blank=True)
    picked_up_at = models.DateTimeField(_("picked up at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    human_asked_at = models.DateTimeField(_("asked a person at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hand-off")
        verbose_name_plural = _("hand-offs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "bag"], condition=Q(state__in=sorted(LIVE)), name="handoff_one_live_per_bag"
            ),
            models.UniqueConstraint(
                fields=["store", "pickup_code"],
                condition=Q(state__in=sorted(LIVE)) & ~Q(pickup_code=""),
                name="handoff_pickup_code_unique",
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
            models.Index(fields=["search"], name="handoff_search"),
            models.Index(fields=["account", "provider_ref"], name="handoff_provider_ref"),
            models.Index(fields=["store", "created_at"], name="handoff_store_created"),
            models.Index(fields=["heard_at"], condition=Q(state__in=sorted(LIVE)), name="handoff_live_heard"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} · {self.get_carrier_display()} · {self.get_state_display()}"

    @property
    def live(self) -> bool:
        """Whether this hand-off still stands in the way of another."""
        return self.state in LIVE


class Fee(models.Model):
    """One entry of what couriers cost: minor units, never changed; a correction is another entry.

    `key` makes an entry unique within its hand-off: the same news twice costs once.
    """

    class Kind(models.TextChoices):
        DELIVERY = "delivery", _("Delivery")
        CANCEL = "cancel", _("Cancellation")
        TIP = "tip", _("Tip")
        CORRECTION = "correction", _("Correction")

    handoff = models.ForeignKey(
        HandOff, models.CASCADE, related_name="fees", db_index=False, verbose_name=_("hand-off")
    )
    account = models.ForeignKey(
        CourierAccount, models.PROTECT, related_name="fees", db_index=False, verbose_name=_("courier")
    )
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="courier_fees", db_index=False, verbose_name=_("store")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    key = models.CharField(_("key"), max_length=40)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("courier fee")
        verbose_name_plural = _("courier fees")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["handoff", "key"], name="fee_once")]
        indexes = [models.Index(fields=["store", "at"], name="fee_store_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount} {self.currency}"


class CourierMessage(models.Model):
    """A courier's callback as it came, sealed; unique by what the courier repeats it with.

    `handoff` is None if it came to an account's address and names no hand-off of ours.
    """

    handoff = models.ForeignKey(
        HandOff, models.CASCADE, null=True, blank=True, related_name="messages", verbose_name=_("hand-off")
    )
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
