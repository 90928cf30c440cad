"""Riders and courier accounts in the admin; hand-offs and couriers' messages only to read."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from couriers.models import CourierAccount, CourierMessage, CourierStore, HandOff, Rider
from outbox.admin import ReadOnly
from stores.admin import HTTPS, WriteOnlyForm


class RiderForm(WriteOnlyForm):
    sealed = ("phone",)


@admin.register(Rider)
class RiderAdmin(admin.ModelAdmin):
    form = RiderForm
    list_display = ("name", "store", "active")
    list_filter = ("active", "store__franchise", "store")
    list_select_related = ("store",)
    search_fields = ("name", "store__code")
    autocomplete_fields = ("store",)


class CourierStoreInline(admin.TabularInline):
    model = CourierStore
    extra = 0
    autocomplete_fields = ("store",)


class CourierAccountForm(WriteOnlyForm):
    sealed = ("credentials",)


@admin.register(CourierAccount)
class CourierAccountAdmin(admin.ModelAdmin):
    form = CourierAccountForm
    formfield_overrides = HTTPS
    list_display = ("label", "provider", "franchise", "active", "base_url")
    list_filter = ("provider", "active", "franchise")
    list_select_related = ("franchise",)
    search_fields = ("label", "franchise__name")
    autocomplete_fields = ("franchise",)
    inlines = (CourierStoreInline,)


@admin.register(CourierStore)
class CourierStoreAdmin(admin.ModelAdmin):
    list_display = ("shop_no", "store", "account")
    list_filter = ("account",)
    list_select_related = ("store", "account")
    search_fields = ("shop_no", "store__code", "store__name")
    autocomplete_fields = ("store", "account")


@admin.register(HandOff)
class HandOffAdmin(ReadOnly):
    """Given, cancelled and reported on the board or by the courier; never here."""

    list_display = ("order", "store", "carrier", "carried_by", "state", "progress", "asks", "changed_at")
    list_filter = ("state", "carrier", "account", "store")
    list_select_related = ("order", "store", "rider", "account")
    search_fields = ("=order__external_id", "=order__daily_number", "=origin_id", "=provider_ref")
    search_help_text = _("Exact number: the order's, ours at the courier, or the courier's")
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("order", "store"),
                    ("carrier", "rider", "account"),
                    ("state", "progress"),
                    "reason",
                )
            },
        ),
        (
            _("At the courier"),
            {"fields": (("origin_id", "provider_ref"), ("fence", "asks", "lease_until"), "fee")},
        ),
        (_("Rider"), {"fields": (("rider_name", "eta"), "provider_time")}),
        (
            _("Times"),
            {
                "fields": (
                    ("created_by", "created_label", "created_at"),
                    ("asked_at", "confirmed_at", "picked_up_at"),
                    ("delivered_at", "ended_at"),
                    ("changed_at", "heard_at"),
                )
            },
        ),
    )

    @admin.display(description=_("carried by"))
    def carried_by(self, handoff: HandOff) -> str:
        return str(handoff.rider or handoff.account)


@admin.register(CourierMessage)
class CourierMessageAdmin(ReadOnly):
    list_display = ("received_at", "handoff", "outcome", "key")
    list_filter = ("outcome",)
    list_select_related = ("handoff",)
    search_fields = ("=key",)
    exclude = ("body",)
    show_full_result_count = False
