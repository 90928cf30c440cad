"""Riders, couriers' accounts and rider cards in the admin; what happened with hand-offs only to read."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from couriers.models import (
    BulkHandOff,
    BulkItem,
    CarrierPolicy,
    CarrierPolicyChange,
    CarrierSearch,
    CourierAccount,
    CourierMessage,
    CourierRest,
    CourierStore,
    Fee,
    HandOff,
    Rider,
    RiderDoor,
    RiderReport,
    Shift,
)
from couriers.providers import PROVIDERS
from outbox.admin import ReadOnly, pretty
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
    readonly_fields = ("callback",)
    fields = ("franchise", "provider", "label", "base_url", "credentials", "callback", "active")
    inlines = (CourierStoreInline,)

    @admin.display(description=gettext_lazy("where the courier calls us"))
    def callback(self, account: CourierAccount) -> str:
        """What has to be entered at the courier, if it has one address an account."""
        if account._state.adding:
            return _("Save it first: then the address to enter at the courier stands here.")
        provider = PROVIDERS.get(account.provider)
        if provider is None or not provider.can.account_callbacks:
            return _("Nothing is to be entered: every errand carries an address of its own.")
        path = reverse("courier-account-callback", args=[account.provider, account.callback_token])
        address = f"{settings.PUBLIC_URL.rstrip('/')}{path}"
        hint = _("Enter it in the courier's developer settings. It is a secret: whoever has it can call.")
        return format_html('<code class="address">{}</code><p class="help">{}</p>', address, hint)


@admin.register(CourierStore)
class CourierStoreAdmin(admin.ModelAdmin):
    list_display = ("shop_no", "store", "account")
    list_filter = ("account",)
    list_select_related = ("store", "account")
    search_fields = ("shop_no", "store__code", "store__name")
    autocomplete_fields = ("store", "account")


@admin.register(RiderDoor)
class RiderDoorAdmin(admin.ModelAdmin):
    """The address of a store's rider card is made with the card, at the store."""

    list_display = ("store", "instructions", "open")
    list_filter = ("open", "store__franchise")
    list_select_related = ("store",)
    search_fields = ("store__code", "store__name")
    autocomplete_fields = ("store",)

    def get_readonly_fields(self, request: HttpRequest, obj: RiderDoor | None = None) -> tuple[str, ...]:
        return ("store",) if obj else ()


@admin.register(HandOff)
class HandOffAdmin(ReadOnly):
    """Given, cancelled and reported on the board or by the courier; never here."""

    list_display = ("order", "store", "carrier", "carried_by", "state", "progress", "asks", "changed_at")
    list_filter = ("state", "carrier", "end_cause", "account", "store")
    list_select_related = ("order", "store", "rider", "account")
    search_fields = ("=order__external_id", "=order__daily_number", "=origin_id", "=provider_ref")
    search_help_text = gettext_lazy("Exact number: the order's, ours at the courier, or the courier's")
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("order", "store", "search"),
                    ("bag", "bags", "pickup_code"),
                    ("carrier", "rider", "account"),
                    ("state", "progress", "end_cause"),
                    "reason",
                )
            },
        ),
        (
            gettext_lazy("At the courier"),
            {
                "fields": (
                    ("origin_id", "provider_ref"),
                    ("fence", "asks", "lease_until"),
                    ("quote_ref", "quote_until", "quoted_fee", "fee"),
                )
            },
        ),
        (gettext_lazy("Rider"), {"fields": (("rider_name", "eta"), "provider_time")}),
        (
            gettext_lazy("Times"),
            {
                "fields": (
                    ("created_by", "created_label", "created_at"),
                    ("asked_at", "confirmed_at", "arrived_at"),
                    ("picked_up_at", "delivered_at", "ended_at"),
                    ("changed_at", "heard_at", "human_asked_at"),
                )
            },
        ),
    )

    @admin.display(description=gettext_lazy("carried by"))
    def carried_by(self, handoff: HandOff) -> str:
        return str(handoff.rider or handoff.account)


@admin.register(CarrierSearch)
class CarrierSearchAdmin(ReadOnly):
    list_display = ("order", "bag", "store", "state", "automatic", "round", "reason", "changed_at")
    list_filter = ("state", "automatic", "store")
    list_select_related = ("order", "store")
    search_fields = ("=order__external_id", "=order__daily_number")
    search_help_text = gettext_lazy("Exact number of the order")
    show_full_result_count = False
    fields = (
        ("order", "store"),
        ("bag", "bags"),
        ("state", "automatic", "round"),
        "reason",
        ("excluded", "accept_by"),
        "shown_wish",
        "shown_suggestion",
        ("started_at", "changed_at"),
    )

    @admin.display(description=gettext_lazy("wanted next"))
    def shown_wish(self, search: CarrierSearch) -> str:
        return f"{search.wish['name']} ({search.wish['by']})" if search.wish else ""

    @admin.display(description=gettext_lazy("suggestion"))
    def shown_suggestion(self, search: CarrierSearch) -> str:
        return pretty(search.suggestion)


