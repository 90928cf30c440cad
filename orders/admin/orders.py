"""Orders and their event log in the admin: all of it to read only.

Phones are never shown here; one is revealed at the counter, where it is noted.
"""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from orders.admin.lists import LongLog, RecentKinds
from orders.models import Order, OrderEvent, OrderLine, StoreSequence
from outbox.admin import ReadOnly, pretty


class _ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class OrderLineInline(_ReadOnlyInline):
    model = OrderLine
    fields = ("quantity", "name", "wishes", "unit_price", "note")
    readonly_fields = ("wishes",)

    @admin.display(description=_("options"))
    def wishes(self, line: OrderLine) -> str:
        return ", ".join(f"{option['name']}: {option['value']}" for option in line.options) or "–"


class OrderEventInline(_ReadOnlyInline):
    model = OrderEvent
    fields = ("seq", "kind", "at", "actor_label")
    ordering = ("seq",)
    show_change_link = True


@admin.register(Order)
class OrderAdmin(LongLog):
    """A step of an order is taken on the board, through one service; never here."""

    list_display = (
        "daily_number",
        "external_id",
        "store",
        "state",
        "funding",
        "cups",
        "placed_at",
    )
    list_display_links = ("daily_number", "external_id")
    list_filter = ("state", "conflict", "complete", "funding", "fulfilment", "on_board", "account", "store")
    list_select_related = ("store",)
    list_per_page = 50
    search_fields = ("=external_id", "=daily_number")
    search_help_text = _("Exact number: the store's or the platform's")
    inlines = (OrderLineInline, OrderEventInline)
    readonly_fields = ("shown_delivery", "shown_request")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("daily_number", "external_id"),
                    ("store", "account"),
                    ("fulfilment", "cups"),
                    "note",
                )
            },
        ),
        (_("State"), {"fields": (("state", "on_board", "held_reason"), ("end_reason", "ended_by"), "urges")}),
        (
            _("At the platform"),
            {
                "fields": (
                    ("platform_state", "conflict", "complete"),
                    ("platform_store_code", "recovered_at", "expected_at"),
                    "shown_request",
                )
            },
        ),
        (
            _("Amounts, in minor units"),
            {
                "fields": (
                    ("currency", "funding"),
                    ("goods", "delivery_fee"),
                    ("platform_subsidy", "shop_subsidy"),
                    ("customer_paid", "shop_income"),
                    ("campaign_code", "campaign_name"),
                )
            },
        ),
        (_("Guest"), {"fields": (("customer_name", "phone_mask"), "address")}),
        (
            _("Times"),
            {
                "fields": (
                    ("placed_at", "received_at", "promised_at"),
                    ("released_at", "accepted_at", "started_at"),
                    ("ready_at", "collected_at", "recalled_at", "delivered_at"),
                    ("ended_at", "urged_at", "dismissed_at"),
                )
            },
        ),
        (_("Delivery"), {"fields": ("shown_delivery",)}),
    )

    @admin.display(description=_("request of the guest"))
    def shown_request(self, order: Order) -> str:
        return pretty(order.request) if order.request else "–"

    @admin.display(description=_("delivery"))
    def shown_delivery(self, order: Order) -> str:
        return pretty(order.delivery) if order.delivery else "–"


@admin.register(OrderLine)
class OrderLineAdmin(LongLog):
    list_display = ("quantity", "name", "sku", "unit_price", "order")
    list_display_links = ("name",)
    list_select_related = ("order",)
    search_fields = ("=sku", "=order__external_id")


@admin.register(OrderEvent)
class OrderEventAdmin(LongLog):
    list_display = ("store", "seq", "kind", "order", "actor_label", "at")
    list_display_links = ("seq", "kind")
    list_filter = (RecentKinds, "store")
    list_select_related = ("store", "order")
    search_fields = ("=order__external_id", "=order__daily_number", "actor_label")
    fields = (("store", "seq"), ("kind", "at"), ("actor", "actor_label"), "order", "command", "shown_body")
    readonly_fields = ("shown_body",)

    @admin.display(description=_("body"))
    def shown_body(self, event: OrderEvent) -> str:
        return pretty(json.loads(event.body))


@admin.register(StoreSequence)
class StoreSequenceAdmin(ReadOnly):
    list_display = ("store", "last_seq", "epoch")
    list_select_related = ("store",)
    search_fields = ("store__code", "store__name")
