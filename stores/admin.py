"""Franchises, stores and people in the admin; the intake history only to read.

Channel accounts are in `orders.admin`: their page says where a channel takes messages.
"""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox.admin import ReadOnly
from stores.models import (
    Franchise,
    IntakeChange,
    IntakeState,
    Membership,
    Store,
    StoreChannel,
    User,
)
from stores.services import open_store

# Rights come from memberships and from being an admin; Django's groups would promise what they do not keep.
admin.site.unregister(Group)


class WriteOnly(forms.Textarea):
    """A field that takes a new secret and never shows the one that is stored."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        plain = {"rows": 3, "autocomplete": "off", "spellcheck": "false", "class": "secret"}
        super().__init__({**plain, **(attrs or {})})

    def format_value(self, value: Any) -> None:
        return None


class WriteOnlyForm(forms.ModelForm):
    """A form whose fields named in `sealed` can be set but not read: empty keeps what is stored."""

    sealed: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.sealed:
            field, stored = self.fields[name], bool(getattr(self.instance, name))
            field.widget = WriteOnly()
            field.required = field.required and not stored
            field.widget.is_required = field.required
            # What is stored is not the form's initial value either: nothing can print it.
            self.initial.pop(name, None)
            if stored:
                keep = _("Stored and not shown. Write here to replace it; leave empty to keep it.")
                field.help_text = f"{field.help_text}. {keep}" if field.help_text else keep

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.sealed:
            if not cleaned.get(name) and name not in self.errors:
                cleaned[name] = getattr(self.instance, name)
        return cleaned


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("franchise", "store")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People; what they may see are their memberships."""

    list_display = ("username", "label", "role_summary", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "memberships__role", "memberships__franchise")
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = gettext_lazy("User name, name or e-mail")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            gettext_lazy("Sign-in"),
            {
                "fields": ("is_active", "is_staff", "is_superuser", ("last_login", "date_joined")),
                "description": gettext_lazy(
                    "An admin needs both “staff status” and “superuser status”. "
                    "Store staff and franchise managers need neither: they get a membership below."
                ),
            },
        ),
    )

    @admin.display(description=gettext_lazy("name"))
    def label(self, user: User) -> str:
        return user.label

    @admin.display(description=gettext_lazy("memberships"))
    def role_summary(self, user: User) -> str:
        return ", ".join(str(one.store or one.franchise) for one in user.memberships.all()) or "–"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("memberships__store", "memberships__franchise")


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "role", "franchise", "store")
    list_filter = ("role", "franchise")
    list_select_related = ("user", "franchise", "store")
    search_fields = ("user__username", "store__code", "store__name")
    autocomplete_fields = ("user", "franchise", "store")


@admin.register(Franchise)
class FranchiseAdmin(admin.ModelAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}


class StoreForm(forms.ModelForm):
    """A store's zone must be one that clocks know: every screen converts by it."""

    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        initial="Asia/Shanghai",
    )


class StoreChannelInline(admin.TabularInline):
    model = StoreChannel
    extra = 0
    autocomplete_fields = ("account",)
    fields = ("account", "external_code", "auto_accept")
    show_change_link = True


@admin.register(Store)
class StoreAdmin(admin.ModelAdmin):
    """A new store gets its intake row at once; a store is never deleted, because its history stays."""

    form = StoreForm
    list_display = ("code", "name", "city", "franchise", "level", "cups_per_hour", "timezone")
    list_display_links = ("code", "name")
    list_filter = ("franchise", "city", "intake__level")
    list_select_related = ("franchise", "intake")
    search_fields = ("code", "name", "city")
    search_help_text = gettext_lazy("Code, name or city")
    autocomplete_fields = ("franchise",)
    inlines = (StoreChannelInline,)
    fieldsets = (
        (None, {"fields": ("franchise", ("code", "name"))}),
        (
            gettext_lazy("Place"),
            {"fields": (("city", "address"), "phone", ("latitude", "longitude"), "timezone")},
        ),
        (gettext_lazy("Counter"), {"fields": ("cups_per_hour", ("opens_at", "shift_ends_at", "closes_at"))}),
    )

    @admin.display(description=gettext_lazy("intake"), ordering="intake__level")
    def level(self, store: Store) -> str:
        return store.intake.get_level_display()

    def save_model(self, request: HttpRequest, obj: Store, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        open_store(store=obj, now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


# What is typed without a scheme is meant to be safe.
HTTPS: "dict[type[models.Field[Any, Any]], dict[str, Any]]" = {models.URLField: {"assume_scheme": "https"}}


@admin.register(StoreChannel)
class StoreChannelAdmin(admin.ModelAdmin):
    list_display = (
        "external_code",
        "store",
        "account",
        "auto_accept",
        "told_version",
        "confirmed_version",
        "leaked",
        "last_error",
    )
    list_filter = ("account", "auto_accept")
    list_select_related = ("store", "account")
    search_fields = ("external_code", "store__code", "store__name")
    autocomplete_fields = ("store", "account")
    readonly_fields = ("told_version", "confirmed_version", "leaked", "last_error")


@admin.register(IntakeState)
class IntakeStateAdmin(ReadOnly):
    list_display = ("store", "level", "reason", "actor_label", "changed_at", "resumes_at", "version")
    list_filter = ("level", "store__franchise")
    list_select_related = ("store",)
    search_fields = ("store__code", "store__name")


@admin.register(IntakeChange)
class IntakeChangeAdmin(ReadOnly):
    list_display = ("at", "store", "version", "level", "reason", "actor_label", "resumes_at")
    list_filter = ("level", "store__franchise")
    list_select_related = ("store",)
    search_fields = ("store__code", "store__name", "actor_label", "reason")