@admin.register(Fee)
class FeeAdmin(ReadOnly):
    list_display = ("at", "store", "account", "kind", "amount", "currency", "handoff")
    list_filter = ("kind", "account", "store")
    list_select_related = ("store", "account", "handoff")
    search_fields = ("=handoff__origin_id", "=handoff__provider_ref")
    search_help_text = gettext_lazy("Exact number of the hand-off: ours or the courier's")
    show_full_result_count = False


@admin.register(CourierRest)
class CourierRestAdmin(ReadOnly):
    list_display = ("account", "began_at", "until", "faults", "reason")
    list_filter = ("account",)
    list_select_related = ("account",)
    show_full_result_count = False


@admin.register(Shift)
class ShiftAdmin(ReadOnly):
    """Begun and ended at the store. The key of the rider's link is not shown."""

    list_display = ("rider", "started_at", "started_by", "ends_at", "ended_at", "seen_at")
    list_filter = ("rider__store",)
    list_select_related = ("rider",)
    search_fields = ("rider__name",)
    show_full_result_count = False


@admin.register(RiderReport)
class RiderReportAdmin(ReadOnly):
    """What a rider wrote and photographed stays sealed: the admin says that there is something."""

    list_display = ("at", "rider", "kind", "code", "handoff", "photographed")
    list_filter = ("kind", "rider__store")
    list_select_related = ("rider", "handoff")
    fields = ("handoff", "rider", ("kind", "code"), "photographed", "at")
    show_full_result_count = False

    @admin.display(description=gettext_lazy("with a photo"), boolean=True)
    def photographed(self, report: RiderReport) -> bool:
        return report.photo is not None


class BulkItemInline(admin.TabularInline):
    """What became of each order."""

    model = BulkItem
    extra = 0
    can_delete = False
    fields = ("order", "outcome", "detail")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(BulkHandOff)
class BulkHandOffAdmin(ReadOnly):
    list_display = ("at", "store", "target", "actor_label")
    list_filter = ("store",)
    list_select_related = ("store",)
    inlines = (BulkItemInline,)
    show_full_result_count = False


@admin.register(BulkItem)
class BulkItemAdmin(ReadOnly):
    list_display = ("bulk", "order", "outcome", "detail")
    list_filter = ("outcome",)
    list_select_related = ("bulk__store", "order")
    search_fields = ("=order__external_id", "=order__daily_number")
    search_help_text = gettext_lazy("Exact number of the order")
    show_full_result_count = False


@admin.register(CarrierPolicy)
class CarrierPolicyAdmin(ReadOnly):
    """Edited on the managers' page of the store, where it can be tried first."""

    list_display = ("store", "version", "automatic", "changed_by", "changed_at")
    list_filter = ("automatic", "store__franchise")
    list_select_related = ("store",)
    search_fields = ("store__code", "store__name")
    fields = ("store", ("version", "automatic"), ("changed_by", "changed_at"), "shown_document", "edited_at")

    @admin.display(description=gettext_lazy("rules"))
    def shown_document(self, policy: CarrierPolicy) -> str:
        return pretty(policy.document)

    @admin.display(description=gettext_lazy("edited"))
    def edited_at(self, policy: CarrierPolicy) -> str:
        address = reverse("carrier-policy", args=[policy.store_id])
        return format_html('<a href="{}">{}</a>', address, _("On the page of the store's carriers"))


@admin.register(CarrierPolicyChange)
class CarrierPolicyChangeAdmin(ReadOnly):
    list_display = ("store", "version", "actor_label", "at")
    list_filter = ("store",)
    list_select_related = ("store",)
    fields = ("store", "version", ("actor", "actor_label"), "at", "shown_document")
    show_full_result_count = False

    @admin.display(description=gettext_lazy("rules"))
    def shown_document(self, change: CarrierPolicyChange) -> str:
        return pretty(change.document)


@admin.register(CourierMessage)
class CourierMessageAdmin(ReadOnly):
    list_display = ("received_at", "handoff", "outcome", "key")
    list_filter = ("outcome",)
    list_select_related = ("handoff",)
    search_fields = ("=key",)
    exclude = ("body",)
    show_full_result_count = False
